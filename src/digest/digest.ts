/**
 * Digests: `algorithm:encoded`, the name that content has because of what it is.
 * @see https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests
 */
import { OciError } from '../errors.ts'

declare const digestBrand: unique symbol

/** A string that {@link parseDigest} has accepted: `algorithm:encoded`. */
export type Digest = string & { readonly [digestBrand]: true }

/** The algorithms that image-spec registers (BLAKE3 in its main branch). */
export type RegisteredAlgorithm = 'sha256' | 'sha512' | 'blake3'

/** The two halves of a digest. */
export interface DigestParts {
  /** For example `sha256`, or `sha256+b64u`: not always one that can be computed here. */
  readonly algorithm: string
  /** For registered algorithms lower-case hexadecimal. */
  readonly encoded: string
}

/** Lower-case hexadecimal characters that the encoded half of each registered algorithm has. */
const encodedLengths: Readonly<Record<RegisteredAlgorithm, number>> = { sha256: 64, sha512: 128, blake3: 64 }

const grammar = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/
const lowerHex = /^[0-9a-f]+$/

/** Longest digest that is accepted, in characters: far above any algorithm, far below a path's limit. */
const maxDigestLength = 255

/** Whether the algorithm is one that image-spec registers, which are the ones that can be computed here. */
export function isRegisteredAlgorithm(algorithm: string): algorithm is RegisteredAlgorithm {
  return Object.hasOwn(encodedLengths, algorithm)
}

/**
 * What is wrong with a text as a digest, as the end of a sentence, or undefined where nothing is. An algorithm
 * that is not registered passes when it is grammatical, as the specification asks.
 */
export function digestProblem(text: string): string | undefined {
  if (text.length > maxDigestLength) return `is longer than ${maxDigestLength} characters`
  if (!grammar.test(text)) {
    return 'is not of the form algorithm:encoded (lower-case algorithm, encoded of a-z A-Z 0-9 = _ -)'
  }
  const colon = text.indexOf(':')
  const algorithm = text.slice(0, colon)
  if (!isRegisteredAlgorithm(algorithm)) return undefined
  const encoded = text.slice(colon + 1)
  const length = encodedLengths[algorithm]
  if (encoded.length !== length || !lowerHex.test(encoded)) {
    return `must have ${length} lower-case hexadecimal characters after "${algorithm}:"`
  }
  return undefined
}

/** Whether a value is a digest that {@link parseDigest} accepts. */
export function isDigest(value: unknown): value is Digest {
  return typeof value === 'string' && digestProblem(value) === undefined
}

/**
 * Whether a value is a digest of a registered algorithm. Where a name may stand in the digest's place this is the
 * question to ask: `alpine:3` is a digest by the grammar alone.
 */
export function isRegisteredDigest(value: unknown): value is Digest {
  return isDigest(value) && isRegisteredAlgorithm(digestParts(value).algorithm)
}

/**
 * Checks that a text is a digest. Algorithms that are not registered pass when they are grammatical; verifying
 * with one is refused later with `DIGEST_UNSUPPORTED`.
 *
 * @throws OciError `DIGEST_INVALID`
 * @example parseDigest('sha256:' + 'a'.repeat(64))
 */
export function parseDigest(text: string): Digest {
  const problem = digestProblem(text)
  if (problem !== undefined) {
    throw new OciError('DIGEST_INVALID', `Digest ${quote(text)} ${problem}`, { actual: text.slice(0, 512) })
  }
  return text as Digest
}

/** The algorithm and the encoded half of a digest. */
export function digestParts(digest: Digest): DigestParts {
  const colon = digest.indexOf(':')
  return { algorithm: digest.slice(0, colon), encoded: digest.slice(colon + 1) }
}

/**
 * The digest of two halves.
 * @throws OciError `DIGEST_INVALID`
 */
export function formatDigest(parts: DigestParts): Digest {
  return parseDigest(`${parts.algorithm}:${parts.encoded}`)
}

/** Orders digests by their characters: negative, zero or positive, as `Array.prototype.sort` wants it. */
export function compareDigests(a: Digest, b: Digest): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text)
}
