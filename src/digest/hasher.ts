/**
 * Computing digests: `node:crypto` where there is one (about 1900 MB/s), else `@noble/hashes` (about 215 MB/s).
 * WebCrypto is never used: it cannot hash a stream. BLAKE3 comes from `@noble/hashes` everywhere.
 */
import { blake3 } from '@noble/hashes/blake3.js'
import { sha256, sha512 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { OciError } from '../errors.ts'
import { accelerator } from '../runtime.ts'
import type { Digest } from './digest.ts'
import { isRegisteredAlgorithm } from './digest.ts'

/** An incremental digest computation. */
export interface Hasher {
  /** Takes more bytes; the array is free again when the call returns. */
  update(chunk: Uint8Array): void
  /** The digest of all bytes so far; ends the computation. */
  digest(): Digest
}

const portable = { sha256, sha512, blake3 }

/**
 * Starts computing a digest.
 * @param algorithm `sha256` (the default), `sha512` or `blake3`.
 * @throws OciError `DIGEST_UNSUPPORTED` for any other.
 */
export function createHasher(algorithm = 'sha256'): Hasher {
  if (!isRegisteredAlgorithm(algorithm)) {
    throw new OciError(
      'DIGEST_UNSUPPORTED',
      `Digest algorithm "${algorithm}" cannot be computed here: only sha256, sha512 and blake3 can`,
      { actual: algorithm },
    )
  }
  const crypto = algorithm === 'blake3' ? undefined : accelerator('node:crypto')
  if (crypto !== undefined) {
    const hash = crypto.createHash(algorithm)
    return {
      update(chunk) {
        hash.update(chunk)
      },
      digest: () => `${algorithm}:${hash.digest('hex')}` as Digest,
    }
  }
  const hash = portable[algorithm].create()
  return {
    update(chunk) {
      hash.update(chunk)
    },
    digest: () => `${algorithm}:${bytesToHex(hash.digest())}` as Digest,
  }
}

/**
 * The digest of bytes in memory.
 * @param algorithm `sha256` (the default), `sha512` or `blake3`.
 * @throws OciError `DIGEST_UNSUPPORTED` for any other.
 */
export function digestBytes(bytes: Uint8Array, algorithm = 'sha256'): Digest {
  const hasher = createHasher(algorithm)
  hasher.update(bytes)
  return hasher.digest()
}
