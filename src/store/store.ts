/**
 * The two contracts that everything above stands on. Who implements {@link BlobStore} gets reading, verifying
 * and copying; who adds the few methods of {@link ImageStore} gets all the rest.
 *
 * Everything is asked for by descriptor, not by bare digest: a registry keeps manifests and blobs apart and must
 * know which is meant, and the size bounds the read. A store need not verify what it gives: `readBlob` does, the
 * one place that every read of this library goes through.
 */
import type { ByteSource } from '../bytes.ts'
import type { Digest } from '../digest/index.ts'
import type { Descriptor, Index } from '../spec/index.ts'

/** What every operation of a store takes. */
export interface StoreOptions {
  /** Stops the operation; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** A part of a blob. */
export interface ByteRange {
  /** First byte, from 0. */
  readonly offset: number
  /** Bytes; to the blob's end when absent. */
  readonly length?: number | undefined
}

/** How a blob is read. */
export interface GetOptions extends StoreOptions {
  /** Only this part: it cannot be verified by itself. */
  readonly range?: ByteRange | undefined
}

/** Where blobs live. */
export interface BlobStore {
  /** Whether the blob is there (not whether it is sound). */
  has(descriptor: Descriptor, options?: StoreOptions): Promise<boolean>
  /**
   * The blob's bytes, as stored, in chunks that the reader may keep.
   * @throws OciError `BLOB_NOT_FOUND`
   */
  get(descriptor: Descriptor, options?: GetOptions): Promise<ReadableStream<Uint8Array>>
  /**
   * Stores content, all or nothing, and gives its descriptor: that of `expected`, with what it left open
   * (`digest`: sha256; `size`; `mediaType`: `application/octet-stream`) filled in. A blob that is there already
   * is left as it is, and the content need not be read.
   * @throws OciError `SIZE_MISMATCH`, `DIGEST_MISMATCH`, `DIGEST_UNSUPPORTED`, `STORE_UNSUPPORTED`
   */
  put(content: ByteSource, expected?: Partial<Descriptor>, options?: StoreOptions): Promise<Descriptor>
  /** Removes a blob; one that is not there is no error. */
  delete?(descriptor: Descriptor, options?: StoreOptions): Promise<void>
  /** The digest of every blob, in no order. */
  list?(options?: StoreOptions): AsyncIterable<Digest>
}

/** A name and what it stands for. */
export interface Reference {
  /** A tag (`v1`) or a full name (`docker.io/library/alpine:3`). */
  readonly name: string
  readonly descriptor: Descriptor
}

/** A blob store that also keeps references: names for descriptors. */
export interface ImageStore extends BlobStore {
  /**
   * What a name stands for.
   * @throws OciError `REFERENCE_NOT_FOUND` (the message lists what there is), `REFERENCE_AMBIGUOUS`
   */
  resolve(reference: string, options?: StoreOptions): Promise<Descriptor>
  /**
   * Lets a name stand for a descriptor, whatever it stood for before.
   * @throws OciError `REFERENCE_INVALID`, `STORE_UNSUPPORTED`
   */
  tag(descriptor: Descriptor, reference: string, options?: StoreOptions): Promise<void>
  /** Forgets a name; one that is not there is no error. The content stays. */
  untag?(reference: string, options?: StoreOptions): Promise<void>
  /** Every name, in the order of the store. */
  references(options?: StoreOptions): AsyncIterable<Reference>
  /** The manifests that say something about a subject. */
  referrers?(
    subject: Descriptor,
    options?: StoreOptions & { readonly artifactType?: string | undefined },
  ): AsyncIterable<Descriptor>
  /** The document that holds the references, as written, where the store has one: a layout's `index.json`. */
  index?(options?: StoreOptions): Promise<Index>
  /**
   * Adds an entry to that document as it is: without a name, or with the one that its annotations give it. An
   * equal entry is not added twice. So what has no name of its own (an attached SBOM) is not taken for garbage by
   * tools that go by the index alone, and is found by them.
   */
  addEntry?(descriptor: Descriptor, options?: StoreOptions): Promise<void>
  /** Takes an entry out of that document; one that is not there is no error. The content stays. */
  removeEntry?(descriptor: Descriptor, options?: StoreOptions): Promise<void>
}
