/** Converting images from Docker's forms to OCI's and back, from one store into another or into the same. */
import { readAll, readChunks } from '../bytes.ts'
import { type Digest, digestBytes, digestParts } from '../digest/index.ts'
import { OciError } from '../errors.ts'
import {
  Layer,
  type LayerLimits,
  readLayerBytes,
  type WriteLayerOptions,
  writeLayer,
} from '../layer/index.ts'
import type {
  ConvertedDocument,
  Descriptor,
  DocumentFamily,
  Manifest,
  MeasuredLayer,
  ReplacedContent,
  Schema1Document,
  Schema1Layer,
} from '../spec/index.ts'
import {
  convertIndex,
  convertManifest,
  isArtifact,
  isIndexType,
  isLayerType,
  isManifestType,
  isNondistributable,
  isSchema1Type,
  layerCompression,
  MAX_DOCUMENT_SIZE,
  mediaTypes,
  parseIndex,
  parseManifest,
  parseSchema1,
  schema1Steps,
  schema1ToSchema2,
  toOciConfig,
  withLayerCompression,
} from '../spec/index.ts'
import type { BlobStore, StoreOptions } from '../store/index.ts'
import { MemoryStore, readBlobBytes } from '../store/index.ts'
import { bringBlob } from './bring-blob.ts'
import { bringGraph, tooDeep } from './bring-graph.ts'
import { maxDepth } from './choose-image.ts'
import { located, readManifest } from './read-document.ts'

/** What is converted: an {@link Image}, an {@link ImageIndex}, or any descriptor of a store. */
export interface ConvertSource {
  readonly store: BlobStore
  readonly descriptor: Descriptor
}

/** Something that the other form cannot say, left out. */
export interface DroppedContent {
  /** The document that it was in. */
  readonly digest: Digest
  /** Names of members and positions of elements, from the document's root. */
  readonly path: readonly (string | number)[]
}

/** How an image is converted. */
export interface ConvertOptions extends StoreOptions, Pick<WriteLayerOptions, 'level' | 'mode'> {
  readonly to: DocumentFamily
  /**
   * `keep` leaves the bytes of configs as they are on the way to OCI, so that image IDs stay; `convert` makes them
   * what containers/image makes of them. Default: `convert`.
   */
  readonly config?: 'convert' | 'keep' | undefined
  /**
   * What becomes of subjects, artifact types, annotations and embedded data, for which Docker has no place, and
   * on the way to OCI of what a config notes of the build's container. Default: `drop`, as containers/image does.
   */
  readonly metadata?: 'drop' | 'refuse' | undefined
  /**
   * What becomes of an index's entries that are no images (artifacts, attestations of a build), on the way to
   * Docker. Default: `refuse`.
   */
  readonly artifacts?: 'refuse' | 'drop' | undefined
  /** Compresses layers of zstd anew, which Docker's form does not have; without it they are refused. */
  readonly recompress?: 'gzip' | 'none' | undefined
  /** Told of all that is dropped. */
  readonly onDropped?: ((dropped: DroppedContent) => void) | undefined
  /** Limits on layers that are read: those of schema 1, and those compressed anew. */
  readonly limits?: LayerLimits | undefined
}

/**
 * Converts an image, or an index with all that is in it, and puts the result with all its blobs into a store. The
 * blobs of layers stay as they are, so their digests do; what is in the form asked for already stays to the byte.
 *
 * From Docker's schema 1, which tells neither sizes nor diffIDs, the layers are read to find them out.
 *
 * @returns what points to the result, with the platform that the source's descriptor has; it is not tagged yet
 * @throws OciError `MEDIA_TYPE_UNSUPPORTED` for what the other form cannot say: artifacts, layers of zstd or of an
 *   unknown type in Docker's, an index within an index there, what `metadata` refuses; and as reading
 *   documents and layers and writing blobs do
 * @example
 * const docker = await convertImage(image, store, { to: 'docker' })
 * await store.tag(docker, 'app:2-docker')
 */
export async function convertImage(
  source: ConvertSource,
  target: BlobStore,
  options: ConvertOptions,
): Promise<Descriptor> {
  const converter = new Converter(source.store, target, options)
  const { mediaType, digest, size } = await converter.convert(source.descriptor)
  const { platform } = source.descriptor
  return { mediaType, digest, size, ...(platform === undefined ? {} : { platform }) }
}

/** Where converted content is. */
type Converted = Pick<Descriptor, 'mediaType' | 'digest' | 'size'>

class Converter {
  readonly #source: BlobStore
  readonly #target: BlobStore
  readonly #options: ConvertOptions
  /** By digest and media type: images share layers, and indexes images. */
  readonly #done = new Map<string, Promise<Converted>>()

  constructor(source: BlobStore, target: BlobStore, options: ConvertOptions) {
    this.#source = source
    this.#target = target
    this.#options = options
  }

  convert(descriptor: Descriptor, depth = 0): Promise<Converted> {
    return this.#once(descriptor, () => this.#convertDocument(descriptor, depth))
  }

  async #convertDocument(descriptor: Descriptor, depth: number): Promise<Converted> {
    const { mediaType } = descriptor
    if (isIndexType(mediaType)) return this.#convertIndex(descriptor, depth)
    if (isManifestType(mediaType)) {
      return this.#convertManifest(descriptor, this.#source)
    }
    if (isSchema1Type(mediaType)) return this.#convertSchema1(descriptor)
    if (this.#options.to === 'docker' || depth === 0) {
      throw new OciError(
        'MEDIA_TYPE_UNSUPPORTED',
        `Content ${descriptor.digest} of media type ${JSON.stringify(mediaType)} is no image that could be converted`,
        { digest: descriptor.digest, actual: mediaType },
      )
    }
    // OCI's index may list anything.
    await bringGraph(this.#source, descriptor, this.#target, this.#options)
    return descriptor
  }

  async #convertIndex(descriptor: Descriptor, depth: number): Promise<Converted> {
    const { to, artifacts } = this.#options
    const { digest, mediaType } = descriptor
    if (depth >= maxDepth) throw tooDeep(descriptor)
    if (to === 'docker' && depth > 0) {
      throw new OciError(
        'MEDIA_TYPE_UNSUPPORTED',
        `Index ${digest} stands in another index: Docker's lists hold only images, so convert it by itself`,
        { digest, actual: mediaType },
      )
    }
    const bytes = await readBlobBytes(this.#source, descriptor, this.#options)
    const { manifests } = located(descriptor, () => parseIndex(bytes, { mediaType }))
    const entries: (Converted | undefined)[] = []
    for (const entry of manifests) {
      const isLeftOut = to === 'docker' && artifacts === 'drop' && !(await this.#isImage(entry))
      entries.push(isLeftOut ? undefined : await this.convert(entry, depth + 1))
    }
    const converted = convertIndex(bytes, to, entries)
    this.#report(descriptor, converted)
    return this.#put(
      descriptor,
      converted.bytes,
      to === 'oci' ? mediaTypes.index : mediaTypes.dockerManifestList,
    )
  }

  async #convertManifest(descriptor: Descriptor, source: BlobStore): Promise<Converted> {
    const { to } = this.#options
    const { mediaType } = descriptor
    const bytes = await readBlobBytes(source, descriptor, this.#options)
    const manifest = located(descriptor, () => parseManifest(bytes, { mediaType }))
    const config = await this.#convertConfig(manifest, source)
    const recompressed = this.#toRecompress(manifest)
    // All of this before any blob is moved, so that what is refused leaves nothing behind.
    const dry = located(descriptor, () => convertManifest(bytes, to, { layers: recompressed }))
    if (config !== undefined) this.#report(manifest.config, config)
    this.#report(descriptor, dry)
    for (const [position, layer] of manifest.layers.entries()) {
      if (!recompressed.has(position)) await bringBlob(source, layer, this.#target, this.#options)
      else recompressed.set(position, await this.#recompress(layer, source))
    }
    let replaced: ReplacedContent | undefined
    if (config === undefined) await bringBlob(source, manifest.config, this.#target, this.#options)
    else replaced = await this.#put(manifest.config, config.bytes, mediaTypes.config)
    const converted = convertManifest(bytes, to, { config: replaced, layers: recompressed })
    return this.#put(
      descriptor,
      converted.bytes,
      to === 'oci' ? mediaTypes.manifest : mediaTypes.dockerManifest,
    )
  }

  /** The config where its bytes are another's in OCI's form. */
  async #convertConfig(manifest: Manifest, source: BlobStore): Promise<ConvertedDocument | undefined> {
    const { config } = manifest
    const isDockers =
      config.mediaType === mediaTypes.dockerConfig ||
      (manifest.mediaType === mediaTypes.dockerManifest && config.mediaType === untyped)
    if (this.#options.to !== 'oci' || this.#options.config === 'keep' || !isDockers) return undefined
    const bytes = await readBlobBytes(source, config, this.#options)
    // A config that was just made of schema 1 has no bytes that anybody knows it by.
    return located(config, () => toOciConfig(bytes, { always: source !== this.#source }))
  }

  /** The layers that Docker's form does not have, by position, as they will be but for their content. */
  #toRecompress(manifest: Manifest): Map<number, ReplacedContent> {
    const { to, recompress } = this.#options
    const wanted = new Map<number, ReplacedContent>()
    if (to !== 'docker' || recompress === undefined) return wanted
    for (const [position, { mediaType, digest, size }] of manifest.layers.entries()) {
      if (layerCompression(mediaType) !== 'zstd' || isNondistributable(mediaType)) continue
      wanted.set(position, { mediaType: withLayerCompression(mediaType, recompress), digest, size })
    }
    return wanted
  }

  #recompress(descriptor: Descriptor, source: BlobStore): Promise<Converted> {
    return this.#once(descriptor, async () => {
      const { recompress, limits, signal, level, mode } = this.#options
      const layer = new Layer(source, descriptor, { position: 0 })
      const tar = () => layer.tar({ signal, limits })
      return (await writeLayer(this.#target, { tar }, { compression: recompress, signal, level, mode }))
        .descriptor
    })
  }

  async #convertSchema1(descriptor: Descriptor): Promise<Converted> {
    const { manifest } = await readSchema1(this.#source, descriptor, this.#options)
    const layers: MeasuredLayer[] = []
    for (const { layer, isEmpty } of located(descriptor, () => schema1Steps(manifest))) {
      if (!isEmpty) layers.push(await this.#measure(layer))
    }
    const made = new MemoryStore()
    const documents = schema1ToSchema2(manifest, layers)
    await made.put(documents.config, { mediaType: mediaTypes.dockerConfig })
    const schema2 = await made.put(documents.manifest, { mediaType: mediaTypes.dockerManifest })
    return this.#convertManifest(schema2, made)
  }

  /** Puts a layer of schema 1 into the target, and finds out its size and its diffID. */
  async #measure({ blobSum: digest }: Schema1Layer): Promise<MeasuredLayer> {
    const { limits = {}, signal } = this.#options
    const mediaType = mediaTypes.dockerLayerGzip
    const unknown = { mediaType, digest, size: Number.MAX_SAFE_INTEGER }
    const read = (store: BlobStore) => async () =>
      bounded(await store.get(unknown, { signal }), digest, limits)
    let size = 0
    if (await this.#target.has(unknown, { signal })) {
      for await (const chunk of readChunks(read(this.#target))) size += chunk.length
    } else size = (await this.#target.put(read(this.#source), { mediaType, digest }, { signal })).size
    const sink = { write() {}, end() {} }
    const measured = await readLayerBytes(this.#target, { mediaType, digest, size }, sink, { limits, signal })
    const { diffID, compression } = measured
    return { diffID, descriptor: { mediaType: withLayerCompression(mediaType, compression), digest, size } }
  }

  /** Whether an entry of an index is an image, or an index of images: nothing else has a place in Docker's list. */
  async #isImage(entry: Descriptor): Promise<boolean> {
    const { mediaType } = entry
    if (isIndexType(mediaType) || isSchema1Type(mediaType)) return true
    if (!isManifestType(mediaType)) return false
    const manifest = await readManifest(this.#source, entry, this.#options)
    return !isArtifact(manifest) && manifest.layers.every((layer) => isLayerType(layer.mediaType))
  }

  async #put(from: Descriptor, bytes: Uint8Array, mediaType: string): Promise<Converted> {
    const digest = digestBytes(bytes, digestParts(from.digest).algorithm)
    const { size } = await this.#target.put(bytes, { mediaType, digest, size: bytes.length }, this.#options)
    return { mediaType, digest, size }
  }

  #report({ digest }: Descriptor, { dropped }: ConvertedDocument): void {
    const { metadata, onDropped, to } = this.#options
    for (const path of dropped) {
      if (metadata === 'refuse') {
        throw new OciError(
          'MEDIA_TYPE_UNSUPPORTED',
          `Document ${digest} has ${JSON.stringify(path.join('.'))}, for which there is no place in ${to === 'oci' ? "OCI's form" : "Docker's form"}: drop it by metadata: 'drop'`,
          { digest },
        )
      }
      onDropped?.({ digest, path })
    }
  }

  #once(descriptor: Descriptor, convert: () => Promise<Converted>): Promise<Converted> {
    const key = `${descriptor.digest} ${descriptor.mediaType}`
    let done = this.#done.get(key)
    if (done === undefined) {
      done = convert()
      this.#done.set(key, done)
    }
    return done
  }
}

/** What Docker before 1.10, and some registries after it, call configs. */
const untyped = 'application/octet-stream'

/**
 * A manifest of schema 1. A signed one is named by the digest of what is signed, or in a store that knows nothing
 * of signatures by that of all its bytes: either will do.
 */
async function readSchema1(
  store: BlobStore,
  descriptor: Descriptor,
  options: StoreOptions,
): Promise<Schema1Document> {
  const { digest, mediaType } = descriptor
  const content = await store.get(descriptor, options)
  const bytes = await readAll(content, MAX_DOCUMENT_SIZE, { signal: options.signal, what: `Blob ${digest}` })
  const document = located(descriptor, () => parseSchema1(bytes, { mediaType }))
  const actual = digestBytes(bytes, digestParts(digest).algorithm)
  if (digest === document.digest || digest === actual) return document
  throw new OciError(
    'DIGEST_MISMATCH',
    `Blob ${digest} is not what its digest says: it has digest ${actual}`,
    {
      digest,
      expected: digest,
      actual,
    },
  )
}

/** A blob whose size nobody knows: it ends somewhere, or is refused. */
async function* bounded(
  content: ReadableStream<Uint8Array>,
  digest: Digest,
  limits: LayerLimits,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { maxSize = 2 ** 38 } = limits
  let size = 0
  for await (const chunk of readChunks(content)) {
    size += chunk.length
    if (size > maxSize) {
      throw new OciError(
        'LIMIT_EXCEEDED',
        `Layer ${digest} is longer than the ${maxSize} bytes that limits.maxSize allows`,
        {
          digest,
          expected: maxSize,
        },
      )
    }
    yield chunk
  }
}
