import { describe, expect, test } from 'vitest'
import { formatSize, printable, shortDigest } from '../../src/cli/terminal.ts'

describe('what is printed', () => {
  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [2789742, '2.8 MB'],
    [999_949, '1.0 MB'],
    [123_456_789, '123 MB'],
    [4 * 2 ** 30, '4.3 GB'],
    [Number.MAX_SAFE_INTEGER, '9007 PB'.replace('9007', '9.0')],
  ])('%d bytes are %s', (bytes, text) => {
    expect(formatSize(bytes)).toBe(text)
  })

  test('a text from an image cannot move the cursor, ring, or turn a path around', () => {
    expect(printable('a\u001b[2Jb\rc\u0007\u202egnp.exe')).toBe('a\\u001b[2Jb\\u000dc\\u0007\\u202egnp.exe')
    expect(printable('größe 名前 🎉')).toBe('größe 名前 🎉')
  })

  test('a short digest keeps its algorithm and 12 characters', () => {
    expect(shortDigest(`sha256:${'0123456789abcdef'.repeat(4)}`)).toBe('sha256:0123456789ab')
  })
})
