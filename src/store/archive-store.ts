/** An image archive as a store: an OCI archive, one of `docker save`, or both in one. */
import type { ByteSource } from '../bytes.ts'
import { streamOf } from '../bytes.ts'
import type { Digest } from '../digest/index.ts'
import { digestBytes, digestParts, isRegisteredAlgorithm, parseDigest } from '../digest/index.ts'
import { isOciError, OciError } from '../errors.ts'
import type { Descriptor, Index } from '../spec/index.ts'
import { annotationKeys, IMAGE_LAYOUT_VERSION, parseIndex, parseLayout } from '../spec/index.ts'
import { blobNotFound, checkRange } from './blob-range.ts'
import type { DockerBlob, DockerBlobs, DockerImage } from './docker-archive.ts'
import { blobDigest, makeIndex, makeManifests, readDockerImages } from './docker-archive.ts'
import { dockerName } from './docker-name.ts'
import { mergeNames } from './hybrid-archive.ts'
import type { OpenArchiveOptions } from './open-archive.ts'
import { OpenArchive } from './open-archive.ts'
import { listReferences, resolveReference } from './references.ts'
import { beginsAsDocument, MAX_REFERRER_SIZE, referrerOf, refersTo } from './referrers.ts'
import type { GetOptions, ImageStore, Reference, StoreOptions } from './store.ts'

/** What an archive holds: an OCI image layout, or images as `docker save` writes them. */
export type ArchiveFormat = 'oci' | 'docker'

/** How {@link ArchiveStore.open} opens an archive. */
export interface ArchiveStoreOptions extends OpenArchiveOptions {
  /**
   * What to take an archive for. By default its content tells: a layout where there is one, with the names of
   * `manifest.json` beside its own where there is that too. `oci` looks at the layout alone, `docker` at
   * `manifest.json` alone.
   */
  readonly format?: ArchiveFormat | undefined
}

/**
 * An image archive, read only: its members are listed once, and each blob is read from its place, so that no
 * layer is held in memory. Reads may go on at the same time. It holds a file open, so end it with `await using`
 * or `[Symbol.asyncDispose]()`.
 *
 * Images of `docker save` have no manifest: each gets one of Docker's v2 schema 2, the same bytes each time. Their
 * layers are named by what the config says and their bytes are, which is verified when they are read.
 *
 * @example
 * await using store = await ArchiveStore.open('alpine.tar')
 * await store.resolve('alpine:3')
 */
export class ArchiveStore implements ImageStore, AsyncDisposable {
  /** What the images are taken from. */
  readonly format: ArchiveFormat
  readonly #archive: OpenArchive
  /** The layout's own index, where it is what counts. */
  readonly #layoutIndex: Index | undefined
  readonly #images: readonly DockerImage[]
  #dockerBlobs: Promise<DockerBlobs> | undefined
  #entries: Promise<readonly Descriptor[]> | undefined

  private constructor(archive: OpenArchive, layoutIndex: Index | undefined, images: readonly DockerImage[]) {
    this.format = layoutIndex === undefined ? 'docker' : 'oci'
    this.#archive = archive
    this.#layoutIndex = layoutIndex
    this.#images = images
  }

  /**
   * Opens an archive: a path or `file:` URL, a `Blob`, bytes or a stream; plain or compressed with gzip or zstd.
   * A stream, or a compressed archive, is read once into a temporary file (where there is no file system, into
   * memory, up to `maxMemory`).
   *
   * @throws OciError `ARCHIVE_INVALID` (neither kind, or broken), `PATH_NOT_FOUND`, `STORE_FAILED`, `PATH_UNSAFE`,
   *   `DIGEST_MISMATCH` (a config that is not what its name says), `LAYOUT_INVALID` (of a version that is not
   *   known), `LIMIT_EXCEEDED`, `RUNTIME_UNSUPPORTED`, and those of parsing JSON and tar and of decompression
   */
  static async open(
    source: string | URL | ByteSource,
    options: ArchiveStoreOptions = {},
  ): Promise<ArchiveStore> {
    const archive = await OpenArchive.open(source, options)
    try {
      const format = chooseFormat(archive, options.format)
      const index = format === 'docker' ? undefined : await readLayoutIndex(archive)
      if (index === undefined || format === 'oci') {
        return new ArchiveStore(archive, index, index === undefined ? await readDockerImages(archive) : [])
      }
      const images = await readBesideLayout(archive)
      // Docker 25 without the containerd store leaves the index empty where images have no name.
      return new ArchiveStore(archive, index.manifests.length === 0 ? undefined : index, images)
    } catch (error) {
      await archive.close()
      throw error
    }
  }

  async has(descriptor: Descriptor, options: StoreOptions = {}): Promise<boolean> {
    options.signal?.throwIfAborted()
    return (await this.#find(parseDigest(descriptor.digest), options)) !== undefined
  }

  async get(descriptor: Descriptor, options: GetOptions = {}): Promise<ReadableStream<Uint8Array>> {
    options.signal?.throwIfAborted()
    const blob = await this.#find(parseDigest(descriptor.digest), options)
    if (blob === undefined) throw blobNotFound(descriptor, this.#archive.what)
    if (blob instanceof Uint8Array) {
      const { start, end } = checkRange(options.range, blob.length)
      return streamOf(single(blob.slice(start, end)))
    }
    const { start, end } = checkRange(options.range, blob.size)
    return this.#archive.stream(blob, { start, end, signal: options.signal })
  }

  /**
   * Refused: an archive cannot be changed.
   * @throws OciError `STORE_UNSUPPORTED`
   */
  async put(
    _content: ByteSource,
    _expected?: Partial<Descriptor>,
    _options?: StoreOptions,
  ): Promise<Descriptor> {
    throw this.#readOnly('take a blob')
  }

  /**
   * Refused: an archive cannot be changed.
   * @throws OciError `STORE_UNSUPPORTED`
   */
  async tag(_descriptor: Descriptor, _reference: string, _options?: StoreOptions): Promise<void> {
    throw this.#readOnly('take a name')
  }

  async *list(options: StoreOptions = {}): AsyncGenerator<Digest, void, undefined> {
    options.signal?.throwIfAborted()
    const made = this.#images.length === 0 ? undefined : await this.#docker(options)
    const listed = new Set(made?.blobs.keys())
    yield* listed
    for (const path of this.#archive.members.paths()) {
      options.signal?.throwIfAborted()
      const digest = blobDigest(path)
      if (digest === undefined || listed.has(digest)) continue
      if ((await this.#archive.members.find(path)) !== undefined) yield digest
    }
  }

  async resolve(reference: string, options: StoreOptions = {}): Promise<Descriptor> {
    options.signal?.throwIfAborted()
    const entries = await this.#named(options)
    try {
      return resolveReference(entries, reference, this.#archive.what)
    } catch (error) {
      if (!isOciError(error, 'REFERENCE_NOT_FOUND') || this.#images.length === 0) throw error
      // Not either by its form: `alpine:3` has the form of a digest too.
      const answer =
        (await this.#byConfig(reference, options)) ?? byDockerName(entries, reference, this.#archive.what)
      if (answer === undefined) throw error
      return answer
    }
  }

  async *references(options: StoreOptions = {}): AsyncGenerator<Reference, void, undefined> {
    options.signal?.throwIfAborted()
    yield* listReferences(await this.#named(options))
  }

  async *referrers(
    subject: Descriptor,
    options: StoreOptions & { readonly artifactType?: string | undefined } = {},
  ): AsyncGenerator<Descriptor, void, undefined> {
    parseDigest(subject.digest)
    for (const path of this.#archive.members.paths()) {
      options.signal?.throwIfAborted()
      const digest = blobDigest(path)
      const member = digest === undefined ? undefined : await this.#archive.members.find(path)
      if (digest === undefined || member === undefined || member.size > MAX_REFERRER_SIZE) continue
      if (!beginsAsDocument(await this.#archive.readHead(member, 64))) continue
      const bytes = await this.#archive.readHead(member, member.size)
      const { algorithm } = digestParts(digest)
      // What is not what its name says refers to nothing.
      if (!isRegisteredAlgorithm(algorithm) || digestBytes(bytes, algorithm) !== digest) continue
      const referrer = referrerOf(bytes, digest)
      if (referrer !== undefined && refersTo(referrer, subject, options.artifactType)) {
        yield referrer.descriptor
      }
    }
  }

  /** The layout's `index.json`, as written; of a `docker save` archive, one made of its images. */
  async index(options: StoreOptions = {}): Promise<Index> {
    options.signal?.throwIfAborted()
    return this.#layoutIndex ?? makeIndex((await this.#docker(options)).manifests)
  }

  /** Closes the file; reads after it are refused with `STORE_CLOSED`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#archive.close()
  }

  async #find(digest: Digest, options: StoreOptions): Promise<DockerBlob | undefined> {
    const { algorithm, encoded } = digestParts(digest)
    const member = await this.#archive.members.find(`blobs/${algorithm}/${encoded}`)
    if (member !== undefined || this.#images.length === 0) return member
    return (await this.#docker(options)).blobs.get(digest)
  }

  /** What is made of the docker save images: once, whoever asks first, so no single caller's signal stops it. */
  #docker(options: StoreOptions): Promise<DockerBlobs> {
    this.#dockerBlobs ??= makeManifests(this.#archive, this.#images).catch((error) => {
      this.#dockerBlobs = undefined
      throw error
    })
    return unlessAborted(this.#dockerBlobs, options.signal)
  }

  /** Every entry that can have a name. */
  #named(options: StoreOptions): Promise<readonly Descriptor[]> {
    this.#entries ??= this.#collectNames().catch((error) => {
      this.#entries = undefined
      throw error
    })
    return unlessAborted(this.#entries, options.signal)
  }

  async #collectNames(): Promise<readonly Descriptor[]> {
    if (this.#layoutIndex === undefined) return (await this.index()).manifests
    return mergeNames(this, this.#layoutIndex, this.#images, async () => (await this.#docker({})).manifests)
  }

  /** The manifest of the image whose ID is the digest. */
  async #byConfig(digest: string, options: StoreOptions): Promise<Descriptor | undefined> {
    if (!this.#images.some((image) => image.config.digest === digest)) return undefined
    const { manifests } = await this.#docker(options)
    return manifests.find(({ image }) => image.config.digest === digest)?.descriptor
  }

  #readOnly(what: string): OciError {
    return new OciError(
      'STORE_UNSUPPORTED',
      `${this.#archive.what} can only be read and cannot ${what}: copy its images into an image layout first`,
    )
  }
}

/** What an archive is to be read as; undefined where it is both. */
function chooseFormat(
  { members, what }: OpenArchive,
  asked: ArchiveFormat | undefined,
): ArchiveFormat | undefined {
  const has = (path: string): boolean => members.has(path)
  const oci = has('oci-layout') && has('index.json')
  const docker = has('manifest.json')
  if (asked === 'oci' ? oci : asked === 'docker' ? docker : oci || docker) {
    return asked ?? (oci && docker ? undefined : oci ? 'oci' : 'docker')
  }
  const names = [...new Set([...members.paths()].map((path) => path.split('/', 1)[0] as string))]
  const inside = [...members.paths()].find((path) => /^[^/]+\/(?:oci-layout|manifest\.json)$/.test(path))
  const wanted =
    asked === 'oci'
      ? 'an OCI archive has "oci-layout" and "index.json"'
      : asked === 'docker'
        ? 'an archive of docker save has "manifest.json"'
        : 'an OCI archive has "oci-layout" and "index.json", one of docker save "manifest.json"'
  const hint =
    asked !== undefined && (oci || docker)
      ? `; it is ${oci ? 'an OCI archive' : 'one of docker save'}`
      : has('repositories')
        ? '; it has "repositories" alone, as Docker before 1.10 wrote it: load it into a newer Docker and save it again'
        : inside !== undefined
          ? `; ${JSON.stringify(inside)} is there: pack what is in the directory, not the directory (tar -C ${inside.split('/', 1)[0]} -cf … .)`
          : ''
  const shown = names.slice(0, 6).map((name) => JSON.stringify(name.slice(0, 80)))
  const found =
    names.length === 0
      ? 'it is empty'
      : `it has ${shown.join(', ')}${names.length > shown.length ? ` and ${names.length - shown.length} more` : ''}`
  return refuse(
    `${what} is no image archive${asked === undefined ? '' : ` of format "${asked}"`}: ${wanted}, but ${found}${hint}`,
  )
}

function refuse(message: string): never {
  throw new OciError('ARCHIVE_INVALID', message.charAt(0).toUpperCase() + message.slice(1))
}

async function readLayoutIndex(archive: OpenArchive): Promise<Index> {
  const [marker, index] = await Promise.all(
    ['oci-layout', 'index.json'].map((path) => archive.members.find(path)),
  )
  if (marker === undefined || index === undefined) {
    return refuse(`${archive.what} has an "oci-layout" or "index.json" that is no file`)
  }
  const { imageLayoutVersion } = parseLayout(await archive.readDocument(marker))
  if (imageLayoutVersion !== IMAGE_LAYOUT_VERSION) {
    throw new OciError(
      'LAYOUT_INVALID',
      `${archive.what} is an image layout of version ${JSON.stringify(imageLayoutVersion)}, but only ${IMAGE_LAYOUT_VERSION} is known`,
      { path: 'oci-layout', expected: IMAGE_LAYOUT_VERSION, actual: imageLayoutVersion },
    )
  }
  return parseIndex(await archive.readDocument(index))
}

/** The images of `manifest.json` beside a layout; what is wrong there can be passed by. */
async function readBesideLayout(archive: OpenArchive): Promise<DockerImage[]> {
  try {
    return await readDockerImages(archive)
  } catch (error) {
    if (!(error instanceof OciError)) throw error
    const { code, message, expected, actual, path, digest, offset, issues } = error
    throw new OciError(
      code,
      `${message}; the archive is an image layout too: format "oci" goes by its index.json alone`,
      { cause: error, expected, actual, path, digest, offset, issues },
    )
  }
}

/** The entry whose full name is the same to Docker: `alpine` for `docker.io/library/alpine:latest`. */
function byDockerName(entries: readonly Descriptor[], name: string, what: string): Descriptor | undefined {
  const full = dockerName(name)
  const same = entries.filter((entry) => {
    const other = entry.annotations?.[annotationKeys.containerdImageName]
    return other !== undefined && dockerName(other) === full
  })
  const digests = [...new Set(same.map((entry) => entry.digest))]
  if (digests.length <= 1) return same[0]
  throw new OciError(
    'REFERENCE_AMBIGUOUS',
    `${JSON.stringify(name)} stands for ${digests.length} images in ${what}, so say which: ${digests.slice(0, 20).join(', ')}`,
    { actual: name },
  )
}

/** A promise that others wait for too, given up by this caller alone when its signal aborts. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    // Also where nobody waits any more: what fails then must not count as unhandled.
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
    if (signal.aborted) abort()
  })
}

async function* single(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  if (bytes.length > 0) yield bytes
}
