/**
 * Drives one of `node:zlib`'s streams as a {@link ByteSink}, at the speed of zlib itself.
 *
 * zlib works in the thread pool. Input is gathered in two buffers of 1 MiB, one being filled while zlib reads the other
 * (265 MB/s with Node's chunk sizes, 664 with these); output is handed on in a microtask, by when zlib already has
 * its next input, so that what stands behind (hash, tar) works while zlib does.
 */
import type { ByteSink } from '../bytes.ts'
import { CHUNK_SIZE, freeBytes } from '../bytes.ts'
import type { Coder } from './coder.ts'
import { PendingWork } from './pending-work.ts'

/** The part of a `node:zlib` stream that is needed. */
export interface ZlibStream {
  readonly bytesWritten: number
  write(chunk: Uint8Array, done: (error?: Error | null) => void): boolean
  end(): unknown
  destroy(): unknown
  pause(): unknown
  resume(): unknown
  isPaused(): boolean
  on(event: 'data', listener: (chunk: Uint8Array) => void): unknown
  on(event: 'end', listener: () => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
}

/** What the user of a {@link NativeStream} decides. */
export interface NativeStreamOptions {
  /** Makes zlib's error the library's. */
  readonly translate: (error: Error) => unknown
  /** Takes bytes that come after the stream has ended by itself; throws to refuse them. Absent where it never does. */
  readonly takeTrailing?: ((bytes: Uint8Array) => void) | undefined
}

/** Chunks of output that wait for the sink before zlib is made to wait. */
const MAX_QUEUE = 2

/** A sink that puts bytes through a zlib stream into another sink. */
export class NativeStream implements Coder {
  readonly #stream: ZlibStream
  readonly #output: ByteSink
  readonly #options: NativeStreamOptions
  #filling: Uint8Array = new Uint8Array(CHUNK_SIZE)
  #spare: Uint8Array = new Uint8Array(CHUNK_SIZE)
  #filled = 0
  /** What zlib is reading now. */
  #busy: Uint8Array | undefined
  /** Bytes that zlib has read before `#busy`. */
  #given = 0
  readonly #queue: Uint8Array[] = []
  #draining = false
  /** The stream has ended by itself: it reads no further, whatever is written. */
  #over = false
  #ended = false
  readonly #work: PendingWork = new PendingWork()

  constructor(stream: ZlibStream, output: ByteSink, options: NativeStreamOptions) {
    this.#stream = stream
    this.#output = output
    this.#options = options
    stream.on('data', (chunk) => {
      // Not a Buffer, whose `slice` does not copy.
      this.#queue.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length))
      if (this.#queue.length >= MAX_QUEUE) stream.pause()
      if (!this.#draining) {
        this.#draining = true
        queueMicrotask(() => this.#drain())
      }
    })
    stream.on('end', () => this.#onEnd())
    stream.on('error', (error) => this.abort(options.translate(error)))
  }

  write(chunk: Uint8Array): void | Promise<void> {
    const taken = this.#take(chunk, 0)
    return taken === chunk.length ? undefined : this.#takeRest(chunk, taken)
  }

  async end(): Promise<void> {
    while (this.#busy !== undefined || this.#filled > 0) await this.#work.change()
    this.#work.check()
    if (!this.#over) this.#stream.end()
    while (!this.#ended || this.#draining) await this.#work.change()
    this.#work.check()
    this.#stream.destroy()
    await this.#output.end()
  }

  abort(reason: unknown): void {
    if (!this.#work.fail(reason)) return
    this.#queue.length = 0
    this.#stream.destroy()
  }

  /** Copies what there is room for, gives it to zlib if that is idle, and says how far it came. */
  #take(chunk: Uint8Array, from: number): number {
    this.#work.check()
    if (this.#over) {
      this.#takeTrailing(chunk.subarray(from))
      return chunk.length
    }
    const part = chunk.subarray(from, from + CHUNK_SIZE - this.#filled)
    this.#filling.set(part, this.#filled)
    this.#filled += part.length
    if (this.#busy === undefined && this.#filled > 0) this.#give()
    return from + part.length
  }

  async #takeRest(chunk: Uint8Array, from: number): Promise<void> {
    let taken = from
    while (taken < chunk.length) {
      if (this.#filled === CHUNK_SIZE) await this.#work.change()
      taken = this.#take(chunk, taken)
    }
  }

  #give(): void {
    const chunk = this.#filling.subarray(0, this.#filled)
    const filled = this.#filling
    this.#filling = this.#spare
    this.#spare = filled
    this.#filled = 0
    this.#busy = chunk
    this.#stream.write(chunk, (error) => {
      // An error comes as an event as well; a stream that has ended by itself may call back or not.
      if (error || this.#work.failed || this.#over) return
      // It may do so long before its end is told: that waits until what it gave has been taken.
      if (
        this.#options.takeTrailing !== undefined &&
        this.#stream.bytesWritten - this.#given < chunk.length
      ) {
        this.#stop()
      } else {
        this.#given += chunk.length
        this.#busy = undefined
        if (this.#filled > 0) this.#give()
      }
      this.#work.wake()
    })
  }

  #onEnd(): void {
    if (!this.#over) this.#stop()
    this.#ended = true
    this.#work.wake()
  }

  /** The stream has ended by itself: what it has not read, and what waits for it, comes after its end. */
  #stop(): void {
    this.#over = true
    const busy = this.#busy
    this.#busy = undefined
    if (busy !== undefined) this.#takeTrailing(busy.subarray(this.#stream.bytesWritten - this.#given))
    const filled = this.#filled
    this.#filled = 0
    if (filled > 0) this.#takeTrailing(this.#filling.subarray(0, filled))
  }

  #takeTrailing(bytes: Uint8Array): void {
    if (this.#work.failed) return
    try {
      this.#options.takeTrailing?.(bytes)
    } catch (error) {
      this.abort(error)
    }
  }

  #drain(): void {
    try {
      for (;;) {
        const chunk = this.#queue.shift()
        if (chunk === undefined) break
        if (this.#stream.isPaused()) this.#stream.resume()
        const wait = this.#output.write(chunk)
        if (wait !== undefined) {
          wait.then(
            () => {
              freeWhenUsedUp(chunk)
              this.#drain()
            },
            (error) => this.#drainFailed(error),
          )
          return
        }
        freeWhenUsedUp(chunk)
      }
    } catch (error) {
      this.#drainFailed(error)
      return
    }
    this.#draining = false
    this.#work.wake()
  }

  #drainFailed(error: unknown): void {
    this.#draining = false
    this.abort(error)
  }
}

/**
 * zlib fills one buffer, in as many chunks as it takes, then goes on in a new one: with the chunk that ends it, it is
 * nobody's any more.
 */
function freeWhenUsedUp(chunk: Uint8Array): void {
  const { byteLength } = chunk.buffer
  // Another length is no buffer of zlib's: a program may have raised `Buffer.poolSize`, and the pool is everybody's.
  if (byteLength === CHUNK_SIZE && chunk.byteOffset + chunk.length === byteLength) freeBytes(chunk)
}
