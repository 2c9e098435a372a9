/** Archives made in memory, by our own tar writer. */
import { createHash } from 'node:crypto'
import { readAll } from '../../src/bytes.ts'
import type { Digest } from '../../src/digest/index.ts'
import type { Descriptor } from '../../src/spec/index.ts'
import type { TarEntryInput } from '../../src/tar/index.ts'
import { writeTar } from '../../src/tar/index.ts'

/** A tar of entries, as bytes. */
export function tarOf(entries: readonly TarEntryInput[]): Promise<Uint8Array<ArrayBuffer>> {
  return readAll(writeTar(entries), 1 << 30)
}

/** A file's entry; objects are written as JSON. */
export function file(path: string, content: unknown): TarEntryInput {
  const bytes = content instanceof Uint8Array ? content : utf8(toText(content))
  return { path, content: bytes, size: bytes.length }
}

function toText(content: unknown): string {
  return typeof content === 'string' ? content : JSON.stringify(content)
}

export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text)
}

export function sha256(bytes: Uint8Array): Digest {
  return `sha256:${hex(bytes)}` as Digest
}

export function hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** A layer that holds one file. */
export function layerOf(path: string, content: string): Promise<Uint8Array<ArrayBuffer>> {
  return tarOf([file(path, content)])
}

export function configOf(layers: readonly Uint8Array[]): object {
  return { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: layers.map(sha256) } }
}

/** One image of a `docker save` archive as Docker before 25 wrote it. */
export function dockerEntries(
  layers: readonly Uint8Array[],
  tags: readonly string[] | null,
): {
  entries: TarEntryInput[]
  record: { Config: string; RepoTags: readonly string[] | null; Layers: string[] }
} {
  const config = utf8(JSON.stringify(configOf(layers)))
  const paths = layers.map((layer) => `${hex(layer)}/layer.tar`)
  return {
    entries: [
      ...layers.map((layer, position) => file(paths[position] as string, layer)),
      file(`${hex(config)}.json`, config),
    ],
    record: { Config: `${hex(config)}.json`, RepoTags: tags, Layers: paths },
  }
}

/** A `docker save` archive of one image. */
export async function dockerArchive(
  layers: readonly Uint8Array[],
  tags: readonly string[] | null,
): Promise<Uint8Array<ArrayBuffer>> {
  const { entries, record } = dockerEntries(layers, tags)
  return tarOf([...entries, file('manifest.json', [record])])
}

/** One image as blobs of a layout, with its manifest's descriptor. */
export function ociBlobs(layers: readonly Uint8Array[]): {
  entries: TarEntryInput[]
  manifest: Descriptor
  config: Uint8Array
} {
  const config = utf8(JSON.stringify(configOf(layers)))
  const manifest = utf8(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: descriptorOf(config, 'application/vnd.oci.image.config.v1+json'),
      layers: layers.map((layer) => descriptorOf(layer, 'application/vnd.oci.image.layer.v1.tar')),
    }),
  )
  return {
    entries: [...layers, config, manifest].map(blob),
    manifest: descriptorOf(manifest, 'application/vnd.oci.image.manifest.v1+json'),
    config,
  }
}

export function blob(bytes: Uint8Array): TarEntryInput {
  return file(`blobs/sha256/${hex(bytes)}`, bytes)
}

export function descriptorOf(bytes: Uint8Array, mediaType = 'application/octet-stream'): Descriptor {
  return { mediaType, digest: sha256(bytes), size: bytes.length }
}

/** The two files that make blobs an image layout. */
export function layoutFiles(manifests: readonly Descriptor[] | null): TarEntryInput[] {
  return [
    file('oci-layout', { imageLayoutVersion: '1.0.0' }),
    file('index.json', { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests }),
  ]
}

/** Everything that is walked (Node 20 has no `Array.fromAsync`). */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
