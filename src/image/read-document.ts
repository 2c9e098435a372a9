/** Documents out of a store: fetched, verified, then parsed, in one call. */
import { OciError } from '../errors.ts'
import type { Descriptor, ImageConfig, Index, Manifest } from '../spec/index.ts'
import {
  isConfigType,
  isIndexType,
  isManifestType,
  parseConfig,
  parseIndex,
  parseManifest,
} from '../spec/index.ts'
import type { BlobStore, StoreOptions } from '../store/index.ts'
import { readBlobBytes } from '../store/index.ts'

/**
 * The manifest that a descriptor points to: OCI's, or Docker's v2 schema 2.
 * @throws OciError `MEDIA_TYPE_UNSUPPORTED`, `BLOB_NOT_FOUND`, `SIZE_MISMATCH`, `DIGEST_MISMATCH`,
 *   `JSON_INVALID`, `DOCUMENT_INVALID`, `LIMIT_EXCEEDED` (above 4 MiB)
 */
export async function readManifest(
  store: BlobStore,
  descriptor: Descriptor,
  options: StoreOptions = {},
): Promise<Manifest> {
  requireType(descriptor, isManifestType, 'an image manifest')
  const bytes = await readBlobBytes(store, descriptor, options)
  return located(descriptor, () => parseManifest(bytes, { mediaType: descriptor.mediaType }))
}

/**
 * The index that a descriptor points to: OCI's, or Docker's manifest list.
 * @throws OciError as {@link readManifest}
 */
export async function readIndex(
  store: BlobStore,
  descriptor: Descriptor,
  options: StoreOptions = {},
): Promise<Index> {
  requireType(descriptor, isIndexType, 'an image index')
  const bytes = await readBlobBytes(store, descriptor, options)
  return located(descriptor, () => parseIndex(bytes, { mediaType: descriptor.mediaType }))
}

/**
 * The image config that a descriptor points to: OCI's or Docker's.
 * @throws OciError as {@link readManifest}
 */
export async function readConfig(
  store: BlobStore,
  descriptor: Descriptor,
  options: StoreOptions = {},
): Promise<ImageConfig> {
  requireType(descriptor, isConfigType, 'an image config')
  const bytes = await readBlobBytes(store, descriptor, options)
  return located(descriptor, () => parseConfig(bytes, { mediaType: descriptor.mediaType }))
}

function requireType(descriptor: Descriptor, accepts: (mediaType: string) => boolean, what: string): void {
  if (accepts(descriptor.mediaType)) return
  throw new OciError(
    'MEDIA_TYPE_UNSUPPORTED',
    `Blob ${descriptor.digest} is not ${what}: its media type is ${JSON.stringify(descriptor.mediaType)}`,
    { digest: descriptor.digest, actual: descriptor.mediaType },
  )
}

/** Adds to a parser's error which blob it was. */
export function located<T>(descriptor: Descriptor, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof OciError) || error.digest !== undefined) throw error
    const { code, message, expected, actual, path, offset, issues } = error
    throw new OciError(code, `Blob ${descriptor.digest}: ${message}`, {
      cause: error,
      expected,
      actual,
      path,
      offset,
      issues,
      digest: descriptor.digest,
    })
  }
}
