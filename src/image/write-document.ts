/** Documents into a store: checked in full, serialized, stored; their descriptors come back. */
import type { CheckOptions, Descriptor, ImageConfig, Index, Manifest } from '../spec/index.ts'
import { checkConfig, checkIndex, checkManifest, mediaTypes } from '../spec/index.ts'
import type { BlobStore, StoreOptions } from '../store/index.ts'

/** How a document is written. */
export interface WriteDocumentOptions extends StoreOptions, Pick<CheckOptions, 'allow'> {
  /** What the content is said to be: the document's own `mediaType` when absent, else OCI's. */
  readonly mediaType?: string | undefined
}

/**
 * Writes a manifest. One that was read and not changed is written with its own bytes, and in a changed copy every
 * part that was not changed keeps its own.
 *
 * @throws OciError `DOCUMENT_INVALID` where any rule is broken, an empty `layers` included (allow `layers-empty` to
 *   write one); as the store's `put`
 * @example
 * const manifest = await readManifest(store, descriptor)
 * await writeManifest(store, { ...manifest, annotations: { ...manifest.annotations, stage: 'test' } })
 */
export async function writeManifest(
  store: BlobStore,
  manifest: Manifest,
  options: WriteDocumentOptions = {},
): Promise<Descriptor> {
  const mediaType = options.mediaType ?? manifest.mediaType ?? mediaTypes.manifest
  const { artifactType } = manifest
  const type = artifactType === undefined ? {} : { artifactType }
  return put(store, checkManifest(manifest, { ...options, mediaType }), { mediaType, ...type }, options)
}

/**
 * Writes an index: see {@link writeManifest}.
 * @throws OciError `DOCUMENT_INVALID`; as the store's `put`
 */
export async function writeIndex(
  store: BlobStore,
  index: Index,
  options: WriteDocumentOptions = {},
): Promise<Descriptor> {
  const mediaType = options.mediaType ?? index.mediaType ?? mediaTypes.index
  const { artifactType } = index
  const type = artifactType === undefined ? {} : { artifactType }
  return put(store, checkIndex(index, { ...options, mediaType }), { mediaType, ...type }, options)
}

/**
 * Writes an image config: see {@link writeManifest}.
 * @throws OciError `DOCUMENT_INVALID`; as the store's `put`
 */
export async function writeConfig(
  store: BlobStore,
  config: ImageConfig,
  options: WriteDocumentOptions = {},
): Promise<Descriptor> {
  const mediaType = options.mediaType ?? mediaTypes.config
  return put(store, checkConfig(config, { ...options, mediaType }), { mediaType }, options)
}

async function put(
  store: BlobStore,
  bytes: Uint8Array,
  expected: Partial<Descriptor>,
  options: StoreOptions,
): Promise<Descriptor> {
  return store.put(bytes, { ...expected, size: bytes.length }, options)
}
