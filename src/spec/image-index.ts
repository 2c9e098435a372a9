/**
 * The image index: a list of manifests, each for a platform or a purpose.
 * @see https://github.com/opencontainers/image-spec/blob/main/image-index.md
 */
import * as z from 'zod/mini'
import type { Annotations, Descriptor } from './descriptor.ts'
import { descriptorSchema } from './descriptor.ts'
import type { DocumentKind, ParseOptions } from './document.ts'
import { foreignMembers, mediaTypeIssues, parseDocument, withEmptyList } from './document.ts'
import type { DocumentIssue } from './finding.ts'
import { manifestStructure } from './manifest.ts'
import { mediaTypes } from './media-type.ts'
import type { Schema } from './schema.ts'
import { mediaType, nullableListOf, once, optional, schemaOf, stringMap } from './schema.ts'

/** An image index (or Docker's manifest list, whose shape is the same). */
export interface Index {
  readonly schemaVersion: 2
  /** OCI's media type of indexes or Docker's of manifest lists; older writers of OCI leave it out. */
  readonly mediaType?: string | undefined
  readonly artifactType?: string | undefined
  /** In the order of preference: the first that matches a platform is taken. */
  readonly manifests: readonly Descriptor[]
  /** The manifest that this index says something about. */
  readonly subject?: Descriptor | undefined
  readonly annotations?: Annotations | undefined
}

/** The schema of an index. */
export const indexSchema: () => Schema<Index> = /* @__PURE__ */ once(() =>
  schemaOf<Index>()(
    z.looseObject({
      schemaVersion: z.literal(2),
      mediaType: optional(mediaType()),
      artifactType: optional(mediaType()),
      manifests: nullableListOf(descriptorSchema()),
      subject: optional(descriptorSchema()),
      annotations: optional(stringMap()),
    }),
  ),
)

function indexRules(index: Index, options: ParseOptions): DocumentIssue[] {
  return [
    ...foreignMembers(index, ['config', 'layers', 'fsLayers'], 'an index'),
    ...mediaTypeIssues(index.mediaType, [mediaTypes.index, mediaTypes.dockerManifestList], options),
  ]
}

/** What an index is. */
export const indexKind: DocumentKind<Index> = {
  what: 'image index',
  structure: manifestStructure,
  schema: indexSchema,
  rules: indexRules,
  mediaTypes: [mediaTypes.index, mediaTypes.dockerManifestList],
  takesUnknownTypes: true,
}

/**
 * Parses an image index, or Docker's manifest list. `manifests: null`, which Go writes for an empty list (and
 * `umoci init` and `docker save` into `index.json`), reads as `[]`.
 *
 * @throws OciError `JSON_INVALID`, `DOCUMENT_INVALID` with `issues`, `LIMIT_EXCEEDED`; `MEDIA_TYPE_UNSUPPORTED`
 *   where `mediaType` says that the content is something else
 * @see https://github.com/opencontainers/image-spec/blob/main/image-index.md#image-index-property-descriptions
 */
export function parseIndex(bytes: Uint8Array | string, options: ParseOptions = {}): Index {
  return withEmptyList(parseDocument(indexKind, bytes, options), 'manifests')
}
