/** Leaving out of an index what is for other platforms. */
import { type Digest, digestBytes, digestParts } from '../digest/index.ts'
import { OciError } from '../errors.ts'
import { isForRunning, listManifests, openImage, readIndex } from '../image/index.ts'
import type { Descriptor, JsonEdit, Platform } from '../spec/index.ts'
import { choosePlatform, editJson, isIndexType, parsePlatform } from '../spec/index.ts'
import type { BlobStore, ImageStore, StoreOptions } from '../store/index.ts'
import { readBlobBytes } from '../store/index.ts'

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
  const images = (await listManifests(store, [root], options)).filter(isForRunning)
  const kept = new Set<Digest>()
  for (const platform of wanted) {
    const chosen = choosePlatform(platform, images)
    // Opening says what there is instead, and finds images whose platform only their config knows.
    kept.add((chosen ?? (await openImage(store, root, { ...options, platform })).descriptor).digest)
  }
  const made = new Map<Digest, Uint8Array>()
  const descriptor = await filterIndex(store, root, kept, made, options)
  return { descriptor: descriptor ?? root, store: overlay(store, made) }
}

/** The index without what is not kept; the same descriptor where all is; undefined where nothing is. */
async function filterIndex(
  store: BlobStore,
  descriptor: Descriptor,
  kept: ReadonlySet<Digest>,
  made: Map<Digest, Uint8Array>,
  options: StoreOptions,
): Promise<Descriptor | undefined> {
  const { manifests } = await readIndex(store, descriptor, options)
  const edits: JsonEdit[] = []
  let left = 0
  // From the last on, so that removing an entry does not move those before it.
  for (const [position, entry] of [...manifests.entries()].reverse()) {
    const becomes = isIndexType(entry.mediaType)
      ? await filterIndex(store, entry, kept, made, options)
      : kept.has(entry.digest) || kept.has(attested(entry))
        ? entry
        : undefined
    if (becomes !== undefined) left++
    if (becomes !== entry) edits.push({ path: ['manifests', position], value: becomes })
  }
  if (left === 0) return undefined
  if (edits.length === 0) return descriptor
  const bytes = editJson(await readBlobBytes(store, descriptor, options), edits)
  const { data: _, ...rest } = descriptor
  const digest = digestBytes(bytes, digestParts(descriptor.digest).algorithm)
  made.set(digest, bytes)
  return { ...rest, digest, size: bytes.length }
}

/** The image that a build's attestation is about, which BuildKit notes on the attestation's entry. */
function attested(entry: Descriptor): Digest {
  return (entry.annotations?.['vnd.docker.reference.digest'] ?? '') as Digest
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
