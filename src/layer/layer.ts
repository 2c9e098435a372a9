/** One layer of an image: where it stands, what it is, and its content on demand. */
import { streamOf } from '../bytes.ts'
import type { DiffID, Digest } from '../digest/index.ts'
import type { Descriptor, HistoryEntry } from '../spec/index.ts'
import { type BlobStore, readBlob, type StoreOptions } from '../store/index.ts'
import type { LayerLimits, LayerOptions } from './layer-bytes.ts'
import type { LayerEntry } from './layer-entry.ts'
import type { LayerScan, LayerVisitor, ScanLayerOptions } from './scan-layer.ts'

/** What a layer's content is read with: its diffID is the layer's own. */
export interface LayerReadOptions extends StoreOptions {
  /** Told of the bytes of the blob read so far, about once for each MiB. */
  readonly onProgress?: ((bytesOfBlob: number) => void) | undefined
  readonly limits?: LayerLimits | undefined
}

/**
 * A layer by its position: an image that has the same layer twice has two of these.
 *
 * @example
 * for (const layer of image.layers) {
 *   for await (const entry of layer.entries()) console.log(layer.position, entry.path)
 * }
 */
export class Layer {
  /** Where the blob is. */
  readonly store: BlobStore
  readonly descriptor: Descriptor
  /** 0 for the bottom layer. */
  readonly position: number
  /** What the uncompressed tar must hash to, as the config says; undefined where there is no config. */
  readonly diffID: DiffID | undefined
  /** The step that made it; undefined where the image has no history of it. */
  readonly history: HistoryEntry | undefined

  constructor(
    store: BlobStore,
    descriptor: Descriptor,
    options: {
      readonly position: number
      readonly diffID?: DiffID | undefined
      readonly history?: HistoryEntry | undefined
    },
  ) {
    this.store = store
    this.descriptor = descriptor
    this.position = options.position
    this.diffID = options.diffID
    this.history = options.history
  }

  /** The digest of the blob as stored. */
  get digest(): Digest {
    return this.descriptor.digest
  }

  get mediaType(): string {
    return this.descriptor.mediaType
  }

  /** Bytes of the blob as stored. */
  get size(): number {
    return this.descriptor.size
  }

  /**
   * The entries, in the order of the tar: see {@link readLayer}.
   * @throws OciError as `scanLayer`
   */
  entries(options: LayerReadOptions = {}): AsyncGenerator<LayerEntry, void, undefined> {
    return entriesOf(this.store, this.descriptor, this.#withDiffID(options))
  }

  /**
   * Tells a visitor of each entry: see {@link scanLayer}.
   * @throws OciError as `scanLayer`
   */
  async scan(
    visitor: LayerVisitor,
    options: LayerReadOptions & Pick<ScanLayerOptions, 'findDuplicates' | 'blocks' | 'readBytes'> = {},
  ): Promise<LayerScan> {
    const { scanLayer } = await import('./scan-layer.ts')
    return scanLayer(this.store, this.descriptor, visitor, this.#withDiffID(options))
  }

  /**
   * The uncompressed tar. The stream errors at its end where blob or diffID are not what they must be, with the
   * codes of `scanLayer`.
   */
  tar(options: LayerReadOptions = {}): ReadableStream<Uint8Array> {
    return streamOf(tarOf(this.store, this.descriptor, this.#withDiffID(options)))
  }

  /**
   * The blob as stored, verified as it streams.
   * @throws OciError `BLOB_NOT_FOUND`, and through the stream `SIZE_MISMATCH`, `DIGEST_MISMATCH`
   */
  blob(options: StoreOptions = {}): Promise<ReadableStream<Uint8Array>> {
    return readBlob(this.store, this.descriptor, options)
  }

  #withDiffID<Options extends LayerReadOptions>(options: Options): Options & LayerOptions {
    return { ...options, diffID: this.diffID }
  }
}

// What reads layers (tar, decompression) is loaded with the first one: a page that shows manifests needs none of it.

async function* entriesOf(
  store: BlobStore,
  descriptor: Descriptor,
  options: LayerOptions,
): AsyncGenerator<LayerEntry, void, undefined> {
  const { readLayer } = await import('./read-layer.ts')
  yield* readLayer(store, descriptor, options)
}

async function* tarOf(
  store: BlobStore,
  descriptor: Descriptor,
  options: LayerOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { tarChunks } = await import('./layer-tar.ts')
  yield* tarChunks(store, descriptor, options)
}
