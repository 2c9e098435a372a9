/** One image of a store, opened: what its manifest and config say, and its layers. */
import type { ImageID } from '../digest/index.ts'
import { OciError } from '../errors.ts'
import type { ImageFilesystem, OpenFilesystemOptions } from '../filesystem/index.ts'
import { Layer } from '../layer/index.ts'
import type { Annotations, Descriptor, ImageConfig, Manifest, Platform } from '../spec/index.ts'
import { isConfigType, rawBytes, serializeJson } from '../spec/index.ts'
import type { BlobStore, StoreOptions } from '../store/index.ts'
import { readBlobBytes } from '../store/index.ts'
import type { DraftStart } from './edit/draft.ts'
import { ImageEdit } from './edit/image-edit.ts'
import { type ImageHistoryEntry, joinHistory } from './history.ts'
import { readConfig, readManifest } from './read-document.ts'

/**
 * An image: immutable, tied to the store it was opened from. Its manifest and config are read and verified when
 * it is opened; its layers when they are asked for their content.
 *
 * @example
 * const layout = await readLayout('./image')
 * const image = await layout.image('v1.0', { platform: 'linux/arm64' })
 * for (const layer of image.layers) console.log(layer.digest, layer.size)
 */
export class Image {
  /** Where its blobs are. */
  readonly store: BlobStore
  /** What points to its manifest, as the index has it: annotations and platform included. */
  readonly descriptor: Descriptor
  /** The manifest, as written. */
  readonly manifest: Manifest
  /** Bottom to top, by position: the same layer twice is two. */
  readonly layers: readonly Layer[]
  readonly #config: ImageConfig | OciError

  private constructor(
    store: BlobStore,
    descriptor: Descriptor,
    manifest: Manifest,
    config: ImageConfig | OciError,
  ) {
    this.store = store
    this.descriptor = descriptor
    this.manifest = manifest
    this.#config = config
    const diffIDs = config instanceof OciError ? [] : config.rootfs.diff_ids
    const steps = config instanceof OciError ? [] : (config.history ?? [])
    const made = steps.filter((entry) => entry.empty_layer !== true)
    this.layers = manifest.layers.map(
      (layer, position) =>
        new Layer(store, layer, { position, diffID: diffIDs[position], history: made[position] }),
    )
  }

  /**
   * Opens the image that a descriptor points to. A config that is not in the store is no error yet (an image's
   * blobs may be elsewhere): {@link Image.config} then rejects, and layers have no diffID.
   *
   * @throws OciError `MEDIA_TYPE_UNSUPPORTED`, `BLOB_NOT_FOUND` (the manifest), `SIZE_MISMATCH`,
   *   `DIGEST_MISMATCH`, `JSON_INVALID`, `DOCUMENT_INVALID` (also where layers and diffIDs differ in number)
   */
  static async open(store: BlobStore, descriptor: Descriptor, options: StoreOptions = {}): Promise<Image> {
    const manifest = await readManifest(store, descriptor, options)
    return new Image(store, descriptor, manifest, await configOf(store, manifest, options))
  }

  /** The digest of the config: what Docker shows as the image's ID. */
  get id(): ImageID {
    return this.manifest.config.digest
  }

  /** What it runs on, as its descriptor says or else its config; undefined where neither does. */
  get platform(): Platform | undefined {
    if (this.descriptor.platform !== undefined) return this.descriptor.platform
    if (this.#config instanceof OciError) return undefined
    const { os, architecture, variant, 'os.version': version, 'os.features': features } = this.#config
    return {
      os,
      architecture,
      ...(variant ? { variant } : {}),
      ...(version ? { 'os.version': version } : {}),
      ...(features ? { 'os.features': features } : {}),
    }
  }

  /** The manifest's annotations; empty where it has none. */
  get annotations(): Annotations {
    return this.manifest.annotations ?? {}
  }

  /** What is to be downloaded: the sizes of config and layers as stored, in bytes, equal layers counted once. */
  get size(): number {
    const sizes = new Map<string, number>([[this.manifest.config.digest, this.manifest.config.size]])
    for (const layer of this.manifest.layers) sizes.set(layer.digest, layer.size)
    let sum = 0
    for (const size of sizes.values()) sum += size
    return sum
  }

  /**
   * The image config, as written.
   * @throws OciError `BLOB_NOT_FOUND` where it is not in the store, `MEDIA_TYPE_UNSUPPORTED` where the manifest's
   *   config is none of a runnable image (an artifact)
   */
  async config(): Promise<ImageConfig> {
    if (this.#config instanceof OciError) throw this.#config
    return this.#config
  }

  /**
   * Each step that made the image, oldest first, with the layer it left or null.
   * @throws OciError as {@link Image.config}
   */
  async history(): Promise<readonly ImageHistoryEntry[]> {
    return joinHistory((await this.config()).history ?? [], this.layers)
  }

  /**
   * The merged tree of all layers, whiteouts applied. Reads and verifies every layer once; contents are not kept.
   * @throws OciError as reading the layers does, `PATH_UNSAFE` where an entry leads outside of the root
   */
  async filesystem(options: OpenFilesystemOptions = {}): Promise<ImageFilesystem> {
    // Loaded when it is asked for: half of the library stands behind it.
    const { openFilesystem } = await import('../filesystem/index.ts')
    return openFilesystem(this.layers, options)
  }

  /**
   * Begins a change: a chain of calls ended by `commit`, which makes a new image. This one stays as it is.
   * @example await image.edit().env({ NODE_ENV: 'production' }).label('stage', 'test').commit(store, 'app:2')
   */
  edit(): ImageEdit {
    const start = async (options: StoreOptions): Promise<DraftStart> => ({
      store: this.store,
      manifest: rawBytes(this.manifest) ?? serializeJson(this.manifest),
      config: isConfigType(this.manifest.config.mediaType)
        ? await readBlobBytes(this.store, this.manifest.config, options)
        : undefined,
    })
    return new ImageEdit(start, Image.open, this.descriptor)
  }
}

async function configOf(
  store: BlobStore,
  manifest: Manifest,
  options: StoreOptions,
): Promise<ImageConfig | OciError> {
  const { config: descriptor, layers } = manifest
  if (!isConfigType(descriptor.mediaType)) {
    return new OciError(
      'MEDIA_TYPE_UNSUPPORTED',
      `This is an artifact, not a runnable image: its config ${descriptor.digest} has media type ${JSON.stringify(descriptor.mediaType)}`,
      { digest: descriptor.digest, actual: descriptor.mediaType },
    )
  }
  let config: ImageConfig
  try {
    config = await readConfig(store, descriptor, options)
  } catch (error) {
    if (error instanceof OciError && error.code === 'BLOB_NOT_FOUND') return error
    throw error
  }
  if (config.rootfs.diff_ids.length !== layers.length) {
    throw new OciError(
      'DOCUMENT_INVALID',
      `The manifest has ${layers.length} layers, but config ${descriptor.digest} has ${config.rootfs.diff_ids.length} diff_ids: they must pair up`,
      { digest: descriptor.digest, expected: layers.length, actual: config.rootfs.diff_ids.length },
    )
  }
  return config
}
