import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatPaxTime, parsePaxTime, toTimestamp } from '../../src/tar/timestamp.ts'
import { thrown } from './listing.ts'
import { timestamp } from './random-entry.ts'

test('times in PAX records', () => {
  for (const [text, seconds, nanoseconds] of [
    ['0', 0, 0],
    ['1350244992', 1350244992, 0],
    ['1350244992.023960108', 1350244992, 23960108],
    ['1350244992.0239601089999', 1350244992, 23960108],
    ['1350244992.', 1350244992, 0],
    ['1.5', 1, 500000000],
    ['-1', -1, 0],
    ['-1.5', -2, 500000000],
    ['-0.5', -1, 500000000],
    ['-0.000000001', -1, 999999999],
    ['-0', 0, 0],
  ] as const) {
    expect(parsePaxTime(text)).toEqual({ seconds, nanoseconds })
  }
  for (const text of [
    '',
    '.5',
    '1.5.5',
    '1e3',
    '+1',
    ' 1',
    '1 ',
    '1.-5',
    '--1',
    'x',
    '9007199254740992',
    '0x10',
  ]) {
    expect(parsePaxTime(text)).toBeUndefined()
  }
})

test('a time is written as short as it is exact', () => {
  expect(formatPaxTime({ seconds: 5, nanoseconds: 120_000_000 })).toBe('5.12')
  expect(formatPaxTime({ seconds: -1, nanoseconds: 500_000_000 })).toBe('-0.5')
  expect(formatPaxTime({ seconds: -2, nanoseconds: 1 })).toBe('-1.999999999')
  expect(formatPaxTime({ seconds: -2, nanoseconds: 0 })).toBe('-2')
  fc.assert(
    fc.property(timestamp, (time) => {
      expect(parsePaxTime(formatPaxTime(time))).toEqual(time)
    }),
  )
})

test('the outermost times that a header can say come back from a record', () => {
  // Found by fuzzing: a base-256 time of 2^53 - 1 was written as a record that was then refused.
  const most = Number.MAX_SAFE_INTEGER
  for (const time of [
    { seconds: most, nanoseconds: 0 },
    { seconds: most, nanoseconds: 999_999_999 },
    { seconds: -most, nanoseconds: 0 },
    { seconds: -most, nanoseconds: 1 },
  ]) {
    expect(parsePaxTime(formatPaxTime(time))).toEqual(time)
  }
  expect(parsePaxTime('-9007199254740990.5')).toEqual({ seconds: -most, nanoseconds: 500_000_000 })
  expect(parsePaxTime('-9007199254740991.5')).toBeUndefined()
})

test('what callers give as a time', () => {
  expect(toTimestamp(new Date(-1))).toEqual({ seconds: -1, nanoseconds: 999_000_000 })
  expect(toTimestamp(new Date(1500))).toEqual({ seconds: 1, nanoseconds: 500_000_000 })
  expect(toTimestamp(1_700_000_000.123)).toEqual({ seconds: 1_700_000_000, nanoseconds: 123_000_000 })
  expect(toTimestamp(0.9999999)).toEqual({ seconds: 1, nanoseconds: 0 })
  expect(toTimestamp(-0.25)).toEqual({ seconds: -1, nanoseconds: 750_000_000 })
  for (const time of [
    Number.NaN,
    Infinity,
    new Date(Number.NaN),
    { seconds: 0.5, nanoseconds: 0 },
    { seconds: 0, nanoseconds: 1e9 },
    { seconds: 0, nanoseconds: -1 },
  ]) {
    expect(thrown(() => toTimestamp(time))).toMatchObject({ code: 'ARGUMENT_INVALID' })
  }
})
