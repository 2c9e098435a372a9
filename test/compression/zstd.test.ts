import { spawnSync } from 'node:child_process'
import { Transform } from 'node:stream'
import { afterEach, expect, test, vi } from 'vitest'
import { concatBytes, encodeUtf8 } from '../../src/bytes.ts'
import type { ZstdEncoder } from '../../src/compression/index.ts'
import { createCompressor, createDecompressor } from '../../src/compression/index.ts'
import { feed, Gathered, outcome, pieces, sampleBytes } from './run.ts'

afterEach(() => vi.restoreAllMocks())

/** Stored blocks: the plainest encoder there can be. */
const store: ZstdEncoder = (bytes, level) => {
  expect(level).toBe(3)
  const parts: Uint8Array[] = [Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0x88)]
  const blocks = bytes.length === 0 ? [bytes] : pieces(bytes, 1 << 17)
  for (const [i, block] of blocks.entries()) {
    const header = (block.length << 3) | (i === blocks.length - 1 ? 1 : 0)
    parts.push(Uint8Array.of(header & 255, (header >>> 8) & 255, header >>> 16), block)
  }
  return concatBytes(parts)
}

test('an encoder that the caller brings is given 4 MiB at a time', async () => {
  const sizes: number[] = []
  const content = sampleBytes(9_000_000)
  for (const size of [100_000, 9_000_000]) {
    const output = new Gathered()
    const encoder: ZstdEncoder = async (bytes, level) => {
      sizes.push(bytes.length)
      return store(bytes, level)
    }
    await feed(createCompressor('zstd', output, { zstd: encoder }), pieces(content, size))
    const result = await outcome((sink) => createDecompressor('zstd', sink), [output.bytes])
    expect(Buffer.compare(result as Uint8Array, content)).toBe(0)
  }
  expect(sizes).toEqual([4 << 20, 4 << 20, 9_000_000 - (8 << 20), 4 << 20, 4 << 20, 9_000_000 - (8 << 20)])
})

test('nothing is one empty frame', async () => {
  const output = new Gathered()
  await feed(createCompressor('zstd', output, { zstd: store }), [])
  expect(await outcome((sink) => createDecompressor('zstd', sink), [output.bytes])).toEqual(new Uint8Array(0))
  expect(output.bytes.length).toBeGreaterThan(0)
})

test('without an encoder it is refused, saying what to do', () => {
  vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined as never)
  expect(() => createCompressor('zstd', new Gathered())).toThrow(
    expect.objectContaining({
      code: 'COMPRESSION_UNSUPPORTED',
      message: expect.stringContaining('option "zstd"'),
    }),
  )
})

test('levels that are none are refused', () => {
  for (const level of [0, 20, 2.5]) {
    expect(() => createCompressor('zstd', new Gathered(), { level, zstd: store })).toThrow(
      expect.objectContaining({ code: 'ARGUMENT_INVALID' }),
    )
  }
})

test('the runtime’s own encoder is driven with the level, and ended', async () => {
  const given: unknown[] = []
  class Fake extends Transform {
    readonly bytesWritten = 0
    readonly parts: Uint8Array[] = []
    override _transform(chunk: Uint8Array, _: unknown, done: () => void): void {
      this.parts.push(new Uint8Array(chunk))
      setImmediate(done)
    }
    override _flush(done: () => void): void {
      this.push(store(concatBytes(this.parts), 3))
      done()
    }
  }
  const zlib = {
    constants: { ZSTD_c_compressionLevel: 100 },
    createZstdCompress: (options: unknown) => {
      given.push(options)
      return new Fake()
    },
  }
  vi.spyOn(process, 'getBuiltinModule').mockReturnValue(zlib as never)
  const content = sampleBytes(2_500_000)
  const output = new Gathered()
  await feed(createCompressor('zstd', output, { level: 7 }), pieces(content, 70_000))
  expect(given).toEqual([{ chunkSize: 1 << 20, params: { 100: 7 } }])
  const result = await outcome((sink) => createDecompressor('zstd', sink), [output.bytes])
  expect(Buffer.compare(result as Uint8Array, content)).toBe(0)
})

const native = 'createZstdCompress' in (process.getBuiltinModule('node:zlib') as object)
;(native ? test : test.skip)(
  `the zstd command reads what the runtime’s encoder writes${native ? '' : ' (skipped: this Node has no zstd)'}`,
  async () => {
    const output = new Gathered()
    await feed(createCompressor('zstd', output), [encodeUtf8('abc'.repeat(10_000))])
    const peer = spawnSync('zstd', ['-dcq'], { input: output.bytes })
    expect(peer.stdout.toString()).toBe('abc'.repeat(10_000))
  },
)
