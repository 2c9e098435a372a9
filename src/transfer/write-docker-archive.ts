/**
 * An archive as `docker save` wrote it before Docker 25 and skopeo writes it still: plain layers, configs, and
 * `manifest.json` that joins them.
 * @see https://github.com/moby/docker-image-spec/blob/main/spec.md#combined-image-json--filesystem-changeset-format
 */
import { type ByteSink, encodeUtf8, readAll } from '../bytes.ts'
import { DETECTION_SIZE, detectCompression } from '../compression/index.ts'
import { type Digest, digestParts } from '../digest/index.ts'
import { isOciError, OciError } from '../errors.ts'
import { type Image, isForRunning, Layout, openImage } from '../image/index.ts'
import { type Layer, readLayerBytes } from '../layer/index.ts'
import type { Descriptor, DockerSaveImage, Platform } from '../spec/index.ts'
import {
  dockerSaveLayers,
  formatReference,
  isIndexType,
  layerCompression,
  parseReference,
  serializeJson,
} from '../spec/index.ts'
import { readBlobBytes, type StoreOptions } from '../store/index.ts'
import type { TarEntryInput, TarWriter } from '../tar/index.ts'
import type { ArchiveContext } from './archive-context.ts'
import { forEachConcurrent } from './concurrent.ts'
import type { SourceRoots } from './image-source.ts'

/** Finds out how many bytes of tar a layer has, since they stand in the archive before the tar itself. */
export type LayerSizing = (layer: Layer, options: StoreOptions) => Promise<number>

/** How the tars of layers get into the archive. */
export interface LayerWriting {
  readonly sizeOf: LayerSizing
  /** Absent where an archive can only be written from its start to its end. */
  readonly beside?: LayersBeside | undefined
}

/** How layers are written beside each other. */
export interface LayersBeside {
  /** Leaves room for so many bytes, for the sink that is given to write. */
  readonly leaveRoom: (length: number) => Promise<ByteSink>
  /** Layers under way at once, 1 or more. */
  readonly concurrency: number
}

/** A layer did not have the size that was expected: what was written so far is of no use. */
export class WrongLayerSize extends Error {}

/** An image, and what it is called in the archive. */
interface SavedImage {
  readonly image: Image
  readonly names: readonly string[]
}

/**
 * Writes the archive as skopeo does, byte for byte: for each image its layers that are not there yet, its config
 * and what older Dockers need, then `manifest.json` and `repositories`.
 *
 * @throws WrongLayerSize where the sizing was wrong
 */
export async function writeDockerArchive(
  tar: TarWriter,
  source: SourceRoots,
  context: ArchiveContext,
  { sizeOf, beside }: LayerWriting,
): Promise<void> {
  const { options } = context
  const images = await savedImages(source, context)
  const blobs = images.flatMap(({ image }) => [...image.manifest.layers, image.manifest.config])
  context.begin([...new Map(blobs.map((blob) => [blob.digest, blob])).values()])
  // Where all headers come first, all sizes have to be known; a stream has its first bytes sooner without.
  const sizes = new Map<string, number>()
  if (beside !== undefined) {
    const layers = await distinctLayers(images)
    await forEachConcurrent(layers, beside.concurrency, options.signal, async ([path, layer], signal) => {
      sizes.set(path, await sizeOf(layer, { signal }))
    })
  }
  const later: LayerTar[] = []
  const written = new Set<string>()
  const saved = new Map<Digest, SavedEntry>()
  const repositories = new Map<string, Map<string, string>>()
  for (const { image, names } of images) {
    const { config } = image.manifest
    const bytes = await readBlobBytes(image.store, config, options)
    const diffIDs = (await image.config()).rootfs.diff_ids
    for (const [position, layer] of image.layers.entries()) {
      const path = layerPath(diffIDs[position]!)
      if (written.has(path)) continue
      written.add(path)
      const size = sizes.get(path) ?? (await sizeOf(layer, options))
      await tar.entry({ path, size, mode: 0o444 })
      if (beside !== undefined) {
        later.push({ layer, size, sink: await tar.leaveRoom(beside.leaveRoom) })
      } else {
        const sink: ByteSink = { write: (chunk) => tar.data(chunk), end() {} }
        await writeLayerTar({ layer, size, sink }, context, options.signal)
      }
    }
    const configPath = `${digestParts(config.digest).encoded}.json`
    if (!written.has(configPath)) {
      written.add(configPath)
      context.start(config)(config.size)
      await tar.entry(file(configPath, bytes))
    }
    const legacy = dockerSaveLayers(bytes)
    for (const { id, json, diffID } of legacy) {
      if (written.has(id)) continue
      written.add(id)
      await tar.entry({
        path: `${id}/layer.tar`,
        type: 'symlink',
        mode: 0,
        linkPath: `../${layerPath(diffID)}`,
      })
      await tar.entry(file(`${id}/VERSION`, encodeUtf8('1.0')))
      await tar.entry(file(`${id}/json`, json))
    }
    const entry = saved.get(config.digest) ?? {
      Config: configPath,
      RepoTags: [],
      Layers: diffIDs.map(layerPath),
    }
    saved.set(config.digest, entry)
    for (const name of names) {
      if (!entry.RepoTags.includes(name)) entry.RepoTags.push(name)
      const top = legacy.at(-1)
      if (top === undefined) continue
      const colon = name.lastIndexOf(':')
      const tags = repositories.get(name.slice(0, colon)) ?? new Map<string, string>()
      repositories.set(name.slice(0, colon), tags.set(name.slice(colon + 1), top.id))
    }
  }
  await tar.entry(file('manifest.json', serializeJson([...saved.values()] satisfies DockerSaveImage[])))
  await tar.entry(file('repositories', repositoriesBytes(repositories)))
  if (beside === undefined) return
  // The largest first, so that none is left over when the others are done.
  later.sort((a, b) => b.size - a.size)
  await forEachConcurrent(later, beside.concurrency, options.signal, (layerTar, signal) =>
    writeLayerTar(layerTar, context, signal),
  )
}

interface SavedEntry extends DockerSaveImage {
  readonly RepoTags: string[]
}

/** How long a layer's tar is, found out by reading all of it, unless it stands there plain. */
export const measureLayer: LayerSizing = async (layer, options) => {
  const { store, descriptor, size } = layer
  if (layerCompression(layer.mediaType) === 'none' && size > 0) {
    const range = { offset: 0, length: Math.min(size, DETECTION_SIZE) }
    const head = await readAll(await store.get(descriptor, { ...options, range }), DETECTION_SIZE, options)
    if (detectCompression(head) === 'none') return size
  }
  return readThrough(layer, options)
}

/** The same by reading all of it in any case. */
async function readThrough({ store, descriptor, diffID }: Layer, { signal }: StoreOptions): Promise<number> {
  const sink = { write() {}, end() {} }
  return (await readLayerBytes(store, descriptor, sink, { diffID, signal })).uncompressedSize
}

/**
 * How long a layer's tar will be if it is as nearly all are: plain, or gzip of one member, whose last four bytes say it
 * modulo 4 GiB. Reading those is as good as nothing beside decompressing all of it once more. Nothing grows by gzip but
 * by a little, so what would be shorter than it is compressed has 4 GiB more.
 * @see https://datatracker.ietf.org/doc/html/rfc1952#page-8
 */
export const expectLayerSize: LayerSizing = async (layer, options) => {
  const { descriptor, size, store } = layer
  const compression = layerCompression(layer.mediaType)
  if ((compression !== 'none' && compression !== 'gzip') || size < 18) return measureLayer(layer, options)
  // Also of a plain one: no room is left for a layer that is shorter than it says.
  const range = { offset: size - 4, length: 4 }
  let trailer: Uint8Array
  try {
    trailer = await readAll(await store.get(descriptor, { ...options, range }), 4, options)
  } catch (error) {
    // It ends before: what is wrong with it is told by reading it.
    if (isOciError(error, 'ARGUMENT_INVALID')) return readThrough(layer, options)
    throw error
  }
  if (trailer.length < range.length) return readThrough(layer, options)
  if (compression === 'none') return size
  let expected = new DataView(trailer.buffer, trailer.byteOffset).getUint32(0, true)
  // Five bytes for each 16 KiB at the worst, and the header.
  while (expected < size - size / 3000 - 1024) expected += 2 ** 32
  return expected
}

/** A layer's tar, and where it goes. */
interface LayerTar {
  readonly layer: Layer
  readonly size: number
  readonly sink: ByteSink
}

async function writeLayerTar(
  { layer, size, sink }: LayerTar,
  context: ArchiveContext,
  signal: AbortSignal | undefined,
): Promise<void> {
  const moved = context.start(layer.descriptor)
  let written = 0
  let read = 0
  const counted: ByteSink = {
    write(chunk) {
      written += chunk.length
      if (written > size) throw new WrongLayerSize()
      return sink.write(chunk)
    },
    end: () => sink.end(),
  }
  await readLayerBytes(layer.store, layer.descriptor, counted, {
    diffID: layer.diffID,
    signal,
    onProgress(bytes) {
      moved(bytes - read)
      read = bytes
    },
  })
  if (written !== size) throw new WrongLayerSize()
}

/** The layers of all images by their paths in the archive, each once, in the order in which they stand there. */
async function distinctLayers(images: readonly SavedImage[]): Promise<Map<string, Layer>> {
  const layers = new Map<string, Layer>()
  for (const { image } of images) {
    const { diff_ids: diffIDs } = (await image.config()).rootfs
    for (const [position, layer] of image.layers.entries()) {
      const path = layerPath(diffIDs[position]!)
      if (!layers.has(path)) layers.set(path, layer)
    }
  }
  return layers
}

/** The images, each for one platform, under the names that Docker can give them. */
async function savedImages({ roots, whole }: SourceRoots, context: ArchiveContext): Promise<SavedImage[]> {
  const { options } = context
  const { platforms = [] } = options
  if (platforms.length > 1) {
    throw new OciError(
      'ARGUMENT_INVALID',
      'An archive of docker save holds an image for one platform under each name: give one platform, or write an OCI archive',
    )
  }
  const choice: StoreOptions & { platform?: string | Platform | undefined } = {
    signal: options.signal,
    platform: platforms[0],
  }
  const images: SavedImage[] = []
  if (whole === undefined) {
    for (const { store, descriptor, name, isRenamed } of roots) {
      const image = await openImage(store, descriptor, choice)
      images.push({ image, names: name === undefined ? [] : dockerNames(name, isRenamed) })
    }
  } else {
    const layout = await Layout.open(whole, options)
    for (const name of new Set(layout.references.map((reference) => reference.name))) {
      images.push({ image: await layout.image(name, choice), names: dockerNames(name, false) })
    }
    const named = new Set(layout.references.map((reference) => reference.descriptor.digest))
    const others = layout.index.manifests.filter((entry) => !named.has(entry.digest) && isImage(entry))
    images.push(...(await unnamedImages(layout, others, named.size === 0, choice)))
  }
  requireOneEach(images)
  return images
}

/** Entries without a name: one image for several platforms, where that is all there is, or each an image. */
async function unnamedImages(
  layout: Layout,
  entries: readonly Descriptor[],
  isAll: boolean,
  choice: StoreOptions,
): Promise<SavedImage[]> {
  if (isAll && entries.length > 0) {
    try {
      return [{ image: await layout.image(undefined, choice), names: [] }]
    } catch (error) {
      if (!isOciError(error, 'REFERENCE_AMBIGUOUS')) throw error
    }
  }
  const images: SavedImage[] = []
  for (const entry of entries) images.push({ image: await openImage(layout.store, entry, choice), names: [] })
  return images
}

/** What is attached to images has no place in such an archive. */
function isImage(entry: Descriptor): boolean {
  return isIndexType(entry.mediaType) || isForRunning(entry)
}

/** Two images of one name: the second would take it from the first as it is loaded. */
function requireOneEach(images: readonly SavedImage[]): void {
  const known = new Map<string, Digest>()
  for (const { image, names } of images) {
    for (const name of names) {
      const other = known.get(name)
      if (other !== undefined && other !== image.id) {
        throw new OciError(
          'ARGUMENT_INVALID',
          `Two images would be called ${JSON.stringify(name)} in the archive: ${other} and ${image.id}; give one another name by references`,
        )
      }
      known.set(name, image.id)
    }
  }
}

/**
 * The name as Docker's archives have it, `repository:tag`. A layout may call an image by a tag alone (`v1`), which
 * says nothing of the repository: it has then no name there, unless it is given one.
 */
function dockerNames(name: string, isRenamed: boolean): string[] {
  if (!isRenamed && !/[:/]/.test(name)) return []
  let parts: ReturnType<typeof parseReference>
  try {
    parts = parseReference(name)
  } catch (error) {
    if (isRenamed || !(error instanceof OciError)) throw error
    return []
  }
  const { digest: _, ...tagged } = { ...parts, tag: parts.tag ?? 'latest' }
  return [formatReference(tagged)]
}

function repositoriesBytes(repositories: ReadonlyMap<string, ReadonlyMap<string, string>>): Uint8Array {
  const sorted = <T>(entries: Iterable<readonly [string, T]>): [string, T][] =>
    [...entries].map(([name, value]): [string, T] => [name, value]).sort(([a], [b]) => (a < b ? -1 : 1))
  const members = sorted(repositories).map(([name, tags]) => {
    const inner = sorted(tags).map(([tag, id]) => `${JSON.stringify(tag)}:${JSON.stringify(id)}`)
    return `${JSON.stringify(name)}:{${inner.join(',')}}`
  })
  return encodeUtf8(`{${members.join(',')}}`)
}

function layerPath(diffID: Digest): string {
  return `${digestParts(diffID).encoded}.tar`
}

function file(path: string, content: Uint8Array): TarEntryInput {
  return { path, content, mode: 0o444 }
}
