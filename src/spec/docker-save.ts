/**
 * The two documents of a `docker save` archive: `manifest.json`, and `repositories` of older Dockers.
 * @see https://github.com/moby/docker-image-spec/blob/main/spec.md#combined-image-json--filesystem-changeset-format
 */
import * as z from 'zod/mini'
import type { Descriptor } from './descriptor.ts'
import { descriptorSchema, descriptorStructure } from './descriptor.ts'
import type { DocumentKind, ParseOptions } from './document.ts'
import { formatIssue, issuesOf, parseDocument } from './document.ts'
import type { Schema } from './schema.ts'
import { isObject, listOf, mapOf, nullish, once, schemaOf, text } from './schema.ts'

/** One image of a `docker save` archive. */
export interface DockerSaveImage {
  /** The archive's entry that holds the config. */
  readonly Config: string
  /** Names with tags; null or missing where the image has none. */
  readonly RepoTags?: readonly string[] | null | undefined
  /** The archive's entries that hold the layers, bottom to top; null or missing where there are none. */
  readonly Layers?: readonly string[] | null | undefined
  /** The image ID of the image that this one was built from, where that is in the archive too. */
  readonly Parent?: string | null | undefined
  /** The layers that do not stand as uncompressed tar in the archive, by diffID. */
  readonly LayerSources?: Readonly<Record<string, Descriptor>> | null | undefined
}

/** `repositories`: repository → tag → the ID (a directory in the archive) of the image's top layer. */
export type DockerRepositories = Readonly<Record<string, Readonly<Record<string, string>>>>

const imageSchema: () => Schema<DockerSaveImage> = /* @__PURE__ */ once(() =>
  schemaOf<DockerSaveImage>()(
    z.looseObject({
      Config: text(),
      RepoTags: nullish(listOf(text())),
      Layers: nullish(listOf(text())),
      Parent: nullish(text()),
      LayerSources: nullish(mapOf<Descriptor>(descriptorProblem)),
    }),
  ),
)

function descriptorProblem(value: unknown): string | undefined {
  const issues = issuesOf(
    { what: 'descriptor', structure: descriptorStructure, schema: descriptorSchema },
    value,
  )
  return issues[0] === undefined ? undefined : `is no descriptor: ${formatIssue(issues[0])}`
}

const manifestKind: DocumentKind<readonly DockerSaveImage[]> = {
  what: '"manifest.json" of docker save',
  structure: { Config: null, RepoTags: null, Layers: null, Parent: null, LayerSources: null },
  schema: /* @__PURE__ */ once(() => listOf(imageSchema())),
}

const repositoriesKind: DocumentKind<DockerRepositories> = {
  what: '"repositories" of docker save',
  structure: {},
  schema: /* @__PURE__ */ once(() => mapOf<Readonly<Record<string, string>>>(tagsProblem)),
}

function tagsProblem(tags: unknown): string | undefined {
  if (isObject(tags) && Object.values(tags).every((id) => typeof id === 'string')) return undefined
  return 'must be an object of strings, tag to image ID'
}

/**
 * Parses `manifest.json` of a `docker save` archive: its images in the order written.
 * @throws OciError `JSON_INVALID`, `DOCUMENT_INVALID` with `issues`, `LIMIT_EXCEEDED`
 */
export function parseDockerSaveManifest(
  bytes: Uint8Array | string,
  options: ParseOptions = {},
): readonly DockerSaveImage[] {
  return parseDocument(manifestKind, bytes, { maxSize: options.maxSize })
}

/**
 * Parses `repositories` of a `docker save` archive.
 * @throws OciError `JSON_INVALID`, `DOCUMENT_INVALID` with `issues`, `LIMIT_EXCEEDED`
 */
export function parseDockerRepositories(
  bytes: Uint8Array | string,
  options: ParseOptions = {},
): DockerRepositories {
  return parseDocument(repositoriesKind, bytes, { maxSize: options.maxSize })
}
