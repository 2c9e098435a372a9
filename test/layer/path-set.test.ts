import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PathSet } from '../../src/layer/path-set.ts'

describe('a set of paths', () => {
  test('says of each path whether it came before, as a Set does', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 3 })), (paths) => {
        const [seen, expected] = [new PathSet(), new Set<string>()]
        for (const path of paths) {
          expect(seen.add(path)).toBe(!expected.has(path))
          expected.add(path)
        }
      }),
    )
  })

  test('says so of bytes as well', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 2 })), (paths) => {
        const [seen, expected] = [new PathSet(), new Set<string>()]
        for (const path of paths) {
          expect(seen.add('the same for all', path)).toBe(!expected.has(path.join()))
          expected.add(path.join())
        }
      }),
    )
  })

  test('forgets none as its tables grow', () => {
    const seen = new PathSet()
    const path = (i: number) => `usr/lib/group-${i % 97}/file-${i}`
    for (let i = 0; i < 200_000; i++) if (!seen.add(path(i))) throw new Error(`${path(i)} is new`)
    for (let i = 0; i < 200_000; i++) if (seen.add(path(i))) throw new Error(`${path(i)} was there`)
  })

  test('tells bytes from text of the same characters', () => {
    const seen = new PathSet()
    expect(seen.add('a')).toBe(true)
    expect(seen.add('\uFFFD', Uint8Array.of(0x61))).toBe(true)
    expect(seen.add('\uFFFD', Uint8Array.of(0x61))).toBe(false)
    expect(seen.add('', new Uint8Array(0))).toBe(true)
  })
})
