/** An image store in memory: for tests, for building what is then copied elsewhere, and for runtimes without a disk. */
import type { ByteSource } from '../bytes.ts'
import { CHUNK_SIZE, concatBytes, streamOf } from '../bytes.ts'
import type { Digest } from '../digest/index.ts'
import { parseDigest } from '../digest/index.ts'
import type { Descriptor, Index } from '../spec/index.ts'
import { mediaTypes } from '../spec/index.ts'
import { blobNotFound, checkRange } from './blob-range.ts'
import { describe, discard, ingest } from './ingest.ts'
import {
  addEntry,
  changeEntries,
  forgetReference,
  listReferences,
  removeEntry,
  resolveReference,
  setReference,
} from './references.ts'
import type { Referrer } from './referrers.ts'
import { MAX_REFERRER_SIZE, referrerOf, refersTo } from './referrers.ts'
import type { GetOptions, ImageStore, Reference, StoreOptions } from './store.ts'

const what = 'this memory store'

interface StoredBlob {
  readonly size: number
  /** As they came: joining them would need twice the memory for a moment. */
  readonly chunks: readonly Uint8Array[]
  /** Found out when first asked for; null for content that refers to nothing. */
  referrer?: Referrer | null
}

/** An {@link ImageStore} that keeps everything in memory. */
export class MemoryStore implements ImageStore {
  readonly #blobs = new Map<Digest, StoredBlob>()
  #entries: readonly Descriptor[] = []

  async has(descriptor: Descriptor, options: StoreOptions = {}): Promise<boolean> {
    options.signal?.throwIfAborted()
    return this.#blobs.has(parseDigest(descriptor.digest))
  }

  async get(descriptor: Descriptor, options: GetOptions = {}): Promise<ReadableStream<Uint8Array>> {
    options.signal?.throwIfAborted()
    const blob = this.#blobs.get(parseDigest(descriptor.digest))
    if (blob === undefined) throw blobNotFound(descriptor, what)
    const { start, end } = checkRange(options.range, blob.size)
    return streamOf(slices(blob, start, end, options.signal))
  }

  async put(
    content: ByteSource,
    expected: Partial<Descriptor> = {},
    options: StoreOptions = {},
  ): Promise<Descriptor> {
    options.signal?.throwIfAborted()
    const { digest, size } = expected
    if (digest !== undefined && size !== undefined && this.#blobs.get(parseDigest(digest))?.size === size) {
      discard(content)
      return describe(expected, digest, size)
    }
    const chunks: Uint8Array[] = []
    const sink = {
      write(chunk: Uint8Array): void {
        chunks.push(chunk.slice())
      },
      end(): void {},
    }
    const descriptor = await ingest(content, expected, sink, options)
    if (!this.#blobs.has(descriptor.digest)) {
      this.#blobs.set(descriptor.digest, { size: descriptor.size, chunks })
    }
    return descriptor
  }

  async delete(descriptor: Descriptor, options: StoreOptions = {}): Promise<void> {
    options.signal?.throwIfAborted()
    this.#blobs.delete(parseDigest(descriptor.digest))
  }

  async *list(options: StoreOptions = {}): AsyncGenerator<Digest, void, undefined> {
    for (const digest of [...this.#blobs.keys()]) {
      options.signal?.throwIfAborted()
      yield digest
    }
  }

  async resolve(reference: string, options: StoreOptions = {}): Promise<Descriptor> {
    options.signal?.throwIfAborted()
    return resolveReference(this.#entries, reference, what)
  }

  async tag(descriptor: Descriptor, reference: string, options: StoreOptions = {}): Promise<void> {
    options.signal?.throwIfAborted()
    this.#entries = changeEntries(this.#entries, setReference(this.#entries, descriptor, reference))
  }

  async untag(reference: string, options: StoreOptions = {}): Promise<void> {
    options.signal?.throwIfAborted()
    this.#entries = changeEntries(this.#entries, forgetReference(this.#entries, reference, what))
  }

  async *references(options: StoreOptions = {}): AsyncGenerator<Reference, void, undefined> {
    options.signal?.throwIfAborted()
    yield* listReferences(this.#entries)
  }

  async *referrers(
    subject: Descriptor,
    options: StoreOptions & { readonly artifactType?: string | undefined } = {},
  ): AsyncGenerator<Descriptor, void, undefined> {
    parseDigest(subject.digest)
    for (const [digest, blob] of [...this.#blobs]) {
      options.signal?.throwIfAborted()
      if (blob.referrer === undefined) blob.referrer = referrerIn(digest, blob)
      if (blob.referrer !== null && refersTo(blob.referrer, subject, options.artifactType)) {
        yield blob.referrer.descriptor
      }
    }
  }

  async index(options: StoreOptions = {}): Promise<Index> {
    options.signal?.throwIfAborted()
    return { schemaVersion: 2, mediaType: mediaTypes.index, manifests: this.#entries }
  }

  async addEntry(descriptor: Descriptor, options: StoreOptions = {}): Promise<void> {
    options.signal?.throwIfAborted()
    this.#entries = changeEntries(this.#entries, addEntry(this.#entries, descriptor))
  }

  async removeEntry(descriptor: Descriptor, options: StoreOptions = {}): Promise<void> {
    options.signal?.throwIfAborted()
    this.#entries = changeEntries(this.#entries, removeEntry(this.#entries, descriptor))
  }
}

function referrerIn(digest: Digest, blob: StoredBlob): Referrer | null {
  if (blob.size > MAX_REFERRER_SIZE) return null
  return referrerOf(concatBytes(blob.chunks), digest) ?? null
}

/** Copies of the parts of a blob within a range: what a reader does to its chunk must not reach the store. */
async function* slices(
  blob: StoredBlob,
  start: number,
  end: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  let offset = 0
  for (const chunk of blob.chunks) {
    const last = Math.min(chunk.length, end - offset)
    for (let from = Math.max(0, start - offset); from < last; from += CHUNK_SIZE) {
      signal?.throwIfAborted()
      yield chunk.slice(from, Math.min(from + CHUNK_SIZE, last))
    }
    offset += chunk.length
    if (offset >= end) return
  }
}
