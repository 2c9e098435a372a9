/** Whose memory a chunk is: the caller's again after a write, so coders free or refill it; what streams give stays. */
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { beforeEach, expect, test } from 'vitest'
import { type ByteSink, concatBytes, readAll } from '../../src/bytes.ts'
import {
  type Compression,
  compress,
  createCompressor,
  createDecompressor,
  decompress,
} from '../../src/compression/index.ts'
import { setAccelerated } from '../../src/runtime.ts'
import { onBothPaths, sampleBytes } from './run.ts'

const content = concatBytes(Array.from({ length: 6 }, (_, seed) => sampleBytes((1 << 20) + seed)))
const zipped = new Uint8Array(gzipSync(content))

/** Zstd that compresses nothing, in blocks of 128 KiB: as any decoder has to take it. */
function storedZstd(bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0x50)]
  for (let at = 0; at < bytes.length; at += 1 << 17) {
    const block = bytes.subarray(at, at + (1 << 17))
    const header = (block.length << 3) | (at + block.length >= bytes.length ? 1 : 0)
    parts.push(Uint8Array.of(header, header >> 8, header >> 16), block)
  }
  return concatBytes(parts)
}

/** Copies what comes, at once or in its own time, and remembers in which memory it lay. */
class Watching implements ByteSink {
  readonly copies: Uint8Array[] = []
  readonly buffers: ArrayBufferLike[] = []
  readonly #slow: boolean

  constructor(slow: boolean) {
    this.#slow = slow
  }

  write(chunk: Uint8Array): void | Promise<void> {
    // Nobody may take away, or write into, what is being written.
    const before = chunk.slice()
    this.buffers.push(chunk.buffer)
    if (!this.#slow) {
      this.copies.push(before)
      return
    }
    return new Promise((resolve, reject) => {
      setTimeout(() => {
        this.copies.push(chunk.slice())
        if (Buffer.compare(before, chunk) === 0) resolve()
        else reject(new Error('a chunk was changed while it was written'))
      }, 1)
    })
  }

  end(): void {}

  /** Buffers of at least 128 KiB that are still there; a coder may have one in hand. */
  get held(): number {
    return new Set(this.buffers.filter(({ byteLength }) => byteLength >= 1 << 17)).size
  }
}

async function through(
  create: (output: ByteSink) => ByteSink,
  input: Uint8Array,
  slow: boolean,
): Promise<Watching> {
  const output = new Watching(slow)
  const coder = create(output)
  for (let at = 0; at < input.length; at += 300_000) await coder.write(input.slice(at, at + 300_000))
  await coder.end()
  return output
}

onBothPaths('memory', (accelerated) => {
  beforeEach(() => setAccelerated(accelerated))

  for (const slow of [false, true]) {
    test.each([
      ['gzip', zipped],
      ['zstd', storedZstd(content)],
    ] as const)(
      `what is decompressed from %s takes no new memory for each chunk; a sink that waits: ${slow}`,
      async (compression, input) => {
        const output = await through((sink) => createDecompressor(compression, sink), input, slow)
        expect(Buffer.compare(concatBytes(output.copies), content)).toBe(0)
        expect(output.held).toBeLessThanOrEqual(1)
      },
    )

    test(`nor what is compressed; a sink that waits: ${slow}`, async () => {
      const output = await through((sink) => createCompressor('gzip', sink, { level: 1 }), content, slow)
      expect(output.buffers.length).toBeGreaterThan(3)
      expect(output.held).toBeLessThanOrEqual(1)
      const back = await readAll(decompress(concatBytes(output.copies)), 1 << 30)
      expect(Buffer.compare(back, content)).toBe(0)
    })
  }

  test.each(['gzip', 'none'] as Compression[])(
    'chunks of streams stay readable, whatever is read after them: %s',
    async (compression) => {
      const kept: Uint8Array[] = []
      for await (const chunk of compress(content, compression)) kept.push(chunk)
      const unpacked: Uint8Array[] = []
      for await (const chunk of decompress(concatBytes(kept))) unpacked.push(chunk)
      expect(Buffer.compare(concatBytes(unpacked), content)).toBe(0)
      const viaNode: Uint8Array[] = []
      for await (const chunk of Readable.from(decompress(concatBytes(kept)) as AsyncIterable<Uint8Array>))
        viaNode.push(chunk)
      expect(Buffer.compare(concatBytes(viaNode), content)).toBe(0)
    },
  )
})

test('the pool that Buffers share stays, however large a program makes it', async () => {
  const { poolSize } = Buffer
  setAccelerated(true)
  // What a program puts into the pool between zlib's buffers.
  const neighbours: Buffer[] = []
  const sink = (output: ByteSink): ByteSink => ({
    write(chunk) {
      neighbours.push(Buffer.allocUnsafe(64).fill(7))
      return output.write(chunk)
    },
    end: () => output.end(),
  })
  try {
    Buffer.poolSize = 4 << 20
    // The pool is made anew when the old one is used up.
    for (let i = 0; i < 8; i++) Buffer.allocUnsafe(1 << 20)
    await through((output) => createDecompressor('gzip', sink(output)), zipped, false)
    await through((output) => createCompressor('gzip', sink(output), { blockSize: 1 << 19 }), content, false)
    expect(neighbours.length).toBeGreaterThan(10)
    const sound = (bytes: Buffer): boolean => bytes.length === 64 && bytes.every((byte) => byte === 7)
    expect(neighbours.map(sound)).toEqual(neighbours.map(() => true))
  } finally {
    Buffer.poolSize = poolSize
    for (let i = 0; i < 8; i++) Buffer.allocUnsafe(poolSize / 4)
  }
})
