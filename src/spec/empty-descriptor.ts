/**
 * The empty descriptor and what image-spec says of artifacts: how content that is no image is packed.
 * @see https://github.com/opencontainers/image-spec/blob/main/manifest.md#guidance-for-an-empty-descriptor
 */
import type { Digest } from '../digest/index.ts'
import type { Descriptor } from './descriptor.ts'
import type { Index } from './image-index.ts'
import type { Manifest } from './manifest.ts'
import { isConfigType, mediaTypes } from './media-type.ts'

/** The content that the empty descriptor points to: `{}`, 2 bytes. */
export function emptyContent(): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(0x7b, 0x7d)
}

/** The descriptor of `{}`, content embedded: stands where an artifact has no config or no layer. */
export function emptyDescriptor(): Descriptor {
  return {
    mediaType: mediaTypes.empty,
    digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a' as Digest,
    size: 2,
    data: 'e30=',
  }
}

/** Whether a manifest is an artifact: it has an `artifactType`, or its config is not that of an image. */
export function isArtifact(manifest: Manifest): boolean {
  return hasText(manifest.artifactType) || !isConfigType(manifest.config.mediaType)
}

/**
 * The artifact type that a referrers response gives to a document: its `artifactType`, else its config's media
 * type; undefined for an index without one.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
 */
export function artifactTypeOf(document: Manifest | Index): string | undefined {
  if (hasText(document.artifactType)) return document.artifactType
  return 'config' in document ? document.config.mediaType : undefined
}

function hasText(text: string | null | undefined): text is string {
  return typeof text === 'string' && text !== ''
}
