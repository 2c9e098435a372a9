/**
 * Archives that are both: an OCI layout, and a `manifest.json` for older Dockers, as Docker 25 and later, BuildKit
 * and containerd write them. The layout is the truth; the names of `manifest.json` lead to the same images. Where
 * the two say different things of one name, half of the tools would see one image and half another, so that is
 * refused.
 */
import type { Digest } from '../digest/index.ts'
import { isOciError, OciError } from '../errors.ts'
import type { Descriptor, Index } from '../spec/index.ts'
import { annotationKeys, isIndexType, isManifestType, parseIndex, parseManifest } from '../spec/index.ts'
import type { DockerImage, DockerImageManifest } from './docker-archive.ts'
import { named } from './docker-archive.ts'
import { dockerName } from './docker-name.ts'
import { readBlobBytes } from './read-blob.ts'
import type { BlobStore } from './store.ts'

/** Manifests and indexes that are looked through for configs. */
const MAX_DOCUMENTS = 10_000

/**
 * The entries of a layout's index, and after them one for each name that only `manifest.json` has.
 *
 * @param manifests makes the manifests of the docker save images; called only where the layout lacks one
 * @throws OciError `ARCHIVE_INVALID` where a name stands for different images; as `readBlobBytes`
 */
export async function mergeNames(
  store: BlobStore,
  index: Index,
  images: readonly DockerImage[],
  manifests: () => Promise<readonly DockerImageManifest[]>,
): Promise<Descriptor[]> {
  const entries = [...index.manifests]
  if (images.every((image) => image.names.length === 0)) return entries
  const search = new ConfigSearch(store)
  const byName = new Map<string, Descriptor[]>()
  for (const entry of index.manifests) {
    const name = entry.annotations?.[annotationKeys.containerdImageName]
    if (name === undefined) continue
    const full = dockerName(name)
    const same = byName.get(full)
    if (same === undefined) byName.set(full, [entry])
    else same.push(entry)
  }
  for (const [position, image] of images.entries()) {
    for (const name of image.names) {
      const same = byName.get(dockerName(name))
      if (same === undefined) {
        const manifest =
          (await search.configs(index.manifests)).get(image.config.digest) ??
          (await manifests())[position]?.descriptor
        if (manifest !== undefined) entries.push(named(manifest, name))
      } else await requireSame(search, same, image, name)
    }
  }
  return entries
}

async function requireSame(
  search: ConfigSearch,
  entries: readonly Descriptor[],
  image: DockerImage,
  name: string,
): Promise<void> {
  const configs = await search.configs(entries)
  // Where the manifests are elsewhere there is nothing to compare.
  if (configs.size === 0 || configs.has(image.config.digest)) return
  throw new OciError(
    'ARCHIVE_INVALID',
    `The archive says two things of ${JSON.stringify(name)}: its manifest.json has an image of config ${image.config.digest}, its index.json one of ${[...configs.keys()].slice(0, 4).join(', ')}; choose one with format "oci" or "docker"`,
    { path: 'manifest.json', expected: [...configs.keys()][0], actual: image.config.digest },
  )
}

/** What a document leads to. */
interface Found {
  readonly config?: Digest | undefined
  readonly manifests: readonly Descriptor[]
}

const nothing: Found = { manifests: [] }

/** Looks for manifests by the digest of their config; each document is read once, each list walked once. */
class ConfigSearch {
  readonly #store: BlobStore
  readonly #documents = new Map<Digest, Promise<Found>>()
  readonly #walks = new Map<readonly Descriptor[], Promise<ReadonlyMap<Digest, Descriptor>>>()

  constructor(store: BlobStore) {
    this.#store = store
  }

  /** Every config that the roots lead to, with its manifest; documents that are elsewhere are passed by. */
  configs(roots: readonly Descriptor[]): Promise<ReadonlyMap<Digest, Descriptor>> {
    let walk = this.#walks.get(roots)
    if (walk === undefined) {
      walk = this.#walk(roots)
      this.#walks.set(roots, walk)
    }
    return walk
  }

  async #walk(roots: readonly Descriptor[]): Promise<ReadonlyMap<Digest, Descriptor>> {
    const configs = new Map<Digest, Descriptor>()
    const queued = new Set<Digest>()
    const queue: Descriptor[] = []
    const enqueue = (descriptors: readonly Descriptor[]): void => {
      for (const descriptor of descriptors) {
        if (queued.has(descriptor.digest)) continue
        queued.add(descriptor.digest)
        queue.push(descriptor)
      }
    }
    enqueue(roots)
    for (let at = 0; at < queue.length; at++) {
      const descriptor = queue[at] as Descriptor
      const { config, manifests } = await this.#read(descriptor)
      enqueue(manifests)
      if (config !== undefined && !configs.has(config)) configs.set(config, descriptor)
    }
    return configs
  }

  #read(descriptor: Descriptor): Promise<Found> {
    let found = this.#documents.get(descriptor.digest)
    if (found === undefined) {
      if (this.#documents.size >= MAX_DOCUMENTS) {
        throw new OciError(
          'LIMIT_EXCEEDED',
          `The archive has more than ${MAX_DOCUMENTS} manifests to compare with its manifest.json; open it with format "oci"`,
          { expected: MAX_DOCUMENTS },
        )
      }
      found = this.#parse(descriptor)
      this.#documents.set(descriptor.digest, found)
    }
    return found
  }

  async #parse(descriptor: Descriptor): Promise<Found> {
    const { mediaType } = descriptor
    if (!isIndexType(mediaType) && !isManifestType(mediaType)) return nothing
    try {
      const bytes = await readBlobBytes(this.#store, descriptor)
      if (isIndexType(mediaType)) return { manifests: parseIndex(bytes, { mediaType }).manifests }
      return { config: parseManifest(bytes, { mediaType }).config.digest, manifests: [] }
    } catch (error) {
      if (isOciError(error, 'BLOB_NOT_FOUND')) return nothing
      throw error
    }
  }
}
