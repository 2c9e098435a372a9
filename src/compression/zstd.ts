/**
 * Zstandard encoding: `node:zlib`'s where it has one (Node 22.15, Deno, Bun), else an encoder that the caller brings. The
 * core has none of its own.
 * @see https://datatracker.ietf.org/doc/html/rfc8878
 */
import type { ByteSink } from '../bytes.ts'
import { CHUNK_SIZE, concatBytes } from '../bytes.ts'
import { OciError } from '../errors.ts'
import { accelerator } from '../runtime.ts'
import type { Coder } from './coder.ts'
import type { ZlibStream } from './native-stream.ts'
import { NativeStream } from './native-stream.ts'

/**
 * An encoder that the caller brings, such as a WebAssembly one: gives one whole zstd frame for the bytes, which are its
 * own to read until it is done. Called once for each 4 MiB, since frames may follow one another.
 */
export type ZstdEncoder = (bytes: Uint8Array, level: number) => Uint8Array | Promise<Uint8Array>

/** How zstd is written. */
export interface ZstdOptions {
  /** 1 to 19, 3 by default. */
  readonly level?: number | undefined
  /** Used before the runtime's own. */
  readonly zstd?: ZstdEncoder | undefined
}

/** Bytes that a caller's encoder gets at once: four windows of its default level. */
const FRAME_SIZE: number = 4 * CHUNK_SIZE

interface ZstdModule {
  readonly createZstdCompress?: (options: object) => ZlibStream
  readonly constants: { readonly ZSTD_c_compressionLevel?: number }
}

/**
 * A sink that compresses with zstd.
 * @throws OciError `ARGUMENT_INVALID` for a level that is none, `COMPRESSION_UNSUPPORTED` where there is no encoder.
 */
export function createZstd(output: ByteSink, options: ZstdOptions = {}): Coder {
  const { level = 3, zstd: encoder } = options
  if (!(Number.isInteger(level) && level >= 1 && level <= 19)) {
    throw new OciError('ARGUMENT_INVALID', `Zstd levels are 1 to 19, not ${level}`, { actual: level })
  }
  if (encoder !== undefined) return new FramedZstd(output, encoder, level)
  const zlib = accelerator('node:zlib') as unknown as ZstdModule | undefined
  if (zlib?.createZstdCompress === undefined) {
    throw new OciError(
      'COMPRESSION_UNSUPPORTED',
      'This JavaScript runtime has no zstd encoder (Node has one from 22.15 on): pass one as the option "zstd", or use gzip',
    )
  }
  const parameter = zlib.constants.ZSTD_c_compressionLevel
  const stream = zlib.createZstdCompress({
    chunkSize: CHUNK_SIZE,
    ...(parameter === undefined ? {} : { params: { [parameter]: level } }),
  })
  return new NativeStream(stream, output, {
    translate: (error) =>
      new OciError('COMPRESSION_INVALID', `Zstd encoding failed: ${error.message}`, { cause: error }),
  })
}

class FramedZstd implements Coder {
  readonly #output: ByteSink
  readonly #encoder: ZstdEncoder
  readonly #level: number
  #chunks: Uint8Array[] = []
  #size = 0
  #empty = true
  #failure: { readonly reason: unknown } | undefined

  constructor(output: ByteSink, encoder: ZstdEncoder, level: number) {
    this.#output = output
    this.#encoder = encoder
    this.#level = level
  }

  write(chunk: Uint8Array): void | Promise<void> {
    this.#check()
    if (this.#size + chunk.length < FRAME_SIZE) {
      // Not `slice`, which gives no copy of a Buffer.
      this.#chunks.push(new Uint8Array(chunk))
      this.#size += chunk.length
      return
    }
    return this.#writeFrames(chunk)
  }

  async end(): Promise<void> {
    this.#check()
    if (this.#size > 0 || this.#empty) await this.#encode()
    await this.#output.end()
  }

  abort(reason: unknown): void {
    this.#failure ??= { reason }
    this.#chunks = []
  }

  async #writeFrames(chunk: Uint8Array): Promise<void> {
    let at = 0
    while (this.#size + chunk.length - at >= FRAME_SIZE) {
      const part = chunk.subarray(at, at + FRAME_SIZE - this.#size)
      this.#chunks.push(part)
      at += part.length
      await this.#encode()
    }
    this.#chunks.push(new Uint8Array(chunk.subarray(at)))
    this.#size = chunk.length - at
  }

  async #encode(): Promise<void> {
    const bytes = concatBytes(this.#chunks)
    this.#chunks = []
    this.#size = 0
    this.#empty = false
    const frame = await this.#encoder(bytes, this.#level)
    this.#check()
    await this.#output.write(frame)
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.reason
  }
}
