/** Digests, gzip and zstd: the same answer to every input, from the runtime's own code and from the portable one. */
import { concatBytes, encodeUtf8 } from '../../src/bytes.ts'
import {
  type Compression,
  compress,
  type DecompressionLimits,
  decompress,
} from '../../src/compression/index.ts'
import { createHasher, digestBytes } from '../../src/digest/index.ts'
import { isOciError } from '../../src/errors.ts'
import { setAccelerated } from '../../src/runtime.ts'
import { type Check, codeOf, same } from './check.ts'
import {
  altered,
  decompressed,
  gather,
  member,
  pieces,
  repeatedFrame,
  sampleBytes,
  skippableFrame,
  storedFrame,
  storedMember,
  zstdContent,
  zstdFrame,
} from './inputs.ts'
import { recorded } from './recorded.ts'

/** Runs a check on the accelerated path and on the portable one; where nothing accelerates both are the same. */
export async function onBothPaths(run: () => Promise<void>): Promise<void> {
  for (const accelerated of [true, false]) {
    setAccelerated(accelerated)
    try {
      await run()
    } catch (error) {
      if (error instanceof Error) error.message += accelerated ? ' (accelerated)' : ' (portable)'
      throw error
    } finally {
      setAccelerated(true)
    }
  }
}

type Case = readonly [name: string, input: Uint8Array, expected: Uint8Array | string]

const text = 'some content that is longer than nothing; '
const nothing: Uint8Array = new Uint8Array(0)

/** A member with every field that a header may have. */
function decorated(plain: Uint8Array): Uint8Array {
  const fields = [Uint8Array.of(4, 0, 0x41, 0x70, 0, 0), encodeUtf8('a name\0'), encodeUtf8('a comment\0')]
  return concatBytes([
    Uint8Array.of(0x1f, 0x8b, 8, 4 | 8 | 16, 1, 2, 3, 4, 0, 3),
    ...fields,
    plain.subarray(10),
  ])
}

async function gzipCases(): Promise<readonly Case[]> {
  const content = encodeUtf8(text.repeat(3))
  const twice = concatBytes([content, content])
  const one = await member(content)
  const empty = await member(nothing)
  const small = await Promise.all(Array.from({ length: 200 }, (_, i) => member(encodeUtf8(`${i},`))))
  return [
    ['one member', one, content],
    ['a stored member', storedMember(content), content],
    ['an empty member', empty, nothing],
    ['two members', concatBytes([one, one]), twice],
    ['empty members between', concatBytes([empty, one, empty, empty, storedMember(content), empty]), twice],
    [
      'many small members, as eStargz has',
      concatBytes(small),
      encodeUtf8(small.map((_, i) => `${i},`).join('')),
    ],
    ['a header with every field', decorated(one), content],
    ['members with every field', concatBytes([decorated(one), decorated(one)]), twice],
    ['one zero after the end', concatBytes([one, new Uint8Array(1)]), content],
    ['zeros after the end', concatBytes([one, new Uint8Array(700)]), content],
    ['zeros after two members', concatBytes([one, one, new Uint8Array(512)]), twice],
    ['garbage after the end', concatBytes([one, encodeUtf8('garbage')]), 'COMPRESSION_INVALID'],
    ['garbage after two members', concatBytes([one, one, encodeUtf8('garbage')]), 'COMPRESSION_INVALID'],
    // A gzip header is looked at once two of its bytes are there.
    ['one byte of garbage', concatBytes([one, Uint8Array.of(7)]), 'COMPRESSION_TRUNCATED'],
    ['garbage after zeros', concatBytes([one, new Uint8Array(9), Uint8Array.of(1)]), 'COMPRESSION_INVALID'],
    ['a member after zeros', concatBytes([one, new Uint8Array(9), one]), 'COMPRESSION_INVALID'],
    [
      'the first byte of a member after the end',
      concatBytes([one, one.subarray(0, 1)]),
      'COMPRESSION_TRUNCATED',
    ],
    ['half a header after the end', concatBytes([one, one.subarray(0, 5)]), 'COMPRESSION_TRUNCATED'],
    ['half a member after the end', concatBytes([one, one.subarray(0, -9)]), 'COMPRESSION_TRUNCATED'],
    ['nothing', nothing, 'COMPRESSION_TRUNCATED'],
    ['zeros alone', new Uint8Array(20), 'COMPRESSION_INVALID'],
    ['no gzip', encodeUtf8('this is no gzip at all'), 'COMPRESSION_INVALID'],
    ['zlib, not gzip', Uint8Array.of(0x78, 0x9c, 3, 0, 0, 0, 0, 1), 'COMPRESSION_INVALID'],
    ['another method', altered(one, 2), 'COMPRESSION_INVALID'],
    ['a reserved flag', altered(one, 3, 0x20), 'COMPRESSION_INVALID'],
    ['a wrong CRC', altered(one, -5), 'COMPRESSION_INVALID'],
    ['a wrong size', altered(one, -1), 'COMPRESSION_INVALID'],
    ['a wrong CRC in the second member', concatBytes([one, altered(one, -8)]), 'COMPRESSION_INVALID'],
    ['a wrong CRC in the first member', concatBytes([altered(one, -8), one]), 'COMPRESSION_INVALID'],
    ['a reserved block type', altered(storedMember(content), 10, 6), 'COMPRESSION_INVALID'],
    ['a stored block of another length', altered(storedMember(content), 11), 'COMPRESSION_INVALID'],
  ]
}

function zstdCases(): readonly Case[] {
  const abc = encodeUtf8('abc')
  const plain = storedFrame(abc)
  const [frame, content] = [zstdFrame(), zstdContent()]
  return [
    ['a raw frame', plain, abc],
    ['a frame of zstd -19', frame, content],
    ['two frames', concatBytes([frame, plain]), concatBytes([content, abc])],
    ['an empty frame', storedFrame(nothing), nothing],
    ['a skippable frame alone', skippableFrame(abc), nothing],
    [
      'skippable frames before, between and after, as zstd:chunked has',
      concatBytes([
        skippableFrame(abc, 3),
        frame,
        skippableFrame(nothing),
        frame,
        skippableFrame(new Uint8Array(70_000), 15),
      ]),
      concatBytes([content, content]),
    ],
    ['nothing', nothing, 'COMPRESSION_TRUNCATED'],
    ['half a skippable frame', skippableFrame(abc).subarray(0, 9), 'COMPRESSION_TRUNCATED'],
    ['garbage after the end', concatBytes([frame, encodeUtf8('garbage')]), 'COMPRESSION_INVALID'],
    ['zeros after the end', concatBytes([frame, new Uint8Array(3)]), 'COMPRESSION_INVALID'],
    [
      'the start of a frame after the end',
      concatBytes([frame, plain.subarray(0, 3)]),
      'COMPRESSION_TRUNCATED',
    ],
    ['no zstd', encodeUtf8('this is no zstd'), 'COMPRESSION_INVALID'],
    ['the reserved block type', altered(plain, 6, 6), 'COMPRESSION_INVALID'],
    ['a window beyond the limit', altered(plain, 5, 0xb1), 'LIMIT_EXCEEDED'],
  ]
}

/** Each case in one piece, and byte by byte as far as that is quick. */
async function holdCases(compression: 'gzip' | 'zstd', cases: readonly Case[]): Promise<void> {
  for (const [name, input, expected] of cases) {
    same(await decompressed(compression, [input]), expected, name)
    if (input.length <= 4000) {
      same(await decompressed(compression, pieces(input, 1)), expected, `${name}, byte by byte`)
    }
    same(await decompressed(compression, pieces(input, 57)), expected, `${name}, in pieces of 57 bytes`)
  }
}

/** Content of some MiB, whose pieces end anywhere. */
async function holdLarge(
  compression: 'gzip' | 'zstd',
  input: Uint8Array,
  content: Uint8Array,
): Promise<void> {
  for (const size of [input.length, 1 << 20, 65_537]) {
    const out = await decompressed(compression, pieces(input, size))
    same(typeof out === 'string' ? out : digestBytes(out), digestBytes(content), `in pieces of ${size} bytes`)
  }
}

async function roundTrip(compression: Compression, content: Uint8Array, options = {}): Promise<void> {
  const bytes = await gather(compress(content, compression, options))
  same(digestBytes(await gather(decompress(bytes))), digestBytes(content), `${compression} and back`)
}

export const decoderChecks: readonly Check[] = [
  {
    name: 'digests: sha256, sha512 and blake3, in one piece and in many',
    run: () =>
      onBothPaths(async () => {
        const content = sampleBytes(300_001)
        for (const algorithm of ['sha256', 'sha512', 'blake3'] as const) {
          same(digestBytes(encodeUtf8('abc'), algorithm), recorded[`${algorithm} of abc`], algorithm)
          same(digestBytes(nothing, algorithm), recorded[`${algorithm} of nothing`], algorithm)
          for (const size of [1 << 20, 4099, 64, 63]) {
            const hasher = createHasher(algorithm)
            for (const piece of pieces(content, size)) hasher.update(piece)
            same(hasher.digest(), recorded[`${algorithm} of 300001 bytes`], `${algorithm}, pieces of ${size}`)
          }
        }
      }),
  },
  {
    name: 'gzip: members, padding, garbage, bad CRC, bad headers',
    run: () => onBothPaths(async () => holdCases('gzip', await gzipCases())),
  },
  {
    name: 'gzip: cut at every offset',
    run: () =>
      onBothPaths(async () => {
        const content = encodeUtf8(text)
        const first = decorated(await member(content))
        const input = concatBytes([first, await member(content)])
        for (let end = 0; end < input.length; end++) {
          const expected = end === first.length ? content : 'COMPRESSION_TRUNCATED'
          same(await decompressed('gzip', [input.subarray(0, end)]), expected, `cut at ${end}`)
        }
      }),
  },
  {
    name: 'gzip: pushed in two at every offset, followed by zeros and by garbage',
    run: () =>
      onBothPaths(async () => {
        const content = encodeUtf8(text)
        const one = await member(content)
        const members = concatBytes([one, await member(nothing), storedMember(content)])
        const good = concatBytes([members, new Uint8Array(4)])
        const bad = concatBytes([good, encodeUtf8('xyz')])
        const whole = concatBytes([content, content])
        for (let at = 0; at <= bad.length; at++) {
          const [head, tail] = [bad.subarray(0, at), bad.subarray(at)]
          same(await decompressed('gzip', [head, tail]), 'COMPRESSION_INVALID', `garbage, pushed at ${at}`)
          const rest = good.subarray(Math.min(at, good.length))
          same(await decompressed('gzip', [good.subarray(0, at), rest]), whole, `pushed at ${at}`)
        }
      }),
  },
  {
    name: 'gzip: every altered byte of data and trailer',
    run: () =>
      onBothPaths(async () => {
        const one = await member(encodeUtf8(text))
        for (let at = 10; at < one.length; at++) {
          const out = await decompressed('gzip', [altered(one, at, 0x55)])
          same(typeof out, 'string', `altered at ${at}`)
        }
      }),
  },
  {
    name: 'gzip: several MiB in members that end anywhere',
    run: async () => {
      const parts = [sampleBytes(1_300_000), new Uint8Array(2_000_000), sampleBytes(70_000, 5)]
      const members = [await member(parts[0]!), await member(parts[1]!), storedMember(parts[2]!)]
      const input = concatBytes([...members, new Uint8Array(1000)])
      await onBothPaths(() => holdLarge('gzip', input, concatBytes(parts)))
    },
  },
  {
    name: 'gzip: reproducible bytes are the same everywhere, fast ones hold the same content',
    run: () =>
      onBothPaths(async () => {
        const content = concatBytes([sampleBytes(400_000), new Uint8Array(50_000)])
        same(digestBytes(await member(content)), recorded['reproducible gzip'], 'level 6')
        const best = await gather(compress(content, 'gzip', { mode: 'reproducible', level: 9 }))
        same(digestBytes(best), recorded['reproducible gzip, level 9'], 'level 9')
        for (const level of [0, 1, 4, 9]) await roundTrip('gzip', content, { level, blockSize: 64 << 10 })
        await roundTrip('gzip', nothing)
      }),
  },
  {
    name: 'zstd: frames, skippable frames, garbage, limits',
    run: () => onBothPaths(() => holdCases('zstd', zstdCases())),
  },
  {
    name: 'zstd: cut at every offset',
    run: async () => {
      const [first, second] = [storedFrame(encodeUtf8(text)), zstdFrame()]
      const input = concatBytes([first, second])
      for (let end = 0; end < input.length; end++) {
        const expected = end === first.length ? encodeUtf8(text) : 'COMPRESSION_TRUNCATED'
        same(await decompressed('zstd', [input.subarray(0, end)]), expected, `cut at ${end}`)
      }
    },
  },
  {
    name: 'zstd: several MiB in frames that end anywhere',
    run: async () => {
      const parts = [sampleBytes(1_300_000), new Uint8Array(2_000_000), zstdContent()]
      const frames = [
        storedFrame(parts[0]!),
        skippableFrame(sampleBytes(9)),
        storedFrame(parts[1]!),
        zstdFrame(),
      ]
      await holdLarge('zstd', concatBytes(frames), concatBytes(parts))
    },
  },
  {
    name: 'zstd: written where there is an encoder, the runtime’s or one that is passed',
    run: () =>
      onBothPaths(async () => {
        const content = concatBytes([sampleBytes(5_000_000), zstdContent()])
        await roundTrip('zstd', content, { zstd: storedFrame })
        if (await hasZstdEncoder()) {
          await roundTrip('zstd', content)
          await roundTrip('zstd', nothing, { level: 19 })
        } else same(await codeOf(gather(compress(content, 'zstd'))), 'COMPRESSION_UNSUPPORTED', 'no encoder')
      }),
  },
  {
    name: 'bombs: stopped by size and by ratio, long before their end',
    run: async () => {
      const size = 80 << 20
      const bombs = { gzip: await member(new Uint8Array(size)), zstd: repeatedFrame(0, size) }
      await onBothPaths(async () => {
        for (const [what, bomb] of Object.entries(bombs)) {
          const outcome = async (limits: DecompressionLimits): Promise<string> => {
            const reader = decompress(bomb, limits).getReader()
            let given = 0
            const code = await codeOf(
              (async () => {
                for (let next = await reader.read(); !next.done; next = await reader.read()) {
                  given += next.value.length
                }
              })(),
            )
            return `${code}${given <= (limits.maxSize ?? 66 << 20) ? '' : `, after ${given} bytes`}`
          }
          same(await outcome({ maxSize: 1 << 20 }), 'LIMIT_EXCEEDED', `${what}, by size`)
          same(await outcome({ maxRatio: 500 }), 'LIMIT_EXCEEDED', `${what}, by ratio`)
          same(await outcome({ maxSize: size, maxRatio: 1e6 }), 'none', `${what}, as large as it may be`)
        }
      })
    },
  },
  {
    name: 'compression is told by content',
    run: () =>
      onBothPaths(async () => {
        const content = zstdContent()
        for (const input of [content, await member(content), zstdFrame()]) {
          same(await decompressed('detect', [input]), content, 'in one piece')
          const slowly = [...pieces(input.subarray(0, 20), 1), input.subarray(20)]
          same(await decompressed('detect', slowly), content, 'its beginning byte by byte')
        }
        const xz = Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 4)
        same(await decompressed('detect', [xz]), 'COMPRESSION_UNSUPPORTED', 'xz')
      }),
  },
]

/** Whether the library can write zstd here without an encoder that is passed. */
export async function hasZstdEncoder(): Promise<boolean> {
  try {
    await gather(compress(nothing, 'zstd'))
    return true
  } catch (error) {
    if (isOciError(error, 'COMPRESSION_UNSUPPORTED')) return false
    throw error
  }
}
