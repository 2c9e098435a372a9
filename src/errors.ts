/**
 * The one error class of the library, and its codes.
 *
 * A program decides by `code`; a person reads `message`, which says what was wrong, where, and what to do.
 * Cancellation is not among them: an aborted `signal` throws the signal's own reason.
 */

/** What went wrong, as a stable string: see each member. */
export type OciErrorCode =
  /** An argument of a call makes no sense, whatever the content is. */
  | 'ARGUMENT_INVALID'
  /** The image archive (OCI archive or `docker save`) is broken or is neither kind. */
  | 'ARCHIVE_INVALID'
  /** The blob that a descriptor points to is not in the store. */
  | 'BLOB_NOT_FOUND'
  /** Compressed data is damaged: bad checksum, bad code, trailing garbage. */
  | 'COMPRESSION_INVALID'
  /** Compressed data ends before its end. */
  | 'COMPRESSION_TRUNCATED'
  /** The compression is not known, or this runtime has no codec for it. */
  | 'COMPRESSION_UNSUPPORTED'
  /** A decompressed layer does not have the diffID that the config claims. */
  | 'DIFF_ID_MISMATCH'
  /** A digest is not of the form `algorithm:encoded`, or not of its algorithm's length. */
  | 'DIGEST_INVALID'
  /** Content does not have the digest that was asked for. */
  | 'DIGEST_MISMATCH'
  /** The digest's algorithm is grammatical, but cannot be computed here. */
  | 'DIGEST_UNSUPPORTED'
  /** A JSON document breaks a MUST of its specification; `issues` lists each place. */
  | 'DOCUMENT_INVALID'
  /** The operating system refused an operation on a file; `path` names it, `cause` holds the system's error. */
  | 'FILESYSTEM_FAILED'
  /** A document is not I-JSON: not UTF-8, not JSON, duplicate names, nested too deep. */
  | 'JSON_INVALID'
  /** The directory is no image layout, or one of a version that is not known. */
  | 'LAYOUT_INVALID'
  /** A limit on sizes, counts or ratios was passed; `path` or `digest` say where, `expected` the limit. */
  | 'LIMIT_EXCEEDED'
  /** A lock on a layout was held by another process for too long. */
  | 'LOCK_TIMEOUT'
  /** The media type is not one that this operation can work on. */
  | 'MEDIA_TYPE_UNSUPPORTED'
  /** Nothing is at the path: a directory, an archive, or a path in an image. */
  | 'PATH_NOT_FOUND'
  /** A path in a layer or a layout would lead outside of its root, or is otherwise not safe to follow. */
  | 'PATH_UNSAFE'
  /** A platform specifier is not of the form `os[/architecture[/variant]]`. */
  | 'PLATFORM_INVALID'
  /** An index has no image for the platform asked for. */
  | 'PLATFORM_NOT_FOUND'
  /** More than one thing answers to the name, or no name was given where there are several. */
  | 'REFERENCE_AMBIGUOUS'
  /** A reference or tag breaks its grammar. */
  | 'REFERENCE_INVALID'
  /** The store has no such reference. */
  | 'REFERENCE_NOT_FOUND'
  /** This JavaScript runtime lacks what the call needs: a file system, worker threads, an encoder. */
  | 'RUNTIME_UNSUPPORTED'
  /** Content is longer or shorter than its descriptor says. */
  | 'SIZE_MISMATCH'
  /** The store was closed (disposed) before the call. */
  | 'STORE_CLOSED'
  /** The system refused to read or write what a store is kept in; `cause` says why: permissions, a full disk. */
  | 'STORE_FAILED'
  /** The store can be read only, or lacks an optional operation. */
  | 'STORE_UNSUPPORTED'
  /** Tar bytes are damaged; `path` names the entry, `offset` the byte where its header starts. */
  | 'TAR_INVALID'
  /** Tar bytes end before their end. */
  | 'TAR_TRUNCATED'
  /** A tar entry of a kind that layers must not hold: sparse, multi-volume, unknown. */
  | 'TAR_UNSUPPORTED'
  /** A worker thread ended (killed, out of memory) while it read a layer; `cause` says why, where it is known. */
  | 'WORKER_LOST'

/** One thing wrong with a document, at one place in it. */
export interface Issue {
  /** Where: property names and array positions from the document's root. */
  readonly path: readonly (string | number)[]
  /** One sentence. */
  readonly message: string
}

/** What an {@link OciError} carries beside code and message; each is there only where it says something. */
export interface OciErrorDetails {
  readonly cause?: unknown
  /** What should have been: a digest, a size in bytes, a limit. */
  readonly expected?: string | number | undefined
  /** What was there instead. */
  readonly actual?: string | number | undefined
  /** A path of the file system or of an entry in a layer. */
  readonly path?: string | undefined
  /** The blob that is spoken of. */
  readonly digest?: string | undefined
  /** The byte offset at which it was noticed. */
  readonly offset?: number | undefined
  /** Each thing wrong with a document; of those in one list, the first hundred. */
  readonly issues?: readonly Issue[] | undefined
}

/**
 * The error that every function of this library throws or rejects with.
 *
 * @example
 * try { await layout.image('v1') } catch (error) {
 *   if (error instanceof OciError && error.code === 'REFERENCE_NOT_FOUND') …
 * }
 */
export class OciError extends Error {
  override readonly name: string = 'OciError'
  readonly code: OciErrorCode
  declare readonly expected?: string | number | undefined
  declare readonly actual?: string | number | undefined
  declare readonly path?: string | undefined
  declare readonly digest?: string | undefined
  declare readonly offset?: number | undefined
  declare readonly issues?: readonly Issue[] | undefined

  constructor(code: OciErrorCode, message: string, details: OciErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    const { cause: _, ...rest } = details
    for (const [key, value] of Object.entries(rest)) {
      if (value !== undefined) Object.defineProperty(this, key, { value, enumerable: true })
    }
  }
}

/** Whether a value is an {@link OciError}, of the code when one is given. */
export function isOciError(value: unknown, code?: OciErrorCode): value is OciError {
  return value instanceof OciError && (code === undefined || value.code === code)
}
