/** Decompression of whatever comes: as a sink between synchronous stages, and as a stream at the edges. */
import type { ByteSink, ByteSource } from '../bytes.ts'
import { concatBytes } from '../bytes.ts'
import { OciError } from '../errors.ts'
import type { Coder } from './coder.ts'
import type { Compression } from './detect.ts'
import { DETECTION_SIZE, detectCompression, foreignCompression } from './detect.ts'
import { createGunzip } from './gunzip.ts'
import type { DecompressionLimits } from './limits.ts'
import { LimitedOutput } from './limits.ts'
import { streamThrough } from './stream-through.ts'
import { createUnzstd } from './unzstd.ts'

/** How content is decompressed. */
export interface DecompressOptions extends DecompressionLimits {
  /** Bytes of zstd's window at most, which is memory that a frame's header asks for; 2^27 (128 MiB) by default. */
  readonly zstdWindow?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** What is being read, for messages, for example `Blob sha256:…`; `Compressed content` by default. */
  readonly what?: string | undefined
}

/** A sink that decompresses into another sink. */
export interface Decompressor extends ByteSink {
  /** What the content is compressed with: known from the start, or, with `detect`, once it was looked at. */
  readonly compression?: Compression | undefined
  /** Gives up and frees what is held outside of JavaScript's heap; later calls throw the reason. */
  abort(reason: unknown): void
}

/**
 * Makes a sink that takes compressed content and writes what was compressed, in chunks up to 1 MiB, to another. It may
 * work ahead of what it has written; only when `end` is done was everything checked and written. Who stops before that
 * calls `abort`.
 *
 * @param compression `detect` tells it by the first bytes ({@link detectCompression}); xz and bzip2 are refused by name.
 * @throws OciError (from `write` and `end`) `COMPRESSION_INVALID`, `COMPRESSION_TRUNCATED`, `COMPRESSION_UNSUPPORTED`,
 *   `LIMIT_EXCEEDED`; the signal's reason when that aborts.
 */
export function createDecompressor(
  compression: Compression | 'detect',
  output: ByteSink,
  options: DecompressOptions = {},
): Decompressor {
  return new AnyDecompressor(compression, output, options)
}

/**
 * Decompressed content as a stream of chunks up to 1 MiB. Cancelling it frees everything and cancels the source.
 * @throws OciError (through the stream) `COMPRESSION_INVALID`, `COMPRESSION_TRUNCATED`, `COMPRESSION_UNSUPPORTED`,
 *   `LIMIT_EXCEEDED`; the signal's reason when that aborts
 */
export function decompress(
  source: ByteSource,
  options: DecompressOptions & { readonly compression?: Compression | 'detect' | undefined } = {},
): ReadableStream<Uint8Array> {
  return streamThrough(
    source,
    (output) => createDecompressor(options.compression ?? 'detect', output, options),
    options.signal,
  )
}

class AnyDecompressor implements Decompressor {
  compression: Compression | undefined
  readonly #output: LimitedOutput
  readonly #options: DecompressOptions
  readonly #what: string
  #decoder: Coder | undefined
  #head: Uint8Array = new Uint8Array(0)
  #failure: { readonly reason: unknown } | undefined
  readonly #onAbort = (): void => this.abort(this.#options.signal?.reason)

  constructor(compression: Compression | 'detect', output: ByteSink, options: DecompressOptions) {
    this.#what = options.what ?? 'Compressed content'
    this.#options = options
    this.#output = new LimitedOutput(output, options, this.#what)
    if (compression !== 'detect') this.#begin(compression)
    options.signal?.addEventListener('abort', this.#onAbort, { once: true })
    if (options.signal?.aborted) this.#onAbort()
  }

  write(chunk: Uint8Array): void | Promise<void> {
    this.#check()
    this.#output.taken += chunk.length
    if (this.#decoder !== undefined) return this.#decoder.write(chunk)
    this.#head = concatBytes([this.#head, chunk])
    if (this.#head.length >= DETECTION_SIZE) return this.#detect()
  }

  end(): void | Promise<void> {
    this.#check()
    const wait = this.#decoder === undefined ? this.#detect() : undefined
    if (wait !== undefined) return wait.then(() => this.end())
    const ended = this.#decoder?.end()
    if (ended === undefined) this.#release()
    return ended?.then(() => this.#release())
  }

  abort(reason: unknown): void {
    this.#failure ??= { reason }
    this.#release()
    this.#decoder?.abort(reason)
  }

  #detect(): void | Promise<void> {
    const head = this.#head
    this.#head = new Uint8Array(0)
    const foreign = foreignCompression(head)
    if (foreign !== undefined) {
      throw new OciError(
        'COMPRESSION_UNSUPPORTED',
        `${this.#what} is compressed with ${foreign}, which no specification of layers knows: decompress it first`,
        { actual: foreign },
      )
    }
    return this.#begin(detectCompression(head)).write(head)
  }

  #begin(compression: Compression): Coder {
    this.compression = compression
    this.#decoder =
      compression === 'gzip'
        ? createGunzip(this.#output, this.#what)
        : compression === 'zstd'
          ? createUnzstd(this.#output, this.#what, this.#options.zstdWindow)
          : new Unchanged(this.#output)
    return this.#decoder
  }

  #release(): void {
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.reason
  }
}

/** What is not compressed passes as it is. */
class Unchanged implements Coder {
  readonly #output: ByteSink

  constructor(output: ByteSink) {
    this.#output = output
  }

  write(chunk: Uint8Array): void | Promise<void> {
    return this.#output.write(chunk)
  }

  end(): void | Promise<void> {
    return this.#output.end()
  }

  abort(): void {}
}
