/**
 * An image being changed: the texts of its manifest and config, kept in step with each other as layers come and
 * go. Nothing is written until {@link Draft.finish}.
 */
import { type DiffID, digestBytes, digestParts } from '../../digest/index.ts'
import { OciError } from '../../errors.ts'
import type { Descriptor, HistoryEntry, ImageConfig, JsonEdit, Manifest } from '../../spec/index.ts'
import { editJson, encodeBase64, mediaTypes, parseConfig, parseManifest } from '../../spec/index.ts'
import type { BlobStore, StoreOptions } from '../../store/index.ts'
import { bringBlob } from '../bring-blob.ts'

/** A layer to be put into a draft. */
export interface DraftLayer {
  readonly descriptor: Descriptor
  /** Undefined only in an artifact, which has no diffIDs. */
  readonly diffID: DiffID | undefined
}

/** The documents that a draft starts from. */
export interface DraftStart {
  /** Where the layers are that the image has already. */
  readonly store: BlobStore
  readonly manifest: Uint8Array
  /** Undefined where the config is of a type that is not known: its bytes are then never touched. */
  readonly config: Uint8Array | undefined
}

/** How many layers a history tells of. */
export function countLayers(history: readonly HistoryEntry[]): number {
  return history.filter((entry) => entry.empty_layer !== true).length
}

/** A history with an entry for each of so many layers, what it does not tell of at its end. */
export function completeHistory(history: readonly HistoryEntry[], layers: number): HistoryEntry[] {
  const missing = Math.max(0, layers - countLayers(history))
  return [
    ...history,
    ...Array.from({ length: missing }, () => ({ comment: 'this layer came without history' })),
  ]
}

export class Draft {
  readonly #store: BlobStore
  #manifest: Uint8Array
  #config: Uint8Array | undefined
  /** Stores that layers come from, where it is not the image's own. */
  readonly #sources = new Map<string, BlobStore>()

  constructor(start: DraftStart) {
    this.#store = start.store
    this.#manifest = start.manifest
    this.#config = start.config
  }

  /** The manifest as it stands; its config descriptor is put right only when the draft is finished. */
  get manifest(): Manifest {
    return parseManifest(this.#manifest)
  }

  /**
   * The config as it stands.
   * @throws OciError `MEDIA_TYPE_UNSUPPORTED` for an artifact
   */
  get config(): ImageConfig {
    return parseConfig(this.#configBytes())
  }

  /** Whether there is an image config that can be changed. */
  get hasConfig(): boolean {
    return this.#config !== undefined
  }

  /** Says that a layer's blob is in another store than the image's own. */
  addSource(descriptor: Descriptor, store: BlobStore | undefined): void {
    if (store !== undefined && store !== this.#store) this.#sources.set(descriptor.digest, store)
  }

  /** Where a layer's blob is to be read from. */
  sourceOf(descriptor: Descriptor): BlobStore {
    return this.#sources.get(descriptor.digest) ?? this.#store
  }

  editManifest(edits: readonly JsonEdit[]): void {
    this.#manifest = editJson(this.#manifest, edits)
  }

  editConfig(edits: readonly JsonEdit[]): void {
    this.#config = editJson(this.#configBytes(), edits)
  }

  /** A step that changed no file. */
  addHistory(entry: HistoryEntry): void {
    this.editConfig([{ path: ['history', this.config.history?.length ?? 0], value: entry }])
  }

  /**
   * Puts a layer before the one at a position, or on top where the position is the number of layers; with its
   * history entry, so that each layer keeps its own.
   */
  insertLayer(position: number, layer: DraftLayer, history: HistoryEntry, source?: BlobStore): void {
    this.addSource(layer.descriptor, source)
    this.editManifest([{ path: ['layers', position], value: layer.descriptor, insert: true }])
    if (!this.hasConfig) return
    if (layer.diffID === undefined) {
      throw new OciError(
        'ARGUMENT_INVALID',
        `Layer ${layer.descriptor.digest} goes into an image, so it needs a diffID`,
      )
    }
    this.completeHistory(position)
    this.editConfig([
      { path: ['rootfs', 'diff_ids', position], value: layer.diffID, insert: true },
      { path: ['history', this.#historyPosition(position)], value: history, insert: true },
    ])
  }

  /** Takes a layer out, with its diffID and its history entry. */
  removeLayer(position: number): void {
    this.#requireLayer(position)
    this.editManifest([{ path: ['layers', position], value: undefined }])
    if (!this.hasConfig) return
    const edits: JsonEdit[] = [{ path: ['rootfs', 'diff_ids', position], value: undefined }]
    const at = this.#historyPosition(position)
    const history = this.config.history ?? []
    if (at < history.length && history[at]?.empty_layer !== true)
      edits.push({ path: ['history', at], value: undefined })
    this.editConfig(edits)
  }

  /** Puts another layer in a layer's place; the history entry stays unless another is given. */
  replaceLayer(position: number, layer: DraftLayer, history?: HistoryEntry, source?: BlobStore): void {
    this.#requireLayer(position)
    this.addSource(layer.descriptor, source)
    this.editManifest([{ path: ['layers', position], value: layer.descriptor }])
    if (!this.hasConfig || layer.diffID === undefined) return
    this.editConfig([{ path: ['rootfs', 'diff_ids', position], value: layer.diffID }])
    if (history === undefined) return
    this.completeHistory(this.manifest.layers.length)
    this.editConfig([{ path: ['history', this.#historyPosition(position)], value: history }])
  }

  /**
   * Writes what has changed into a store, with the layers that it lacks: layers, config, manifest, in this order.
   * @throws OciError `DOCUMENT_INVALID` where the result would not be a valid image; as reading and writing do
   */
  async finish(store: BlobStore, options: StoreOptions): Promise<Descriptor> {
    const { layers, config: written } = this.manifest
    for (const layer of layers) await bringBlob(this.sourceOf(layer), layer, store, options)
    if (this.#config === undefined) await bringBlob(this.#store, written, store, options)
    else await this.#finishConfig(written, this.#config, layers.length, store, options)
    const { mediaType = mediaTypes.manifest, artifactType } = parseManifest(this.#manifest)
    const descriptor = { mediaType, digest: digestBytes(this.#manifest), size: this.#manifest.length }
    const type = artifactType === undefined ? {} : { artifactType }
    return { ...(await store.put(this.#manifest, descriptor, options)), ...type }
  }

  async #finishConfig(
    written: Descriptor,
    bytes: Uint8Array,
    layers: number,
    store: BlobStore,
    options: StoreOptions,
  ): Promise<void> {
    const diffIDs = parseConfig(bytes, { mediaType: written.mediaType }).rootfs.diff_ids.length
    if (diffIDs !== layers) {
      throw new OciError(
        'DOCUMENT_INVALID',
        `The image has ${layers} layers, but its config has ${diffIDs} diff_ids`,
        {
          expected: layers,
          actual: diffIDs,
        },
      )
    }
    const digest = digestBytes(bytes, digestParts(written.digest).algorithm)
    if (digest !== written.digest) {
      this.editManifest([
        { path: ['config', 'digest'], value: digest },
        { path: ['config', 'size'], value: bytes.length },
        // A copy of the old config within the manifest would be believed: it is made anew with the new one.
        ...(written.data === undefined ? [] : [{ path: ['config', 'data'], value: encodeBase64(bytes) }]),
      ])
    }
    await store.put(bytes, { mediaType: written.mediaType, digest, size: bytes.length }, options)
  }

  /** Where in the history the entry of a layer stands, or would stand. */
  #historyPosition(layer: number): number {
    const history = this.config.history ?? []
    let seen = 0
    for (const [position, entry] of history.entries()) {
      if (entry.empty_layer === true) continue
      if (seen === layer) return position
      seen++
    }
    return history.length
  }

  /** Gives an entry to each layer below a position that has none, since entries are joined to layers by counting. */
  completeHistory(layers: number): void {
    const history = this.config.history ?? []
    for (const entry of completeHistory(history, layers).slice(history.length)) this.addHistory(entry)
  }

  #requireLayer(position: number): void {
    const { length } = this.manifest.layers
    if (Number.isInteger(position) && position >= 0 && position < length) return
    throw new OciError(
      'ARGUMENT_INVALID',
      `There is no layer at position ${position}: the image has ${length}`,
      {
        actual: position,
        expected: length,
      },
    )
  }

  #configBytes(): Uint8Array {
    if (this.#config !== undefined) return this.#config
    throw new OciError(
      'MEDIA_TYPE_UNSUPPORTED',
      `This is an artifact: its config has media type ${JSON.stringify(this.manifest.config.mediaType)}, which is not touched`,
    )
  }
}
