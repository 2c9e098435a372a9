/** Leaving out of an index what is for other platforms. */
import type { Digest } from '../digest/index.ts'
import { OciError } from '../errors.ts'
import { filterIndex, manifestsFor, openImage } from '../image/index.ts'
import type { Descriptor, Platform } from '../spec/index.ts'
import { isIndexType, parsePlatform } from '../spec/index.ts'
import type { BlobStore, ImageStore, StoreOptions } from '../store/index.ts'

/** What is left, and a store that has it: the source, with the index that was made of its index before it. */
export interface Selection {
  readonly descriptor: Descriptor
  readonly store: BlobStore | ImageStore
}

/**
 * Chooses among what a descriptor leads to by platforms. One gives its image's own manifest; several give an index
 * with only their images (and the attestations of these), in the order and with all else of the original.
 *
 * @throws OciError `PLATFORM_NOT_FOUND` for the first platform that is not there, `PLATFORM_INVALID`,
 *   `ARGUMENT_INVALID` where no platform is given
 */
export async function selectPlatforms(
  store: BlobStore | ImageStore,
  root: Descriptor,
  platforms: readonly (string | Platform)[],
  options: StoreOptions = {},
): Promise<Selection> {
  const wanted = platforms.map((platform) =>
    typeof platform === 'string' ? parsePlatform(platform) : platform,
  )
  const [first] = wanted
  if (first === undefined)
    throw new OciError('ARGUMENT_INVALID', 'Give at least one platform, or none of the option')
  if (wanted.length === 1 || !isIndexType(root.mediaType)) {
    let chosen: Descriptor = root
    for (const platform of wanted)
      chosen = (await openImage(store, root, { ...options, platform })).descriptor
    return { descriptor: chosen, store }
  }
  const kept = await manifestsFor(store, [root], wanted, `Index ${root.digest}`, options)
  const filtered = await filterIndex(store, root, kept, options)
  return filtered === undefined
    ? { descriptor: root, store }
    : { descriptor: filtered.descriptor, store: overlay(store, filtered.made) }
}

/** The store with some documents that are not in it. */
function overlay(
  store: BlobStore | ImageStore,
  documents: ReadonlyMap<Digest, Uint8Array>,
): BlobStore | ImageStore {
  if (documents.size === 0) return store
  const get: BlobStore['get'] = async (descriptor, options) => {
    const bytes = documents.get(descriptor.digest)
    return bytes === undefined ? store.get(descriptor, options) : new Blob([bytes.slice()]).stream()
  }
  const has: BlobStore['has'] = async (descriptor, options) =>
    documents.has(descriptor.digest) || store.has(descriptor, options)
  return new Proxy(store, {
    get(target, property) {
      if (property === 'get') return get
      if (property === 'has') return has
      const value: unknown = Reflect.get(target, property, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
