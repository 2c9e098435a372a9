/** What a worker thread reads is held to what this thread reads: results, errors, and when it is over. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type ByteSink, concatBytes } from '../../src/bytes.ts'
import { type DiffID, digestBytes } from '../../src/digest/index.ts'
import { isOciError, OciError } from '../../src/errors.ts'
import { unpackLayers } from '../../src/filesystem/index.ts'
import { Layer, type LayerOptions, readLayerBytes, scanLayer } from '../../src/layer/index.ts'
import { setAccelerated } from '../../src/runtime.ts'
import type { Descriptor } from '../../src/spec/index.ts'
import { DirectoryStore, MemoryStore } from '../../src/store/index.ts'
import { TarParser } from '../../src/tar/index.ts'
import { validateGraph } from '../../src/transfer/index.ts'
import { type BlobWorker, startWorkers } from '../../src/workers/index.ts'
import { scratch, tarOf } from '../filesystem/layers.ts'
import { useThreads } from './thread.ts'

const threads = useThreads()
const workers: BlobWorker[] = []

afterEach(async () => {
  setAccelerated(true)
  await Promise.all(workers.splice(0).map((worker) => worker.close()))
})

function start(): BlobWorker {
  const [worker] = startWorkers(1, { blobs: 1, bytes: 1 })
  if (worker === undefined) throw new Error('no worker')
  workers.push(worker)
  return worker
}

/** Zstd that compresses nothing: blocks as they are, which any decoder has to take. */
function storedZstd(bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0x50)]
  for (let at = 0; at === 0 || at < bytes.length; at += 1 << 17) {
    const block = bytes.subarray(at, at + (1 << 17))
    const header = (block.length << 3) | (at + block.length >= bytes.length ? 1 : 0)
    parts.push(Uint8Array.of(header, header >> 8, header >> 16), block)
  }
  return concatBytes(parts)
}

const packings: readonly [string, string, (tar: Uint8Array) => Uint8Array][] = [
  ['plain', '', (tar) => tar],
  ['gzip', '+gzip', (tar) => new Uint8Array(gzipSync(tar))],
  ['zstd', '+zstd', storedZstd],
]

/** Bytes that gzip cannot make much smaller, so that layers have some chunks. */
function noise(length: number): Uint8Array {
  let state = 1
  return Uint8Array.from({ length }, () => {
    state = (state * 48271) % 0x7fffffff
    return state & 0xff
  })
}

const large = noise(5 << 20)

async function sampleTar(): Promise<Uint8Array> {
  return tarOf([{ path: 'etc/' }, { path: 'etc/name', content: 'box' }, { path: 'large', content: large }])
}

/** A blob in a layout, and where its file is. */
async function inLayout(bytes: Uint8Array, suffix: string): Promise<Held> {
  const store = await DirectoryStore.create(join(scratch(), 'layout'), { sync: false })
  const mediaType = `application/vnd.oci.image.layer.v1.tar${suffix}`
  const descriptor = await store.put(bytes, { mediaType })
  return { store, descriptor, file: join(store.path, 'blobs', descriptor.digest.replace(':', '/')) }
}

interface Held {
  readonly store: DirectoryStore
  readonly descriptor: Descriptor
  readonly file: string
}

/** All that an error says, its cause's included. */
function told(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const { name, message, code, expected, actual, path, digest, offset, issues, cause } = error as OciError
  return { name, message, code, expected, actual, path, digest, offset, issues, cause: told(cause) }
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work
  } catch (error) {
    return error
  }
  throw new Error('it did not fail')
}

/** Takes tar, as slowly as a disk would. */
class SlowSink implements ByteSink {
  readonly parts: Uint8Array[] = []
  ended = 0

  async write(chunk: Uint8Array): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 1))
    this.parts.push(chunk.slice())
  }

  end(): void {
    this.ended++
  }
}

describe.each(packings)('a layer that is %s', (_, suffix, pack) => {
  test('is read, scanned and verified as by this thread', async () => {
    const tar = await sampleTar()
    const { store, descriptor } = await inLayout(pack(tar), suffix)
    const worker = start()
    // A thread takes one blob after the other.
    for (const diffID of [undefined, digestBytes(tar) as DiffID]) {
      const sink = new SlowSink()
      const progress: number[] = []
      const onProgress = (bytes: number): unknown => progress.push(bytes)
      const bytes = await worker.readLayerBytes(store, descriptor, sink, { diffID, onProgress })
      expect(bytes).toEqual(await readLayerBytes(store, descriptor, new SlowSink(), { diffID }))
      expect(Buffer.compare(concatBytes(sink.parts), tar)).toBe(0)
      expect(sink.ended).toBe(1)
      expect(progress.at(-1)).toBe(descriptor.size)
      expect(await worker.scan(store, descriptor, { diffID })).toEqual(
        await scanLayer(store, descriptor, { entry() {} }, { diffID }),
      )
    }
    expect(await worker.verify(store, descriptor)).toBe(true)
    expect(threads.asked).toEqual(['blob-worker-thread.ts'])
  })

  const damage: readonly [string, (held: Held) => void, LayerOptions?][] = [
    ['a bit is another', ({ file }) => change(file, (bytes) => flip(bytes, bytes.length - 2000))],
    ['the first bytes are others', ({ file }) => change(file, (bytes) => flip(bytes, 5))],
    ['it is cut short', ({ file }) => change(file, (bytes) => bytes.subarray(0, bytes.length - 700))],
    ['it is too long', ({ file }) => change(file, (bytes) => concatBytes([bytes, Uint8Array.of(1)]))],
    ['the diffID is another', () => {}, { diffID: digestBytes(Uint8Array.of(1)) as DiffID }],
    ['it is larger than is allowed', () => {}, { limits: { maxSize: 4 << 20 } }],
    ['an entry has too long a path', () => {}, { limits: { maxPathLength: 3 } } as LayerOptions],
  ]
  test.each(damage)('where %s, the error is the same', async (_, harm, options) => {
    const held = await inLayout(pack(await sampleTar()), suffix)
    harm(held)
    const { store, descriptor } = held
    const parser = () => new TarParser({ entry() {} }, options?.limits)
    const here = await failureOf(readLayerBytes(store, descriptor, parser(), options))
    expect(isOciError(here)).toBe(true)
    const worker = start()
    expect(told(await failureOf(worker.readLayerBytes(store, descriptor, parser(), options)))).toEqual(
      told(here),
    )
    expect(told(await failureOf(worker.scan(store, descriptor, options)))).toEqual(
      told(await failureOf(scanLayer(store, descriptor, { entry() {} }, options))),
    )
  })

  test('where the tar is bad in a sound blob, the error is the same, whatever the diffID', async () => {
    const tar = (await sampleTar()).subarray(0, -3000)
    const { store, descriptor } = await inLayout(pack(tar), suffix)
    const parser = () => new TarParser({ entry() {} })
    const worker = start()
    for (const diffID of [undefined, digestBytes(Uint8Array.of(1)) as DiffID]) {
      const here = await failureOf(readLayerBytes(store, descriptor, parser(), { diffID }))
      expect(here).toMatchObject({ code: 'TAR_TRUNCATED' })
      expect(told(await failureOf(worker.readLayerBytes(store, descriptor, parser(), { diffID })))).toEqual(
        told(here),
      )
    }
  })

  test.each([
    ['an error of its own', () => new Error('the disk is full'), 'itself'],
    ['an error of tar', () => new OciError('TAR_INVALID', 'bad entry'), 'the damage'],
  ])('of a sink that fails with %s, in a damaged blob, %# is told', async (_, make, which) => {
    const held = await inLayout(pack(await sampleTar()), suffix)
    change(held.file, (bytes) => flip(bytes, bytes.length - 2000))
    const { store, descriptor } = held
    const failing = (reason: Error): ByteSink => ({
      async write() {
        await new Promise((resolve) => setTimeout(resolve, 50))
        throw reason
      },
      end() {},
    })
    const reason = make()
    const here = await failureOf(readLayerBytes(store, descriptor, failing(reason)))
    const there = await failureOf(start().readLayerBytes(store, descriptor, failing(reason)))
    expect(told(there)).toEqual(told(here))
    if (which === 'itself') expect(there).toBe(reason)
    else expect(there).toMatchObject({ code: 'DIGEST_MISMATCH' })
  })

  test('a sink that fails in a sound blob is what is told, itself', async () => {
    const { store, descriptor } = await inLayout(pack(await sampleTar()), suffix)
    for (const reason of [new OciError('TAR_INVALID', 'bad entry'), new TypeError('no')]) {
      const sink: ByteSink = {
        write() {
          throw reason
        },
        end() {},
      }
      expect(await failureOf(start().readLayerBytes(store, descriptor, sink))).toBe(reason)
    }
  })
})

function change(file: string, how: (bytes: Uint8Array) => Uint8Array): void {
  writeFileSync(file, how(new Uint8Array(readFileSync(file))))
}

function flip(bytes: Uint8Array, at: number): Uint8Array {
  bytes[at]! ^= 0xff
  return bytes
}

describe('when it is over', () => {
  test('an abort rejects with its reason, once the sink has done what it is at, and the thread ends', async () => {
    const { store, descriptor } = await inLayout(await sampleTar(), '')
    const stop = new AbortController()
    let writing = 0
    const sink: ByteSink = {
      async write() {
        writing++
        if (writing === 1) setTimeout(() => stop.abort(new Error('enough')), 1)
        await new Promise((resolve) => setTimeout(resolve, 100))
        writing--
      },
      end() {},
    }
    const work = start().readLayerBytes(store, descriptor, sink, { signal: stop.signal })
    await expect(work).rejects.toThrow('enough')
    expect(writing).toBe(0)
    await vi.waitFor(() => expect(threads.started[0]?.threadId).toBe(-1))
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(writing).toBe(0)
  })

  test('what is aborted before it begins is not begun', async () => {
    const { store, descriptor } = await inLayout(await sampleTar(), '')
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(start().readLayerBytes(store, descriptor, new SlowSink(), { signal })).rejects.toThrow(
      'enough',
    )
    await expect(start().scan(store, descriptor, { signal })).rejects.toThrow('enough')
  })

  test('a thread that is lost costs a check nothing, and a sink is told', async () => {
    const { store, descriptor } = await inLayout(await sampleTar(), '')
    const scanning = start()
    const scan = scanning.scan(store, descriptor, { onProgress: () => void threads.started[0]?.terminate() })
    expect(await scan).toBeUndefined()
    // From here on it says so at once.
    expect(await scanning.verify(store, descriptor)).toBeUndefined()
    const sink = new SlowSink()
    const onProgress = (): void => void threads.started[1]?.terminate()
    const reading = start().readLayerBytes(store, descriptor, sink, { onProgress })
    await expect(reading).rejects.toMatchObject({ code: 'WORKER_LOST' })
    expect(sink.ended).toBe(0)
  })

  test('without its file all is done by this thread', async () => {
    threads.file = new URL('./nothing-is-here.mjs', import.meta.url)
    const { store, descriptor } = await inLayout(await sampleTar(), '')
    const worker = start()
    expect(await worker.scan(store, descriptor)).toBeUndefined()
    const sink = new SlowSink()
    expect(await worker.readLayerBytes(store, descriptor, sink)).toMatchObject({ compression: 'none' })
    expect(sink.ended).toBe(1)
  })

  test('what is no file of a layout is read by this thread', async () => {
    const tar = await sampleTar()
    const store = new MemoryStore()
    const descriptor = await store.put(tar, {})
    const embedded = { ...descriptor, data: Buffer.from(tar).toString('base64') }
    const { store: layout } = await inLayout(tar, '')
    const worker = start()
    expect(await worker.verify(store, descriptor)).toBeUndefined()
    expect(await worker.verify(layout, embedded)).toBeUndefined()
    expect(await worker.verify(layout, descriptor)).toBe(true)
  })
})

describe('who asks for threads', () => {
  test('gets as many as there is work for, none unless asked, none on the portable path', () => {
    const count = (...[option, work]: Parameters<typeof startWorkers>): number => {
      const made = startWorkers(option, work)
      workers.push(...made)
      return made.length
    }
    expect(count(2, { blobs: 5, bytes: 1 })).toBe(2)
    expect(count(3, { blobs: 1, bytes: 1 })).toBe(1)
    expect(count(1, { blobs: -1, bytes: 1 })).toBe(0)
    expect(count(undefined, { blobs: 5, bytes: 1e9 })).toBe(0)
    expect(count(false, { blobs: 5, bytes: 1e9 })).toBe(0)
    expect(count('auto', { blobs: 5, bytes: 49e6 })).toBe(0)
    setAccelerated(false)
    expect(count(2, { blobs: 5, bytes: 1 })).toBe(0)
  })

  test('validating gives the same findings, and leaves no thread behind', async () => {
    const good = await inLayout(new Uint8Array(gzipSync(await sampleTar())), '+gzip')
    const { store } = good
    const bad = await store.put(storedZstd(large), {
      mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd',
    })
    const other = await store.put(large, { mediaType: 'application/octet-stream' })
    const config = await store.put(new TextEncoder().encode('{}'), {
      mediaType: 'application/vnd.oci.empty.v1+json',
    })
    const manifest = await store.put(
      new TextEncoder().encode(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: 'application/vnd.oci.image.manifest.v1+json',
          artifactType: 'application/x-test',
          config,
          layers: [good.descriptor, bad, other],
        }),
      ),
      { mediaType: 'application/vnd.oci.image.manifest.v1+json' },
    )
    const inOrder = (options: Parameters<typeof validateGraph>[2]) =>
      validateGraph(store, [manifest], options).then((validation) => ({
        ...validation,
        findings: [...validation.findings].map((finding) => JSON.stringify(finding)).sort(),
      }))
    const alone = await inOrder({})
    expect(alone.valid).toBe(false)
    expect(threads.started).toHaveLength(0)
    for (const count of [1, 2]) expect(await inOrder({ workers: count })).toEqual(alone)
    expect(threads.started).toHaveLength(3)
    expect(threads.started.map((thread) => thread.threadId)).toEqual([-1, -1, -1])
  })

  test.each([Number.NaN, -1, 1.5, Number.POSITIVE_INFINITY])('%s threads are refused', async (workers) => {
    await expect(validateGraph(new MemoryStore(), [], { workers })).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
    })
    expect(threads.started).toHaveLength(0)
  })

  test('none is started for a store whose blobs are no files', async () => {
    const store = new MemoryStore()
    const descriptor = await store.put(await sampleTar(), {
      mediaType: 'application/vnd.oci.image.layer.v1.tar',
    })
    const { valid } = await validateGraph(store, [descriptor, await store.put(large)], { workers: 2 })
    expect(valid).toBe(true)
    expect(threads.started).toHaveLength(0)
  })

  test('unpacking asks by itself only where layers are zstd', async () => {
    const tar = await sampleTar()
    for (const [suffix, bytes, expected] of [
      ['+gzip', new Uint8Array(gzipSync(tar)), 0],
      ['+zstd', storedZstd(tar), 1],
    ] as const) {
      const { store, descriptor } = await inLayout(bytes, suffix)
      // As large as pays: what is asked of the layer before it is read.
      const layer = new Layer(store, descriptor, { position: 0 })
      Object.defineProperty(layer, 'size', { value: 60e6 })
      const directory = join(scratch(), 'rootfs')
      await unpackLayers([layer], directory, { workers: 'auto' })
      expect(Buffer.compare(readFileSync(join(directory, 'large')), large)).toBe(0)
      expect(threads.started).toHaveLength(expected)
    }
    expect(threads.started[0]?.threadId).toBe(-1)
    await unpackLayers([], join(scratch(), 'rootfs'), { workers: false })
    expect(threads.started).toHaveLength(1)
  })

  test('a sound layer that is unpacked with a thread, and one that is refused, come out as without', async () => {
    const tar = await tarOf([
      { path: 'a', content: 'a' },
      { path: '../out', content: 'b' },
    ])
    const { store, descriptor } = await inLayout(new Uint8Array(gzipSync(tar)), '+gzip')
    const layer = new Layer(store, descriptor, { position: 0 })
    const target = () => join(scratch(), 'rootfs')
    const here = await failureOf(unpackLayers([layer], target()))
    expect(here).toMatchObject({ code: 'PATH_UNSAFE' })
    expect(told(await failureOf(unpackLayers([layer], target(), { workers: 1 })))).toEqual(told(here))
    expect(threads.started.map((thread) => thread.threadId)).toEqual([-1])
  })
})
