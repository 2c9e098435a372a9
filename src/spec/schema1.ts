/**
 * Docker's manifest v2 schema 1, signed or not, as old registries still hold it: no config, but in each history
 * entry the configuration of a layer as text. Read only: nothing writes it any more.
 * @see https://github.com/distribution/distribution/blob/v2.8.3/docs/spec/manifest-v2-1.md
 */
import * as z from 'zod/mini'
import { concatBytes, encodeUtf8 } from '../bytes.ts'
import type { Digest } from '../digest/index.ts'
import { digestBytes } from '../digest/index.ts'
import { OciError } from '../errors.ts'
import type { DocumentKind, ParseOptions } from './document.ts'
import { foreignMembers, invalidDocument, issuesOf, mediaTypeIssues, parseDocument } from './document.ts'
import type { DocumentIssue } from './finding.ts'
import type { ExecutionConfig } from './image-config.ts'
import { configStructure, executionSchema } from './image-config.ts'
import type { JsonStructure } from './json.ts'
import { parseJson } from './json.ts'
import { mediaTypes } from './media-type.ts'
import type { Schema } from './schema.ts'
import {
  byteCount,
  dateTime,
  digest,
  flag,
  isObject,
  listOf,
  MAX_ISSUES,
  nullish,
  once,
  optional,
  schemaOf,
  text,
} from './schema.ts'
import { decodeBase64 } from './text-format.ts'

/** A manifest of schema 1, without its signatures. */
export interface Schema1Manifest {
  readonly schemaVersion: 1
  readonly name?: string | undefined
  readonly tag?: string | undefined
  readonly architecture?: string | undefined
  /** Top to bottom, the other way round than in every later format. */
  readonly fsLayers: readonly Schema1Layer[]
  /** As long as `fsLayers`, and in its order. */
  readonly history: readonly Schema1History[]
}

/** One layer of schema 1: always a tar with gzip, of a size that is not told. */
export interface Schema1Layer {
  readonly blobSum: Digest
}

/** What schema 1 knows of one layer; {@link parseV1Compatibility} reads the text. */
export interface Schema1History {
  /** JSON. */
  readonly v1Compatibility: string
}

/** What a `v1Compatibility` text says: an image of Docker's first format. That of the top layer has `config`. */
export interface V1Compatibility {
  /** 64 hexadecimal characters. */
  readonly id?: string | null | undefined
  readonly parent?: string | null | undefined
  /** RFC 3339. */
  readonly created?: string | null | undefined
  readonly author?: string | null | undefined
  readonly comment?: string | null | undefined
  readonly architecture?: string | null | undefined
  readonly os?: string | null | undefined
  readonly docker_version?: string | null | undefined
  /** The container that made the layer; its `Cmd` is the command. */
  readonly container_config?: ExecutionConfig | null | undefined
  readonly config?: ExecutionConfig | null | undefined
  /** True where the layer changes no file: a config made from this leaves it out. */
  readonly throwaway?: boolean | null | undefined
  /** Bytes of the layer's files. */
  readonly Size?: number | null | undefined
}

/** A schema 1 document and what it is named by. */
export interface Schema1Document {
  readonly manifest: Schema1Manifest
  /** Whether there are signatures. They are not verified: who signed could be anybody. */
  readonly signed: boolean
  /** What is signed: the document without its signatures, or all of one that has none. */
  readonly payload: Uint8Array<ArrayBuffer>
  /** SHA-256 of the payload: what registries name the document by. */
  readonly digest: Digest
}

interface Signature {
  readonly protected: string
}

interface SignedSchema1 extends Schema1Manifest {
  readonly mediaType?: string | undefined
  readonly signatures?: readonly Signature[] | undefined
}

const schema1Structure: JsonStructure = {
  schemaVersion: null,
  mediaType: null,
  name: null,
  tag: null,
  architecture: null,
  fsLayers: { blobSum: null },
  history: { v1Compatibility: null },
  signatures: { header: null, signature: null, protected: null },
  config: null,
  layers: null,
  manifests: null,
}

const v1Structure: JsonStructure = {
  id: null,
  parent: null,
  created: null,
  author: null,
  comment: null,
  architecture: null,
  os: null,
  docker_version: null,
  container_config: configStructure.config as JsonStructure,
  config: configStructure.config as JsonStructure,
  throwaway: null,
  Size: null,
}

const layerSchema: () => Schema<Schema1Layer> = /* @__PURE__ */ once(() =>
  schemaOf<Schema1Layer>()(z.looseObject({ blobSum: digest() })),
)

const historySchema: () => Schema<Schema1History> = /* @__PURE__ */ once(() =>
  schemaOf<Schema1History>()(z.looseObject({ v1Compatibility: text() })),
)

const signatureSchema: () => Schema<Signature> = /* @__PURE__ */ once(() =>
  schemaOf<Signature>()(z.looseObject({ protected: text() })),
)

const schema1Schema: () => Schema<SignedSchema1> = /* @__PURE__ */ once(() =>
  schemaOf<SignedSchema1>()(
    z.looseObject({
      schemaVersion: z.literal(1),
      mediaType: optional(text()),
      name: optional(text()),
      tag: optional(text()),
      architecture: optional(text()),
      fsLayers: listOf(layerSchema()),
      history: listOf(historySchema()),
      signatures: optional(listOf(signatureSchema())),
    }),
  ),
)

const v1Schema: () => Schema<V1Compatibility> = /* @__PURE__ */ once(() =>
  schemaOf<V1Compatibility>()(
    z.looseObject({
      id: nullish(text()),
      parent: nullish(text()),
      created: nullish(dateTime()),
      author: nullish(text()),
      comment: nullish(text()),
      architecture: nullish(text()),
      os: nullish(text()),
      docker_version: nullish(text()),
      container_config: nullish(executionSchema()),
      config: nullish(executionSchema()),
      throwaway: nullish(flag()),
      Size: nullish(byteCount()),
    }),
  ),
)

function schema1Rules(manifest: SignedSchema1): DocumentIssue[] {
  const issues: DocumentIssue[] = [
    ...foreignMembers(manifest, ['config', 'layers', 'manifests'], 'a manifest of schema 1'),
    ...mediaTypeIssues(manifest.mediaType, [mediaTypes.dockerSchema1, mediaTypes.dockerSchema1Signed], {}),
  ]
  if (manifest.fsLayers.length === 0)
    issues.push({ path: ['fsLayers'], code: 'schema1-inconsistent', message: 'must not be empty' })
  if (manifest.fsLayers.length !== manifest.history.length) {
    issues.push({
      path: ['history'],
      code: 'schema1-inconsistent',
      message: `has ${manifest.history.length} entries, but there are ${manifest.fsLayers.length} layers`,
    })
  }
  for (const [i, { v1Compatibility }] of manifest.history.entries()) {
    if (issues.length >= MAX_ISSUES) break
    try {
      parseV1Compatibility(v1Compatibility)
    } catch (error) {
      issues.push({
        path: ['history', i, 'v1Compatibility'],
        code: 'schema1-inconsistent',
        message: `is broken: ${(error as Error).message}`,
      })
    }
  }
  if (manifest.signatures?.length === 0)
    issues.push({ path: ['signatures'], code: 'schema1-inconsistent', message: 'must not be empty' })
  return issues
}

const schema1Kind: DocumentKind<SignedSchema1> = {
  what: 'Docker manifest of schema 1',
  structure: schema1Structure,
  schema: schema1Schema,
  rules: schema1Rules,
  // Registries answered with plain JSON where the manifest had no signature.
  mediaTypes: [mediaTypes.dockerSchema1, mediaTypes.dockerSchema1Signed, 'application/json'],
}

const v1Kind: DocumentKind<V1Compatibility> = {
  what: 'v1Compatibility text',
  structure: v1Structure,
  schema: v1Schema,
}

/**
 * Parses Docker's manifest v2 schema 1. Of a signed one (JWS), the payload is put together as its signatures say
 * and must be the same document; that they are by somebody who is trusted is not looked into.
 *
 * @throws OciError `JSON_INVALID`, `DOCUMENT_INVALID` with `issues`, `LIMIT_EXCEEDED`; `MEDIA_TYPE_UNSUPPORTED`
 *   where `mediaType` says that the content is something else
 */
export function parseSchema1(bytes: Uint8Array | string, options: ParseOptions = {}): Schema1Document {
  const document = parseDocument(schema1Kind, bytes, options)
  const content = typeof bytes === 'string' ? encodeUtf8(bytes) : new Uint8Array(bytes)
  const { signatures } = document
  if (signatures === undefined) {
    return { manifest: document, signed: false, payload: content, digest: digestBytes(content) }
  }
  const payload = payloadOf(content, signatures)
  const signed = parseDocument(schema1Kind, payload, { maxSize: options.maxSize })
  const { signatures: _, ...unsigned } = document
  if (!sameJson(signed, unsigned)) {
    throw invalidDocument(schema1Kind.what, [
      { path: ['signatures'], message: 'are over a payload that is not this document' },
    ])
  }
  return { manifest: signed, signed: true, payload, digest: digestBytes(payload) }
}

/**
 * Parses what schema 1 says of one layer.
 * @throws OciError `JSON_INVALID`, `DOCUMENT_INVALID` with `issues`
 */
export function parseV1Compatibility(text: string): V1Compatibility {
  return parseDocument(v1Kind, text)
}

/**
 * The bytes that are signed: the document's first `formatLength` bytes, then `formatTail`, as each signature's
 * protected header says.
 * @see https://github.com/distribution/distribution/blob/v2.8.3/docs/spec/manifest-v2-1.md#signed-manifests
 */
function payloadOf(
  bytes: Uint8Array<ArrayBuffer>,
  signatures: readonly Signature[],
): Uint8Array<ArrayBuffer> {
  let first: ProtectedHeader | undefined
  for (const [i, signature] of signatures.entries()) {
    const refuse = (problem: string): OciError =>
      invalidDocument(schema1Kind.what, [{ path: ['signatures', i, 'protected'], message: problem }])
    const header = protectedHeader(signature.protected)
    if (typeof header === 'string') throw refuse(header)
    if (header.formatLength > bytes.length) {
      throw refuse(`says that ${header.formatLength} bytes are signed, but there are ${bytes.length}`)
    }
    first ??= header
    if (header.formatLength !== first.formatLength || header.formatTail !== first.formatTail) {
      throw refuse('is over another payload than the signature before it')
    }
  }
  const { formatLength, formatTail } = first as ProtectedHeader
  const tail = decodeBase64Url(formatTail) as Uint8Array
  return concatBytes([bytes.subarray(0, formatLength), tail])
}

interface ProtectedHeader {
  readonly formatLength: number
  /** base64url. */
  readonly formatTail: string
}

const protectedSchema: () => Schema<ProtectedHeader> = /* @__PURE__ */ once(() =>
  schemaOf<ProtectedHeader>()(z.looseObject({ formatLength: byteCount(), formatTail: text() })),
)

/** The protected header of a signature, or what is wrong with it. */
function protectedHeader(encoded: string): ProtectedHeader | string {
  const bytes = decodeBase64Url(encoded)
  if (bytes === undefined) return 'is not base64url'
  let value: unknown
  try {
    value = parseJson(bytes).value
  } catch (error) {
    if (error instanceof OciError) return `is broken: ${error.message}`
    throw error
  }
  const kind = { what: 'protected header', structure: {}, schema: protectedSchema }
  const issue = issuesOf(kind, value)[0]
  if (issue !== undefined) return `is broken: ${issue.path.join('.')} ${issue.message}`
  const header = value as ProtectedHeader
  return decodeBase64Url(header.formatTail) === undefined ? 'has a formatTail that is not base64url' : header
}

function decodeBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) return undefined
  const padding = '='.repeat((4 - (text.length % 4)) % 4)
  return decodeBase64(text.replaceAll('-', '+').replaceAll('_', '/') + padding)
}

function sameJson(a: unknown, b: unknown): boolean {
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((each, i) => sameJson(each, b[i]))
  if (!isObject(a)) return a === b
  if (!isObject(b)) return false
  const names = Object.keys(a)
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && sameJson(a[name], b[name]))
  )
}
