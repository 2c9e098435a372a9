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
export function readManifest(
  store: BlobStore,
  descriptor: Descriptor,
  options: StoreOptions = {},
): Promise<Manifest> {
  return readDocument(store, descriptor, options, 'an image manifest', isManifestType, parseManifest)
}

/**
 * The index that a descriptor points to: OCI's, or Docker's manifest list.
 * @throws OciError as {@link readManifest}
 */
export function readIndex(
  store: BlobStore,
  descriptor: Descriptor,
  options: StoreOptions = {},
): Promise<Index> {
  return readDocument(store, descriptor, options, 'an image index', isIndexType, parseIndex)
}

/**
 * The image config that a descriptor points to: OCI's or Docker's.
 * @throws OciError as {@link readManifest}
 */
export function readConfig(
  store: BlobStore,
  descriptor: Descriptor,
  options: StoreOptions = {},
): Promise<ImageConfig> {
  return readDocument(store, descriptor, options, 'an image config', isConfigType, parseConfig)
}

async function readDocument<T>(
  store: BlobStore,
  descriptor: Descriptor,
  options: StoreOptions,
  what: string,
  accepts: (mediaType: string) => boolean,
  parse: (bytes: Uint8Array, options: { readonly mediaType: string }) => T,
): Promise<T> {
  const { digest, mediaType } = descriptor
  if (!accepts(mediaType)) {
    throw new OciError(
      'MEDIA_TYPE_UNSUPPORTED',
      `Blob ${digest} is not ${what}: its media type is ${JSON.stringify(mediaType)}`,
      { digest, actual: mediaType },
    )
  }
  const bytes = await readBlobBytes(store, descriptor, options)
  return located(descriptor, () => parse(bytes, { mediaType }))
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
