/** What is measured on: layers, indexes and layouts of any size, made as they are written, so that making costs no memory. */
import { digestBytes, writeManifest } from '../../src/index.ts'
import { writeLayer } from '../../src/layer/index.ts'
import type { Descriptor, Platform } from '../../src/spec/index.ts'
import { mediaTypes, serializeJson } from '../../src/spec/index.ts'
import { DirectoryStore } from '../../src/store/index.ts'
import type { TarEntryInput } from '../../src/tar/index.ts'
import { TarWriter } from '../../src/tar/index.ts'

/** Files in one directory. */
const GROUP = 100

/** As many entries as asked for: directories of a hundred files, every fourth of which has 100 bytes. */
export function* manyEntries(entries: number): Generator<TarEntryInput, void, undefined> {
  const content = new Uint8Array(100).map((_, i) => 97 + (i % 26))
  for (let i = 0; i < entries; i++) {
    const group = Math.floor(i / GROUP)
    const path = `usr/lib/modules/${group % 100}/package-${group}/`
    const file = `${path}file-number-${i % GROUP}.js`
    if (i % GROUP === 0) yield { path, mode: 0o755, mtime: i }
    else if (i % 4 === 0) yield { path: file, mtime: i, content }
    else yield { path: file, mtime: i }
  }
}

/** One file of so many bytes, which gzip makes about a quarter of. */
export function* oneFile(size: number): Generator<TarEntryInput, void, undefined> {
  async function* content(): AsyncGenerator<Uint8Array> {
    let random = 1
    const chunk = new Uint8Array(1 << 20).map(() => {
      // xorshift: two bits of each byte are noise.
      random ^= random << 13
      random ^= random >>> 17
      random ^= random << 5
      return random & 0x03
    })
    const counter = new DataView(chunk.buffer)
    for (let written = 0; written < size; written += chunk.length) {
      counter.setUint32(0, written / chunk.length)
      yield chunk.subarray(0, Math.min(chunk.length, size - written))
    }
  }
  yield { path: 'large', size, content: content() }
}

/** A layout with one image, `scale`, of one layer. */
export async function makeImage(directory: string, entries: Iterable<TarEntryInput>): Promise<void> {
  const store = await DirectoryStore.create(directory, { sync: false })
  const { descriptor, diffID } = await writeLayer(store, entries, { level: 1 })
  const platform = { os: 'linux', architecture: 'amd64' }
  const config = await store.put(serializeJson(configOf(platform, [diffID])), {
    mediaType: mediaTypes.config,
  })
  const manifest = await writeManifest(store, {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config,
    layers: [descriptor],
  })
  await store.tag({ ...manifest, platform }, 'scale')
}

/**
 * A layout of about so many blobs: images of a manifest, a config and nine small layers, each with an entry in the
 * index, and besides one blob in a hundred that nothing leads to.
 */
export async function makeLayout(directory: string, blobs: number): Promise<void> {
  const store = await DirectoryStore.create(directory, { sync: false, maxIndexSize: 64 << 20 })
  const entries: Descriptor[] = []
  let made = 0
  const put = async (bytes: Uint8Array, mediaType: string) => {
    made++
    return store.put(bytes, { mediaType })
  }
  for (let image = 0; made < blobs; image++) {
    const layers: Descriptor[] = []
    const diffIDs: string[] = []
    for (let position = 0; position < 9; position++) {
      const tar = await smallTar(`image-${image}/layer-${position}`)
      diffIDs.push(digestBytes(tar))
      layers.push(await put(tar, mediaTypes.layer))
    }
    const platform = { os: 'linux', architecture: 'amd64' }
    const config = await put(serializeJson(configOf(platform, diffIDs)), mediaTypes.config)
    const manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers }
    entries.push({ ...(await put(serializeJson(manifest), mediaTypes.manifest)), platform })
    if (image % 9 === 0) await put(await smallTar(`nothing leads to ${image}`), mediaTypes.layer)
  }
  const { writeFile } = await import('node:fs/promises')
  const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: entries }
  await writeFile(`${directory}/index.json`, serializeJson(index))
}

/** An index of so many manifests that are nowhere, each for another platform. */
export function indexBytes(manifests: number): Uint8Array {
  const entries: Descriptor[] = []
  for (let i = 0; i < manifests; i++) {
    entries.push({
      mediaType: mediaTypes.manifest,
      digest: digestBytes(serializeJson(i)),
      size: 500 + i,
      platform: platformOf(i),
    })
  }
  return serializeJson({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: entries })
}

/** The platform of an entry of {@link indexBytes}. */
export function platformOf(position: number): Platform {
  return { os: `system-${Math.floor(position / 100)}`, architecture: `architecture-${position % 100}` }
}

async function smallTar(name: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  const writer = new TarWriter({
    write(chunk) {
      chunks.push(chunk.slice())
    },
    end() {},
  })
  await writer.entry({ path: name })
  await writer.finish()
  return Buffer.concat(chunks)
}

function configOf(platform: Platform, diffIDs: readonly string[]): object {
  return { ...platform, config: {}, rootfs: { type: 'layers', diff_ids: diffIDs }, history: [] }
}
