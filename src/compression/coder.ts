/** What encoders and decoders have in common. */
import type { ByteSink } from '../bytes.ts'
import { OciError } from '../errors.ts'

/** Bytes of zeros that may follow the last gzip member: tapes and GNU tar pad to at most half of it. */
export const MAX_PADDING: number = 1 << 20

/** A sink that compresses or decompresses into another, and may hold memory outside of the heap until it ends or fails. */
export interface Coder extends ByteSink {
  /** Gives up: nothing more is written to the output, and every later call throws the reason. */
  abort(reason: unknown): void
}

/** The error of damaged content. */
export function invalid(what: string, problem: string, cause?: unknown): OciError {
  return new OciError('COMPRESSION_INVALID', `${what} is damaged: ${problem}`, { cause })
}

/** The error of content that ends too early. */
export function truncated(what: string, format: string, cause?: unknown): OciError {
  return new OciError(
    'COMPRESSION_TRUNCATED',
    `${what} is cut short: it ends in the middle of its ${format} data`,
    { cause },
  )
}

/** Takes what follows the last gzip member: zeros, and not too many. */
export class Padding {
  readonly #what: string
  #size = 0

  constructor(what: string) {
    this.#what = what
  }

  /** @throws OciError `COMPRESSION_INVALID`, `LIMIT_EXCEEDED` */
  take(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) {
      if (bytes[i] !== 0) throw invalid(this.#what, 'other data follows the zeros after its last gzip member')
    }
    this.#size += bytes.length
    if (this.#size > MAX_PADDING) {
      throw new OciError(
        'LIMIT_EXCEEDED',
        `${this.#what} has more than ${MAX_PADDING} zero bytes after its end`,
        {
          expected: MAX_PADDING,
          actual: this.#size,
        },
      )
    }
  }
}
