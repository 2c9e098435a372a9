/** An index of a store, opened: the images that it lists. */
import type { Descriptor, Index, Platform } from '../spec/index.ts'
import { mediaTypes, rawBytes, serializeJson } from '../spec/index.ts'
import type { BlobStore, StoreOptions } from '../store/index.ts'
import { MemoryStore } from '../store/index.ts'
import { isForRunning, listManifests, openImage, type PlatformOptions } from './choose-image.ts'
import { IndexEdit, type IndexFormat, type IndexMember } from './edit/index-edit.ts'
import { Image } from './image.ts'
import { readIndex } from './read-document.ts'

/** An image index, immutable, tied to the store that it was opened from. */
export class ImageIndex {
  readonly store: BlobStore
  /** What points to it. */
  readonly descriptor: Descriptor
  /** The document, as written. */
  readonly index: Index

  private constructor(store: BlobStore, descriptor: Descriptor, index: Index) {
    this.store = store
    this.descriptor = descriptor
    this.index = index
  }

  /**
   * Opens the index that a descriptor points to.
   * @throws OciError as `readIndex`
   */
  static async open(
    store: BlobStore,
    descriptor: Descriptor,
    options: StoreOptions = {},
  ): Promise<ImageIndex> {
    return new ImageIndex(store, descriptor, await readIndex(store, descriptor, options))
  }

  /** What its own entries run on, in order, nested indexes left out. */
  get platforms(): readonly Platform[] {
    return this.index.manifests.flatMap((entry) =>
      isForRunning(entry) && entry.platform ? [entry.platform] : [],
    )
  }

  /**
   * The image for a platform: see {@link PlatformOptions.platform} for what is chosen without one.
   * @throws OciError `PLATFORM_NOT_FOUND`, and as `Image.open`
   */
  image(options: PlatformOptions = {}): Promise<Image> {
    return openImage(this.store, this.descriptor, options)
  }

  /** Every manifest that it leads to, opened in order, through nested indexes, artifacts included. */
  async *images(options: StoreOptions = {}): AsyncGenerator<Image, void, undefined> {
    for (const descriptor of await listManifests(this.store, [this.descriptor], options)) {
      yield await Image.open(this.store, descriptor, options)
    }
  }

  /**
   * Begins a change: a chain of calls ended by `commit`, which makes a new index. This one stays as it is.
   * @example await index.edit().remove('linux/386').add(image).commit(store, 'app:2')
   */
  edit(): IndexEdit {
    const { store, index } = this
    const bytes = rawBytes(index) ?? serializeJson(index)
    return new IndexEdit(async () => ({ store, bytes, isNew: false, format: undefined }), ImageIndex.open)
  }
}

/**
 * Begins an index of images, with the platform of each; and of artifacts, and of other indexes.
 *
 * @param options.format OCI's index or Docker's manifest list; when absent, the latter where all members are
 *   Docker's manifests
 * @example await createIndex([forAmd64, forArm64]).commit(store, 'app:1')
 */
export function createIndex(
  members: Iterable<IndexMember> = [],
  options: { readonly format?: IndexFormat | undefined } = {},
): IndexEdit {
  const bytes = serializeJson({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: [] })
  const { format } = options
  const edit = new IndexEdit(
    async () => ({ store: new MemoryStore(), bytes, isNew: true, format }),
    ImageIndex.open,
  )
  for (const member of members) edit.add(member)
  return edit
}
