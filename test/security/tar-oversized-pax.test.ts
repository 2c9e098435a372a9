/** Extended headers and long names without end, which would fill memory. */
import { expect, test } from 'vitest'
import { list, onlyHeader, thrown } from '../tar/listing.ts'
import { base256, block, end, entry, gnu, join, pax, record } from '../tar/raw-archive.ts'

test('an extended header of more than 1 MiB is refused before its content comes', () => {
  for (const type of ['x', 'g']) {
    for (const size of [(1 << 20) + 1, 8 ** 11 - 1, base256(2n ** 50n, 12)]) {
      expect(thrown(() => list(block({ type, size })))).toMatchObject({
        code: 'LIMIT_EXCEEDED',
        expected: 1 << 20,
        offset: 0,
      })
    }
    expect(thrown(() => list(block({ type, size: base256(2n ** 62n, 12) })))).toMatchObject({
      code: 'TAR_INVALID',
    })
    expect(thrown(() => list(block({ type, size: base256(-1n, 12) })))).toMatchObject({ code: 'TAR_INVALID' })
  }
})

test('one of exactly 1 MiB is read', () => {
  const value = new Uint8Array(
    (1 << 20) - record('SCHILY.xattr.user.x', new Uint8Array(1 << 20)).length + (1 << 20),
  )
  const bytes = record('SCHILY.xattr.user.x', value)
  expect(bytes.length).toBe(1 << 20)
  expect(onlyHeader(join(pax([bytes]), block({}), end)).xattrs.get('user.x')).toHaveLength(value.length)
})

test('a long name longer than a path may be is refused before its content comes', () => {
  for (const type of ['L', 'K']) {
    expect(thrown(() => list(block({ type, size: 65_537, magic: gnu })))).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      expected: 65_536,
    })
  }
  expect(thrown(() => list(join(pax([record('path', 'x'.repeat(65_536))]), block({}), end)))).toMatchObject({
    code: 'LIMIT_EXCEEDED',
    expected: 65_535,
  })
  expect(
    thrown(() => list(join(pax([record('linkpath', 'x'.repeat(65_536))]), block({}), end))),
  ).toMatchObject({ code: 'LIMIT_EXCEEDED' })
  const longest = 'x'.repeat(65_535)
  expect(onlyHeader(join(entry({ type: 'L', magic: gnu }, `${longest}\0`), block({}), end)).path).toBe(
    longest,
  )
})

test('a limit of the caller’s also holds for names in the block itself', () => {
  const archive = join(block({ name: 'n'.repeat(50), tail: 'p'.repeat(50) }), end)
  expect(thrown(() => list(archive, { maxPathLength: 100 }))).toMatchObject({
    code: 'LIMIT_EXCEEDED',
    actual: 101,
  })
  expect(list(archive, { maxPathLength: 101 }).entries).toHaveLength(1)
})

test('extended headers that never come to an entry', () => {
  const endless = join(...Array.from({ length: 17 }, () => pax([record('comment', 'x')])), block({}), end)
  expect(thrown(() => list(endless))).toMatchObject({ code: 'LIMIT_EXCEEDED', expected: 16 })
  const many = join(...Array.from({ length: 16 }, () => pax([record('comment', 'x')])), block({}), end)
  expect(list(join(many.subarray(0, many.length - 1024), many)).entries).toHaveLength(2)
})

test('more records or attributes than an entry has', () => {
  const records = Array.from({ length: 10_001 }, (_, i) => record(`k${i}`, ''))
  expect(thrown(() => list(join(pax(records), block({}), end)))).toMatchObject({
    code: 'LIMIT_EXCEEDED',
    expected: 10_000,
  })
  const xattrs = Array.from({ length: 1_001 }, (_, i) => record(`SCHILY.xattr.k${i}`, ''))
  expect(thrown(() => list(join(pax(xattrs), block({}), end)))).toMatchObject({
    code: 'LIMIT_EXCEEDED',
    expected: 1_000,
  })
})
