/** From a descriptor, of a manifest or of an index, to the one image that is meant. */
import type { Digest } from '../digest/index.ts'
import { OciError } from '../errors.ts'
import type { Descriptor, Platform } from '../spec/index.ts'
import {
  choosePlatform,
  formatPlatform,
  hostPlatform,
  isIndexType,
  isManifestType,
  isSchema1Type,
  matchPlatform,
  parsePlatform,
} from '../spec/index.ts'
import type { BlobStore, StoreOptions } from '../store/index.ts'
import { Image } from './image.ts'
import { readIndex } from './read-document.ts'

/** Which image of an index is meant. */
export interface PlatformOptions extends StoreOptions {
  /**
   * `linux/arm64`, `linux/arm/v7`, … or the same as an object. Without it: the only image where there is just
   * one, else the one for this machine (Linux with its architecture, except on Windows).
   */
  readonly platform?: string | Platform | undefined
}

/** Indexes within indexes, at the most: real ones have two levels, a hostile chain could have any number. */
export const maxDepth: number = 8

/** Manifests and indexes that one index reaches, at the most, nested ones together. */
export const maxManifests: number = 100_000

/**
 * Opens the image that a descriptor leads to, through an index (nested ones too) by its platform.
 *
 * @throws OciError `PLATFORM_NOT_FOUND` (the message lists what there is), `PLATFORM_INVALID`,
 *   `MEDIA_TYPE_UNSUPPORTED`, and as `Image.open`
 */
export async function openImage(
  store: BlobStore,
  descriptor: Descriptor,
  options: PlatformOptions = {},
): Promise<Image> {
  const wanted = wantedPlatform(options)
  if (!isIndexType(descriptor.mediaType)) {
    const image = await openManifest(store, descriptor, options)
    const { platform } = image
    if (wanted !== undefined && platform !== undefined && !matchPlatform(wanted, platform)) {
      throw notFound(`Image ${descriptor.digest}`, wanted, [platform])
    }
    return image
  }
  return chooseImage(
    store,
    await listManifests(store, [descriptor], options),
    `Index ${descriptor.digest}`,
    options,
  )
}

/**
 * Opens the one of several manifests that is for the platform: the first that matches best. Where none is asked
 * for, the only one there is, else the one for this machine.
 *
 * @param what the beginning of an error's sentence: what has these manifests
 * @throws OciError `PLATFORM_NOT_FOUND`, and as `Image.open`
 */
export async function chooseImage(
  store: BlobStore,
  manifests: readonly Descriptor[],
  what: string,
  options: PlatformOptions = {},
): Promise<Image> {
  const images = manifests.filter(isForRunning)
  const wanted = wantedPlatform(options)
  const only = images.length === 1 ? images[0] : undefined
  if (wanted === undefined && only !== undefined) return Image.open(store, only, options)
  const target = wanted ?? containerPlatform()
  const available: (Platform | undefined)[] = images.map((image) => image.platform)
  if (target !== undefined) {
    const chosen = choosePlatform(target, images)
    if (chosen !== undefined) return Image.open(store, chosen, options)
    for (const [position, candidate] of images.entries()) {
      if (candidate.platform !== undefined) continue
      const image = await Image.open(store, candidate, options)
      if (image.platform !== undefined && matchPlatform(target, image.platform)) return image
      available[position] = image.platform
    }
  }
  throw notFound(what, target, available)
}

/**
 * Every manifest that some descriptors lead to, in order, through indexes and indexes in them. An index that is
 * listed more than once counts where it comes first: eight levels of a hundred times the same one would be 100^8.
 * @throws OciError `LIMIT_EXCEEDED` beyond 8 levels or 100 000 manifests, and as `readIndex`
 */
export async function listManifests(
  store: BlobStore,
  roots: readonly Descriptor[],
  options: StoreOptions = {},
): Promise<Descriptor[]> {
  const found: Descriptor[] = []
  const seen = new Set<Digest>()
  const visit = async (descriptors: readonly Descriptor[], depth: number): Promise<void> => {
    for (const descriptor of descriptors) {
      if (!isIndexType(descriptor.mediaType)) found.push(descriptor)
      else if (depth >= maxDepth)
        throw tooMany(descriptor, `nests indexes deeper than ${maxDepth} levels`, maxDepth)
      else if (!seen.has(descriptor.digest)) {
        seen.add(descriptor.digest)
        await visit((await readIndex(store, descriptor, options)).manifests, depth + 1)
      }
      if (found.length + seen.size > maxManifests) throw tooManyManifests(descriptor)
    }
  }
  await visit(roots, 0)
  return found
}

/**
 * Whether an index's entry is an image to run: not an artifact, and not a build's attestation, which stands
 * among the images with the platform `unknown/unknown`.
 */
export function isForRunning(descriptor: Descriptor): boolean {
  return (
    isManifestType(descriptor.mediaType) &&
    descriptor.artifactType === undefined &&
    descriptor.platform?.os !== 'unknown'
  )
}

function openManifest(store: BlobStore, descriptor: Descriptor, options: StoreOptions): Promise<Image> {
  if (isSchema1Type(descriptor.mediaType)) {
    throw new OciError(
      'MEDIA_TYPE_UNSUPPORTED',
      `Manifest ${descriptor.digest} is of Docker's schema 1, which has no config: convert it to OCI first`,
      { digest: descriptor.digest, actual: descriptor.mediaType },
    )
  }
  return Image.open(store, descriptor, options)
}

/** Containers are Linux on every machine but Windows, where they may be either and Windows comes first. */
function containerPlatform(): Platform | undefined {
  const host = hostPlatform()
  return host === undefined || host.os === 'windows' ? host : { ...host, os: 'linux' }
}

function wantedPlatform(options: PlatformOptions): Platform | undefined {
  return typeof options.platform === 'string' ? parsePlatform(options.platform) : options.platform
}

function notFound(
  what: string,
  wanted: Platform | undefined,
  available: readonly (Platform | undefined)[],
): OciError {
  const names = [
    ...new Set(available.map((platform) => (platform ? formatPlatform(platform) : '(none given)'))),
  ]
  const shown = names.length > 20 ? [...names.slice(0, 20), `and ${names.length - 20} more`] : names
  const list = names.length === 0 ? 'it has no image to run at all' : `it has ${shown.join(', ')}`
  return new OciError(
    'PLATFORM_NOT_FOUND',
    wanted === undefined
      ? `${what} has images for several platforms, so say which: ${list}`
      : `${what} has no image for ${formatPlatform(wanted)}: ${list}`,
    wanted === undefined ? {} : { expected: formatPlatform(wanted) },
  )
}

/** The error for an index that leads to more than {@link maxManifests}. */
export function tooManyManifests(descriptor: Descriptor): OciError {
  return tooMany(descriptor, `leads to more than ${maxManifests} manifests`, maxManifests)
}

function tooMany(descriptor: Descriptor, what: string, limit: number): OciError {
  return new OciError('LIMIT_EXCEEDED', `Index ${descriptor.digest} ${what}`, {
    digest: descriptor.digest,
    expected: limit,
  })
}
