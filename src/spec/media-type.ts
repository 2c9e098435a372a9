/**
 * Media types: what content is. OCI's own, Docker's equivalents, and the way from one to the other.
 * @see https://github.com/opencontainers/image-spec/blob/main/media-types.md
 */
import { OciError } from '../errors.ts'

/** Every media type that this library knows by name. */
export const mediaTypes = {
  descriptor: 'application/vnd.oci.descriptor.v1+json',
  layoutHeader: 'application/vnd.oci.layout.header.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
  layerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  layerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  /** Deprecated by image-spec, as the two after it: readable, not to be made anew. */
  nondistributableLayer: 'application/vnd.oci.image.layer.nondistributable.v1.tar',
  nondistributableLayerGzip: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
  nondistributableLayerZstd: 'application/vnd.oci.image.layer.nondistributable.v1.tar+zstd',
  /** Content `{}`: what stands where an artifact has no config or no layer. */
  empty: 'application/vnd.oci.empty.v1+json',
  /** Of image-spec 1.1's release candidates, gone from 1.1.0, but still in stores. */
  artifactManifest: 'application/vnd.oci.artifact.manifest.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerManifestList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerSchema1: 'application/vnd.docker.distribution.manifest.v1+json',
  dockerSchema1Signed: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerPluginConfig: 'application/vnd.docker.plugin.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  /** Not of Docker's specification, but what containerd and BuildKit write. */
  dockerLayerZstd: 'application/vnd.docker.image.rootfs.diff.tar.zstd',
  dockerForeignLayer: 'application/vnd.docker.image.rootfs.foreign.diff.tar',
  dockerForeignLayerGzip: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
} as const

/** How a layer's tar is compressed, as its media type says. */
export type LayerCompression = 'none' | 'gzip' | 'zstd'

/** Whether it is a manifest with a config and layers: OCI's, or Docker's v2 schema 2. */
export function isManifestType(mediaType: string): boolean {
  return mediaType === mediaTypes.manifest || mediaType === mediaTypes.dockerManifest
}

/** Whether it is a list of manifests: OCI's index, or Docker's manifest list. */
export function isIndexType(mediaType: string): boolean {
  return mediaType === mediaTypes.index || mediaType === mediaTypes.dockerManifestList
}

/** Whether it is Docker's v2 schema 1, signed or not: a manifest without a config. */
export function isSchema1Type(mediaType: string): boolean {
  return mediaType === mediaTypes.dockerSchema1 || mediaType === mediaTypes.dockerSchema1Signed
}

/** Whether it is the configuration of a runnable image, OCI's or Docker's (not that of a plugin). */
export function isConfigType(mediaType: string): boolean {
  return mediaType === mediaTypes.config || mediaType === mediaTypes.dockerConfig
}

/** Whether it is a layer of an image: OCI's or Docker's, nondistributable ones included. */
export function isLayerType(mediaType: string): boolean {
  return layerCompression(mediaType) !== undefined
}

/** Whether it is a layer that must not be pushed to a registry without its owner's leave. */
export function isNondistributable(mediaType: string): boolean {
  const family = familyOf(mediaType)
  return family === families.nondistributable || family === families.dockerForeign
}

/** How a layer of this media type is compressed; undefined for what is no layer type known here. */
export function layerCompression(mediaType: string): LayerCompression | undefined {
  const family = familyOf(mediaType)
  if (family === undefined) return undefined
  if (mediaType === family.gzip) return 'gzip'
  return mediaType === family.none ? 'none' : 'zstd'
}

/**
 * The media type of the same layer under another compression: OCI's stay OCI's, Docker's stay Docker's.
 * @throws OciError `MEDIA_TYPE_UNSUPPORTED` for what is no layer type, and for zstd in a Docker foreign layer,
 *   which has no media type.
 */
export function withLayerCompression(mediaType: string, compression: LayerCompression): string {
  const family = familyOf(mediaType)
  if (family === undefined) {
    throw new OciError('MEDIA_TYPE_UNSUPPORTED', `${quote(mediaType)} is not the media type of a layer`, {
      actual: mediaType,
    })
  }
  const wanted = family[compression]
  if (wanted === undefined) {
    throw new OciError(
      'MEDIA_TYPE_UNSUPPORTED',
      `There is no media type for ${quote(mediaType)} compressed with ${compression}: convert it to OCI first`,
      { actual: mediaType },
    )
  }
  return wanted
}

/**
 * OCI's equivalent of a media type by the compatibility matrix: itself where it is OCI's, undefined where there
 * is none (schema 1 must be converted as a document, plugins have no equivalent, unknown types are unknown).
 * @see https://github.com/opencontainers/image-spec/blob/main/media-types.md#compatibility-matrix
 */
export function toOciMediaType(mediaType: string): string | undefined {
  for (const [oci, docker] of equivalents()) if (mediaType === oci || mediaType === docker) return oci
  return isOciType(mediaType) ? mediaType : undefined
}

/**
 * Docker's equivalent of a media type by the compatibility matrix: itself where it is Docker's, undefined where
 * there is none (the empty descriptor, nondistributable zstd, unknown types).
 * @see https://github.com/opencontainers/image-spec/blob/main/media-types.md#compatibility-matrix
 */
export function toDockerMediaType(mediaType: string): string | undefined {
  for (const [oci, docker] of equivalents()) if (mediaType === oci || mediaType === docker) return docker
  return isDockerType(mediaType) ? mediaType : undefined
}

/**
 * Whether a string is a media type as RFC 6838 spells its two names: each begins with a letter or digit, has 1
 * to 127 characters, and no parameters follow.
 * @see https://datatracker.ietf.org/doc/html/rfc6838#section-4.2
 */
export function isMediaType(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/.test(text)
}

interface LayerFamily {
  readonly none: string
  readonly gzip: string
  readonly zstd?: string
}

const families = {
  oci: { none: mediaTypes.layer, gzip: mediaTypes.layerGzip, zstd: mediaTypes.layerZstd },
  docker: {
    none: mediaTypes.dockerLayer,
    gzip: mediaTypes.dockerLayerGzip,
    zstd: mediaTypes.dockerLayerZstd,
  },
  nondistributable: {
    none: mediaTypes.nondistributableLayer,
    gzip: mediaTypes.nondistributableLayerGzip,
    zstd: mediaTypes.nondistributableLayerZstd,
  },
  dockerForeign: { none: mediaTypes.dockerForeignLayer, gzip: mediaTypes.dockerForeignLayerGzip },
} as const

function familyOf(mediaType: string): LayerFamily | undefined {
  for (const family of Object.values(families)) {
    for (const member of Object.values(family)) if (member === mediaType) return family
  }
  return undefined
}

function equivalents(): readonly (readonly [oci: string, docker: string])[] {
  return [
    [mediaTypes.index, mediaTypes.dockerManifestList],
    [mediaTypes.manifest, mediaTypes.dockerManifest],
    [mediaTypes.config, mediaTypes.dockerConfig],
    [mediaTypes.layer, mediaTypes.dockerLayer],
    [mediaTypes.layerGzip, mediaTypes.dockerLayerGzip],
    [mediaTypes.layerZstd, mediaTypes.dockerLayerZstd],
    [mediaTypes.nondistributableLayer, mediaTypes.dockerForeignLayer],
    [mediaTypes.nondistributableLayerGzip, mediaTypes.dockerForeignLayerGzip],
  ]
}

function isKnown(mediaType: string): boolean {
  return (Object.values(mediaTypes) as string[]).includes(mediaType)
}

function isOciType(mediaType: string): boolean {
  return isKnown(mediaType) && mediaType.startsWith('application/vnd.oci.')
}

function isDockerType(mediaType: string): boolean {
  return isKnown(mediaType) && mediaType.startsWith('application/vnd.docker.')
}

function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text)
}
