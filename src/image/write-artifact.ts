/**
 * Artifacts: content that is no image, packed as a manifest, alone or about another.
 * @see https://github.com/opencontainers/image-spec/blob/main/manifest.md#guidelines-for-artifact-usage
 */
import type { ByteSource } from '../bytes.ts'
import type { Annotations, Descriptor, Manifest } from '../spec/index.ts'
import { artifactTypeOf, emptyContent, emptyDescriptor, mediaTypes } from '../spec/index.ts'
import type { BlobStore, StoreOptions } from '../store/index.ts'
import { writeManifest } from './write-document.ts'

/** A blob of an artifact: its content, or a descriptor of what is in the store already. */
export type ArtifactBlob =
  | Descriptor
  | {
      readonly content: ByteSource
      /** `application/octet-stream` when absent. */
      readonly mediaType?: string | undefined
      readonly annotations?: Annotations | undefined
    }

/** What an artifact is made of. */
export interface ArtifactContent {
  /** What kind of artifact it is, as a media type; may be absent where the config has a type of its own. */
  readonly artifactType?: string | undefined
  /** The empty descriptor's `{}` when absent. */
  readonly config?: ArtifactBlob | undefined
  /** The manifest's `layers`, in order; the empty descriptor where there are none. */
  readonly blobs?: Iterable<ArtifactBlob> | undefined
  /** The manifest that the artifact says something about. */
  readonly subject?: Descriptor | undefined
  readonly annotations?: Annotations | undefined
}

/**
 * Writes an artifact, its blobs first.
 *
 * @returns its descriptor, as a registry lists it among the referrers of the subject: with artifact type and
 *   annotations
 * @throws OciError `DOCUMENT_INVALID` (neither an artifact type nor a config with a type); as the store's `put`
 * @example
 * await writeArtifact(store, {
 *   artifactType: 'application/spdx+json',
 *   blobs: [{ content: sbom, mediaType: 'application/spdx+json' }],
 * })
 */
export async function writeArtifact(
  store: BlobStore,
  artifact: ArtifactContent,
  options: StoreOptions = {},
): Promise<Descriptor> {
  const { artifactType, annotations, subject } = artifact
  const layers: Descriptor[] = []
  for (const blob of artifact.blobs ?? []) layers.push(await putBlob(store, blob, options))
  const config =
    artifact.config === undefined ? emptyDescriptor() : await putBlob(store, artifact.config, options)
  if (layers.length === 0) layers.push(emptyDescriptor())
  if ([config, ...layers].some((blob) => blob.mediaType === mediaTypes.empty)) {
    await store.put(emptyContent(), emptyDescriptor(), options)
  }
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    artifactType,
    config,
    layers,
    // Where else the subject could be had, or what its index says of it, is nothing that the artifact vouches for.
    subject: subject && { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
    annotations,
  }
  const written = await writeManifest(store, manifest, options)
  return {
    ...written,
    artifactType: artifactTypeOf(manifest),
    ...(annotations === undefined ? {} : { annotations }),
  }
}

async function putBlob(store: BlobStore, blob: ArtifactBlob, options: StoreOptions): Promise<Descriptor> {
  if (!('content' in blob)) return blob
  const { content, mediaType, annotations } = blob
  const stored = await store.put(content, mediaType === undefined ? {} : { mediaType }, options)
  return annotations === undefined ? stored : { ...stored, annotations }
}
