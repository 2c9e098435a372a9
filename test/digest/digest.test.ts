import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  compareDigests,
  type Digest,
  digestParts,
  digestProblem,
  formatDigest,
  isDigest,
  isRegisteredAlgorithm,
  parseDigest,
} from '../../src/digest/index.ts'

const hex = (length: number): string => 'a1'.repeat(length / 2)

// The first four are the examples of image-spec's descriptor page.
test.each([
  'sha256:6c3c624b58dbbcd3c0dd82b4c53f04194d1247c6eebdaab7c610cf7d66709b3b',
  'sha512:401b09eab3c013d4ca54922bb802bec8fd5318192b0a75f201d8b3727429080fb337591abd3e44453b954555b7a0812e1081c39b740293f765eae731f5a65ed1',
  'multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8',
  'sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564',
  `sha512:${hex(128)}`,
  `blake3:${hex(64)}`,
  'a:b',
  '0:0',
  'a.b-c_d+e:x',
  'md5:d41d8cd98f00b204e9800998ecf8427e',
  'other:=_-AZaz09',
  // An algorithm whose name a JavaScript object has by birth is an unknown algorithm.
  'constructor:abc',
])('%s is a digest', (text) => {
  expect(isDigest(text)).toBe(true)
  expect(digestProblem(text)).toBeUndefined()
  const digest = parseDigest(text)
  expect(digest).toBe(text)
  expect(formatDigest(digestParts(digest))).toBe(text)
})

test.each([
  ['nothing', ''],
  ['no colon', hex(64)],
  ['no algorithm', `:${hex(64)}`],
  ['no encoded half', 'sha256:'],
  ['an upper-case algorithm', `SHA256:${hex(64)}`],
  ['upper-case hexadecimal', `sha256:${hex(64).toUpperCase()}`],
  ['a character short', `sha256:${hex(64).slice(1)}`],
  ['a character long', `sha256:${hex(64)}a`],
  ['the length of another algorithm', `sha512:${hex(64)}`],
  ['a short blake3', `blake3:${hex(32)}`],
  ['what is not hexadecimal', `sha256:${hex(62)}zz`],
  ['a separator at the start', '+sha256:abc'],
  ['a separator at the end', 'sha256+:abc'],
  ['two separators', 'sha256++b64u:abc'],
  ['a second colon', `sha256:${hex(62)}:a`],
  ['a slash', '../../etc/passwd:abc'],
  ['a slash in the encoded half', 'other:../../etc/passwd'],
  ['a dot in the encoded half', 'other:..'],
  ['a backslash', 'other:a\\b'],
  ['a percent sign', 'other:%2e%2e'],
  ['a newline at the end', `sha256:${hex(64)}\n`],
  ['a space before', ` sha256:${hex(64)}`],
  ['a null character', `other:a\0`],
  ['a digit of another script', 'other:\u0661'],
  ['a thousand characters', `other:${'a'.repeat(1000)}`],
])('%s is no digest', (_, text) => {
  expect(isDigest(text)).toBe(false)
  expect(() => parseDigest(text)).toThrow(expect.objectContaining({ code: 'DIGEST_INVALID' }))
})

test('the error quotes what it was given, but not endlessly', () => {
  const text = `x\n${'y'.repeat(10_000)}`
  expect(() => parseDigest(text)).toThrow(/^Digest "x\\nyyy[^\n]{0,300}$/)
})

test('the longest digest that is accepted fits a file name', () => {
  expect(isDigest(`a:${'b'.repeat(253)}`)).toBe(true)
  expect(isDigest(`a:${'b'.repeat(254)}`)).toBe(false)
})

test.each([[undefined], [null], [1], [{}], [[`sha256:${hex(64)}`]]])('%s is no digest', (value) => {
  expect(isDigest(value)).toBe(false)
})

describe('for every text of the grammar', () => {
  const component = fc.stringMatching(/^[a-z0-9]+$/)
  const algorithm = fc
    .tuple(component, fc.array(fc.tuple(fc.constantFrom('+', '.', '_', '-'), component), { maxLength: 3 }))
    .map(([first, rest]) => first + rest.flat().join(''))
    .filter((name) => name.length <= 60 && !isRegisteredAlgorithm(name))
  const encoded = fc.stringMatching(/^[a-zA-Z0-9=_-]{1,100}$/)

  test('parse, part and format give the same text again', () => {
    fc.assert(
      fc.property(algorithm, encoded, (algorithm, encoded) => {
        const digest = formatDigest({ algorithm, encoded })
        expect(digestParts(digest)).toEqual({ algorithm, encoded })
        expect(parseDigest(digest)).toBe(digest)
      }),
    )
  })

  test('no character beyond the grammar passes, wherever it stands', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }).filter((c) => !/[a-zA-Z0-9=_:+.-]/.test(c)),
        fc.nat({ max: 71 }),
        (character, position) => {
          const good = `sha256:${hex(64)}`
          const text = good.slice(0, position) + character + good.slice(position)
          expect(isDigest(text)).toBe(false)
          expect(isDigest(text.replace('sha256', 'other'))).toBe(false)
        },
      ),
    )
  })
})

test('two halves that make no digest are refused', () => {
  expect(() => formatDigest({ algorithm: 'sha256', encoded: 'abc' })).toThrow(/64 lower-case hexadecimal/)
  expect(() => formatDigest({ algorithm: 'a:b', encoded: 'abc' })).toThrow(/algorithm:encoded/)
})

test('digests are ordered by their characters', () => {
  const sorted = ['a:b', 'sha256+b64u:A', 'sha256+b64u:a'] as Digest[]
  expect([...sorted].reverse().sort(compareDigests)).toEqual(sorted)
  expect(compareDigests('a:b' as Digest, 'a:b' as Digest)).toBe(0)
})
