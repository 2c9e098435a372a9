/** Writing an open file from one place on, so that reading, hashing and writing overlap. */
import type { ByteSink } from '../bytes.ts'
import { CHUNK_SIZE } from '../bytes.ts'
import { OciError } from '../errors.ts'
import { requireBuiltin } from '../runtime.ts'
import { systemError } from './regular-file.ts'

/** Chunks of at least this many bytes are written as they are; smaller ones are gathered first. */
const LARGE_CHUNK = CHUNK_SIZE / 4

/** Writes at places of its own: several may write one file at once, each its part. */
export class FileWriter implements ByteSink {
  readonly #path: string
  readonly #fd: number
  #position: number
  // Small chunks are gathered in one buffer while the other is written.
  #filling: Uint8Array | undefined
  #filled = 0
  #spare: Uint8Array | undefined
  #writing: Promise<void> | undefined
  /** What the system is writing: nobody may close the file before it is done. */
  readonly #calls: Set<Promise<number>> = new Set()
  #givenUp = false

  /** @param path The file's, for errors. */
  constructor(path: string, fd: number, position: number) {
    this.#path = path
    this.#fd = fd
    this.#position = position
  }

  write(chunk: Uint8Array): void | Promise<void> {
    if (this.#filled === 0 && chunk.length >= LARGE_CHUNK) return this.#writeLarge(chunk)
    if (this.#filled + chunk.length >= CHUNK_SIZE) return this.#gather(chunk)
    this.#fill(chunk)
  }

  /** Writes what is gathered, and lets go of the memory for it. More may follow. */
  async end(): Promise<void> {
    if (this.#filled > 0) await this.#flush()
    await this.#writing
    // A file may have thousands of parts, each with a writer.
    this.#spare = undefined
  }

  /**
   * Leaves bytes out, and goes on behind them. Gives the place where they begin.
   * @throws OciError `LIMIT_EXCEEDED` where no number says where to go on
   */
  async skip(length: number): Promise<number> {
    await this.end()
    const from = this.#position
    if (!Number.isSafeInteger(from + length)) {
      throw new OciError('LIMIT_EXCEEDED', `"${this.#path}" would have more than 2^53 - 1 bytes`, {
        path: this.#path,
        expected: Number.MAX_SAFE_INTEGER,
      })
    }
    this.#position = from + length
    return from
  }

  /**
   * Ends all writing: nothing is begun any more, and when this resolves nothing is under way. Who was writing may have
   * gone without waiting, and a number of a closed file is soon that of another.
   */
  async giveUp(): Promise<void> {
    this.#givenUp = true
    await Promise.allSettled(this.#calls)
  }

  async #writeLarge(chunk: Uint8Array): Promise<void> {
    await this.#writing
    await this.#writeAll(chunk)
  }

  async #gather(chunk: Uint8Array): Promise<void> {
    let taken = 0
    while (taken < chunk.length) {
      const part = chunk.subarray(taken, taken + CHUNK_SIZE - this.#filled)
      this.#fill(part)
      taken += part.length
      if (this.#filled === CHUNK_SIZE) await this.#flush()
    }
  }

  /** Takes bytes that fit into the buffer. */
  #fill(part: Uint8Array): void {
    if (this.#filling === undefined) {
      this.#filling = this.#spare ?? new Uint8Array(CHUNK_SIZE)
      this.#spare = undefined
    }
    this.#filling.set(part, this.#filled)
    this.#filled += part.length
  }

  /** Begins to write the buffer that is full, once the other is written. */
  async #flush(): Promise<void> {
    await this.#writing
    const full = this.#filling as Uint8Array
    this.#filling = undefined
    const length = this.#filled
    this.#filled = 0
    this.#writing = this.#writeAll(full.subarray(0, length)).then(() => {
      this.#spare = full
    })
    // It is awaited at the next flush or at the end; until then a failure must not count as unhandled.
    this.#writing.catch(() => {})
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    const fs = requireBuiltin('node:fs', 'Writing a file')
    let written = 0
    while (written < bytes.length) {
      if (this.#givenUp)
        throw new OciError('STORE_FAILED', `"${this.#path}" was given up`, { path: this.#path })
      const from = written
      const position = this.#position
      const call = new Promise<number>((resolve, reject) => {
        fs.write(this.#fd, bytes, from, bytes.length - from, position, (error, count) => {
          if (error) reject(systemError(error, 'write', this.#path))
          else resolve(count)
        })
      })
      this.#calls.add(call)
      try {
        written += await call
      } finally {
        this.#calls.delete(call)
      }
      this.#position = position + written - from
    }
  }
}
