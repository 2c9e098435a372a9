/**
 * The one place that every read of this library goes through: what comes out has the size and the digest that
 * its descriptor says, whatever store it came from.
 * @see https://github.com/opencontainers/image-spec/blob/main/descriptor.md#verification
 */
import type { Chunks } from '../bytes.ts'
import { concatBytes, giveBack, observeChunks, streamOf } from '../bytes.ts'
import { Verifier } from '../digest/index.ts'
import { OciError } from '../errors.ts'
import { endOfTurn } from '../runtime.ts'
import type { Descriptor } from '../spec/index.ts'
import { decodeBase64 } from '../spec/index.ts'
import type { BlobStore, StoreOptions } from './store.ts'

/** Longest document that {@link readBlobBytes} reads unless told otherwise, in bytes: 4 MiB. */
const maxDocumentSize = 4 << 20

/** How {@link readBlobBytes} reads. */
export interface ReadBlobBytesOptions extends StoreOptions {
  /** Bytes, 4 MiB by default. */
  readonly maxSize?: number | undefined
}

/**
 * A blob's bytes, verified as they stream: never more of them than the descriptor's size, and the last chunk is
 * handed out only when the content has ended there and has the digest. So who has received `size` bytes, or the
 * stream's end, has the right content; who stops earlier has checked nothing. Content that the descriptor embeds
 * (`data`) is verified and used instead of the store's.
 *
 * @throws OciError at once: `BLOB_NOT_FOUND`, `DIGEST_INVALID`, `DIGEST_UNSUPPORTED`, `DOCUMENT_INVALID` (`data`
 *   is no base64); through the stream: `SIZE_MISMATCH`, `DIGEST_MISMATCH`
 */
export async function readBlob(
  store: BlobStore,
  descriptor: Descriptor,
  options: StoreOptions = {},
): Promise<ReadableStream<Uint8Array>> {
  return streamOf(await readBlobChunks(store, descriptor, options))
}

/** How {@link readBlobChunks} reads. */
export interface ReadBlobChunksOptions extends StoreOptions {
  /** Told of the bytes read so far, with each chunk. */
  readonly onProgress?: ((bytes: number) => void) | undefined
}

/**
 * {@link readBlob} as chunks, which can be given back.
 * @throws OciError as {@link readBlob}
 */
export async function readBlobChunks(
  store: BlobStore,
  descriptor: Descriptor,
  options: ReadBlobChunksOptions = {},
): Promise<Chunks> {
  options.signal?.throwIfAborted()
  const verifier = new Verifier(descriptor)
  let content: Uint8Array | ReadableStream<Uint8Array>
  if (descriptor.data === undefined) {
    try {
      content = await store.get(descriptor, { signal: options.signal })
    } catch (error) {
      throw aboutBlob(error, descriptor)
    }
  } else content = embeddedContent(descriptor)
  const chunks = verified(content, descriptor, verifier, options)
  verifiedContents.set(chunks, { digest: descriptor.digest, size: descriptor.size })
  return chunks
}

/** What chunks were verified as; copied, since a descriptor could be written to meanwhile. */
const verifiedContents: WeakMap<object, Pick<Descriptor, 'digest' | 'size'>> = /* @__PURE__ */ new WeakMap()

/**
 * Whether what gives chunks gives none that is not verified, or fails: as the content of this digest and size. It need
 * not be hashed again by who stores it, as long as it counts the bytes.
 * @internal
 */
export function isVerifiedAs(origin: object | undefined, { digest, size }: Partial<Descriptor>): boolean {
  const known = origin && verifiedContents.get(origin)
  return known !== undefined && known.digest === digest && known.size === size
}

/**
 * A blob as one array, verified: for documents, which are small.
 * @throws OciError as {@link readBlob}, and `LIMIT_EXCEEDED`, before anything is read, when the descriptor's
 *   size is above `maxSize`
 */
export async function readBlobBytes(
  store: BlobStore,
  descriptor: Descriptor,
  options: ReadBlobBytesOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { maxSize = maxDocumentSize, signal } = options
  if (descriptor.size > maxSize) {
    throw new OciError(
      'LIMIT_EXCEEDED',
      `Blob ${descriptor.digest} has ${descriptor.size} bytes, more than the ${maxSize} that are read into memory; raise maxSize if it is trusted`,
      { digest: descriptor.digest, expected: maxSize, actual: descriptor.size },
    )
  }
  const reader = (await readBlob(store, descriptor, { signal })).getReader()
  const chunks: Uint8Array[] = []
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return concatBytes(chunks)
    chunks.push(value)
  }
}

/** Not a generator: the store's stream is cancelled also when nothing was read yet, and while it stalls. */
function verified(
  content: Uint8Array | ReadableStream<Uint8Array>,
  descriptor: Descriptor,
  verifier: Verifier,
  { signal, onProgress }: ReadBlobChunksOptions,
): Chunks {
  const sink = { write: (chunk: Uint8Array) => verifier.update(chunk), end: () => verifier.end() }
  const chunks = observeChunks(content, sink, { signal })
  let received = 0
  let closed = false
  return {
    [Symbol.asyncIterator]() {
      return this
    },
    async next() {
      try {
        // With each chunk, since what stands behind may take its time over every one: inflate in JavaScript does.
        const turn = endOfTurn()
        if (turn !== undefined) await turn
        const step = await chunks.next()
        if (step.done) return step
        received += step.value.length
        onProgress?.(received)
        if (received < descriptor.size) return step
        // Held back until it is known that nothing follows it and that the digest is right.
        const end = await chunks.next()
        return closed ? end : step
      } catch (error) {
        throw aboutBlob(error, descriptor)
      }
    },
    return() {
      closed = true
      return chunks.return()
    },
    [giveBack]: (chunk) => chunks[giveBack]?.(chunk),
  }
}

/** The content that a descriptor carries in itself. */
function embeddedContent(descriptor: Descriptor): Uint8Array<ArrayBuffer> {
  const content = decodeBase64(descriptor.data ?? '')
  if (content !== undefined) return content
  throw new OciError(
    'DOCUMENT_INVALID',
    `The descriptor of blob ${descriptor.digest} embeds "data" that is not base64 (RFC 4648, section 4)`,
    { digest: descriptor.digest },
  )
}

/** Adds to a store's error which blob it was about. */
function aboutBlob(error: unknown, descriptor: Descriptor): unknown {
  if (!(error instanceof OciError) || error.digest !== undefined) return error
  const { code, message, expected, actual, path, offset, issues } = error
  const about = { expected, actual, path, offset, issues, digest: descriptor.digest, cause: error }
  return new OciError(code, `Blob ${descriptor.digest}: ${message}`, about)
}
