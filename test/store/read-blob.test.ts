import { describe, expect, test } from 'vitest'
import { concatBytes, encodeUtf8 } from '../../src/bytes.ts'
import { type Digest, digestBytes } from '../../src/digest/index.ts'
import { OciError } from '../../src/errors.ts'
import type { Descriptor } from '../../src/spec/index.ts'
import { type BlobStore, MemoryStore, readBlob, readBlobBytes } from '../../src/store/index.ts'

/** A store that gives whatever it is told to. */
function giving(...chunks: (Uint8Array | Error)[]): BlobStore & { closed: boolean; pulled: number } {
  const store = {
    closed: false,
    pulled: 0,
    has: async () => true,
    get: async () =>
      new ReadableStream<Uint8Array>(
        {
          pull(controller) {
            const chunk = chunks[store.pulled++]
            if (chunk === undefined) controller.close()
            else if (chunk instanceof Error) controller.error(chunk)
            else controller.enqueue(chunk)
          },
          cancel() {
            store.closed = true
          },
        },
        { highWaterMark: 0 },
      ),
    put: async () => {
      throw new OciError('STORE_UNSUPPORTED', 'read only')
    },
  }
  return store
}

const content = encodeUtf8('hello, blob')
const descriptor: Descriptor = { mediaType: 'text/plain', digest: digestBytes(content), size: content.length }

async function read(
  store: BlobStore,
  of: Descriptor = descriptor,
): Promise<{ bytes: Uint8Array; error: unknown }> {
  const chunks: Uint8Array[] = []
  try {
    for await (const chunk of await readBlob(store, of)) chunks.push(chunk)
  } catch (error) {
    return { bytes: concatBytes(chunks), error }
  }
  return { bytes: concatBytes(chunks), error: undefined }
}

describe('readBlob', () => {
  test('gives sound content, however it is cut', async () => {
    for (const cut of [0, 1, 5, 11]) {
      const store = giving(
        content.subarray(0, cut),
        new Uint8Array(0),
        content.subarray(cut),
        new Uint8Array(0),
      )
      expect(await read(store)).toEqual({ bytes: content, error: undefined })
    }
    const empty = { ...descriptor, digest: digestBytes(new Uint8Array(0)), size: 0 }
    expect(await read(giving(), empty)).toEqual({ bytes: new Uint8Array(0), error: undefined })
  })

  test('refuses content of the right size and another digest before its last bytes are out', async () => {
    const altered = content.slice()
    altered[0] = 0
    const { bytes, error } = await read(giving(altered.subarray(0, 6), altered.subarray(6)))
    expect(error).toMatchObject({ code: 'DIGEST_MISMATCH', digest: descriptor.digest })
    expect(bytes.length).toBe(6)
  })

  test('refuses content that goes on, before its last bytes are out, and closes it', async () => {
    const store = giving(content, encodeUtf8('!'), encodeUtf8('never read'))
    const { bytes, error } = await read(store)
    expect(error).toMatchObject({ code: 'SIZE_MISMATCH', expected: 11, actual: 12 })
    expect(bytes.length).toBe(0)
    expect(store).toMatchObject({ closed: true, pulled: 2 })
  })

  test('refuses content that ends early', async () => {
    const { error } = await read(giving(content.subarray(0, 10)))
    expect(error).toMatchObject({ code: 'SIZE_MISMATCH', expected: 11, actual: 10 })
  })

  test('passes on what the store says, with the digest', async () => {
    const failure = new OciError('STORE_FAILED', 'no power')
    const { error } = await read(giving(content.subarray(0, 3), failure))
    expect(error).toMatchObject({ code: 'STORE_FAILED', digest: descriptor.digest, cause: failure })
    const foreign = new Error('of the store')
    expect((await read(giving(foreign))).error).toBe(foreign)
  })

  test('rejects at once where the blob is absent or its digest cannot be computed', async () => {
    await expect(readBlob(new MemoryStore(), descriptor)).rejects.toMatchObject({ code: 'BLOB_NOT_FOUND' })
    const store = giving(content)
    const unknown = { ...descriptor, digest: 'sha999:abc' as Digest }
    await expect(readBlob(store, unknown)).rejects.toMatchObject({ code: 'DIGEST_UNSUPPORTED' })
    const invalid = { ...descriptor, digest: 'sha256:../x' as Digest }
    await expect(readBlob(store, invalid)).rejects.toMatchObject({ code: 'DIGEST_INVALID' })
    expect(store.pulled).toBe(0)
  })

  test('takes embedded content instead of the store’s, and verifies it too', async () => {
    const absent = new MemoryStore()
    expect(await read(absent, { ...descriptor, data: btoa('hello, blob') })).toMatchObject({ bytes: content })
    const wrong = await read(absent, { ...descriptor, data: btoa('hello, BLOB') })
    expect(wrong.error).toMatchObject({ code: 'DIGEST_MISMATCH' })
    expect((await read(absent, { ...descriptor, data: btoa('hello') })).error).toMatchObject({
      code: 'SIZE_MISMATCH',
    })
    const { error } = await read(absent, { ...descriptor, data: 'not base64' })
    expect(error).toMatchObject({ code: 'DOCUMENT_INVALID', digest: descriptor.digest })
  })

  test('cancelling it closes what the store gave', async () => {
    const store = giving(content.subarray(0, 3), content.subarray(3))
    const reader = (await readBlob(store, descriptor)).getReader()
    await reader.read()
    await reader.cancel()
    expect(store.closed).toBe(true)
  })

  test('cancelled before it is read it closes what the store gave', async () => {
    const store = giving(content)
    await (await readBlob(store, descriptor)).cancel()
    expect(store.closed).toBe(true)
    expect(store.pulled).toBe(0)
  })

  test('cancelled while the store stalls it closes what the store gave, and waits for nothing', async () => {
    for (const given of [[], [content]]) {
      let closed = false
      const stalled: BlobStore = {
        ...giving(),
        get: async () =>
          new ReadableStream<Uint8Array>({
            start: (controller) => given.forEach((chunk) => void controller.enqueue(chunk)),
            pull: () => new Promise(() => {}),
            cancel() {
              closed = true
            },
          }),
      }
      const reader = (await readBlob(stalled, descriptor)).getReader()
      const read = reader.read()
      await new Promise((resolve) => setTimeout(resolve))
      await reader.cancel()
      expect(closed).toBe(true)
      expect(await read).toEqual({ done: true, value: undefined })
    }
  })
})

describe('readBlobBytes', () => {
  test('gives all bytes, or refuses by size before anything is fetched', async () => {
    expect(await readBlobBytes(giving(content), descriptor)).toEqual(content)
    const store = giving(content)
    const reading = readBlobBytes(store, descriptor, { maxSize: 10 })
    await expect(reading).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED', expected: 10, actual: 11 })
    await expect(readBlobBytes(store, { ...descriptor, size: (4 << 20) + 1 })).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
    })
    expect(store.pulled).toBe(0)
  })
})
