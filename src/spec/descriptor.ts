/**
 * The descriptor: how one piece of content points to another.
 * @see https://github.com/opencontainers/image-spec/blob/main/descriptor.md
 */
import * as z from 'zod/mini'
import type { Digest } from '../digest/index.ts'
import type { DocumentKind, ParseOptions } from './document.ts'
import { parseDocument } from './document.ts'
import type { JsonStructure } from './json.ts'
import type { Platform } from './platform.ts'
import type { Schema } from './schema.ts'
import {
  byteCount,
  customIssue,
  digest,
  listOf,
  mediaType,
  once,
  optional,
  schemaOf,
  stringMap,
  text,
  uri,
} from './schema.ts'
import { decodeBase64 } from './text-format.ts'

/** Arbitrary metadata of the creator: keys are unique, by convention in reverse domain notation. */
export type Annotations = Readonly<Record<string, string>>

/** Points to a piece of content: what it is, what it is named, how long it is. */
export interface Descriptor {
  /** Media type of the content, as RFC 6838 spells it. */
  readonly mediaType: string
  readonly digest: Digest
  /** Bytes, 0 to 2^53 - 1. */
  readonly size: number
  /** Where else the content can be downloaded from: URIs. */
  readonly urls?: readonly string[] | undefined
  readonly annotations?: Annotations | undefined
  /** The content itself, base64. */
  readonly data?: string | undefined
  /** The type of an artifact that the descriptor points to. */
  readonly artifactType?: string | undefined
  /** What the image runs on, where the descriptor points to a manifest. */
  readonly platform?: Platform | undefined
}

/** The names that a platform gives meaning to. */
const platformStructure: JsonStructure = {
  architecture: null,
  os: null,
  'os.version': null,
  'os.features': null,
  variant: null,
  features: null,
}

/** The names that a descriptor gives meaning to. */
export const descriptorStructure: JsonStructure = {
  mediaType: null,
  digest: null,
  size: null,
  urls: null,
  annotations: null,
  data: null,
  artifactType: null,
  platform: platformStructure,
}

/** The schema of a platform within a document. */
const platformSchema: () => Schema<Platform> = /* @__PURE__ */ once(() =>
  schemaOf<Platform>()(
    z.looseObject({
      architecture: text(),
      os: text(),
      'os.version': optional(text()),
      'os.features': optional(listOf(text())),
      variant: optional(text()),
      features: optional(listOf(text())),
    }),
  ),
)

/**
 * The schema of a descriptor; `data` is held against the size. Its digest is computed by linting and by who uses the
 * data, not by each parse: a consumer SHOULD verify it, and hashing would be half of what a parser weighs in a page.
 */
export const descriptorSchema: () => Schema<Descriptor> = /* @__PURE__ */ once(() =>
  schemaOf<Descriptor>()(
    z
      .looseObject({
        mediaType: mediaType(),
        digest: digest(),
        size: byteCount(),
        urls: optional(listOf(uri())),
        annotations: optional(stringMap()),
        data: optional(text()),
        artifactType: optional(mediaType()),
        platform: optional(platformSchema()),
      })
      .check((context) => {
        const { value } = context
        if (value.data === undefined || context.issues.length > 0) return
        const message = dataProblem(value.data, value.size)
        if (message !== undefined)
          context.issues.push(customIssue(value.data, ['data'], 'data-invalid', message))
      }),
  ),
)

/** What is wrong with embedded content, as the end of a sentence, or undefined where nothing is. */
function dataProblem(data: string, size: number): string | undefined {
  const content = decodeBase64(data)
  if (content === undefined) return 'is not base64 with padding (RFC 4648, section 4)'
  return content.length === size ? undefined : `holds ${content.length} bytes, but size says ${size}`
}

/** What a descriptor as a document of its own is. */
export const descriptorKind: DocumentKind<Descriptor> = {
  what: 'descriptor',
  structure: descriptorStructure,
  schema: descriptorSchema,
}

/**
 * Parses a descriptor.
 * @throws OciError `JSON_INVALID`, `DOCUMENT_INVALID` with `issues`, `LIMIT_EXCEEDED`
 * @see https://github.com/opencontainers/image-spec/blob/main/descriptor.md#properties
 */
export function parseDescriptor(bytes: Uint8Array | string, options: ParseOptions = {}): Descriptor {
  return parseDocument(descriptorKind, bytes, { maxSize: options.maxSize })
}
