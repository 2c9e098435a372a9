import { gunzipSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { concatBytes, encodeUtf8 } from '../../src/bytes.ts'
import { MAX_PADDING } from '../../src/compression/coder.ts'
import { crc32 } from '../../src/compression/crc32.ts'
import { createDecompressor } from '../../src/compression/index.ts'
import { setAccelerated } from '../../src/runtime.ts'
import { onBothPaths, outcome, pieces, sampleBytes } from './run.ts'

const text = encodeUtf8('some content that is longer than nothing; '.repeat(3))
const member = new Uint8Array(gzipSync(text))
const empty = new Uint8Array(gzipSync(''))

/** A member with all that its header may have. */
function decorated(flags: {
  text?: boolean
  extra?: boolean
  name?: boolean
  comment?: boolean
  crc?: boolean
}): Uint8Array {
  const byte =
    (flags.text ? 1 : 0) |
    (flags.crc ? 2 : 0) |
    (flags.extra ? 4 : 0) |
    (flags.name ? 8 : 0) |
    (flags.comment ? 16 : 0)
  const header = concatBytes([
    Uint8Array.of(0x1f, 0x8b, 8, byte, 1, 2, 3, 4, 0, 3),
    flags.extra ? Uint8Array.of(6, 0, 0x41, 0x70, 2, 0, 0x1f, 0x8b) : new Uint8Array(0),
    flags.name ? encodeUtf8('a name\0') : new Uint8Array(0),
    flags.comment ? encodeUtf8('a comment\0') : new Uint8Array(0),
  ])
  const crc = crc32(header) & 0xffff
  return concatBytes([
    header,
    flags.crc ? Uint8Array.of(crc & 255, crc >>> 8) : new Uint8Array(0),
    member.subarray(10),
  ])
}

function altered(bytes: Uint8Array, at: number, by = 1): Uint8Array {
  const copy = bytes.slice()
  copy[at < 0 ? copy.length + at : at]! ^= by
  return copy
}

const cases: [name: string, input: Uint8Array, expected: Uint8Array | string][] = [
  ['one member', member, text],
  ['an empty member', empty, new Uint8Array(0)],
  ['two members', concatBytes([member, member]), concatBytes([text, text])],
  [
    'empty members between',
    concatBytes([empty, member, empty, empty, member, empty]),
    concatBytes([text, text]),
  ],
  ['zeros after the end', concatBytes([member, new Uint8Array(700)]), text],
  ['one zero after the end', concatBytes([member, new Uint8Array(1)]), text],
  ['garbage after the end', concatBytes([member, encodeUtf8('garbage')]), 'COMPRESSION_INVALID'],
  ['garbage after zeros', concatBytes([member, new Uint8Array(9), encodeUtf8('x')]), 'COMPRESSION_INVALID'],
  ['a member after zeros', concatBytes([member, new Uint8Array(9), member]), 'COMPRESSION_INVALID'],
  [
    'the first byte of a member after the end',
    concatBytes([member, Uint8Array.of(0x1f)]),
    'COMPRESSION_TRUNCATED',
  ],
  ['half a header after the end', concatBytes([member, member.subarray(0, 5)]), 'COMPRESSION_TRUNCATED'],
  ['nothing', new Uint8Array(0), 'COMPRESSION_TRUNCATED'],
  ['zeros alone', new Uint8Array(20), 'COMPRESSION_INVALID'],
  ['no gzip', encodeUtf8('this is no gzip at all'), 'COMPRESSION_INVALID'],
  ['zlib, not gzip', Uint8Array.of(0x78, 0x9c, 3, 0, 0, 0, 0, 1), 'COMPRESSION_INVALID'],
  ['another method', altered(member, 2), 'COMPRESSION_INVALID'],
  ['a reserved flag', altered(member, 3, 0x20), 'COMPRESSION_INVALID'],
  ['a wrong CRC', altered(member, -5), 'COMPRESSION_INVALID'],
  ['a wrong size', altered(member, -1), 'COMPRESSION_INVALID'],
  ['a wrong CRC in the second member', concatBytes([member, altered(member, -8)]), 'COMPRESSION_INVALID'],
  ['a reserved block type', altered(member, 10, 6), 'COMPRESSION_INVALID'],
  [
    'every field in the header',
    decorated({ text: true, extra: true, name: true, comment: true, crc: true }),
    text,
  ],
  ['FEXTRA', decorated({ extra: true }), text],
  ['FNAME', decorated({ name: true }), text],
  ['FCOMMENT', decorated({ comment: true }), text],
  ['FHCRC', decorated({ crc: true }), text],
  ['a wrong header CRC', altered(decorated({ crc: true }), 10), 'COMPRESSION_INVALID'],
  [
    'many small members, as eStargz has',
    concatBytes(Array.from({ length: 300 }, (_, i) => new Uint8Array(gzipSync(`${i},`)))),
    encodeUtf8(Array.from({ length: 300 }, (_, i) => `${i},`).join('')),
  ],
]

onBothPaths('gunzip', (accelerated) => {
  const gunzip = (bytes: Uint8Array, size = Number.POSITIVE_INFINITY, slow = false) => {
    setAccelerated(accelerated)
    return outcome(
      (output) => createDecompressor('gzip', output),
      size === Number.POSITIVE_INFINITY ? [bytes] : pieces(bytes, size),
      slow,
    )
  }

  test.each(cases)('%s', async (_, input, expected) => {
    expect(await gunzip(input)).toEqual(expected)
  })

  test.each(cases)('%s, byte by byte', async (_, input, expected) => {
    expect(await gunzip(input.subarray(0, 2000), 1)).toEqual(
      input.length > 2000 ? await gunzip(input.subarray(0, 2000)) : expected,
    )
  })

  test('every way to push in two gives the same', async () => {
    const input = concatBytes([member, empty, member, new Uint8Array(5)])
    const whole = concatBytes([text, text])
    for (let at = 0; at <= input.length; at++) {
      setAccelerated(accelerated)
      const cut = [input.subarray(0, at), input.subarray(at)]
      expect([at, await outcome((output) => createDecompressor('gzip', output), cut)]).toEqual([at, whole])
    }
  })

  test('garbage is refused wherever the push before it ends', async () => {
    const input = concatBytes([member, new Uint8Array(3), encodeUtf8('garbage')])
    for (let at = 0; at <= input.length; at++) {
      setAccelerated(accelerated)
      const cut = [input.subarray(0, at), input.subarray(at)]
      expect([at, await outcome((output) => createDecompressor('gzip', output), cut)]).toEqual([
        at,
        'COMPRESSION_INVALID',
      ])
    }
  })

  test('garbage after zeros is refused where zlib is done long before the reader is', async () => {
    const read = (input: Uint8Array) =>
      outcome(
        (output) => {
          const slow = async (chunk: Uint8Array): Promise<void> => {
            await new Promise((resolve) => setTimeout(resolve, 10))
            await output.write(chunk)
          }
          return createDecompressor('gzip', { write: slow, end: () => output.end() })
        },
        [input],
      )
    const padded = concatBytes([new Uint8Array(gzipSync(new Uint8Array(6 << 20))), new Uint8Array(9)])
    setAccelerated(accelerated)
    expect(await read(concatBytes([padded, encodeUtf8('garbage')]))).toBe('COMPRESSION_INVALID')
    setAccelerated(accelerated)
    expect(await read(padded)).toHaveLength(6 << 20)
  })

  test('a cut at every offset is noticed, but between members', async () => {
    const one = decorated({ extra: true, name: true, comment: true, crc: true })
    const input = concatBytes([one, member])
    for (let end = 0; end < input.length; end++) {
      const expected = end === one.length ? text : 'COMPRESSION_TRUNCATED'
      expect([end, await gunzip(input.subarray(0, end))]).toEqual([end, expected])
    }
  })

  test('every altered byte of trailer and data is noticed', async () => {
    for (let at = 10; at < member.length; at++) {
      const result = await gunzip(altered(member, at, 0x55))
      expect([at, typeof result]).toEqual([at, 'string'])
    }
  })

  test('padding is bounded', async () => {
    expect(await gunzip(concatBytes([member, new Uint8Array(MAX_PADDING)]))).toEqual(text)
    expect(await gunzip(concatBytes([member, new Uint8Array(MAX_PADDING + 1)]))).toBe('LIMIT_EXCEEDED')
    expect(await gunzip(concatBytes([member, new Uint8Array(MAX_PADDING + 1)]), 100_000)).toBe(
      'LIMIT_EXCEEDED',
    )
  })

  test.each([false, true])('large content comes in chunks up to 1 MiB, slow reader: %s', async (slow) => {
    setAccelerated(accelerated)
    const content = concatBytes([sampleBytes(3_000_000), new Uint8Array(9_000_000), sampleBytes(500_000, 7)])
    const input = new Uint8Array(gzipSync(content))
    const sizes: number[] = []
    for (const size of [input.length, 1 << 20, 65_536, 1000]) {
      const result = await outcome(
        (output) =>
          createDecompressor('gzip', {
            write(chunk) {
              sizes.push(chunk.length)
              return output.write(chunk)
            },
            end: () => output.end(),
          }),
        pieces(input, size),
        slow,
      )
      expect(Buffer.compare(result as Uint8Array, content)).toBe(0)
    }
    expect(Math.max(...sizes)).toBe(1 << 20)
  })

  test('random members, cuts and padding give what zlib gives', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({ bytes: fc.uint8Array({ maxLength: 3000 }), level: fc.integer({ min: 0, max: 9 }) }),
          {
            minLength: 1,
            maxLength: 4,
          },
        ),
        fc.integer({ min: 1, max: 4000 }),
        fc.integer({ min: 0, max: 50 }),
        async (members, size, padding) => {
          const input = concatBytes([
            ...members.map(({ bytes, level }) => new Uint8Array(gzipSync(bytes, { level }))),
            new Uint8Array(padding),
          ])
          const result = await gunzip(input, size)
          expect(result).toEqual(new Uint8Array(gunzipSync(input)))
        },
      ),
      { numRuns: 60 },
    )
  })
})

test('any damage gives the same answer on both paths', async () => {
  const base = concatBytes([member, new Uint8Array(gzipSync(sampleBytes(400))), new Uint8Array(4)])
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ at: fc.nat(base.length - 1), by: fc.integer({ min: 1, max: 255 }) }), {
        maxLength: 3,
      }),
      fc.nat(base.length),
      fc.integer({ min: 1, max: 300 }),
      async (changes, end, size) => {
        const input = base.slice(0, end)
        for (const { at, by } of changes) if (at < end) input[at]! ^= by
        const results: unknown[] = []
        for (const accelerated of [true, false]) {
          setAccelerated(accelerated)
          results.push(await outcome((output) => createDecompressor('gzip', output), pieces(input, size)))
        }
        setAccelerated(true)
        expect(results[0]).toEqual(results[1])
      },
    ),
    { numRuns: 500 },
  )
})
