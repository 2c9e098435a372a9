/** Content that was verified is hashed once, and nothing else is taken on trust. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type ByteSource, concatBytes, readAll, streamOf } from '../../src/bytes.ts'
import { digestBytes } from '../../src/digest/index.ts'
import { setAccelerated } from '../../src/runtime.ts'
import type { Descriptor } from '../../src/spec/index.ts'
import {
  type BlobStore,
  DirectoryStore,
  MemoryStore,
  readBlob,
  readBlobChunks,
} from '../../src/store/index.ts'
import { copyGraph } from '../../src/transfer/index.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const size = (5 << 20) + 77
const content = Uint8Array.from({ length: size }, (_, at) => (at >>> 12) * 31 + at)
const mediaType = 'application/octet-stream'
const descriptor: Descriptor = { mediaType, digest: digestBytes(content), size }

/** Bytes that `node:crypto` has hashed. */
let hashed = 0

beforeEach(() => {
  setAccelerated(true)
  hashed = 0
  const crypto = process.getBuiltinModule('node:crypto')
  const { createHash } = crypto
  vi.spyOn(crypto, 'createHash').mockImplementation((algorithm, options) => {
    const hash = createHash(algorithm, options)
    const { update } = hash
    hash.update = ((chunk: Uint8Array) => {
      hashed += chunk.length
      return Reflect.apply(update, hash, [chunk])
    }) as typeof update
    return hash
  })
})

afterEach(() => void vi.restoreAllMocks())

async function layout(name = 'layout'): Promise<DirectoryStore> {
  const path = join(temporaryDirectory(), name)
  mkdirSync(path)
  return DirectoryStore.create(path, { sync: false })
}

const stored = async (store: BlobStore): Promise<Uint8Array> => readAll(await store.get(descriptor), size)

describe('what readBlob gives', () => {
  test.each([
    [
      'as a stream',
      (from: BlobStore): ByteSource =>
        () =>
          readBlob(from, descriptor),
    ],
    [
      'as chunks',
      (from: BlobStore): ByteSource =>
        () =>
          readBlobChunks(from, descriptor) as Promise<ByteSource>,
    ],
  ])('is hashed once when it is put elsewhere, %s', async (_, read) => {
    const from = await layout('a')
    await from.put(content, descriptor)
    for (const to of [new MemoryStore(), await layout('b')]) {
      hashed = 0
      expect(await to.put(read(from), descriptor)).toEqual(descriptor)
      expect(hashed).toBe(size)
      expect(Buffer.compare(await stored(to), content)).toBe(0)
    }
  })

  test('is hashed once by a copy', async () => {
    const from = await layout('a')
    await from.put(content, descriptor)
    hashed = 0
    await copyGraph(from, descriptor, await layout('b'))
    expect(hashed).toBe(size)
  })
})

describe('what is not trusted', () => {
  /** A store that gives something else than was asked for. */
  const lying = (given: () => ByteSource): BlobStore => ({
    has: async () => true,
    get: async () =>
      streamOf(
        (async function* () {
          yield* given() as AsyncIterable<Uint8Array>
        })(),
      ),
    put: async () => descriptor,
  })
  const from = async (): Promise<BlobStore> => {
    const store = new MemoryStore()
    await store.put(content, descriptor)
    hashed = 0
    return store
  }
  const other = content.slice()
  other[3]! ^= 1

  test('what a store gives without readBlob', async () => {
    const to = new MemoryStore()
    await to.put(await (await from()).get(descriptor), descriptor)
    expect(hashed).toBe(size)
    const liar = lying(async function* () {
      yield other
    })
    await expect(new MemoryStore().put(await liar.get(descriptor), descriptor)).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    })
  })

  test('what a store gives wrong through readBlob', async () => {
    const liar = lying(async function* () {
      yield other.subarray(0, 1 << 20)
      yield other.subarray(1 << 20)
    })
    const to = await layout()
    await expect(to.put(await readBlob(liar, descriptor), descriptor)).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    })
    expect(await to.has(descriptor)).toBe(false)
    const short = lying(async function* () {
      yield content.subarray(0, 1 << 20)
    })
    await expect(to.put(await readBlob(short, descriptor), descriptor)).rejects.toMatchObject({
      code: 'SIZE_MISMATCH',
    })
    expect(await to.has(descriptor)).toBe(false)
  })

  test.each<[string, (stream: ReadableStream<Uint8Array>) => ByteSource | Promise<ByteSource>]>([
    ['a branch of it', (stream) => stream.tee()[0]],
    ['what a transform makes of it', (stream) => stream.pipeThrough(new TransformStream())],
    [
      'what a generator makes of it',
      (stream) =>
        (async function* () {
          for await (const chunk of stream) yield chunk
        })(),
    ],
    [
      'what a response gives of it',
      (stream) => new Response(stream.pipeThrough(new TransformStream())).body!,
    ],
  ])('%s', async (_, derive) => {
    const stream = await readBlob(await from(), descriptor)
    await new MemoryStore().put(await derive(stream), descriptor)
    expect(hashed).toBe(2 * size)
  })

  test('a stream that was begun', async () => {
    const stream = await readBlob(await from(), descriptor)
    const reader = stream.getReader()
    await reader.read()
    reader.releaseLock()
    await expect(new MemoryStore().put(stream, descriptor)).rejects.toMatchObject({ code: 'SIZE_MISMATCH' })
    const chunks = await readBlobChunks(await from(), descriptor)
    await chunks.next()
    await expect(new MemoryStore().put(chunks, descriptor)).rejects.toMatchObject({ code: 'SIZE_MISMATCH' })
  })

  test.each<[string, Partial<Descriptor>, string | undefined]>([
    ['no descriptor', {}, undefined],
    ['a digest alone', { digest: descriptor.digest }, undefined],
    ['another digest', { digest: digestBytes(other), size }, 'DIGEST_MISMATCH'],
    ['another size', { digest: descriptor.digest, size: size + 1 }, 'SIZE_MISMATCH'],
    ['another algorithm', { digest: digestBytes(content, 'sha512'), size }, undefined],
  ])('for %s', async (_, expected, code) => {
    const stream = await readBlob(await from(), descriptor)
    const putting = new MemoryStore().put(stream, expected)
    if (code !== undefined) await expect(putting).rejects.toMatchObject({ code })
    else expect((await putting).size).toBe(size)
    if (code !== 'SIZE_MISMATCH') expect(hashed).toBe(2 * size)
  })

  test('a descriptor that was changed after it was read by', async () => {
    const own = { ...descriptor }
    const stream = await readBlob(await from(), own)
    own.digest = digestBytes(other)
    await expect(new MemoryStore().put(stream, own)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
  })

  test('what changes between two readings: each is judged by itself', async () => {
    let reading = 0
    const changing = lying(async function* () {
      yield reading++ === 0 ? content : other
    })
    const read = () => readBlob(changing, descriptor)
    expect(await new MemoryStore().put(read, descriptor)).toEqual(descriptor)
    await expect(new MemoryStore().put(read, descriptor)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
  })
})

test('a store that keeps what it is given keeps the right bytes, from layouts too', async () => {
  const from = await layout()
  await from.put(content, descriptor)
  const kept: Uint8Array[] = []
  const keeping: BlobStore = {
    has: async () => false,
    get: async () =>
      streamOf(
        (async function* () {
          yield* kept
        })(),
      ),
    async put(given) {
      const source = typeof given === 'function' ? await given() : given
      for await (const chunk of source as AsyncIterable<Uint8Array>) kept.push(chunk)
      return descriptor
    },
  }
  await copyGraph(from, descriptor, keeping)
  expect(Buffer.compare(concatBytes(kept), content)).toBe(0)
  const again = new MemoryStore()
  await again.put(await keeping.get(descriptor), descriptor)
  expect(kept.every(({ byteLength }) => byteLength > 0)).toBe(true)
})
