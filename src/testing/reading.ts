/** The part of the contract that every store keeps, also one that can only be read. */
import { concatBytes } from '../bytes.ts'
import type { Digest } from '../digest/index.ts'
import type { Descriptor } from '../spec/index.ts'
import type { BlobStore, ByteRange, ImageStore } from '../store/index.ts'
import { readBlobBytes } from '../store/index.ts'
import { assert, assertBytes, assertRejects, assertRejectsWith, assertSame } from './assertion.ts'
import type { StoreContent, TestBlob } from './content.ts'
import { blobOf, testBytes, testImage } from './content.ts'
import type { ContractOptions } from './contract.ts'
import { withStore } from './contract.ts'

/** A store that holds the content, and no more. */
export type OpenStore<Store extends BlobStore> = (content: StoreContent) => Store | Promise<Store>

/** The bytes of a blob as its store gives them: not verified. */
export async function storedBytes(
  store: BlobStore,
  descriptor: Descriptor,
  range?: ByteRange,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of await store.get(descriptor, { range })) chunks.push(chunk)
  return concatBytes(chunks)
}

/** Tests of reading blobs. */
export function describeReading<Store extends BlobStore>(
  open: OpenStore<Store>,
  options: ContractOptions<Store>,
): void {
  const { test, describe } = options
  const large = blobOf(testBytes(3 * 1024 * 1024 + 17))
  const small = blobOf(testBytes(1000, 2))
  const absent = blobOf(testBytes(10, 3))
  const holding =
    (blobs: readonly TestBlob[], run: (store: Store) => Promise<void>): (() => Promise<void>) =>
    () =>
      withStore(() => open({ blobs, references: [] }), options, run)

  describe('reading blobs', () => {
    test(
      'has tells what is there from what is not',
      holding([small, large], async (store) => {
        assertSame(await store.has(small.descriptor), true, 'has of a stored blob')
        assertSame(await store.has(large.descriptor), true, 'has of another')
        assertSame(await store.has(absent.descriptor), false, 'has of an absent blob')
      }),
    )
    const blobs = [0, 1, 65536, 1048576, 1048577].map((size) => blobOf(testBytes(size, size + 7)))
    test(
      'get gives the bytes of blobs of any size, the empty one too',
      holding([large, ...blobs], async (store) => {
        for (const blob of [large, ...blobs]) {
          const what = `a blob of ${blob.bytes.length} bytes`
          assertBytes(await storedBytes(store, blob.descriptor), blob.bytes, what)
          const read = await readBlobBytes(store, blob.descriptor, { maxSize: 1 << 23 })
          assertBytes(read, blob.bytes, `${what}, verified`)
        }
      }),
    )
    test(
      'get of an absent blob rejects at once',
      holding([small], async (store) => {
        const error = await assertRejects(store.get(absent.descriptor), 'BLOB_NOT_FOUND', 'get')
        assertSame(error.digest, absent.descriptor.digest, "the error's digest")
      }),
    )
    test(
      'get gives any part of a blob',
      holding([large], async (store) => {
        const { size } = large.descriptor
        const ranges: [number, number | undefined][] = [
          [0, 1],
          [0, 0],
          [size, 1],
          [size - 1, undefined],
          [1048575, 2],
          [1000, 2 * 1024 * 1024],
          [5, undefined],
          [size - 10, 100],
        ]
        for (const [offset, length] of ranges) {
          const part = await storedBytes(store, large.descriptor, { offset, length })
          const expected = large.bytes.subarray(offset, length === undefined ? size : offset + length)
          assertBytes(part, expected, `the part from ${offset} of ${length ?? 'all'} bytes`)
        }
      }),
    )
    test(
      'chunks are the reader’s own',
      holding([small, large], async (store) => {
        for (const blob of [small, large]) {
          for await (const chunk of await store.get(blob.descriptor)) chunk.fill(0)
          assertBytes(await storedBytes(store, blob.descriptor), blob.bytes, 'the blob read again')
        }
      }),
    )
    test(
      'a read that is left early disturbs no other',
      holding([large], async (store) => {
        const left = await store.get(large.descriptor)
        const other = store.get(large.descriptor)
        const reader = left.getReader()
        assert(!(await reader.read()).done, 'the first read must give a chunk')
        await reader.cancel()
        await (await store.get(large.descriptor)).cancel()
        const chunks: Uint8Array[] = []
        for await (const chunk of await other) chunks.push(chunk)
        assertBytes(concatBytes(chunks), large.bytes, 'the other read')
      }),
    )
    test(
      'many read at once',
      holding([small, large], async (store) => {
        const reads = Array.from({ length: 8 }, async (_, i) => {
          const blob = i % 2 === 0 ? small : large
          assertBytes(await storedBytes(store, blob.descriptor), blob.bytes, `read ${i}`)
        })
        await Promise.all(reads)
      }),
    )
    test(
      'an aborted signal rejects with its reason',
      holding([small], async (store) => {
        const reason = new Error('enough')
        const signal = AbortSignal.abort(reason)
        await assertRejectsWith(store.has(small.descriptor, { signal }), reason, 'has')
        await assertRejectsWith(store.get(small.descriptor, { signal }), reason, 'get')
      }),
    )
    test(
      'a read is aborted half way',
      holding([large], async (store) => {
        const abort = new AbortController()
        const reader = (await store.get(large.descriptor, { signal: abort.signal })).getReader()
        await reader.read()
        const reason = new Error('enough')
        abort.abort(reason)
        const drain = async (): Promise<void> => {
          while (!(await reader.read()).done);
        }
        await assertRejectsWith(drain(), reason, 'reading on')
      }),
    )
    test(
      'what is no digest is refused before it is looked for',
      holding([small], async (store) => {
        for (const text of ['sha256:../../../../etc/passwd', 'sha256:ABC', '../x:abc', 'sha256', '']) {
          const descriptor = { ...small.descriptor, digest: text as Digest }
          await assertRejects(store.has(descriptor), 'DIGEST_INVALID', `has of ${JSON.stringify(text)}`)
          await assertRejects(store.get(descriptor), 'DIGEST_INVALID', `get of ${JSON.stringify(text)}`)
        }
      }),
    )
    if (options.without?.includes('list')) return
    test(
      'list gives each blob once, and can be left early',
      holding([small, large], async (store) => {
        const found: Digest[] = []
        for await (const digest of listOf(store)) found.push(digest)
        const expected = [small.descriptor.digest, large.descriptor.digest]
        assertSame(found.sort(), expected.sort(), 'the list')
        for await (const _ of listOf(store)) break
      }),
    )
  })
}

/** Tests of reading names. */
export function describeReadingNames<Store extends ImageStore>(
  open: OpenStore<Store>,
  options: ContractOptions<Store>,
): void {
  const { test, describe } = options
  const [one, two] = [testImage(1), testImage(2)]
  const references = [
    { name: 'v1', descriptor: one.manifest.descriptor },
    { name: 'v2', descriptor: two.manifest.descriptor },
    { name: 'latest', descriptor: two.manifest.descriptor },
  ]
  const holding =
    (run: (store: Store) => Promise<void>): (() => Promise<void>) =>
    () =>
      withStore(() => open({ blobs: [...one.blobs, ...two.blobs], references }), options, run)

  describe('reading names', () => {
    test(
      'resolve gives what a name stands for',
      holding(async (store) => {
        for (const { name, descriptor } of references) {
          assertStandsFor(await store.resolve(name), descriptor, `what ${name} stands for`)
        }
      }),
    )
    test(
      'resolve takes the digest of what has a name',
      holding(async (store) => {
        const { descriptor } = one.manifest
        assertStandsFor(await store.resolve(descriptor.digest), descriptor, 'what the digest stands for')
      }),
    )
    test(
      'resolve of an absent name rejects, and says what there is',
      holding(async (store) => {
        const error = await assertRejects(store.resolve('absent'), 'REFERENCE_NOT_FOUND', 'resolve')
        assert(error.message.includes('v1'), `The message must list the names there are: ${error.message}`)
      }),
    )
    test(
      'references gives every name once',
      holding(async (store) => {
        const found: { name: string; digest: Digest }[] = []
        for await (const { name, descriptor } of store.references()) {
          found.push({ name, digest: descriptor.digest })
        }
        const expected = references.map(({ name, descriptor }) => ({ name, digest: descriptor.digest }))
        const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1)
        assertSame(found.sort(byName), expected.sort(byName), 'the references')
        for await (const _ of store.references()) break
      }),
    )
    test(
      'an aborted signal rejects with its reason',
      holding(async (store) => {
        const reason = new Error('enough')
        await assertRejectsWith(store.resolve('v1', { signal: AbortSignal.abort(reason) }), reason, 'resolve')
      }),
    )
    if (options.without?.includes('index')) return
    test(
      'index lists what has names',
      holding(async (store) => {
        assert(store.index !== undefined, 'the store must have index()')
        const index = await store.index()
        assertSame(index.schemaVersion, 2, "the index's schemaVersion")
        const digests = new Set(index.manifests.map((entry) => entry.digest))
        assertSame(
          [...digests].sort(),
          [one.manifest.descriptor.digest, two.manifest.descriptor.digest].sort(),
          'the digests in the index',
        )
      }),
    )
  })
}

/** Fails unless two descriptors stand for the same content of the same type. */
export function assertStandsFor(actual: Descriptor, expected: Descriptor, what: string): void {
  const { mediaType, digest, size } = expected
  assertSame(
    { mediaType: actual.mediaType, digest: actual.digest, size: actual.size },
    { mediaType, digest, size },
    what,
  )
}

/** The list of a store that must have one. */
export function listOf(store: BlobStore): AsyncIterable<Digest> {
  assert(store.list !== undefined, 'the store must have list(), or be tested `without` it')
  return store.list()
}
