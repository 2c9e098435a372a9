/**
 * The bytes of a regular file in pieces of 1 MiB, the next one being read while the last is worked on.
 *
 * `fs.createReadStream` and `openAsBlob` reach a third of the speed. Pieces that are given back are read into again:
 * garbage of this size costs V8 a full collection for each 32 MiB.
 */
import type { Chunks } from '../bytes.ts'
import { CHUNK_SIZE, giveBack } from '../bytes.ts'
import { requireBuiltin } from '../runtime.ts'
import { type OpenFile, systemError } from './regular-file.ts'

/** Which file is read, and what of it. */
export interface FilePiecesOptions {
  /** Opens it, when the first piece is asked for: what nobody reads must not hold a file. It is closed at the end. */
  readonly open: () => OpenFile
  /** For messages. */
  readonly path: string
  /** The first byte; 0 when absent. */
  readonly start?: number | undefined
  /** Behind the last byte; the size that the file has when it is opened when absent. */
  readonly end?: number | undefined
  /** Makes the error of a failed opening or read what the reader is to get; `STORE_FAILED` when absent. */
  readonly refuse?: ((error: unknown) => unknown) | undefined
  readonly signal?: AbortSignal | undefined
}

/** Buffers that wait to be read into: one is being read into, one is worked on. */
const MAX_SPARE = 2

/** Pieces that are the reader's own, unless they are given back. */
export function filePieces(options: FilePiecesOptions): Chunks {
  return new FilePieces(options)
}

class FilePieces implements Chunks {
  readonly #options: FilePiecesOptions
  #file: OpenFile | undefined
  #position: number
  #end = 0
  #ahead: Promise<Uint8Array<ArrayBuffer>> | undefined
  #over = false
  /** Buffers that were given: only these are taken back. Weakly, since most readers keep what they get. */
  readonly #lent: WeakSet<ArrayBufferLike> = new WeakSet()
  readonly #spare: Uint8Array<ArrayBuffer>[] = []

  constructor(options: FilePiecesOptions) {
    this.#options = options
    this.#position = options.start ?? 0
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<Uint8Array, void>> {
    if (this.#over) return { done: true, value: undefined }
    try {
      this.#options.signal?.throwIfAborted()
      if (this.#file === undefined) {
        this.#file = this.#open()
        this.#end = this.#options.end ?? this.#file.size
      }
      if (this.#position < this.#end) {
        // The first one too is under way: who closes meanwhile has to wait for it.
        this.#ahead ??= this.#read()
        const piece = await this.#ahead
        this.#ahead = undefined
        if (piece.length > 0 && !this.#over) {
          this.#position += piece.length
          if (this.#position < this.#end) this.#ahead = this.#read()
          return { done: false, value: piece }
        }
      }
    } catch (error) {
      await this.return()
      throw error
    }
    return this.return()
  }

  async return(): Promise<IteratorResult<Uint8Array, void>> {
    this.#over = true
    // The file must not be closed, and its number given to another, while the system still reads from it.
    await this.#ahead?.catch(() => {})
    const file = this.#file
    this.#file = undefined
    if (file !== undefined) requireBuiltin('node:fs', 'Reading a file').closeSync(file.fd)
    return { done: true, value: undefined }
  }

  [giveBack](piece: Uint8Array): void {
    const { buffer } = piece
    if (this.#lent.delete(buffer) && this.#spare.length < MAX_SPARE) {
      this.#spare.push(new Uint8Array(buffer as ArrayBuffer))
    }
  }

  #open(): OpenFile {
    const { open, refuse } = this.#options
    try {
      return open()
    } catch (error) {
      throw refuse?.(error) ?? error
    }
  }

  #read(): Promise<Uint8Array<ArrayBuffer>> {
    const fs = requireBuiltin('node:fs', 'Reading a file')
    const length = Math.min(CHUNK_SIZE, this.#end - this.#position)
    const bytes = this.#spare.pop() ?? new Uint8Array(length)
    this.#lent.add(bytes.buffer)
    const reading = new Promise<Uint8Array<ArrayBuffer>>((resolve, reject) => {
      fs.read((this.#file as OpenFile).fd, bytes, 0, length, this.#position, (error, read) => {
        const { path, refuse } = this.#options
        if (error !== null) reject(refuse === undefined ? systemError(error, 'read', path) : refuse(error))
        else resolve(bytes.subarray(0, read))
      })
    })
    // It is awaited at the next turn or at the end; until then a failure must not count as unhandled.
    reading.catch(() => {})
    return reading
  }
}
