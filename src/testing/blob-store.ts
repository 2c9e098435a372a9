/** The contract of a {@link BlobStore}, as tests. */
import { streamOf } from '../bytes.ts'
import { createHasher, type Digest, digestBytes } from '../digest/index.ts'
import type { Descriptor } from '../spec/index.ts'
import { mediaTypes } from '../spec/index.ts'
import type { BlobStore } from '../store/index.ts'
import { assert, assertBytes, assertRejects, assertRejectsWith, assertSame } from './assertion.ts'
import { blobOf, type StoreContent, testBytes } from './content.ts'
import type { ContractOptions } from './contract.ts'
import { withStore } from './contract.ts'
import { describeReading, listOf, storedBytes } from './reading.ts'

/**
 * Tests a blob store by its contract: reading, writing, atomicity, cancellation, concurrency.
 *
 * @param name of the store, for the report
 * @param create gives an empty store of its own to each test
 * @example describeBlobStore('MyStore', () => new MyStore(), { describe, test })
 */
export function describeBlobStore<Store extends BlobStore>(
  name: string,
  create: () => Store | Promise<Store>,
  options: ContractOptions<Store>,
): void {
  options.describe(`${name} as a BlobStore`, () => {
    describeReading(async (content) => {
      const store = await create()
      await fill(store, content)
      return store
    }, options)
    describeWriting(create, options)
  })
}

/** Puts content into a store. */
export async function fill(store: BlobStore, content: StoreContent): Promise<void> {
  for (const { bytes, descriptor } of content.blobs) await store.put(bytes, descriptor)
}

function describeWriting<Store extends BlobStore>(
  create: () => Store | Promise<Store>,
  options: ContractOptions<Store>,
): void {
  const { test, describe, algorithms = ['sha256', 'sha512', 'blake3'], without = [] } = options
  const bytes = testBytes(2 * 1024 * 1024 + 5)
  const { descriptor } = blobOf(bytes)
  const given =
    (run: (store: Store) => Promise<void>): (() => Promise<void>) =>
    () =>
      withStore(create, options, run)
  const assertNothingKept = async (store: Store, ...descriptors: Descriptor[]): Promise<void> => {
    for (const kept of descriptors) assertSame(await store.has(kept), false, `has of ${kept.digest}`)
    if (without.includes('list')) return
    const found: Digest[] = []
    for await (const digest of listOf(store)) found.push(digest)
    assertSame(found, [], 'the list of what is kept')
  }

  describe('writing blobs', () => {
    test(
      'put takes bytes, a Blob, a stream, an async iterable, and functions that give one',
      given(async (store) => {
        const chunks = async function* (content: Uint8Array): AsyncGenerator<Uint8Array> {
          for (let i = 0; i < content.length; i += 70_001) yield content.slice(i, i + 70_001)
        }
        const sources = [
          (content: Uint8Array<ArrayBuffer>) => content,
          (content: Uint8Array<ArrayBuffer>) => new Blob([content]),
          (content: Uint8Array<ArrayBuffer>) => streamOf(chunks(content)),
          (content: Uint8Array<ArrayBuffer>) => chunks(content),
          (content: Uint8Array<ArrayBuffer>) => () => content,
          (content: Uint8Array<ArrayBuffer>) => async () => () => chunks(content),
        ]
        for (const [seed, source] of sources.entries()) {
          const blob = blobOf(testBytes(300_000 + seed, seed))
          const stored = await store.put(source(blob.bytes), blob.descriptor)
          assertSame(stored, blob.descriptor, `the descriptor from source ${seed}`)
          assertBytes(await storedBytes(store, stored), blob.bytes, `the content from source ${seed}`)
        }
      }),
    )
    test(
      'put fills in what was left open',
      given(async (store) => {
        const expected = { ...descriptor, mediaType: 'application/octet-stream' }
        assertSame(await store.put(bytes), expected, 'the descriptor')
        const again = blobOf(testBytes(100, 4)).descriptor
        const annotations = { title: 'x' }
        const partial = { mediaType: mediaTypes.layerGzip, size: again.size, annotations }
        const stored = await store.put(testBytes(100, 4), partial)
        assertSame(stored, { ...partial, digest: again.digest }, 'the descriptor with annotations')
      }),
    )
    test(
      'put takes the empty blob',
      given(async (store) => {
        const empty = blobOf(new Uint8Array(0))
        assertSame(await store.put(new Uint8Array(0), empty.descriptor), empty.descriptor, 'the descriptor')
        assertSame(await store.has(empty.descriptor), true, 'has of the empty blob')
        assertBytes(await storedBytes(store, empty.descriptor), empty.bytes, 'the empty blob')
      }),
    )
    for (const algorithm of algorithms) {
      test(
        `put takes ${algorithm} digests`,
        given(async (store) => {
          const blob = blobOf(testBytes(5000, 5), mediaTypes.layer, algorithm)
          const stored = await store.put(blob.bytes, { digest: blob.descriptor.digest })
          assertSame(stored.digest, blob.descriptor.digest, 'the digest')
          assertBytes(await storedBytes(store, blob.descriptor), blob.bytes, 'the content')
          const wrong = blobOf(testBytes(5001, 5), mediaTypes.layer, algorithm).descriptor.digest
          await assertRejects(store.put(blob.bytes, { digest: wrong }), 'DIGEST_MISMATCH', 'put')
        }),
      )
    }
    test(
      'put refuses an algorithm that cannot be computed',
      given(async (store) => {
        const digest = 'sha999:abc' as Digest
        await assertRejects(store.put(bytes, { digest }), 'DIGEST_UNSUPPORTED', 'put')
        await assertNothingKept(store)
      }),
    )
    test(
      'put refuses what is no digest',
      given(async (store) => {
        const digest = 'sha256:../../x' as Digest
        await assertRejects(store.put(bytes, { digest, size: bytes.length }), 'DIGEST_INVALID', 'put')
        await assertNothingKept(store)
      }),
    )
    test(
      'put of altered content keeps nothing',
      given(async (store) => {
        const altered = bytes.slice()
        altered[1_500_000] = (altered[1_500_000] as number) ^ 1
        const error = await assertRejects(store.put(altered, descriptor), 'DIGEST_MISMATCH', 'put')
        assertSame(error.digest, descriptor.digest, "the error's digest")
        await assertNothingKept(store, descriptor, { ...descriptor, digest: digestBytes(altered) })
      }),
    )
    test(
      'put of content that is cut short or too long keeps nothing',
      given(async (store) => {
        const short = bytes.subarray(0, 1_000_000)
        await assertRejects(store.put(short, descriptor), 'SIZE_MISMATCH', 'put of truncated content')
        const long = new Uint8Array(bytes.length + 1)
        long.set(bytes)
        await assertRejects(store.put(long, descriptor), 'SIZE_MISMATCH', 'put of oversized content')
        await assertRejects(store.put(short, { size: 999_999 }), 'SIZE_MISMATCH', 'put by size alone')
        await assertNothingKept(store, descriptor, blobOf(short.slice()).descriptor, blobOf(long).descriptor)
      }),
    )
    test(
      'put stops reading where the announced size is passed, and closes the source',
      given(async (store) => {
        let closed = false
        let given = 0
        const endless = async function* (): AsyncGenerator<Uint8Array> {
          try {
            for (;;) {
              given++
              yield testBytes(1000)
            }
          } finally {
            closed = true
          }
        }
        await assertRejects(store.put(endless(), { ...descriptor, size: 5000 }), 'SIZE_MISMATCH', 'put')
        assert(closed, 'the source must be closed')
        assert(given < 1000, `put read ${given} chunks of 1000 bytes of a blob of 5000`)
        await assertNothingKept(store, descriptor)
      }),
    )
    test(
      'put of a source that fails half way rejects with its error and keeps nothing',
      given(async (store) => {
        const failure = new Error('the source broke')
        const failing = async function* (): AsyncGenerator<Uint8Array> {
          yield bytes.slice(0, 1_200_000)
          throw failure
        }
        await assertRejectsWith(store.put(failing(), descriptor), failure, 'put of an iterable')
        await assertRejectsWith(store.put(streamOf(failing()), descriptor), failure, 'put of a stream')
        await assertRejectsWith(store.put(failing()), failure, 'put without a descriptor')
        await assertNothingKept(store, descriptor, blobOf(bytes.slice(0, 1_200_000)).descriptor)
      }),
    )
    test(
      'put that is aborted half way rejects with the reason, closes the source and keeps nothing',
      given(async (store) => {
        const abort = new AbortController()
        const reason = new Error('enough')
        let closed = false
        const content = async function* (): AsyncGenerator<Uint8Array> {
          try {
            yield bytes.slice(0, 1_200_000)
            abort.abort(reason)
            yield bytes.slice(1_200_000)
          } finally {
            closed = true
          }
        }
        await assertRejectsWith(store.put(content(), descriptor, { signal: abort.signal }), reason, 'put')
        assert(closed, 'the source must be closed')
        const signal = AbortSignal.abort(reason)
        await assertRejectsWith(store.put(bytes, descriptor, { signal }), reason, 'put')
        await assertNothingKept(store, descriptor)
      }),
    )
    test(
      'put that is aborted while its source hangs rejects with the reason',
      given(async (store) => {
        const abort = new AbortController()
        const reason = new Error('enough')
        let cancelled = false
        const hanging = new ReadableStream<Uint8Array>({
          start(controller) {
            controller.enqueue(bytes.slice(0, 1000))
          },
          cancel() {
            cancelled = true
          },
        })
        const put = store.put(hanging, descriptor, { signal: abort.signal })
        setTimeout(() => abort.abort(reason), 20)
        await assertRejectsWith(put, reason, 'put')
        assert(cancelled, 'the source must be cancelled')
        await assertNothingKept(store, descriptor)
      }),
    )
    test(
      'put keeps its own copy: what becomes of the source’s arrays does not matter',
      given(async (store) => {
        const source = bytes.slice()
        await store.put(source, descriptor)
        source.fill(0)
        assertBytes(await storedBytes(store, descriptor), bytes, 'content given as an array')
        const blob = blobOf(testBytes(3_000_000, 6))
        const reused = new Uint8Array(400_000)
        const reusing = async function* (): AsyncGenerator<Uint8Array> {
          for (let i = 0; i < blob.bytes.length; i += reused.length) {
            const part = blob.bytes.subarray(i, i + reused.length)
            reused.set(part)
            yield reused.subarray(0, part.length)
            reused.fill(0)
          }
        }
        await store.put(reusing(), blob.descriptor)
        assertBytes(await storedBytes(store, blob.descriptor), blob.bytes, 'content given in one buffer')
      }),
    )
    test(
      'put of what is there leaves it, and lets go of the source',
      given(async (store) => {
        await store.put(bytes, descriptor)
        assertSame(await store.put(bytes, descriptor), descriptor, 'the descriptor of a second put')
        let ended = false
        const unread = new ReadableStream<Uint8Array>(
          {
            pull(controller) {
              controller.enqueue(bytes)
              controller.close()
              ended = true
            },
            cancel() {
              ended = true
            },
          },
          { highWaterMark: 0 },
        )
        await store.put(unread, descriptor)
        assert(ended, 'the source must be read to its end or cancelled')
        assertBytes(await storedBytes(store, descriptor), bytes, 'the content')
      }),
    )
    test(
      'many put the same blob, and others, at once',
      given(async (store) => {
        const others = Array.from({ length: 8 }, (_, i) => blobOf(testBytes(200_000, 100 + i)))
        const chunks = async function* (content: Uint8Array): AsyncGenerator<Uint8Array> {
          for (let i = 0; i < content.length; i += 50_000) yield content.slice(i, i + 50_000)
        }
        await Promise.all([
          ...Array.from({ length: 8 }, () => store.put(chunks(bytes), descriptor)),
          ...others.map((blob) => store.put(chunks(blob.bytes), blob.descriptor)),
        ])
        assertBytes(await storedBytes(store, descriptor), bytes, 'the blob that many put')
        for (const blob of others) {
          assertBytes(await storedBytes(store, blob.descriptor), blob.bytes, 'one of the others')
        }
        if (without.includes('list')) return
        let count = 0
        for await (const _ of listOf(store)) count++
        assertSame(count, others.length + 1, 'the number of blobs')
      }),
    )
    test(
      'a blob is not there before all of it is',
      given(async (store) => {
        const hasher = createHasher()
        hasher.update(bytes)
        const seen: boolean[] = []
        const watched = async function* (): AsyncGenerator<Uint8Array> {
          for (let i = 0; i < bytes.length; i += 500_000) {
            yield bytes.slice(i, i + 500_000)
            seen.push(await store.has(descriptor))
          }
        }
        await store.put(watched(), { digest: hasher.digest() })
        assert(!seen.includes(true), 'has must be false while the blob is being put')
        assertSame(await store.has(descriptor), true, 'has afterwards')
      }),
    )
    if (without.includes('delete')) return
    test(
      'delete removes a blob, once or twice, and it can be put again',
      given(async (store) => {
        assert(store.delete !== undefined, 'the store must have delete(), or be tested `without` it')
        const other = blobOf(testBytes(100, 8))
        await store.put(bytes, descriptor)
        await store.put(other.bytes, other.descriptor)
        await store.delete(descriptor)
        assertSame(await store.has(descriptor), false, 'has of the deleted blob')
        await assertRejects(store.get(descriptor), 'BLOB_NOT_FOUND', 'get of the deleted blob')
        assertSame(await store.has(other.descriptor), true, 'has of the other blob')
        await store.delete(descriptor)
        await store.put(bytes, descriptor)
        assertBytes(await storedBytes(store, descriptor), bytes, 'the blob put again')
        const digest = 'sha256:../x' as Digest
        await assertRejects(store.delete({ ...descriptor, digest }), 'DIGEST_INVALID', 'delete')
      }),
    )
  })
}
