/** An image layout, or anything else that keeps images under names, opened. */
import { type Digest, isRegisteredDigest } from '../digest/index.ts'
import { isOciError, OciError } from '../errors.ts'
import type { Descriptor, Index } from '../spec/index.ts'
import { formatPlatform, isIndexType, mediaTypes } from '../spec/index.ts'
import type { ImageStore, Reference, StoreOptions } from '../store/index.ts'
import {
  chooseImage,
  isForRunning,
  listManifests,
  maxDepth,
  maxManifests,
  openImage,
  type PlatformOptions,
  tooManyManifests,
} from './choose-image.ts'
import type { Image } from './image.ts'
import { ImageIndex } from './image-index.ts'
import { readIndex } from './read-document.ts'

/** Names that an error message lists, at the most. */
const namesShown = 20

/**
 * The main door to a set of images: what names there are, and the image behind each.
 *
 * It shows its store as it was when opened; {@link Layout.reload} looks again. It holds what its store holds
 * open, so end it with `await using` or `[Symbol.asyncDispose]()`.
 */
export class Layout implements AsyncDisposable {
  readonly store: ImageStore
  /** The layout's `index.json`, as written; one made of the references where the store has no such document. */
  readonly index: Index
  /** Every name and what it stands for, in the order of the index. */
  readonly references: readonly Reference[]

  private constructor(store: ImageStore, index: Index, references: readonly Reference[]) {
    this.store = store
    this.index = index
    this.references = references
  }

  /**
   * Opens any image store.
   * @throws OciError as the store does when it is read
   */
  static async open(store: ImageStore, options: StoreOptions = {}): Promise<Layout> {
    const references: Reference[] = []
    for await (const reference of store.references(options)) references.push(reference)
    const index = (await store.index?.(options)) ?? {
      schemaVersion: 2,
      mediaType: mediaTypes.index,
      manifests: references.map((reference) => reference.descriptor),
    }
    return new Layout(store, index, references)
  }

  /** The same layout as its store is now. */
  reload(options: StoreOptions = {}): Promise<Layout> {
    return Layout.open(this.store, options)
  }

  /**
   * What a name stands for: a reference of the store, or a digest (`sha256:…`, also behind a name: `v1@sha256:…`)
   * of a manifest or index that the index leads to. Without a name, the only thing there is.
   *
   * @throws OciError `REFERENCE_NOT_FOUND`, `REFERENCE_AMBIGUOUS`; their messages list what there is;
   *   `DIGEST_MISMATCH` where an entry's name ends in a digest that it does not have; `LIMIT_EXCEEDED` where the
   *   index leads to more than 100 000 manifests
   */
  async resolve(name?: string, options: StoreOptions = {}): Promise<Descriptor> {
    if (name === undefined) return this.#only()
    const digest = digestIn(name)
    if (digest === undefined) return this.store.resolve(name, options)
    const at = name.lastIndexOf('@')
    // An entry may be listed under such a name as a whole (`docker.io/library/alpine@sha256:…`).
    if (at > 0 && this.references.some((reference) => reference.name === name)) {
      return this.store.resolve(name, options)
    }
    const roots = at > 0 ? [await this.store.resolve(name.slice(0, at), options)] : this.index.manifests
    return (await findDigest(this.store, digest, roots, options)) ?? this.store.resolve(name, options)
  }

  /**
   * Opens an image: by name, tag or digest, and by platform where the name leads to several. Without a name, the
   * only image there is, or the one for the platform where the layout's own index lists one image for several.
   *
   * @throws OciError `REFERENCE_NOT_FOUND`, `REFERENCE_AMBIGUOUS`, `PLATFORM_NOT_FOUND`, and as `Image.open`
   * @example const image = await layout.image('v1.0', { platform: 'linux/arm64' })
   */
  async image(name?: string, options: PlatformOptions = {}): Promise<Image> {
    const variants = this.#variants(name)
    if (variants !== undefined) {
      const what = name === undefined ? 'The layout' : JSON.stringify(name)
      return chooseImage(this.store, await listManifests(this.store, variants, options), what, options)
    }
    return openImage(this.store, await this.resolve(name, options), options)
  }

  /**
   * Opens the index that a name stands for.
   * @throws OciError `REFERENCE_NOT_FOUND`, `REFERENCE_AMBIGUOUS`, `MEDIA_TYPE_UNSUPPORTED` where it is no index
   */
  async imageIndex(name?: string, options: StoreOptions = {}): Promise<ImageIndex> {
    return ImageIndex.open(this.store, await this.resolve(name, options), options)
  }

  /** Ends what the store holds open. */
  async [Symbol.asyncDispose](): Promise<void> {
    await (this.store as Partial<AsyncDisposable>)[Symbol.asyncDispose]?.()
  }

  #only(): Descriptor {
    // What is attached to an image (an SBOM, a signature) does not make it one of several.
    const images = this.index.manifests.filter((entry) => isIndexType(entry.mediaType) || isForRunning(entry))
    const [first, ...others] = images.length > 0 ? images : this.index.manifests
    if (first === undefined)
      throw new OciError('REFERENCE_NOT_FOUND', 'The layout has no image: its index is empty')
    if (others.every((other) => other.digest === first.digest)) return first
    const names = this.references.map((reference) => reference.name)
    const shown = [
      ...(names.length > 0 ? names : this.index.manifests.map((entry) => entry.digest)).slice(0, namesShown),
    ]
    const more = (names.length || this.index.manifests.length) - shown.length
    throw new OciError(
      'REFERENCE_AMBIGUOUS',
      `The layout has ${this.index.manifests.length} entries, so say which: ${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`,
    )
  }

  /**
   * The entries that are one image for several platforms, listed in the layout's own index rather than in one of
   * their own (as some builders write it): all of one name or all of none, and no platform twice.
   */
  #variants(name: string | undefined): readonly Descriptor[] | undefined {
    // Who names a digest means that one, not the one for a platform.
    if (name !== undefined && digestIn(name) !== undefined) return undefined
    const entries =
      name === undefined
        ? this.index.manifests
        : this.references
            .filter((reference) => reference.name === name)
            .map((reference) => reference.descriptor)
    const distinct = [...new Map(entries.map((entry) => [entry.digest, entry])).values()]
    if (distinct.length < 2) return undefined
    const named = new Set(this.references.map((reference) => reference.name))
    if (name === undefined && named.size > 1) return undefined
    const platforms = distinct
      .filter(isForRunning)
      .map((entry) => entry.platform && formatPlatform(entry.platform))
    const oneEach = !platforms.includes(undefined) && new Set(platforms).size === platforms.length
    return oneEach && platforms.length > 0 ? distinct : undefined
  }
}

/** The digest that a name is or ends in. */
function digestIn(name: string): Digest | undefined {
  const digest = name.slice(name.lastIndexOf('@') + 1)
  return isRegisteredDigest(digest) ? digest : undefined
}

/** Looks for a digest among descriptors and through the indexes that they lead to; absent indexes are passed by. */
async function findDigest(
  store: ImageStore,
  digest: Digest,
  roots: readonly Descriptor[],
  options: StoreOptions,
): Promise<Descriptor | undefined> {
  const seen = new Set<Digest>()
  let level = roots
  for (let depth = 0; depth < maxDepth && level.length > 0; depth++) {
    const found = level.find((descriptor) => descriptor.digest === digest)
    if (found !== undefined) return found
    const next: Descriptor[] = []
    for (const descriptor of level) {
      if (!isIndexType(descriptor.mediaType) || seen.has(descriptor.digest)) continue
      seen.add(descriptor.digest)
      try {
        for (const entry of (await readIndex(store, descriptor, options)).manifests) next.push(entry)
      } catch (error) {
        if (!isOciError(error, 'BLOB_NOT_FOUND')) throw error
      }
      if (next.length > maxManifests) throw tooManyManifests(descriptor)
    }
    level = next
  }
  return undefined
}
