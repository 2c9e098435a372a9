/**
 * Gzip decoding: members one after another, zero padding after the last, nothing else.
 *
 * `node:zlib` where there is one, else pako's zlib with a member loop of our own; both give the same answer to every
 * input. Never `DecompressionStream`: on newer Node, Deno and Chromium it refuses several members and padding, both
 * common in layers.
 *
 * @see https://datatracker.ietf.org/doc/html/rfc1952
 */
import {
  Z_BUF_ERROR,
  Z_NO_FLUSH,
  Z_OK,
  Z_STREAM_END,
  ZStream,
  zlibInflate,
  zlibInflateInit2,
  zlibInflateReset,
} from 'pako'
import type { ByteSink } from '../bytes.ts'
import { CHUNK_SIZE } from '../bytes.ts'
import { accelerator } from '../runtime.ts'
import type { Coder } from './coder.ts'
import { invalid, Padding, truncated } from './coder.ts'
import { NativeStream } from './native-stream.ts'

/**
 * A sink that takes gzip and writes what was compressed.
 * @param what What is being read, for messages.
 * @throws OciError (from `write` and `end`) `COMPRESSION_INVALID`, `COMPRESSION_TRUNCATED`, `LIMIT_EXCEEDED` (padding)
 */
export function createGunzip(output: ByteSink, what: string): Coder {
  const zlib = accelerator('node:zlib')
  return zlib === undefined ? new PortableGunzip(output, what) : new NativeGunzip(zlib, output, what)
}

class NativeGunzip implements Coder {
  readonly #stream: NativeStream
  readonly #what: string
  #empty = true

  constructor(zlib: typeof import('node:zlib'), output: ByteSink, what: string) {
    const padding = new Padding(what)
    this.#what = what
    this.#stream = new NativeStream(zlib.createGunzip({ chunkSize: CHUNK_SIZE }), output, {
      translate: (error) =>
        (error as { code?: unknown }).code === 'Z_BUF_ERROR'
          ? truncated(what, 'gzip', error)
          : invalid(what, error.message, error),
      // Node ends the stream where a zero byte follows a member, and says nothing of what comes after.
      takeTrailing: (bytes) => padding.take(bytes),
    })
  }

  write(chunk: Uint8Array): void | Promise<void> {
    if (chunk.length === 0) return
    this.#empty = false
    return this.#stream.write(chunk)
  }

  end(): void | Promise<void> {
    if (this.#empty) {
      const error = truncated(this.#what, 'gzip')
      this.#stream.abort(error)
      throw error
    }
    return this.#stream.end()
  }

  abort(reason: unknown): void {
    this.#stream.abort(reason)
  }
}

/** 15 bits of window, 16 for a gzip header and nothing else. */
const GZIP_WINDOW_BITS = 31

/** Output gathered before it is handed on, when input comes in small pieces. */
const MIN_OUTPUT: number = 64 << 10

class PortableGunzip implements Coder {
  readonly #output: ByteSink
  readonly #what: string
  readonly #padding: Padding
  readonly #stream: ZStream = new ZStream()
  #state: 'member' | 'between' | 'padding' = 'member'
  /** Where in the output buffer what was not handed on begins. */
  #emitted = 0
  #failure: { readonly reason: unknown } | undefined

  constructor(output: ByteSink, what: string) {
    this.#output = output
    this.#what = what
    this.#padding = new Padding(what)
    zlibInflateInit2(this.#stream, GZIP_WINDOW_BITS)
  }

  write(chunk: Uint8Array): void | Promise<void> {
    const stream = this.#stream
    stream.input = chunk
    stream.next_in = 0
    stream.avail_in = chunk.length
    return this.#run(MIN_OUTPUT)
  }

  end(): void | Promise<void> {
    this.#check()
    if (this.#state === 'member') throw this.#fail(truncated(this.#what, 'gzip'))
    const wait = this.#emit(1)
    return wait === undefined ? this.#output.end() : wait.then(() => this.#output.end())
  }

  abort(reason: unknown): void {
    this.#failure ??= { reason }
  }

  #run(least: number): void | Promise<void> {
    for (;;) {
      this.#check()
      try {
        this.#step()
      } catch (error) {
        throw this.#fail(error)
      }
      const full = this.#stream.avail_out === 0
      const wait = this.#emit(full ? 1 : least)
      const done = !full && this.#stream.avail_in === 0
      if (wait !== undefined) return done ? wait : wait.then(() => this.#run(least))
      if (done) return
    }
  }

  /** Goes on until the input is used up or the output is full. */
  #step(): void {
    const stream = this.#stream
    if (stream.avail_out === 0) {
      // Filled again: what was written is ours once the write is done.
      stream.output ??= new Uint8Array(CHUNK_SIZE)
      stream.next_out = 0
      stream.avail_out = CHUNK_SIZE
      this.#emitted = 0
    }
    while (stream.avail_in > 0 || this.#state === 'member') {
      if (this.#state === 'between') {
        if (stream.input[stream.next_in] === 0) this.#state = 'padding'
        else {
          zlibInflateReset(stream)
          this.#state = 'member'
        }
      }
      if (this.#state === 'padding') {
        this.#padding.take(stream.input.subarray(stream.next_in))
        stream.avail_in = 0
        return
      }
      const status = zlibInflate(stream, Z_NO_FLUSH)
      if (status === Z_STREAM_END) this.#state = 'between'
      else if (status !== Z_OK && status !== Z_BUF_ERROR)
        throw invalid(this.#what, stream.msg || 'bad gzip data')
      else if (stream.avail_in === 0 || stream.avail_out === 0) return
    }
  }

  /** Hands on what there is, if it is at least so much. */
  #emit(least: number): void | Promise<void> {
    const { output, next_out: end } = this.#stream
    if (end - this.#emitted < least) return
    const chunk = output.subarray(this.#emitted, end)
    this.#emitted = end
    try {
      const wait = this.#output.write(chunk)
      return wait?.catch((error: unknown) => {
        throw this.#fail(error)
      })
    } catch (error) {
      throw this.#fail(error)
    }
  }

  #fail(reason: unknown): unknown {
    this.#failure ??= { reason }
    return this.#failure.reason
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.reason
  }
}
