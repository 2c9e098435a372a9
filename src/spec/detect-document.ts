/** Tells documents apart by what is in them, for content that came without a media type or with a wrong one. */
import { OciError } from '../errors.ts'
import type { JsonOptions } from './json.ts'
import { parseJson } from './json.ts'
import { mediaTypes } from './media-type.ts'
import { isObject } from './schema.ts'

/** What a document is; `unknown` for any that is none of the others, or is no JSON. */
export type DocumentType =
  | 'manifest'
  | 'index'
  | 'docker-manifest'
  | 'docker-manifest-list'
  | 'docker-schema1'
  | 'docker-schema1-signed'
  /** Of image-spec 1.1's release candidates, and never released. */
  | 'artifact-manifest'
  | 'config'
  | 'layout'
  | 'descriptor'
  | 'unknown'

/** What {@link detectDocument} found. */
export interface DetectedDocument {
  readonly kind: DocumentType
  /** The media type of the kind; that which an unknown document says of itself. */
  readonly mediaType?: string | undefined
  /** Why an unknown document is none, or why a known one will not parse: one sentence. */
  readonly problem?: string | undefined
}

/**
 * Tells what a document is from its content alone. It only tells: whether the document is valid, the kind's parse
 * function says. Never throws.
 */
export function detectDocument(bytes: Uint8Array | string, options: JsonOptions = {}): DetectedDocument {
  let value: unknown
  try {
    value = parseJson(bytes, options).value
  } catch (error) {
    if (error instanceof OciError) return { kind: 'unknown', problem: error.message }
    throw error
  }
  if (!isObject(value)) return { kind: 'unknown', problem: 'The document is not a JSON object' }
  const { mediaType, schemaVersion } = value
  const claimed = typeof mediaType === 'string' ? mediaType : undefined
  if (schemaVersion === undefined) return withoutVersion(value, claimed)
  if (schemaVersion === 1) {
    const kind = hasOwn(value, 'signatures') ? 'docker-schema1-signed' : 'docker-schema1'
    return described(kind, value)
  }
  if (schemaVersion !== 2) {
    return {
      kind: 'unknown',
      mediaType: claimed,
      problem: `The document's schemaVersion is ${JSON.stringify(schemaVersion)}, and only 1 and 2 are known`,
    }
  }
  const kind = claimed === undefined ? withoutMediaType(value) : kindOf(claimed)
  if (kind !== undefined) return described(kind, value)
  return {
    kind: 'unknown',
    mediaType: claimed,
    problem:
      claimed === undefined
        ? 'The document has a schemaVersion, but neither "manifests" nor "layers" and "config"'
        : `The document's media type ${JSON.stringify(claimed.slice(0, 100))} is not known`,
  }
}

const typesOfKinds = {
  manifest: mediaTypes.manifest,
  index: mediaTypes.index,
  'docker-manifest': mediaTypes.dockerManifest,
  'docker-manifest-list': mediaTypes.dockerManifestList,
  'docker-schema1': mediaTypes.dockerSchema1,
  'docker-schema1-signed': mediaTypes.dockerSchema1Signed,
  'artifact-manifest': mediaTypes.artifactManifest,
  config: mediaTypes.config,
  layout: mediaTypes.layoutHeader,
  descriptor: mediaTypes.descriptor,
} as const

function kindOf(mediaType: string): DocumentType | undefined {
  for (const [kind, type] of Object.entries(typesOfKinds)) if (type === mediaType) return kind as DocumentType
  return undefined
}

/** Manifests of any format have a version; a descriptor's media type is that of what it points to. */
function withoutVersion(
  value: Readonly<Record<string, unknown>>,
  claimed: string | undefined,
): DetectedDocument {
  if (claimed !== undefined && hasOwn(value, 'digest') && hasOwn(value, 'size'))
    return described('descriptor', value)
  if (claimed === mediaTypes.artifactManifest) return described('artifact-manifest', value)
  if (hasOwn(value, 'imageLayoutVersion')) return described('layout', value)
  // The JSON of Docker's first image format has architecture and os too, but no rootfs.
  if (hasOwn(value, 'rootfs')) return described('config', value)
  return {
    kind: 'unknown',
    mediaType: claimed,
    problem: 'The document has no member that a known kind begins with',
  }
}

/**
 * Only OCI's documents may go without a media type; manifests of Docker's that do are known by their config. A
 * list is OCI's whatever it lists: layouts that point to Docker's manifests have such an `index.json`.
 */
function withoutMediaType(value: Readonly<Record<string, unknown>>): DocumentType | undefined {
  if (Array.isArray(value.manifests) || value.manifests === null) return 'index'
  if (!hasOwn(value, 'layers') || !isObject(value.config)) return undefined
  return value.config.mediaType === mediaTypes.dockerConfig ? 'docker-manifest' : 'manifest'
}

const foreign: Readonly<Partial<Record<DocumentType, readonly string[]>>> = {
  manifest: ['manifests', 'fsLayers'],
  'docker-manifest': ['manifests', 'fsLayers'],
  index: ['config', 'layers', 'fsLayers'],
  'docker-manifest-list': ['config', 'layers', 'fsLayers'],
  'docker-schema1': ['config', 'layers', 'manifests'],
  'docker-schema1-signed': ['config', 'layers', 'manifests'],
}

/** Members that only Docker writes into a config. */
const dockersOwn = ['docker_version', 'container_config', 'container']

function described(kind: DocumentType, value: Readonly<Record<string, unknown>>): DetectedDocument {
  const docker = kind === 'config' && dockersOwn.some((name) => hasOwn(value, name))
  const mediaType = docker ? mediaTypes.dockerConfig : typesOfKinds[kind as keyof typeof typesOfKinds]
  const also = foreign[kind]?.filter((name) => hasOwn(value, name) && value[name] !== null) ?? []
  if (also.length === 0) return { kind, mediaType }
  return { kind, mediaType, problem: `The document also has ${also.join(', ')}, which makes it ambiguous` }
}

function hasOwn(value: object, name: string): boolean {
  return Object.hasOwn(value, name)
}
