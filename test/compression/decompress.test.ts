import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { expect, test, vi } from 'vitest'
import type { ByteSource } from '../../src/bytes.ts'
import { concatBytes, encodeUtf8, readAll } from '../../src/bytes.ts'
import { compress, createDecompressor, decompress } from '../../src/compression/index.ts'
import { RATIO_FLOOR } from '../../src/compression/limits.ts'
import { NativeStream } from '../../src/compression/native-stream.ts'
import { setAccelerated } from '../../src/runtime.ts'
import { feed, Gathered, onBothPaths, outcome, pieces, sampleBytes } from './run.ts'

const content = sampleBytes(3_000_000)
const gzipped = new Uint8Array(gzipSync(content))
const stored = concatBytes([Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0, 0x19, 0, 0), encodeUtf8('abc')])

/** A source that counts what is taken from it and notes that it was closed. */
function watched(chunks: Iterable<Uint8Array>): {
  source: AsyncIterable<Uint8Array>
  taken: number
  closed: boolean
} {
  const state = { taken: 0, closed: false, source: undefined as unknown as AsyncIterable<Uint8Array> }
  state.source = (async function* () {
    try {
      for (const chunk of chunks) {
        state.taken++
        yield chunk
      }
    } finally {
      state.closed = true
    }
  })()
  return state
}

function endless(chunk: Uint8Array): Iterable<Uint8Array> {
  return {
    *[Symbol.iterator]() {
      for (;;) yield chunk
    },
  }
}

onBothPaths('decompress', (accelerated) => {
  const start = () => setAccelerated(accelerated)

  test('tells the compression by content, in pieces of any size', async () => {
    start()
    for (const [input, kind, expected] of [
      [gzipped.subarray(0), 'gzip', content],
      [stored, 'zstd', encodeUtf8('abc')],
      [encodeUtf8('plain text'), 'none', encodeUtf8('plain text')],
      [encodeUtf8('x'), 'none', encodeUtf8('x')],
      [new Uint8Array(0), 'none', new Uint8Array(0)],
    ] as const) {
      for (const size of input.length > 1000 ? [100_000] : [1, 3, 1000]) {
        const output = new Gathered()
        const sink = createDecompressor('detect', output)
        expect(sink.compression).toBeUndefined()
        await feed(sink, pieces(input, size))
        expect(sink.compression).toBe(kind)
        expect(Buffer.compare(output.bytes, expected)).toBe(0)
      }
    }
  })

  test('xz and bzip2 are refused by name', async () => {
    start()
    const xz = Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 4, 0xe6, 0xd6, 0xb4, 0x46)
    const bzip2 = Uint8Array.of(0x42, 0x5a, 0x68, 0x39, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, 1)
    for (const [input, name] of [
      [xz, 'xz'],
      [bzip2, 'bzip2'],
    ] as const) {
      await expect(readAll(decompress(input, { what: 'Layer 3' }), 1000)).rejects.toMatchObject({
        code: 'COMPRESSION_UNSUPPORTED',
        message: expect.stringMatching(new RegExp(`^Layer 3 .*${name}`)),
      })
    }
    expect(await outcome((sink) => createDecompressor('none', sink), [xz])).toEqual(xz)
  })

  test('sources of every kind', async () => {
    start()
    const sources: ByteSource[] = [
      gzipped,
      new Blob([gzipped]),
      new Blob([gzipped]).stream(),
      watched(pieces(gzipped, 10_000)).source,
      () => Promise.resolve(gzipped),
    ]
    for (const source of sources) {
      expect(Buffer.compare(await readAll(decompress(source), 1 << 30), content)).toBe(0)
    }
  })

  test('there and back again', async () => {
    start()
    for (const compression of ['none', 'gzip'] as const) {
      const stream = decompress(compress(content, compression), { compression })
      expect(Buffer.compare(await readAll(stream, 1 << 30), content)).toBe(0)
    }
  })

  test('who asks for several chunks at once gets them', async () => {
    start()
    const reader = decompress(gzipped).getReader()
    const reads = await Promise.all(Array.from({ length: 6 }, () => reader.read()))
    const chunks = reads.flatMap(({ value }) => (value === undefined ? [] : [value]))
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      chunks.push(value)
    }
    expect(Buffer.compare(concatBytes(chunks), content)).toBe(0)
  })

  test('nothing is read before someone reads, and little ahead of who does', async () => {
    start()
    const block = sampleBytes(1 << 20)
    const member = new Uint8Array(gzipSync(block, { level: 0 }))
    const source = watched(endless(member))
    const reader = decompress(source.source).getReader()
    await new Promise((resolve) => setTimeout(resolve, 5))
    await reader.read()
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(source.taken).toBeGreaterThan(0)
    expect(source.taken).toBeLessThan(12)
    await reader.cancel()
    await vi.waitFor(() => expect(source.closed).toBe(true))
  })

  test('a stream that is cancelled before it is read cancels its source, and begins nothing', async () => {
    start()
    const cancel = vi.fn()
    await decompress(new ReadableStream<Uint8Array>({ cancel })).cancel('enough')
    expect(cancel).toHaveBeenCalledWith('enough')
    const source = vi.fn()
    await decompress(source).cancel()
    expect(source).not.toHaveBeenCalled()
    const readable = new Readable({ read() {} })
    await decompress(readable).cancel()
    expect(readable.destroyed).toBe(true)
  })

  test('an error of the source comes through, and damage closes the source', async () => {
    start()
    const failing = (async function* () {
      yield gzipped.subarray(0, 1000)
      throw new Error('the disk is gone')
    })()
    await expect(readAll(decompress(failing), 1 << 30)).rejects.toThrow('the disk is gone')
    const source = watched([gzipped, encodeUtf8('garbage'), ...pieces(gzipped, 100)])
    await expect(readAll(decompress(source.source, { what: 'Blob x' }), 1 << 30)).rejects.toMatchObject({
      code: 'COMPRESSION_INVALID',
      message: expect.stringMatching(/^Blob x is damaged/),
    })
    await vi.waitFor(() => expect(source.closed).toBe(true))
  })

  test('an abort ends it with the reason, also while the source gives nothing', async () => {
    start()
    const reason = new Error('enough')
    for (const compression of ['gzip', 'none', 'detect'] as const) {
      const controller = new AbortController()
      const silent = (async function* () {
        yield gzipped.subarray(0, 5000)
        await new Promise(() => {})
      })()
      const reading = readAll(decompress(silent, { compression, signal: controller.signal }), 1 << 30)
      setTimeout(() => controller.abort(reason), 5)
      await expect(reading).rejects.toBe(reason)
    }
    await expect(readAll(decompress(gzipped, { signal: AbortSignal.abort(reason) }), 1 << 30)).rejects.toBe(
      reason,
    )
    const sink = createDecompressor('gzip', new Gathered(), { signal: AbortSignal.abort(reason) })
    expect(() => sink.write(gzipped)).toThrow(reason)
  })

  test('after an error or an abort every call throws it, and nothing more is written', async () => {
    start()
    const output = new Gathered()
    const sink = createDecompressor('gzip', output)
    await expect(feed(sink, [encodeUtf8('no gzip')])).rejects.toMatchObject({ code: 'COMPRESSION_INVALID' })
    await expect((async () => sink.write(gzipped))()).rejects.toMatchObject({ code: 'COMPRESSION_INVALID' })
    await expect((async () => sink.end())()).rejects.toMatchObject({ code: 'COMPRESSION_INVALID' })
    expect(output.chunks).toEqual([])
  })

  test('an error of the output ends it', async () => {
    start()
    for (const fails of [
      () => Promise.reject(new Error('full')),
      () => {
        throw new Error('full')
      },
    ]) {
      const sink = createDecompressor('gzip', { write: fails, end() {} })
      await expect(feed(sink, pieces(gzipped, 100_000))).rejects.toThrow('full')
    }
  })

  test('the size is limited', async () => {
    start()
    for (const compression of ['gzip', 'none'] as const) {
      const input = compression === 'gzip' ? gzipped : content
      const exactly = { maxSize: content.length, compression }
      expect((await readAll(decompress(input, exactly), 1 << 30)).length).toBe(content.length)
      await expect(
        readAll(decompress(input, { maxSize: content.length - 1, compression }), 1 << 30),
      ).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED', expected: content.length - 1 })
    }
  })

  test('the ratio is limited, for large content only', async () => {
    start()
    const small = new Uint8Array(gzipSync(new Uint8Array(RATIO_FLOOR), { level: 1 }))
    const large = new Uint8Array(gzipSync(new Uint8Array(RATIO_FLOOR + (4 << 20)), { level: 1 }))
    const count = {
      size: 0,
      write(chunk: Uint8Array) {
        this.size += chunk.length
      },
      end() {},
    }
    await feed(createDecompressor('gzip', count, { maxRatio: 10 }), [small])
    await feed(createDecompressor('gzip', count), [large])
    expect(count.size).toBe(RATIO_FLOOR * 2 + (4 << 20))
    expect(
      await outcome(
        (sink) => createDecompressor('gzip', { write() {}, end: () => sink.end() }, { maxRatio: 10 }),
        [large],
      ),
    ).toBe('LIMIT_EXCEEDED')
  })

  test('a zstd bomb is refused by default', async () => {
    start()
    const head = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0x50)
    const run = Uint8Array.of(0x02, 0x00, 0x10, 0)
    const bomb = concatBytes([head, ...new Array<Uint8Array>(2000).fill(run)])
    const create = (options = {}) =>
      outcome(() => createDecompressor('zstd', { write() {}, end() {} }, options), [bomb])
    expect(await create()).toBe('LIMIT_EXCEEDED')
    expect(await create({ maxRatio: Number.POSITIVE_INFINITY })).toBe('COMPRESSION_TRUNCATED')
  })
})

test('native handles are released at the end, on errors and when abandoned', async () => {
  const zlib = process.getBuiltinModule('node:zlib')
  const create = vi.spyOn(zlib, 'createGunzip')
  await readAll(decompress(gzipped), 1 << 30)
  await readAll(decompress(concatBytes([gzipped, new Uint8Array(100)])), 1 << 30)
  await expect(readAll(decompress(gzipped.subarray(0, 5000)), 1 << 30)).rejects.toThrow()
  await expect(
    readAll(decompress(concatBytes([gzipped.subarray(0, 50), gzipped])), 1 << 30),
  ).rejects.toThrow()
  await expect(readAll(decompress(gzipped, { maxSize: 5 }), 1 << 30)).rejects.toThrow()
  await expect(readAll(decompress(new Uint8Array(0), { compression: 'gzip' }), 1)).rejects.toThrow()
  const reader = decompress(gzipped).getReader()
  await reader.read()
  await reader.cancel()
  for await (const _ of decompress(concatBytes([gzipped, new Uint8Array(100)]))) break
  const sink = createDecompressor('gzip', new Gathered())
  sink.write(gzipped)
  sink.abort(new Error('enough'))
  await vi.waitFor(() => {
    expect(create.mock.results.map(({ value }) => value.destroyed)).toEqual(new Array(9).fill(true))
  })
  create.mockRestore()
})

test('a stream that ends by itself without calling back is not waited for', async () => {
  const listeners = new Map<string, () => void>()
  const fake = {
    bytesWritten: 2,
    write() {
      setImmediate(() => listeners.get('end')?.())
      return true
    },
    end() {},
    destroy() {},
    pause() {},
    resume() {},
    isPaused: () => false,
    on: (event: string, listener: () => void) => listeners.set(event, listener),
  }
  const rest: number[] = []
  const stream = new NativeStream(fake as never, new Gathered(), {
    translate: (error) => error,
    takeTrailing: (bytes) => void rest.push(...bytes),
  })
  await feed(stream, [Uint8Array.of(1, 2, 3, 4)])
  await vi.waitFor(() => expect(rest).toEqual([3, 4]))
})
