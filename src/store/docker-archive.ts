/**
 * What `docker save` writes, seen as an image store sees it: `manifest.json` names a config and layer files for
 * each image, and no manifest is there, so one of Docker's v2 schema 2 is made: the same bytes each time.
 * @see https://github.com/moby/docker-image-spec/blob/main/spec.md#combined-image-json--filesystem-changeset-format
 */
import { encodeUtf8, readChunks } from '../bytes.ts'
import { DETECTION_SIZE, detectCompression, foreignCompression } from '../compression/index.ts'
import type { Digest } from '../digest/index.ts'
import { createHasher, digestBytes, digestParts, isDigest } from '../digest/index.ts'
import { OciError } from '../errors.ts'
import type {
  Descriptor,
  DockerSaveImage,
  ImageConfig,
  Index,
  LayerCompression,
  Platform,
} from '../spec/index.ts'
import {
  annotationKeys,
  MAX_DOCUMENT_SIZE,
  mediaTypes,
  parseConfig,
  parseDockerSaveManifest,
  withLayerCompression,
} from '../spec/index.ts'
import type { ArchiveMember } from './archive-members.ts'
import { tagOf } from './docker-name.ts'
import type { OpenArchive } from './open-archive.ts'

/** Images that one `manifest.json` may list: it has room for 160 000. */
const MAX_IMAGES = 10_000

/** A config that images of the archive share. */
interface ConfigFile {
  readonly member: ArchiveMember
  readonly digest: Digest
  readonly diffIDs: readonly Digest[]
  readonly platform: Platform | undefined
}

/** One entry of `manifest.json`, its files found. */
export interface DockerImage {
  /** `RepoTags`, as written. */
  readonly names: readonly string[]
  readonly config: ConfigFile
  readonly layers: readonly ArchiveMember[]
}

/** A blob of the archive: bytes that were made, or a member. */
export type DockerBlob = Uint8Array | ArchiveMember

/** An image and the manifest made for it. */
export interface DockerImageManifest {
  readonly image: DockerImage
  readonly descriptor: Descriptor
}

/** The images of the archive as blobs and descriptors. */
export interface DockerBlobs {
  readonly manifests: readonly DockerImageManifest[]
  readonly blobs: ReadonlyMap<Digest, DockerBlob>
}

/**
 * Reads `manifest.json` and the configs, and finds the layers.
 *
 * @throws OciError `ARCHIVE_INVALID` (no image, a file that is missing, layers that do not match the config),
 *   `DIGEST_MISMATCH` (a config that is not what its name says), `PATH_UNSAFE`, `LIMIT_EXCEEDED`, and as
 *   `parseDockerSaveManifest` and `parseConfig`
 */
export async function readDockerImages(archive: OpenArchive): Promise<DockerImage[]> {
  const manifest = await requireMember(archive, 'manifest.json', 'the list of its images')
  const entries = parseEntries(await archive.readDocument(manifest))
  const configs = new Map<number, Promise<ConfigFile>>()
  const images: DockerImage[] = []
  for (const [position, entry] of entries.entries()) {
    const where = `manifest.json[${position}]`
    const member = await requireMember(archive, entry.Config, `the config of ${where}`)
    let config = configs.get(member.offset)
    if (config === undefined) {
      config = readConfigFile(archive, member, entry.Config)
      configs.set(member.offset, config)
    }
    images.push({
      names: entry.RepoTags ?? [],
      config: await config,
      layers: await findLayers(archive, entry, await config, where),
    })
  }
  return images
}

/**
 * Makes the manifests. A layer that stands as plain tar is named by its diffID, and not read; one that is
 * compressed is named by the digest of its bytes: from its path where that is `blobs/…`, else it is read once.
 * None of this vouches for content: whoever reads a blob verifies it.
 *
 * @throws OciError `DIGEST_MISMATCH`, `LIMIT_EXCEEDED`
 */
export async function makeManifests(
  archive: OpenArchive,
  images: readonly DockerImage[],
): Promise<DockerBlobs> {
  const blobs = new Map<Digest, DockerBlob>()
  const manifests: DockerImageManifest[] = []
  /** By place, since images share layers: what is the same for whichever config names it. */
  const known = new Map<number, Promise<LayerFile>>()
  for (const image of images) {
    const { member, digest } = image.config
    blobs.set(digest, member)
    const layers: Descriptor[] = []
    for (const [position, layer] of image.layers.entries()) {
      let file = known.get(layer.offset)
      if (file === undefined) {
        file = inspectLayer(archive, layer)
        known.set(layer.offset, file)
      }
      const descriptor = describeLayer(await file, image.config.diffIDs[position] as Digest)
      layers.push(descriptor)
      if (!blobs.has(descriptor.digest)) blobs.set(descriptor.digest, layer)
    }
    const bytes = encodeUtf8(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: mediaTypes.dockerManifest,
        config: { mediaType: mediaTypes.dockerConfig, size: member.size, digest },
        layers,
      }),
    )
    if (bytes.length > MAX_DOCUMENT_SIZE) {
      throw new OciError(
        'LIMIT_EXCEEDED',
        `The image of config ${digest} has ${layers.length} layers: more than a manifest of ${MAX_DOCUMENT_SIZE} bytes can list`,
        { expected: MAX_DOCUMENT_SIZE, actual: bytes.length, digest },
      )
    }
    const descriptor: Descriptor = {
      mediaType: mediaTypes.dockerManifest,
      digest: digestBytes(bytes),
      size: bytes.length,
      ...(image.config.platform === undefined ? {} : { platform: image.config.platform }),
    }
    blobs.set(descriptor.digest, bytes)
    manifests.push({ image, descriptor })
  }
  return { manifests, blobs }
}

/** An index of the images, one descriptor for each name; annotated as Docker and containerd do in a layout. */
export function makeIndex(manifests: readonly DockerImageManifest[]): Index {
  return {
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests: manifests.flatMap(({ image, descriptor }) =>
      image.names.length === 0 ? [descriptor] : image.names.map((name) => named(descriptor, name)),
    ),
  }
}

/** A descriptor that carries a name. */
export function named(descriptor: Descriptor, name: string): Descriptor {
  const tag = tagOf(name)
  return {
    ...descriptor,
    annotations: {
      ...descriptor.annotations,
      [annotationKeys.containerdImageName]: name,
      ...(tag === undefined ? {} : { [annotationKeys.refName]: tag }),
    },
  }
}

function parseEntries(bytes: Uint8Array): readonly DockerSaveImage[] {
  // Go writes an empty list as null, so the two say the same.
  const isNull = bytes.length < 64 && new TextDecoder().decode(bytes).trim() === 'null'
  const entries = isNull ? [] : parseDockerSaveManifest(bytes)
  if (entries.length === 0) {
    throw new OciError(
      'ARCHIVE_INVALID',
      `The archive has no image: its manifest.json is ${isNull ? 'null' : 'an empty list'}, where docker save lists each image with Config, RepoTags and Layers`,
      { path: 'manifest.json' },
    )
  }
  if (entries.length > MAX_IMAGES) {
    throw new OciError(
      'LIMIT_EXCEEDED',
      `The archive's manifest.json lists ${entries.length} images: ${MAX_IMAGES} at most`,
      { path: 'manifest.json', expected: MAX_IMAGES, actual: entries.length },
    )
  }
  return entries
}

async function readConfigFile(
  archive: OpenArchive,
  member: ArchiveMember,
  path: string,
): Promise<ConfigFile> {
  const bytes = await archive.readDocument(member)
  for (const name of [path, member.path]) {
    const expected = digestInPath(name)
    if (expected === undefined) continue
    const actual = digestBytes(bytes, digestParts(expected).algorithm)
    if (actual !== expected) {
      throw new OciError(
        'DIGEST_MISMATCH',
        `The archive's config ${JSON.stringify(name)} is not what its name says: its content has digest ${actual}`,
        { path: name, digest: expected, expected, actual },
      )
    }
  }
  const config = parseConfig(bytes, { mediaType: mediaTypes.dockerConfig })
  return { member, digest: digestBytes(bytes), diffIDs: config.rootfs.diff_ids, platform: platformOf(config) }
}

async function findLayers(
  archive: OpenArchive,
  entry: DockerSaveImage,
  config: ConfigFile,
  where: string,
): Promise<ArchiveMember[]> {
  const paths = entry.Layers ?? []
  if (paths.length !== config.diffIDs.length) {
    throw new OciError(
      'ARCHIVE_INVALID',
      `${where} lists ${paths.length} layers, but its config ${JSON.stringify(entry.Config)} has ${config.diffIDs.length} diff_ids: each layer needs one`,
      { path: 'manifest.json', expected: config.diffIDs.length, actual: paths.length },
    )
  }
  const layers: ArchiveMember[] = []
  for (const [position, path] of paths.entries()) {
    layers.push(await requireMember(archive, path, `layer ${position} of ${where}`))
  }
  return layers
}

/** What is known of a layer's file without its diffID. */
interface LayerFile {
  readonly member: ArchiveMember
  readonly compression: LayerCompression
  /** Of a compressed layer: what its bytes have, or what its path says. */
  readonly digest?: Digest | undefined
}

async function inspectLayer(archive: OpenArchive, member: ArchiveMember): Promise<LayerFile> {
  const head = await archive.readHead(member, DETECTION_SIZE)
  const foreign = foreignCompression(head)
  if (foreign !== undefined) {
    throw new OciError(
      'COMPRESSION_UNSUPPORTED',
      `Layer ${JSON.stringify(member.path)} in ${archive.what} is compressed with ${foreign}, which no layer may be`,
      { path: member.path, actual: foreign },
    )
  }
  const compression = detectCompression(head)
  if (compression === 'none') return { member, compression }
  const claimed = blobDigest(member.path)
  if (claimed !== undefined) return { member, compression, digest: claimed }
  const hasher = createHasher()
  for await (const chunk of readChunks(archive.stream(member))) hasher.update(chunk)
  return { member, compression, digest: hasher.digest() }
}

function describeLayer(file: LayerFile, diffID: Digest): Descriptor {
  const { member, compression } = file
  const claimed = file.digest === undefined ? blobDigest(member.path) : undefined
  if (claimed !== undefined && claimed !== diffID && sameAlgorithm(claimed, diffID)) {
    throw new OciError(
      'DIGEST_MISMATCH',
      `The archive's layer ${JSON.stringify(member.path)} is plain tar, so its digest is its diffID, but the config says ${diffID}`,
      { path: member.path, digest: claimed, expected: diffID, actual: claimed },
    )
  }
  return {
    mediaType: withLayerCompression(mediaTypes.dockerLayer, compression),
    size: member.size,
    digest: file.digest ?? diffID,
  }
}

function sameAlgorithm(a: Digest, b: Digest): boolean {
  return digestParts(a).algorithm === digestParts(b).algorithm
}

async function requireMember(archive: OpenArchive, path: string, what: string): Promise<ArchiveMember> {
  const member = await archive.members.find(path)
  if (member !== undefined) return member
  throw new OciError(
    'ARCHIVE_INVALID',
    `The archive lacks ${JSON.stringify(path)}, ${what}: it is cut short, or was not written by docker save`,
    { path },
  )
}

/** The digest that a path of a config claims: `<hex>.json`, `sha256:<hex>` or `blobs/<algorithm>/<encoded>`. */
function digestInPath(path: string): Digest | undefined {
  const name = /^(?:sha256:)?([0-9a-f]{64})(?:\.json)?$/.exec(path)?.[1]
  return name === undefined ? blobDigest(path) : (`sha256:${name}` as Digest)
}

/** The digest that a path in `blobs/` claims. */
export function blobDigest(path: string): Digest | undefined {
  const parts = /^(?:\.\/)?blobs\/([^/]+)\/([^/]+)$/.exec(path)
  const digest = parts === null ? undefined : `${parts[1]}:${parts[2]}`
  return isDigest(digest) ? digest : undefined
}

function platformOf(config: ImageConfig): Platform | undefined {
  const { os, architecture, variant } = config
  if (os === '' || architecture === '') return undefined
  const version = config['os.version']
  const features = config['os.features']
  return {
    architecture,
    os,
    ...(version ? { 'os.version': version } : {}),
    ...(features && features.length > 0 ? { 'os.features': features } : {}),
    ...(variant ? { variant } : {}),
  }
}
