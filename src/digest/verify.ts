/**
 * Verification as content streams: its size bounds what is read, its digest is checked at its real end.
 * @see https://github.com/opencontainers/image-spec/blob/main/descriptor.md#verification
 */
import type { ByteSink, ByteSource, Chunks } from '../bytes.ts'
import { observeChunks, streamOf } from '../bytes.ts'
import { OciError } from '../errors.ts'
import type { Digest } from './digest.ts'
import { digestParts, parseDigest } from './digest.ts'
import type { Hasher } from './hasher.ts'
import { createHasher } from './hasher.ts'

/** What content must be: the part of a descriptor that identifies it. */
export interface ExpectedContent {
  readonly digest: Digest
  /** Bytes. */
  readonly size: number
}

/** Takes content chunk by chunk and throws when it is not what it must be. */
export class Verifier {
  readonly #expected: ExpectedContent
  readonly #hasher: Hasher
  #size = 0

  /** @throws OciError `DIGEST_UNSUPPORTED`, `DIGEST_INVALID`, `ARGUMENT_INVALID` for a size that is none */
  constructor(expected: ExpectedContent) {
    parseDigest(expected.digest)
    // NaN is not smaller than any size: it would let everything pass until the end.
    if (!Number.isSafeInteger(expected.size) || expected.size < 0) {
      throw new OciError(
        'ARGUMENT_INVALID',
        `Size ${expected.size} of blob ${expected.digest} is no number of bytes`,
        {
          digest: expected.digest,
          actual: expected.size,
        },
      )
    }
    this.#expected = expected
    this.#hasher = createHasher(digestParts(expected.digest).algorithm)
  }

  /**
   * Takes the next chunk.
   * @throws OciError `SIZE_MISMATCH` when there is more than the expected size.
   */
  update(chunk: Uint8Array): void {
    const { size, digest } = this.#expected
    if (this.#size + chunk.length > size) {
      throw new OciError(
        'SIZE_MISMATCH',
        `Blob ${digest} is longer than the ${size} bytes that its descriptor says`,
        { digest, expected: size, actual: this.#size + chunk.length },
      )
    }
    this.#size += chunk.length
    this.#hasher.update(chunk)
  }

  /**
   * Says that the content has ended.
   * @throws OciError `SIZE_MISMATCH`, `DIGEST_MISMATCH`
   */
  end(): void {
    const { size, digest } = this.#expected
    if (this.#size !== size) {
      throw new OciError(
        'SIZE_MISMATCH',
        `Blob ${digest} ends after ${this.#size} bytes, but its descriptor says ${size}: it is cut short`,
        { digest, expected: size, actual: this.#size },
      )
    }
    const actual = this.#hasher.digest()
    if (actual !== digest) {
      throw new OciError('DIGEST_MISMATCH', `Blob ${digest} is corrupt: its content has digest ${actual}`, {
        digest,
        expected: digest,
        actual,
      })
    }
  }
}

/**
 * Content checked as it streams. The stream errors where content is longer than it should be, ends early, or
 * has another digest; the last is known only at the end, so what was derived on the way must be dropped then.
 *
 * @throws OciError (through the stream) `SIZE_MISMATCH`, `DIGEST_MISMATCH`, and at once `DIGEST_UNSUPPORTED`
 */
export function verifyStream(
  content: ByteSource,
  expected: ExpectedContent,
  options: { signal?: AbortSignal | undefined } = {},
): ReadableStream<Uint8Array> {
  return streamOf(verifyChunks(content, expected, options))
}

/** {@link verifyStream} as an async iterable, for loops that need no stream. */
export function verifyChunks(
  content: ByteSource,
  expected: ExpectedContent,
  options: { signal?: AbortSignal | undefined } = {},
): Chunks {
  const verifier = new Verifier(expected)
  const sink: ByteSink = { write: (chunk) => verifier.update(chunk), end: () => verifier.end() }
  return observeChunks(content, sink, options)
}

/**
 * Checks bytes in memory.
 * @throws OciError `SIZE_MISMATCH`, `DIGEST_MISMATCH`, `DIGEST_UNSUPPORTED`
 */
export function verifyBytes(bytes: Uint8Array, expected: ExpectedContent): void {
  const verifier = new Verifier(expected)
  verifier.update(bytes)
  verifier.end()
}
