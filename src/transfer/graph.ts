/**
 * Images as a graph: what each document points to. The one place that knows it, for copying, collecting and
 * validating alike.
 */
import { type Digest, isDigest } from '../digest/index.ts'
import { OciError } from '../errors.ts'
import type { Descriptor } from '../spec/index.ts'
import {
  isIndexType,
  isManifestType,
  isSchema1Type,
  mediaTypes,
  parseDescriptor,
  parseIndex,
  parseJson,
  parseManifest,
  serializeJson,
} from '../spec/index.ts'
import type { BlobStore, StoreOptions } from '../store/index.ts'
import { readBlobBytes } from '../store/index.ts'

/** What a piece of content is to the document that points to it. */
export type Role = 'manifest' | 'config' | 'layer' | 'blob' | 'subject'

/** One arrow of the graph. */
export interface Successor {
  readonly role: Role
  /** Position among its kind: of a layer, of a manifest in an index. */
  readonly position: number
  readonly descriptor: Descriptor
}

/** Whether content of this media type is a document that points to other content. */
export function isDocumentType(mediaType: string): boolean {
  return (
    isManifestType(mediaType) ||
    isIndexType(mediaType) ||
    isSchema1Type(mediaType) ||
    mediaType === mediaTypes.artifactManifest
  )
}

/**
 * What a document points to: in an index its manifests; in a manifest its config, then its layers; last the
 * subject, if any. Content that is no document points to nothing.
 *
 * @throws OciError `JSON_INVALID`, `DOCUMENT_INVALID`; `MEDIA_TYPE_UNSUPPORTED` for Docker's schema 1, which
 *   names layers without their size, so that no read of them could be bounded
 */
export function successorsOf(mediaType: string, bytes: Uint8Array): readonly Successor[] {
  if (isIndexType(mediaType)) {
    const { manifests, subject } = parseIndex(bytes, { mediaType })
    return [...withRole('manifest', manifests), ...withRole('subject', subject ? [subject] : [])]
  }
  if (isManifestType(mediaType)) {
    const { config, layers, subject } = parseManifest(bytes, { mediaType })
    return [
      ...withRole('config', [config]),
      ...withRole('layer', layers),
      ...withRole('subject', subject ? [subject] : []),
    ]
  }
  if (mediaType === mediaTypes.artifactManifest) return artifactSuccessors(bytes)
  if (isSchema1Type(mediaType)) {
    throw new OciError(
      'MEDIA_TYPE_UNSUPPORTED',
      "A manifest of Docker's schema 1 names its layers without their size: convert it to OCI first",
      { actual: mediaType },
    )
  }
  return []
}

/** A document fetched, verified and taken apart. */
export interface DocumentNode {
  readonly bytes: Uint8Array
  readonly successors: readonly Successor[]
}

/**
 * Fetches a document and tells what it points to.
 * @throws OciError as reading a blob does, and `JSON_INVALID`, `DOCUMENT_INVALID` with the blob's digest
 */
export async function readSuccessors(
  store: BlobStore,
  descriptor: Descriptor,
  options: StoreOptions = {},
): Promise<DocumentNode> {
  const bytes = await readBlobBytes(store, descriptor, options)
  return { bytes, successors: successorsOf(descriptor.mediaType, bytes) }
}

/** What a document of an unknown kind mentions: see {@link embeddedContent}. */
export interface EmbeddedContent {
  /** Objects that are descriptors by their shape. */
  readonly descriptors: readonly Descriptor[]
  /** Strings that are digests, those of the descriptors included. */
  readonly digests: ReadonlySet<Digest>
}

/**
 * Every descriptor and every digest anywhere in a JSON document of an unknown kind, for who must rather keep too
 * much than lose what a future media type points to. What is not JSON mentions nothing.
 */
export function embeddedContent(bytes: Uint8Array): EmbeddedContent {
  const descriptors: Descriptor[] = []
  const digests = new Set<Digest>()
  const pending: unknown[] = [jsonOrNothing(bytes)]
  while (pending.length > 0) {
    const value = pending.pop()
    if (isDigest(value)) digests.add(value)
    if (typeof value !== 'object' || value === null) continue
    if (isDescriptorShaped(value)) descriptors.push(value)
    // One by one: a document may have more members than a call can have arguments.
    for (const [name, member] of Object.entries(value)) {
      if (isDigest(name)) digests.add(name)
      if (member !== null && (typeof member === 'object' || typeof member === 'string')) pending.push(member)
    }
  }
  return { descriptors, digests }
}

function isDescriptorShaped(value: object): value is Descriptor {
  const { mediaType, digest, size } = value as Partial<Record<keyof Descriptor, unknown>>
  return (
    typeof mediaType === 'string' && isDigest(digest) && Number.isSafeInteger(size) && (size as number) >= 0
  )
}

function jsonOrNothing(bytes: Uint8Array): unknown {
  try {
    return parseJson(bytes).value
  } catch (error) {
    if (error instanceof OciError) return undefined
    throw error
  }
}

/** @see https://github.com/opencontainers/image-spec/blob/v1.1.0-rc2/artifact.md */
function artifactSuccessors(bytes: Uint8Array): Successor[] {
  const { blobs, subject } = parseJson(bytes).value as { blobs?: unknown; subject?: unknown }
  const described = (value: unknown): Descriptor[] =>
    (Array.isArray(value) ? value : value === undefined ? [] : [value]).map((one) =>
      parseDescriptor(serializeJson(one)),
    )
  return [...withRole('blob', described(blobs)), ...withRole('subject', described(subject))]
}

function withRole(role: Role, descriptors: readonly Descriptor[]): Successor[] {
  return descriptors.map((descriptor, position) => ({ role, position, descriptor }))
}
