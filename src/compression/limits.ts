/** How much decompression may give: the answer to decompression bombs. */
import type { ByteSink } from '../bytes.ts'
import { OciError } from '../errors.ts'

/** Limits on decompressed content. */
export interface DecompressionLimits {
  /** Bytes of decompressed content at most; 2^38 (256 GiB) by default, `Infinity` for no limit. */
  readonly maxSize?: number | undefined
  /**
   * Decompressed bytes for one compressed byte at most, looked at from 64 MiB of decompressed content on. 1100 by default:
   * gzip cannot reach more than 1032, so this refuses only zstd that holds next to nothing. `Infinity` for no limit.
   */
  readonly maxRatio?: number | undefined
}

/** Below this size a ratio says nothing: a small layer of zeros is no bomb. */
export const RATIO_FLOOR: number = 64 << 20

const DEFAULT_MAX_SIZE = 2 ** 38
const DEFAULT_MAX_RATIO = 1100

/** Counts what goes in and comes out, and throws when that passes the limits. */
export class LimitedOutput implements ByteSink {
  /** Compressed bytes so far. */
  taken = 0
  readonly #output: ByteSink
  readonly #maxSize: number
  readonly #maxRatio: number
  readonly #what: string
  #given = 0

  constructor(output: ByteSink, limits: DecompressionLimits, what: string) {
    this.#output = output
    this.#maxSize = limits.maxSize ?? DEFAULT_MAX_SIZE
    this.#maxRatio = limits.maxRatio ?? DEFAULT_MAX_RATIO
    this.#what = what
  }

  write(chunk: Uint8Array): void | Promise<void> {
    this.#given += chunk.length
    if (this.#given > this.#maxSize) {
      throw new OciError(
        'LIMIT_EXCEEDED',
        `${this.#what} decompresses to more than ${this.#maxSize} bytes: raise maxSize if that is meant`,
        { expected: this.#maxSize, actual: this.#given },
      )
    }
    if (this.#given > RATIO_FLOOR && this.#given > this.taken * this.#maxRatio) {
      throw new OciError(
        'LIMIT_EXCEEDED',
        `${this.#what} decompresses to more than ${this.#maxRatio} times its size: raise maxRatio if it is no decompression bomb`,
        { expected: this.#maxRatio, actual: Math.floor(this.#given / Math.max(1, this.taken)) },
      )
    }
    return this.#output.write(chunk)
  }

  end(): void | Promise<void> {
    return this.#output.end()
  }
}
