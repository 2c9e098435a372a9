import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatRecord, isPaxProblem, parsePax, parseRecords } from '../../src/tar/pax.ts'
import { join, record, utf8 } from './raw-archive.ts'

const limits = { records: 100, xattrs: 10, pathLength: 1000 }

test('a record’s length counts its own digits', () => {
  for (const [length, expected] of [
    [1, '6 k=v\n'],
    [3, '8 k=vvv\n'],
    [4, '9 k=vvvv\n'],
    [5, '11 k=vvvvv\n'],
  ] as const) {
    expect(formatRecord('k', utf8('v'.repeat(length)))).toEqual(utf8(expected))
  }
  fc.assert(
    fc.property(
      fc.string({ minLength: 1 }).filter((key) => !/[=\0\uFFFD]/.test(key)),
      fc.uint8Array({ maxLength: 1200 }),
      (key, value) => {
        const bytes = formatRecord(key, value)
        expect(bytes).toEqual(record(key, value))
        expect(parseRecords(bytes, limits)).toEqual(new Map([[key, value]]))
      },
    ),
  )
})

test('records that are not of the form are refused', () => {
  for (const bytes of [
    'x',
    '6',
    '6 k=v',
    '6 k=v ',
    ' 6 k=v\n',
    '+6 k=v\n',
    '-6 k=v\n',
    '0 k=v\n',
    '1 k=v\n',
    '2 k=v\n',
    '4 =v\n',
    '5 kv\n',
    // The "=" of the next record is not this one's.
    '8 nokey\n6 k=v\n',
    '5 k=v\n',
    '7 k=v\n',
    '60 k=v\n',
    '6 k=v\n\0',
    '6 k=v\n\n',
    '99999999999999999999999999999999 k=v\n',
    '6\tk=v\n',
    '7 k\0=v\n',
    '5 =v\n',
  ]) {
    expect(parseRecords(utf8(bytes), limits), bytes).toMatchObject({ code: 'TAR_INVALID' })
  }
  expect(parseRecords(Uint8Array.of(0x36, 0x20, 0xff, 0x3d, 0x76, 0x0a), limits)).toMatchObject({
    code: 'TAR_INVALID',
  })
})

test('the message says which lie it is', () => {
  expect(parseRecords(utf8('60 k=v\n'), limits)).toMatchObject({
    message: expect.stringContaining('says it is 60 bytes long, where 7 are left'),
  })
})

test('a NUL ends a name elsewhere, so no name has one', () => {
  for (const key of ['path', 'linkpath', 'uname', 'gname']) {
    expect(parseRecords(record(key, 'a\0b'), limits)).toMatchObject({ code: 'TAR_INVALID' })
    // Also where a later record would have hidden it.
    expect(parseRecords(join(record(key, 'a\0'), record(key, 'a')), limits)).toMatchObject({
      code: 'TAR_INVALID',
    })
  }
  expect(isPaxProblem(parsePax(record('comment', '\0'), limits))).toBe(false)
  expect(isPaxProblem(parsePax(record('SCHILY.xattr.a', '\0'), limits))).toBe(false)
})

test('numbers and times must be such', () => {
  for (const [key, values] of Object.entries({
    uid: ['x', '1.5', '+1', ' 1', '1\n', '0x1', '9007199254740992', '--1', '\0'],
    gid: ['1e3'],
    size: ['-1', '1.0', '9223372036854775807', 'NaN'],
    mtime: ['now', '1,5'],
    atime: ['-'],
    ctime: ['1.x'],
  })) {
    for (const value of values)
      expect(parsePax(record(key, value), limits)).toMatchObject({ code: 'TAR_INVALID' })
  }
  expect(parsePax(record('uid', '-0'), limits)).toMatchObject({ uid: 0 })
  // Only the record that counts is looked at.
  expect(parsePax(join(record('uid', 'x'), record('uid', '1')), limits)).toMatchObject({ uid: 1 })
})

test('libarchive’s attributes must be base64 under a percent-encoded name', () => {
  expect(parsePax(record('LIBARCHIVE.xattr.a', '!!'), limits)).toMatchObject({ code: 'TAR_INVALID' })
  expect(parsePax(record('LIBARCHIVE.xattr.%FF', 'AAAA'), limits)).toMatchObject({ code: 'TAR_INVALID' })
})

test('limits', () => {
  const many = join(...Array.from({ length: 101 }, (_, i) => record(`k${i}`, '')))
  expect(parseRecords(many, limits)).toMatchObject({ code: 'LIMIT_EXCEEDED', expected: 100 })
  const same = join(...Array.from({ length: 101 }, () => record('k', '')))
  expect(parseRecords(same, limits)).toMatchObject({ code: 'LIMIT_EXCEEDED', expected: 100 })
  const xattrs = join(...Array.from({ length: 11 }, (_, i) => record(`SCHILY.xattr.${i}`, '')))
  expect(parsePax(xattrs, limits)).toMatchObject({ code: 'LIMIT_EXCEEDED', expected: 10 })
  expect(parsePax(record('path', 'x'.repeat(1001)), limits)).toMatchObject({
    code: 'LIMIT_EXCEEDED',
    expected: 1000,
    actual: 1001,
  })
})
