/** Leaving out of an index what is for other platforms, in indexes within it too. */
import { type Digest, digestBytes, digestParts } from '../digest/index.ts'
import type { Descriptor, JsonEdit, Platform } from '../spec/index.ts'
import { attestedDigest, choosePlatform, editJson, isIndexType } from '../spec/index.ts'
import type { BlobStore, StoreOptions } from '../store/index.ts'
import { readBlobBytes } from '../store/index.ts'
import { chooseImage, isForRunning, listManifests } from './choose-image.ts'
import { readIndex } from './read-document.ts'

/** What is left of an index. */
export interface FilteredIndex {
  readonly descriptor: Descriptor
  /** The indexes that had to be made for it, by digest. */
  readonly made: ReadonlyMap<Digest, Uint8Array>
}

/**
 * The manifests that some descriptors lead to and that are for one of some platforms: the best for each.
 * @param what the beginning of an error's sentence: what has these manifests
 * @throws OciError `PLATFORM_NOT_FOUND` for the first platform that is not there
 */
export async function manifestsFor(
  store: BlobStore,
  roots: readonly Descriptor[],
  platforms: readonly Platform[],
  what: string,
  options: StoreOptions,
): Promise<ReadonlySet<Digest>> {
  const images = (await listManifests(store, roots, options)).filter(isForRunning)
  const kept = new Set<Digest>()
  for (const platform of platforms) {
    const chosen = choosePlatform(platform, images)
    // Opening says what there is instead, and finds images whose platform only their config knows.
    kept.add((chosen ?? (await chooseImage(store, images, what, { ...options, platform })).descriptor).digest)
  }
  return kept
}

/** Indexes that were filtered already, by digest: one index may list another any number of times. */
type Filtered = Map<Digest, FilteredIndex | undefined>

/** The index without what is not kept; undefined where nothing of it is. Nothing is written. */
export async function filterIndex(
  store: BlobStore,
  descriptor: Descriptor,
  kept: ReadonlySet<Digest>,
  options: StoreOptions,
  done: Filtered = new Map(),
): Promise<FilteredIndex | undefined> {
  const { manifests } = await readIndex(store, descriptor, options)
  const { edits, left, made } = await filterEntries(store, manifests, kept, options, done)
  if (left === 0) return undefined
  if (edits.length === 0) return { descriptor, made }
  const bytes = editJson(await readBlobBytes(store, descriptor, options), edits)
  const { data: _, ...rest } = descriptor
  const digest = digestBytes(bytes, digestParts(descriptor.digest).algorithm)
  return {
    descriptor: { ...rest, digest, size: bytes.length },
    made: new Map([...made, [digest, bytes]]),
  }
}

/** What changes in an index when only some manifests are kept. */
export interface FilteredEntries extends Pick<FilteredIndex, 'made'> {
  readonly edits: readonly JsonEdit[]
  /** How many entries are left. */
  readonly left: number
}

/** The edits that leave the kept manifests of an index, with the attestations of these. */
export async function filterEntries(
  store: BlobStore,
  entries: readonly Descriptor[],
  kept: ReadonlySet<Digest>,
  options: StoreOptions,
  done: Filtered = new Map(),
): Promise<FilteredEntries> {
  const edits: JsonEdit[] = []
  const made = new Map<Digest, Uint8Array>()
  let left = 0
  // From the last on, so that removing an entry does not move those before it.
  for (const [position, entry] of [...entries.entries()].reverse()) {
    let becomes: Descriptor | undefined
    if (isIndexType(entry.mediaType)) {
      if (!done.has(entry.digest)) {
        done.set(entry.digest, await filterIndex(store, entry, kept, options, done))
      }
      const filtered = done.get(entry.digest)
      for (const [digest, bytes] of filtered?.made ?? []) made.set(digest, bytes)
      if (filtered?.descriptor.digest === entry.digest) becomes = entry
      else if (filtered !== undefined) {
        const { data: _, ...said } = entry
        becomes = { ...said, digest: filtered.descriptor.digest, size: filtered.descriptor.size }
      }
    } else if (kept.has(entry.digest) || kept.has(attestedBy(entry) as Digest)) becomes = entry
    if (becomes !== undefined) left++
    if (becomes !== entry) edits.push({ path: ['manifests', position], value: becomes })
  }
  return { edits, left, made }
}

/** The image that a build's attestation is about, which BuildKit notes on the attestation's entry. */
export function attestedBy(entry: Descriptor): string | undefined {
  return entry.annotations?.[attestedDigest]
}
