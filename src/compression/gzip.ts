/**
 * Gzip encoding, in two modes: the same bytes on every runtime, or as fast as this one can. Either gives one member
 * without a name or a time (RFC 1952), with "unknown" as its operating system, as Go's tools write.
 * @see https://datatracker.ietf.org/doc/html/rfc1952
 */
import {
  GZheader,
  Z_BUF_ERROR,
  Z_DEFAULT_STRATEGY,
  Z_FINISH,
  Z_NO_FLUSH,
  Z_OK,
  Z_STREAM_END,
  ZStream,
  zlibDeflate,
  zlibDeflateInit2,
  zlibDeflateSetHeader,
} from 'pako'
import type { ByteSink } from '../bytes.ts'
import { CHUNK_SIZE, freeBytes } from '../bytes.ts'
import { OciError } from '../errors.ts'
import { accelerator, builtin } from '../runtime.ts'
import type { Coder } from './coder.ts'
import { crc32 } from './crc32.ts'
import { PendingWork } from './pending-work.ts'

/** How gzip is written. */
export interface GzipOptions {
  /** 0 (stored) to 9 (smallest); 6 in the reproducible mode, 4 in the fast one. */
  readonly level?: number | undefined
  /**
   * `reproducible`: the bytes that zlib itself gives, on every runtime and machine. `fast`: parallel where there is
   * `node:zlib`, and the default there; its bytes depend on the runtime's zlib, on level and block size.
   */
  readonly mode?: 'fast' | 'reproducible' | undefined
  /** Bytes that one thread compresses at a time in the fast mode: 64 KiB to 16 MiB, 1 MiB by default. */
  readonly blockSize?: number | undefined
}

/**
 * A sink that compresses with gzip.
 * @throws OciError `ARGUMENT_INVALID` for a level or block size that is none.
 */
export function createGzip(output: ByteSink, options: GzipOptions = {}): Coder {
  const { level, mode = 'fast', blockSize = CHUNK_SIZE } = options
  if (level !== undefined && !(Number.isInteger(level) && level >= 0 && level <= 9)) {
    throw new OciError('ARGUMENT_INVALID', `Gzip levels are 0 to 9, not ${level}`, { actual: level })
  }
  if (!(Number.isInteger(blockSize) && blockSize >= 64 << 10 && blockSize <= 16 << 20)) {
    throw new OciError('ARGUMENT_INVALID', `A gzip block has 65536 to 16777216 bytes, not ${blockSize}`, {
      actual: blockSize,
    })
  }
  const zlib = mode === 'fast' ? accelerator('node:zlib') : undefined
  return zlib === undefined
    ? new PortableGzip(output, level ?? 6)
    : new ParallelGzip(zlib, output, level ?? 4, blockSize)
}

const UNKNOWN_SYSTEM = 255

/** pako's deflate is zlib's: `legacyHash` makes it give zlib's very bytes, whatever faster hash pako comes to prefer. */
class PortableGzip implements Coder {
  readonly #output: ByteSink
  readonly #stream: ZStream = new ZStream()
  #failure: { readonly reason: unknown } | undefined

  constructor(output: ByteSink, level: number) {
    this.#output = output
    zlibDeflateInit2(this.#stream, level, 8, 31, 8, Z_DEFAULT_STRATEGY, true)
    const header = new GZheader()
    header.os = UNKNOWN_SYSTEM
    zlibDeflateSetHeader(this.#stream, header)
  }

  write(chunk: Uint8Array): void | Promise<void> {
    this.#check()
    this.#stream.input = chunk
    this.#stream.next_in = 0
    this.#stream.avail_in = chunk.length
    return this.#run(Z_NO_FLUSH)
  }

  end(): void | Promise<void> {
    this.#check()
    const wait = this.#run(Z_FINISH)
    return wait === undefined ? this.#output.end() : wait.then(() => this.#output.end())
  }

  abort(reason: unknown): void {
    this.#failure ??= { reason }
  }

  #run(flush: typeof Z_NO_FLUSH | typeof Z_FINISH): void | Promise<void> {
    const stream = this.#stream
    for (;;) {
      this.#check()
      if (stream.avail_out === 0) {
        // Filled again: what was written is ours once the write is done.
        stream.output ??= new Uint8Array(CHUNK_SIZE)
        stream.next_out = 0
        stream.avail_out = CHUNK_SIZE
      }
      const status = zlibDeflate(stream, flush)
      if (status !== Z_OK && status !== Z_STREAM_END && status !== Z_BUF_ERROR) {
        throw new OciError('COMPRESSION_INVALID', `Gzip encoding failed: ${stream.msg}`)
      }
      const ended = status === Z_STREAM_END
      if (stream.avail_out > 0 && !ended) return
      const chunk = stream.output.subarray(0, stream.next_out)
      stream.avail_out = 0
      const wait = this.#output.write(chunk)
      if (ended) return wait
      if (wait !== undefined) return wait.then(() => this.#run(flush))
    }
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.reason
  }
}

/** How far back deflate looks: the end of a block is the dictionary of the next. */
const DICTIONARY_SIZE = 32 << 10

interface Block {
  compressed?: Uint8Array
  /** Whether its memory is its own, and not a part of what `Buffer` shares out. */
  owned?: boolean
}

/**
 * Blocks compressed in zlib's thread pool, each with the end of the block before it as dictionary and flushed to a byte
 * boundary, so that one after another they are one deflate stream.
 */
class ParallelGzip implements Coder {
  readonly #zlib: typeof import('node:zlib')
  readonly #output: ByteSink
  readonly #level: number
  readonly #maxInFlight: number
  #filling: Uint8Array
  /** Buffers of blocks that are compressed. */
  readonly #spare: Uint8Array[] = []
  #filled = 0
  #dictionary: Uint8Array | undefined
  #crc = 0
  #size = 0
  #begun = false
  readonly #inFlight: Block[] = []
  #writing = false
  readonly #work: PendingWork = new PendingWork()

  constructor(zlib: typeof import('node:zlib'), output: ByteSink, level: number, blockSize: number) {
    this.#zlib = zlib
    this.#output = output
    this.#level = level
    this.#filling = new Uint8Array(blockSize)
    const processors = builtin('node:os')?.availableParallelism?.() ?? 4
    // One more than work at once, so that none waits; the thread pool has 4 threads unless told otherwise.
    this.#maxInFlight = Math.min(processors, 4) + 1
  }

  write(chunk: Uint8Array): void | Promise<void> {
    const taken = this.#take(chunk, 0)
    return taken === chunk.length ? undefined : this.#takeRest(chunk, taken)
  }

  async end(): Promise<void> {
    this.#work.check()
    while (this.#inFlight.length >= this.#maxInFlight) await this.#work.change()
    this.#compress(true)
    while (this.#inFlight.length > 0 || this.#writing) await this.#work.change()
    this.#work.check()
    const trailer = new DataView(new ArrayBuffer(8))
    trailer.setUint32(0, this.#crc, true)
    trailer.setUint32(4, this.#size % 2 ** 32, true)
    await this.#output.write(new Uint8Array(trailer.buffer))
    await this.#output.end()
  }

  abort(reason: unknown): void {
    if (this.#work.fail(reason)) this.#inFlight.length = 0
  }

  #take(chunk: Uint8Array, from: number): number {
    let at = from
    this.#work.check()
    while (at < chunk.length) {
      if (this.#filled === this.#filling.length) {
        if (this.#inFlight.length >= this.#maxInFlight) return at
        this.#compress(false)
      }
      const part = chunk.subarray(at, at + this.#filling.length - this.#filled)
      this.#filling.set(part, this.#filled)
      this.#filled += part.length
      at += part.length
    }
    return at
  }

  async #takeRest(chunk: Uint8Array, from: number): Promise<void> {
    for (let taken = from; taken < chunk.length; taken = this.#take(chunk, taken)) await this.#work.change()
  }

  #compress(last: boolean): void {
    const { constants } = this.#zlib
    const filling = this.#filling
    const data = filling.subarray(0, this.#filled)
    const block: Block = {}
    this.#inFlight.push(block)
    // Room for all of it at once, also where it does not compress.
    const chunkSize = data.length + (data.length >>> 10) + 128
    this.#zlib.deflateRaw(
      data,
      {
        level: this.#level,
        memLevel: 9,
        chunkSize,
        finishFlush: last ? constants.Z_FINISH : constants.Z_SYNC_FLUSH,
        ...(this.#dictionary === undefined ? {} : { dictionary: this.#dictionary }),
      },
      (error, compressed) => {
        this.#spare.push(filling)
        if (this.#work.failed) return
        if (error) {
          this.abort(
            new OciError('COMPRESSION_INVALID', `Gzip encoding failed: ${error.message}`, { cause: error }),
          )
          return
        }
        block.compressed = new Uint8Array(compressed.buffer, compressed.byteOffset, compressed.length)
        // One buffer as it was asked for, or several joined; parts of the pool are less than half of it.
        const { byteLength } = compressed.buffer
        block.owned = byteLength === chunkSize || byteLength === compressed.length
        this.#writeDone()
      },
    )
    // While the thread works.
    this.#crc = crc32(data, this.#crc)
    this.#size += data.length
    if (last) return
    // A copy, since the buffer is filled again while the thread of the next block may still read its dictionary.
    this.#dictionary = data.slice(data.length - DICTIONARY_SIZE)
    this.#filling = this.#spare.pop() ?? new Uint8Array(filling.length)
    this.#filled = 0
  }

  /** Writes what is compressed, in order. */
  #writeDone(): void {
    if (this.#writing) return
    try {
      if (!this.#begun) {
        this.#begun = true
        const header = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, UNKNOWN_SYSTEM)
        if (this.#waitFor(this.#output.write(header))) return
      }
      while (!this.#work.failed) {
        const { compressed, owned } = this.#inFlight[0] ?? {}
        if (compressed === undefined) break
        this.#inFlight.shift()
        const used = owned ? compressed : undefined
        if (this.#waitFor(this.#output.write(compressed), used)) return
        if (used !== undefined) freeBytes(used)
      }
    } catch (error) {
      this.abort(error)
      return
    }
    this.#work.wake()
  }

  #waitFor(wait: void | Promise<void>, used?: Uint8Array): boolean {
    if (wait === undefined) return false
    this.#writing = true
    wait.then(
      () => {
        if (used !== undefined) freeBytes(used)
        this.#writing = false
        this.#writeDone()
      },
      (error) => {
        this.#writing = false
        this.abort(error)
      },
    )
    return true
  }
}
