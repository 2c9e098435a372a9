/** Taking content in: the one place where what is put is measured and held against what it must be. */
import type { ByteSink, ByteSource } from '../bytes.ts'
import { giveBack, readChunks } from '../bytes.ts'
import type { Digest, Hasher } from '../digest/index.ts'
import { createHasher, digestParts, parseDigest } from '../digest/index.ts'
import { OciError } from '../errors.ts'
import type { Descriptor } from '../spec/index.ts'
import { isVerifiedAs } from './read-blob.ts'
import type { StoreOptions } from './store.ts'

/** What content is called when nobody says: RFC 2046. */
const unknownMediaType = 'application/octet-stream'

/** Measures content chunk by chunk and refuses what is not as expected. */
export class Intake {
  readonly #expected: Partial<Descriptor>
  /** Absent where the content is known to have the digest that is expected. */
  #hasher: Hasher | undefined
  #size = 0

  /** @throws OciError `DIGEST_INVALID`, `DIGEST_UNSUPPORTED`, `ARGUMENT_INVALID` (a size that is none) */
  constructor(expected: Partial<Descriptor> = {}) {
    const { digest, size } = expected
    if (size !== undefined && !(Number.isSafeInteger(size) && size >= 0)) {
      throw new OciError('ARGUMENT_INVALID', `A blob's size must be 0 to 2^53 - 1 bytes, not ${size}`)
    }
    this.#expected = expected
    this.#hasher = createHasher(digest === undefined ? 'sha256' : digestParts(parseDigest(digest)).algorithm)
  }

  /** Says that the content has been verified as what is expected, so that its bytes need only be counted. */
  trust(): void {
    this.#hasher = undefined
  }

  /**
   * Takes the next chunk.
   * @throws OciError `SIZE_MISMATCH` when there is more than the expected size
   */
  update(chunk: Uint8Array): void {
    this.#size += chunk.length
    const { size } = this.#expected
    if (size !== undefined && this.#size > size) {
      throw this.#mismatch('SIZE_MISMATCH', `is longer than the ${size} bytes that were announced`, size)
    }
    this.#hasher?.update(chunk)
  }

  /**
   * Says that the content has ended, and gives its descriptor.
   * @throws OciError `SIZE_MISMATCH`, `DIGEST_MISMATCH`
   */
  end(): Descriptor {
    const { size, digest } = this.#expected
    if (size !== undefined && this.#size !== size) {
      const problem = `ends after ${this.#size} bytes, but ${size} were announced: it is cut short`
      throw this.#mismatch('SIZE_MISMATCH', problem, size)
    }
    const actual = this.#hasher?.digest() ?? (digest as Digest)
    if (digest !== undefined && actual !== digest) {
      throw this.#mismatch(
        'DIGEST_MISMATCH',
        `is not what was announced: it has digest ${actual}`,
        digest,
        actual,
      )
    }
    return describe(this.#expected, actual, this.#size)
  }

  #mismatch(
    code: 'SIZE_MISMATCH' | 'DIGEST_MISMATCH',
    problem: string,
    expected: string | number,
    actual: string | number = this.#size,
  ): OciError {
    const { digest } = this.#expected
    const what = digest === undefined ? 'The content' : `The content for blob ${digest}`
    return new OciError(code, `${what} ${problem}; nothing was stored`, { digest, expected, actual })
  }
}

/**
 * Passes content on to where it is to be stored, measured. The sink's `write` is begun before the chunk is hashed,
 * so that a write in the thread pool and the hashing overlap. The sink's `end` is called only when the content is
 * what it must be.
 *
 * @throws OciError `SIZE_MISMATCH`, `DIGEST_MISMATCH`, `DIGEST_UNSUPPORTED`, `DIGEST_INVALID`
 */
export async function ingest(
  content: ByteSource,
  expected: Partial<Descriptor> | undefined,
  sink: ByteSink,
  options: StoreOptions = {},
): Promise<Descriptor> {
  const intake = new Intake(expected)
  const chunks = readChunks(content, options)
  let begun = false
  for await (const chunk of chunks) {
    if (chunk.length === 0) continue
    if (!begun) {
      begun = true
      // What the library has just verified is not hashed a second time: 15 % of a copy between two layouts.
      if (isVerifiedAs(chunks.origin, expected ?? {})) intake.trust()
    }
    const written = sink.write(chunk)
    if (written === undefined) intake.update(chunk)
    else {
      try {
        intake.update(chunk)
      } catch (error) {
        // The chunk is the sink's until its write is done, whatever became of the content.
        await written.catch(() => {})
        throw error
      }
      await written
    }
    chunks[giveBack]?.(chunk)
  }
  const descriptor = intake.end()
  options.signal?.throwIfAborted()
  await sink.end()
  return descriptor
}

/** The descriptor of content that is known: what was expected, with what it left open filled in. */
export function describe(expected: Partial<Descriptor>, digest: Digest, size: number): Descriptor {
  return { ...expected, mediaType: expected.mediaType ?? unknownMediaType, digest, size }
}

/** Lets go of content that need not be read, so that what holds it open can close. */
export function discard(content: ByteSource): void {
  void readChunks(content).return()
}
