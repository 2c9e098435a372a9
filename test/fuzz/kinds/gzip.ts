/** gzip: `node:zlib` and pako give one answer to every input, however it is cut. */
import { type ByteSink, concatBytes, equalBytes } from '../../../src/bytes.ts'
import { createCompressor, createDecompressor } from '../../../src/compression/index.ts'
import { setAccelerated } from '../../../src/runtime.ts'
import { holds, type Kind } from '../kind.ts'
import { cut, lent } from '../mutation/bytes.ts'
import { madeMember, mutateGzip } from '../mutation/gzip.ts'
import { Random } from '../random.ts'
import { seedFiles } from '../seed-files.ts'
import { onlyCodes, type Verdict, verdictLater } from '../verdict.ts'

/** Bytes that an input may become. */
const maxSize = 1 << 21

const codes = ['COMPRESSION_INVALID', 'COMPRESSION_TRUNCATED', 'LIMIT_EXCEEDED'] as const

/** gzip. */
export const gzip: Kind = {
  name: 'gzip',
  maxLength: 1 << 13,
  // The 32 KiB window of deflate, and buffers of 1 MiB.
  maxAllocation: 1 << 21,

  async seeds() {
    const random = new Random(7)
    const files = seedFiles(gzip.maxLength).map(({ bytes }) => bytes)
    return [
      ...files.filter((bytes) => bytes[0] === 0x1f),
      ...Array.from({ length: 30 }, () => madeMember(random)),
    ]
  },

  mutate: mutateGzip,

  async run(input, random) {
    const portable = await decompressed('gzip', false, [input])
    onlyCodes(portable, 'The portable path', codes)
    const native = await decompressed('gzip', true, random.oneIn(4) ? cut(random, input) : [input])
    onlyCodes(native, 'The accelerated path', codes)
    sameBytes(portable, native, 'The two paths disagree')
    if (random.oneIn(4)) {
      sameBytes(
        portable,
        await decompressed('gzip', false, cut(random, input)),
        'Cut otherwise, it is something else',
      )
    }
    if (random.oneIn(32)) await thereAndBack(input, random)
  },
}

/** What a decoder makes of pieces. */
export function decompressed(
  compression: 'gzip' | 'zstd',
  accelerated: boolean,
  pieces: readonly Uint8Array[],
): Promise<Verdict<Uint8Array>> {
  return verdictLater(async () => {
    const chunks: Uint8Array[] = []
    let ended = false
    const sink: ByteSink = {
      write: (chunk) => void chunks.push(chunk.slice()),
      end() {
        ended = true
      },
    }
    setAccelerated(accelerated)
    const decoder = createDecompressor(compression, sink, { maxSize })
    setAccelerated(true)
    for (const piece of lent(pieces)) {
      const wait = decoder.write(piece)
      if (wait !== undefined) await wait
    }
    await decoder.end()
    holds(ended, 'The output was not ended')
    return concatBytes(chunks)
  })
}

/**
 * Fails unless both are the same bytes, or errors of one code. What is larger than its limit and damaged as well is told
 * as either: a decoder that works ahead comes to the damage before what it gave has been counted.
 */
export function sameBytes(one: Verdict<Uint8Array>, two: Verdict<Uint8Array>, what: string): void {
  if (one.error !== undefined || two.error !== undefined) {
    const shown = [one, two].map(({ error, value }) => error?.message ?? `${value?.length} bytes`)
    const codes = [one.error?.code, two.error?.code]
    const isEither = codes.includes('LIMIT_EXCEEDED') && !codes.includes(undefined)
    holds(codes[0] === codes[1] || isEither, what, () => shown)
  } else holds(equalBytes(one.value, two.value), what, () => [one.value.length, two.value.length])
}

/** Any content comes back, whichever path has written it and whichever reads. */
async function thereAndBack(content: Uint8Array, random: Random): Promise<void> {
  const chunks: Uint8Array[] = []
  const accelerated = random.oneIn(2)
  setAccelerated(accelerated)
  const level = 1 + random.below(9)
  const encoder = createCompressor(
    'gzip',
    { write: (chunk) => void chunks.push(chunk.slice()), end() {} },
    { level, mode: random.pick(['fast', 'reproducible']) },
  )
  setAccelerated(true)
  for (const piece of cut(random, content)) await encoder.write(piece)
  await encoder.end()
  const written = concatBytes(chunks)
  for (const path of [true, false]) {
    const read = await decompressed('gzip', path, [written])
    holds(
      read.error === undefined && equalBytes(read.value, content),
      'What is compressed does not come back',
    )
  }
}
