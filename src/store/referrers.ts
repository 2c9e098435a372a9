/**
 * Referrers: manifests and indexes with a `subject`. A layout keeps no list of them, so they are found by
 * looking at its documents.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
 */
import type { Digest } from '../digest/index.ts'
import { OciError } from '../errors.ts'
import type { Descriptor, Index, Manifest } from '../spec/index.ts'
import { artifactTypeOf, mediaTypes, parseIndex, parseManifest } from '../spec/index.ts'

/** Longest content that is looked at for a subject, in bytes: 4 MiB, as documents have it. */
export const MAX_REFERRER_SIZE: number = 4 << 20

/** A document that says something about another, and which. */
export interface Referrer {
  readonly subject: Digest
  /** As a registry lists it: with the document's artifact type and annotations. */
  readonly descriptor: Descriptor
}

/** Whether bytes can be a document: the first that is no white space is `{`. */
export function beginsAsDocument(start: Uint8Array): boolean {
  for (const byte of start) {
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) continue
    return byte === 0x7b
  }
  return false
}

/**
 * What content refers to, or undefined where it is no manifest or index, or has no subject. Content that is no
 * document is no error here: a store holds all kinds.
 *
 * @param digest that of the bytes, verified
 */
export function referrerOf(bytes: Uint8Array, digest: Digest): Referrer | undefined {
  if (bytes.length > MAX_REFERRER_SIZE || !beginsAsDocument(bytes.subarray(0, 64))) return undefined
  const document = parse(bytes)
  if (document?.subject === undefined) return undefined
  const artifactType = artifactTypeOf(document)
  const { annotations } = document
  return {
    subject: document.subject.digest,
    descriptor: {
      mediaType: document.mediaType ?? ('layers' in document ? mediaTypes.manifest : mediaTypes.index),
      digest,
      size: bytes.length,
      ...(artifactType === undefined ? {} : { artifactType }),
      ...(annotations === undefined ? {} : { annotations }),
    },
  }
}

/** Whether a referrer is about the subject, and of the artifact type where one is asked for. */
export function refersTo(
  referrer: Referrer,
  subject: Descriptor,
  artifactType?: string | undefined,
): boolean {
  return (
    referrer.subject === subject.digest &&
    (artifactType === undefined || referrer.descriptor.artifactType === artifactType)
  )
}

function parse(bytes: Uint8Array): Manifest | Index | undefined {
  // Parsing costs some 20 us a document; looking for the name first spares it for configs and most manifests.
  // An escape could hide it (`"\u0073ubject"`), so what has escapes is parsed.
  const text = new TextDecoder().decode(bytes)
  if (!text.includes('"subject"') && !text.includes('\\u')) return undefined
  for (const parseDocument of [parseManifest, parseIndex]) {
    try {
      return parseDocument(bytes)
    } catch (error) {
      if (!(error instanceof OciError)) throw error
    }
  }
  return undefined
}
