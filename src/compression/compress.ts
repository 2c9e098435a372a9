/** Compression: as a sink between synchronous stages, and as a stream at the edges. */
import type { ByteSink, ByteSource } from '../bytes.ts'
import type { Compression } from './detect.ts'
import type { GzipOptions } from './gzip.ts'
import { createGzip } from './gzip.ts'
import { streamThrough } from './stream-through.ts'
import type { ZstdEncoder } from './zstd.ts'
import { createZstd } from './zstd.ts'

/** How content is compressed; what a compression has no use for is passed over. */
export interface CompressOptions extends GzipOptions {
  /** Gzip: 0 to 9, 4 by default (6 where it is reproducible). Zstd: 1 to 19, 3 by default. */
  readonly level?: number | undefined
  /** An encoder for zstd, for runtimes that have none. */
  readonly zstd?: ZstdEncoder | undefined
}

/** A sink that compresses into another sink. */
export interface Compressor extends ByteSink {
  readonly compression: Compression
  /** Gives up and frees what is held outside of JavaScript's heap; later calls throw the reason. */
  abort(reason: unknown): void
}

/**
 * Makes a sink that compresses what it takes and writes it to another. It may work ahead of what it has written; only
 * when `end` is done is everything written. Who stops before that calls `abort`.
 *
 * @throws OciError `ARGUMENT_INVALID` for options that make no sense, `COMPRESSION_UNSUPPORTED` where this runtime has no
 *   zstd encoder and none is passed.
 */
export function createCompressor(
  compression: Compression,
  output: ByteSink,
  options: CompressOptions = {},
): Compressor {
  if (compression === 'none') {
    return {
      compression,
      write: (chunk) => output.write(chunk),
      end: () => output.end(),
      abort() {},
    }
  }
  const sink = compression === 'gzip' ? createGzip(output, options) : createZstd(output, options)
  return {
    compression,
    write: (chunk) => sink.write(chunk),
    end: () => sink.end(),
    abort: (reason) => sink.abort(reason),
  }
}

/**
 * Compressed content as a stream. Cancelling it frees everything and cancels the source.
 * @throws OciError (through the stream) `ARGUMENT_INVALID` for options that make no sense, `COMPRESSION_UNSUPPORTED`
 *   where there is no zstd encoder and none is passed
 */
export function compress(
  source: ByteSource,
  compression: Compression,
  options: CompressOptions & { readonly signal?: AbortSignal | undefined } = {},
): ReadableStream<Uint8Array> {
  return streamThrough(source, (output) => createCompressor(compression, output, options), options.signal)
}
