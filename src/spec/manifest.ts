/**
 * The image manifest: one config and its layers, or an artifact.
 * @see https://github.com/opencontainers/image-spec/blob/main/manifest.md
 */
import * as z from 'zod/mini'
import type { Annotations, Descriptor } from './descriptor.ts'
import { descriptorSchema, descriptorStructure } from './descriptor.ts'
import type { DocumentKind, ParseOptions } from './document.ts'
import { foreignMembers, mediaTypeIssues, parseDocument, withEmptyList } from './document.ts'
import type { DocumentIssue } from './finding.ts'
import type { JsonStructure } from './json.ts'
import { mediaTypes } from './media-type.ts'
import type { Schema } from './schema.ts'
import { mediaType, nullableListOf, once, optional, schemaOf, stringMap } from './schema.ts'

/** An image manifest (or Docker's manifest v2 schema 2, whose shape is the same). */
export interface Manifest {
  readonly schemaVersion: 2
  /** OCI's or Docker's media type of manifests; older writers of OCI leave it out. */
  readonly mediaType?: string | undefined
  /** What kind of artifact this is; always there where the config is the empty descriptor. */
  readonly artifactType?: string | undefined
  readonly config: Descriptor
  /** Bottom to top. */
  readonly layers: readonly Descriptor[]
  /** The manifest that this one says something about. */
  readonly subject?: Descriptor | undefined
  readonly annotations?: Annotations | undefined
}

/**
 * The names that mean something in a manifest or an index. Both take the other's too, so that no spelling of
 * `manifests` hides in a manifest.
 */
export const manifestStructure: JsonStructure = {
  schemaVersion: null,
  mediaType: null,
  artifactType: null,
  config: descriptorStructure,
  layers: descriptorStructure,
  manifests: descriptorStructure,
  subject: descriptorStructure,
  annotations: null,
  fsLayers: null,
}

/** The schema of a manifest. */
export const manifestSchema: () => Schema<Manifest> = /* @__PURE__ */ once(() =>
  schemaOf<Manifest>()(
    z.looseObject({
      schemaVersion: z.literal(2),
      mediaType: optional(mediaType()),
      artifactType: optional(mediaType()),
      config: descriptorSchema(),
      layers: nullableListOf(descriptorSchema()),
      subject: optional(descriptorSchema()),
      annotations: optional(stringMap()),
    }),
  ),
)

function manifestRules(manifest: Manifest, options: ParseOptions): DocumentIssue[] {
  const issues: DocumentIssue[] = [
    ...foreignMembers(manifest, ['manifests', 'fsLayers'], 'a manifest'),
    ...mediaTypeIssues(manifest.mediaType, [mediaTypes.manifest, mediaTypes.dockerManifest], options),
  ]
  if (manifest.config.mediaType === mediaTypes.empty && manifest.artifactType === undefined) {
    issues.push({
      path: ['artifactType'],
      code: 'artifact-type-missing',
      message: `is required, but missing: the config is empty (${mediaTypes.empty})`,
    })
  }
  return issues
}

/** What a manifest is. */
export const manifestKind: DocumentKind<Manifest> = {
  what: 'image manifest',
  structure: manifestStructure,
  schema: manifestSchema,
  rules: manifestRules,
  mediaTypes: [mediaTypes.manifest, mediaTypes.dockerManifest],
  takesUnknownTypes: true,
}

/**
 * Parses an image manifest, OCI's or Docker's v2 schema 2. `layers: null`, which Go writes for an empty list,
 * reads as `[]`.
 *
 * @throws OciError `JSON_INVALID`, `DOCUMENT_INVALID` with `issues`, `LIMIT_EXCEEDED`; `MEDIA_TYPE_UNSUPPORTED`
 *   where `mediaType` says that the content is something else
 * @see https://github.com/opencontainers/image-spec/blob/main/manifest.md#image-manifest-property-descriptions
 */
export function parseManifest(bytes: Uint8Array | string, options: ParseOptions = {}): Manifest {
  return withEmptyList(parseDocument(manifestKind, bytes, options), 'layers')
}
