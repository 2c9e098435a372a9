import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { encodeUtf8 } from '../../src/bytes.ts'
import { createHasher, digestBytes } from '../../src/digest/index.ts'
import { setAccelerated } from '../../src/runtime.ts'

afterEach(() => setAccelerated(true))

const twoBlocks = 'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq'
const millionAs = 'a'.repeat(1_000_000)

/** BLAKE3's vectors are of bytes that count from 0 to 250 and begin again. */
function counting(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i % 251)
}

const vectors: [algorithm: string, what: string, input: Uint8Array, encoded: string][] = [
  // FIPS 180-4 and NIST's example values.
  ['sha256', 'nothing', encodeUtf8(''), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  ['sha256', 'abc', encodeUtf8('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  [
    'sha256',
    'two blocks',
    encodeUtf8(twoBlocks),
    '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
  ],
  [
    'sha256',
    'a million a',
    encodeUtf8(millionAs),
    'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0',
  ],
  [
    'sha512',
    'nothing',
    encodeUtf8(''),
    'cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e',
  ],
  [
    'sha512',
    'abc',
    encodeUtf8('abc'),
    'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
  ],
  [
    'sha512',
    'a million a',
    encodeUtf8(millionAs),
    'e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973ebde0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b',
  ],
  // https://github.com/BLAKE3-team/BLAKE3/blob/master/test_vectors/test_vectors.json
  ['blake3', 'nothing', counting(0), 'af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262'],
  ['blake3', 'a byte', counting(1), '2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213'],
  ['blake3', 'a chunk', counting(1024), '42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7'],
  [
    'blake3',
    'a chunk and a byte',
    counting(1025),
    'd00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444',
  ],
  [
    'blake3',
    'a hundred chunks',
    counting(102400),
    'bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085',
  ],
]

describe.each([
  ['accelerated', true],
  ['portable', false],
])('%s', (_, accelerated) => {
  test.each(vectors)('%s of %s', (algorithm, _what, input, encoded) => {
    setAccelerated(accelerated)
    expect(digestBytes(input, algorithm)).toBe(`${algorithm}:${encoded}`)
  })

  test('how the bytes are cut does not matter, and a chunk may be overwritten after update()', () => {
    setAccelerated(accelerated)
    fc.assert(
      fc.property(
        fc.constantFrom('sha256', 'sha512', 'blake3'),
        fc.uint8Array({ maxLength: 3000 }),
        fc.array(fc.nat({ max: 3000 }), { maxLength: 5 }),
        (algorithm, bytes, cuts) => {
          const hasher = createHasher(algorithm)
          const scratch = new Uint8Array(3000)
          let from = 0
          for (const to of [...cuts.sort((a, b) => a - b), bytes.length]) {
            const part = bytes.subarray(from, Math.max(from, to))
            scratch.set(part)
            hasher.update(scratch.subarray(0, part.length))
            scratch.fill(0xff)
            from += part.length
          }
          expect(hasher.digest()).toBe(digestBytes(bytes, algorithm))
        },
      ),
      { numRuns: 50 },
    )
  })
})

test('both paths give the same digest', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('sha256', 'sha512'),
      fc.uint8Array({ maxLength: 5000 }),
      (algorithm, bytes) => {
        setAccelerated(true)
        const accelerated = digestBytes(bytes, algorithm)
        setAccelerated(false)
        expect(digestBytes(bytes, algorithm)).toBe(accelerated)
      },
    ),
    { numRuns: 50 },
  )
})

test.each(['md5', 'sha1', 'sha384', 'SHA256', '', 'constructor', '__proto__'])(
  'algorithm "%s" cannot be computed',
  (algorithm) => {
    expect(() => createHasher(algorithm)).toThrow(expect.objectContaining({ code: 'DIGEST_UNSUPPORTED' }))
  },
)
