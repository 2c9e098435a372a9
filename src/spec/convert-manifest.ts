/**
 * Manifests and indexes from OCI's form to Docker's and back: the same members under other media types, and what
 * only OCI can say. All else in the document stays as it was written.
 * @see https://github.com/opencontainers/image-spec/blob/main/media-types.md#compatibility-matrix
 */
import { OciError } from '../errors.ts'
import type { ConvertedDocument } from './convert-config.ts'
import type { Descriptor } from './descriptor.ts'
import { isArtifact } from './empty-descriptor.ts'
import { parseIndex } from './image-index.ts'
import type { JsonEdit } from './json-edit.ts'
import { editJson } from './json-edit.ts'
import type { Manifest } from './manifest.ts'
import { parseManifest } from './manifest.ts'
import {
  isNondistributable,
  layerCompression,
  mediaTypes,
  toDockerMediaType,
  toOciMediaType,
} from './media-type.ts'

/** Whose form a document is of. */
export type DocumentFamily = 'oci' | 'docker'

/** Content that takes the place of other content. */
export type ReplacedContent = Pick<Descriptor, 'digest' | 'size'> & {
  /** The one that follows from the old one when absent. */
  readonly mediaType?: string | undefined
}

/** What else changes in a manifest while it is converted. */
export interface ConvertManifestOptions {
  readonly config?: ReplacedContent | undefined
  /** By position. */
  readonly layers?: ReadonlyMap<number, ReplacedContent> | undefined
}

/**
 * Converts a manifest. One of the family asked for, with config and layers of that family, stays byte for byte.
 * Docker's form has no subject, no artifact type, no annotations and no embedded data: they are dropped, as
 * containers/image drops them.
 *
 * @throws OciError `MEDIA_TYPE_UNSUPPORTED` for what the other form cannot say: an artifact, layers of an unknown
 *   type, and in Docker's form layers compressed with zstd (unless replaced); and as `parseManifest`
 */
export function convertManifest(
  bytes: Uint8Array,
  to: DocumentFamily,
  options: ConvertManifestOptions = {},
): ConvertedDocument {
  const manifest = parseManifest(bytes)
  const isOci = manifest.mediaType !== mediaTypes.dockerManifest
  if (to === 'oci' && isOci && isArtifact(manifest)) {
    return { bytes: new Uint8Array(bytes), dropped: [] }
  }
  const edits: JsonEdit[] = documentType(
    manifest.mediaType,
    to,
    mediaTypes.manifest,
    mediaTypes.dockerManifest,
  )
  edits.push(...contentEdits(['config'], manifest.config, configType(manifest, to), options.config))
  for (const [position, layer] of manifest.layers.entries()) {
    const replaced = options.layers?.get(position)
    const mediaType = layerType(replaced?.mediaType ?? layer.mediaType, to, position, isOci)
    edits.push(...contentEdits(['layers', position], layer, mediaType, replaced))
  }
  const dropped: (readonly (string | number)[])[] = []
  if (to === 'docker') {
    dropped.push(...present(manifest, ['artifactType', 'subject', 'annotations'], []))
    dropped.push(...present(manifest.config, inDescriptors, ['config']))
    for (const [position, layer] of manifest.layers.entries()) {
      dropped.push(...present(layer, inDescriptors, ['layers', position]))
    }
  }
  edits.push(...dropped.map((path) => ({ path, value: undefined })))
  return { bytes: edits.length === 0 ? new Uint8Array(bytes) : editJson(bytes, edits), dropped }
}

/**
 * Converts an index whose entries have been converted.
 *
 * @param entries what each entry is then; undefined for one that is left out
 * @throws OciError `ARGUMENT_INVALID` where there are more or fewer; and as `parseIndex`
 */
export function convertIndex(
  bytes: Uint8Array,
  to: DocumentFamily,
  entries: readonly (Required<ReplacedContent> | undefined)[],
): ConvertedDocument {
  const index = parseIndex(bytes)
  if (entries.length !== index.manifests.length) {
    throw new OciError(
      'ARGUMENT_INVALID',
      `The index has ${index.manifests.length} entries, but ${entries.length} were converted`,
    )
  }
  const edits = documentType(index.mediaType, to, mediaTypes.index, mediaTypes.dockerManifestList)
  const dropped: (readonly (string | number)[])[] = []
  const becomes = new Map(index.manifests.map((entry, position) => [entry.digest, entries[position]]))
  // From the last on, so that leaving one out does not move those before it.
  for (const [position, entry] of [...index.manifests.entries()].reverse()) {
    const path = ['manifests', position]
    const converted = entries[position]
    if (converted === undefined) {
      edits.push({ path, value: undefined })
      dropped.push(path)
      continue
    }
    edits.push(...contentEdits(path, entry, converted.mediaType as string, converted))
    const about = entry.annotations?.[attestedDigest]
    const renamed = becomes.get(about as Descriptor['digest'])
    if (about !== undefined && renamed !== undefined && renamed.digest !== about) {
      edits.push({ path: [...path, 'annotations', attestedDigest], value: renamed.digest })
    }
    if (to !== 'docker') continue
    for (const gone of present(
      entry,
      inDescriptors.filter((name) => name !== 'platform'),
      path,
    )) {
      dropped.push(gone)
      edits.push({ path: gone, value: undefined })
    }
  }
  if (to === 'docker') {
    for (const path of present(index, ['artifactType', 'subject', 'annotations'], [])) {
      dropped.push(path)
      edits.push({ path, value: undefined })
    }
  }
  return { bytes: edits.length === 0 ? new Uint8Array(bytes) : editJson(bytes, edits), dropped }
}

/** Which image a build's attestation is about, as BuildKit notes on its entry in an index. */
export const attestedDigest = 'vnd.docker.reference.digest'

/** What OCI's descriptors have and Docker's have not. */
const inDescriptors = ['annotations', 'data', 'artifactType', 'platform'] as const

function present(
  value: object,
  names: readonly string[],
  above: readonly (string | number)[],
): (readonly (string | number)[])[] {
  return names.filter((name) => Object.hasOwn(value, name)).map((name) => [...above, name])
}

/** OCI lets a document go without a media type of its own, Docker does not. */
function documentType(said: string | undefined, to: DocumentFamily, oci: string, docker: string): JsonEdit[] {
  const wanted = to === 'oci' ? oci : docker
  return said === wanted || (said === undefined && to === 'oci')
    ? []
    : [{ path: ['mediaType'], value: wanted }]
}

function contentEdits(
  path: readonly (string | number)[],
  old: Descriptor,
  mediaType: string,
  replaced: ReplacedContent | undefined,
): JsonEdit[] {
  const edits: JsonEdit[] = []
  if (mediaType !== old.mediaType) edits.push({ path: [...path, 'mediaType'], value: mediaType })
  if (replaced === undefined || replaced.digest === old.digest) return edits
  edits.push(
    { path: [...path, 'digest'], value: replaced.digest },
    { path: [...path, 'size'], value: replaced.size },
  )
  // A copy of the old content would be believed.
  if (old.data !== undefined) edits.push({ path: [...path, 'data'], value: undefined })
  return edits
}

function configType(manifest: Manifest, to: DocumentFamily): string {
  const { mediaType } = manifest.config
  const docker = manifest.mediaType === mediaTypes.dockerManifest
  const isConfig =
    mediaType === mediaTypes.config ||
    mediaType === mediaTypes.dockerConfig ||
    // Docker before 1.10 and some registries after it call configs so.
    (docker && mediaType === 'application/octet-stream')
  if (isConfig) return to === 'oci' ? mediaTypes.config : mediaTypes.dockerConfig
  throw new OciError(
    'MEDIA_TYPE_UNSUPPORTED',
    `An artifact cannot be converted: its config has media type ${JSON.stringify(mediaType)}, which has no equivalent in ${to === 'oci' ? "OCI's form" : "Docker's form"}`,
    { actual: mediaType },
  )
}

function layerType(mediaType: string, to: DocumentFamily, position: number, isOci: boolean): string {
  const where = `Layer ${position + 1} has media type ${JSON.stringify(mediaType)}`
  if (to === 'oci') {
    const oci = toOciMediaType(mediaType)
    // What is in an OCI manifest may be of any type: a build's attestation has an image's config, and no layers.
    if (oci !== undefined && (isOci || layerCompression(oci) !== undefined)) return oci
    if (isOci) return mediaType
  } else {
    if (layerCompression(mediaType) === 'zstd') {
      throw new OciError(
        'MEDIA_TYPE_UNSUPPORTED',
        `${where}: Docker's form has no zstd${isNondistributable(mediaType) ? '' : '; have the layer recompressed, with gzip or none'}`,
        { actual: mediaType },
      )
    }
    const docker = toDockerMediaType(mediaType)
    if (docker !== undefined && layerCompression(docker) !== undefined) return docker
  }
  throw new OciError(
    'MEDIA_TYPE_UNSUPPORTED',
    `${where}, which has no equivalent in ${to === 'oci' ? "OCI's form" : "Docker's form"}`,
    {
      actual: mediaType,
    },
  )
}
