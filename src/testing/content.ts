/** Content for the contract suites: blobs of bytes that do not repeat, and small images and artifacts. */
import { encodeUtf8 } from '../bytes.ts'
import { digestBytes } from '../digest/index.ts'
import type { Descriptor, Index, Manifest } from '../spec/index.ts'
import { emptyContent, emptyDescriptor, mediaTypes } from '../spec/index.ts'

/** A blob and what it is. */
export interface TestBlob {
  readonly descriptor: Descriptor
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** What a store is to hold: blobs, each after those that it points to, and names. */
export interface StoreContent {
  readonly blobs: readonly TestBlob[]
  readonly references: readonly { readonly name: string; readonly descriptor: Descriptor }[]
}

/** A small image, its blobs in the order in which a registry takes them. */
export interface TestImage {
  readonly manifest: TestBlob
  readonly blobs: readonly TestBlob[]
}

/** Bytes that look random and are the same each time, by a generator of Numerical Recipes. */
export function testBytes(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length)
  let state = seed
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    bytes[i] = state >>> 24
  }
  return bytes
}

/** A blob of given content. */
export function blobOf(
  bytes: Uint8Array<ArrayBuffer>,
  mediaType: string = mediaTypes.layer,
  algorithm = 'sha256',
): TestBlob {
  return { bytes, descriptor: { mediaType, digest: digestBytes(bytes, algorithm), size: bytes.length } }
}

/** A blob that is a JSON document. */
function documentOf(document: unknown, mediaType: string): TestBlob {
  return blobOf(encodeUtf8(JSON.stringify(document)), mediaType)
}

/** An image of one layer; another seed gives another image. */
export function testImage(seed = 1): TestImage {
  const layer = blobOf(testBytes(2048, seed))
  const config = documentOf(
    {
      architecture: 'amd64',
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: [layer.descriptor.digest] },
      config: { Labels: { seed: String(seed) } },
    },
    mediaTypes.config,
  )
  const document: Manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: config.descriptor,
    layers: [layer.descriptor],
  }
  const manifest = documentOf(document, mediaTypes.manifest)
  return { manifest, blobs: [layer, config, manifest] }
}

/** An artifact that says something about a manifest, by its own `artifactType`. */
export function testArtifact(
  subject: Descriptor,
  artifactType: string,
  annotations?: Record<string, string>,
): TestImage {
  const empty: TestBlob = { bytes: emptyContent(), descriptor: emptyDescriptor() }
  const document: Manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    artifactType,
    config: empty.descriptor,
    layers: [empty.descriptor],
    subject,
    annotations,
  }
  const manifest = documentOf(document, mediaTypes.manifest)
  return { manifest, blobs: [empty, manifest] }
}

/** An artifact of the older kind, whose type is its config's media type. */
export function testArtifactByConfig(subject: Descriptor, configType: string): TestImage {
  const config = blobOf(encodeUtf8('{"kind":"signature"}'), configType)
  const layer = blobOf(testBytes(64, 99), 'application/octet-stream')
  const document: Manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: config.descriptor,
    layers: [layer.descriptor],
    subject,
  }
  const manifest = documentOf(document, mediaTypes.manifest)
  return { manifest, blobs: [config, layer, manifest] }
}

/** An index that says something about a manifest. */
export function testIndexArtifact(subject: Descriptor, artifactType: string): TestBlob {
  const document: Index = {
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    artifactType,
    manifests: [],
    subject,
  }
  return documentOf(document, mediaTypes.index)
}
