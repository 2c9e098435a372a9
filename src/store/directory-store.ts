/**
 * An image layout on disk.
 * @see https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */
import type { ByteSource } from '../bytes.ts'
import { encodeUtf8, equalBytes } from '../bytes.ts'
import type { Digest } from '../digest/index.ts'
import { parseDigest } from '../digest/index.ts'
import { OciError } from '../errors.ts'
import { filePath, requireBuiltin } from '../runtime.ts'
import type { Descriptor, Index } from '../spec/index.ts'
import { IMAGE_LAYOUT_VERSION, mediaTypes, parseLayout } from '../spec/index.ts'
import type { PutFileOptions } from './blob-directory.ts'
import { BlobDirectory } from './blob-directory.ts'
import { blobNotFound } from './blob-range.ts'
import { DirectorySync, removeAbandoned, TemporaryFile } from './durable-file.ts'
import { LayoutIndex, lockPath } from './layout-index.ts'
import { withLock } from './lock-file.ts'
import {
  addEntry,
  forgetReference,
  listReferences,
  removeEntry,
  resolveReference,
  setReference,
} from './references.ts'
import { refersTo } from './referrers.ts'
import { readRegular, regularSize, systemError } from './regular-file.ts'
import type { GetOptions, ImageStore, Reference, StoreOptions } from './store.ts'

export type { PutFileOptions } from './blob-directory.ts'

/** Longest `oci-layout` file that is read, in bytes: it has some 30. */
const maxMarkerSize = 64 * 1024

const emptyIndex = `{"schemaVersion":2,"mediaType":"${mediaTypes.index}","manifests":[]}`

/** How a layout on disk is opened. */
export interface DirectoryStoreOptions {
  /**
   * A directory of blobs (`<algorithm>/<encoded>`) that several layouts share. Blobs are written there, and read
   * from there, then from the layout's own `blobs`; only the latter are listed and deleted.
   */
  readonly sharedBlobDirectory?: string | URL | undefined
  /** Refuses every change. Default: false. */
  readonly readOnly?: boolean | undefined
  /** Longest wait for another process that changes the index, in milliseconds. Default: 30 000. */
  readonly lockTimeout?: number | undefined
  /**
   * Whether blobs and the index are synced to the disk before they get their names, so that they survive a power
   * cut. A killed process does no harm either way. Default: true.
   */
  readonly sync?: boolean | undefined
  /** Longest `index.json`, in bytes. Default: 4 MiB, some 10 000 entries. */
  readonly maxIndexSize?: number | undefined
}

/**
 * An {@link ImageStore} in a directory: an OCI image layout, as skopeo, umoci, buildah and crane read and write.
 *
 * Every change is all or nothing, whenever the process is killed. Any number of processes may read and write one
 * layout at a time; tools that know nothing of the lock (`.oci-ts.lock`) should not tag while another does.
 */
export class DirectoryStore implements ImageStore, AsyncDisposable {
  /** The layout's directory, absolute. */
  readonly path: string
  readonly readOnly: boolean
  readonly #own: BlobDirectory
  readonly #shared: BlobDirectory | undefined
  readonly #index: LayoutIndex

  private constructor(path: string, options: DirectoryStoreOptions) {
    const { readOnly = false, lockTimeout = 30_000, sync = true, maxIndexSize = 4 << 20 } = options
    const { join } = requireBuiltin('node:path', 'Opening an image layout')
    const directories = new DirectorySync(sync)
    this.path = path
    this.readOnly = readOnly
    const own = { root: join(path, 'blobs'), temporary: path, trusted: false, sync, directories }
    this.#own = new BlobDirectory(own)
    if (options.sharedBlobDirectory !== undefined) {
      const shared = absolutePath(options.sharedBlobDirectory)
      this.#shared = new BlobDirectory({ root: shared, temporary: shared, trusted: true, sync, directories })
    }
    this.#index = new LayoutIndex({ directory: path, maxSize: maxIndexSize, lockTimeout, sync, directories })
  }

  /**
   * Opens a layout.
   *
   * @param directory a path or `file:` URL
   * @throws OciError `PATH_NOT_FOUND`, `LAYOUT_INVALID`, `PATH_UNSAFE`, `STORE_FAILED`, `RUNTIME_UNSUPPORTED`
   *   where there is no file system
   * @example await using store = await DirectoryStore.open('./images')
   */
  static async open(directory: string | URL, options: DirectoryStoreOptions = {}): Promise<DirectoryStore> {
    const path = absolutePath(directory)
    checkLayout(path, options)
    const store = new DirectoryStore(path, options)
    store.#index.read()
    return store
  }

  /**
   * Makes an empty layout in a directory that is absent or empty, and opens it.
   * @throws OciError `LAYOUT_INVALID` where something is there already, `LOCK_TIMEOUT`, `STORE_FAILED`,
   *   `RUNTIME_UNSUPPORTED` where there is no file system
   */
  static async create(directory: string | URL, options: DirectoryStoreOptions = {}): Promise<DirectoryStore> {
    const path = absolutePath(directory)
    const created = await createLayout(path, options)
    if (!created) {
      const message = `${JSON.stringify(path)} is an image layout already: open it, or choose another directory`
      throw new OciError('LAYOUT_INVALID', message, { path })
    }
    return DirectoryStore.open(path, options)
  }

  /**
   * Opens the layout in a directory, made first where there is none: for destinations.
   * @throws OciError as {@link DirectoryStore.open} and {@link DirectoryStore.create} do
   */
  static async openOrCreate(
    directory: string | URL,
    options: DirectoryStoreOptions = {},
  ): Promise<DirectoryStore> {
    const path = absolutePath(directory)
    const { join } = requireBuiltin('node:path', 'Opening an image layout')
    if (regularSize(join(path, 'oci-layout')) === undefined) await createLayout(path, options)
    return DirectoryStore.open(path, options)
  }

  /**
   * The file that a blob is in; undefined where it is not there.
   * @throws OciError `DIGEST_INVALID`, `PATH_UNSAFE`, `STORE_FAILED`
   * @internal
   */
  blobFile(digest: Digest): string | undefined {
    return this.#shared?.file(digest) ?? this.#own.file(digest)
  }

  async has(descriptor: Descriptor, options: StoreOptions = {}): Promise<boolean> {
    options.signal?.throwIfAborted()
    const { digest } = descriptor
    return this.#shared?.size(digest) !== undefined || this.#own.size(digest) !== undefined
  }

  async get(descriptor: Descriptor, options: GetOptions = {}): Promise<ReadableStream<Uint8Array>> {
    options.signal?.throwIfAborted()
    const { digest } = descriptor
    const content = this.#shared?.get(digest, options) ?? this.#own.get(digest, options)
    if (content === undefined) throw blobNotFound(descriptor, this.#what)
    return content
  }

  async put(
    content: ByteSource,
    expected: Partial<Descriptor> = {},
    options: StoreOptions = {},
  ): Promise<Descriptor> {
    options.signal?.throwIfAborted()
    this.#requireWritable('put a blob')
    return (this.#shared ?? this.#own).put(content, expected, options)
  }

  /**
   * Stores the content of a file: as a copy that shares its blocks where the file system can (Btrfs, XFS, APFS), as
   * a hard link where that is asked for, else as a plain copy. What is verified is what was linked or copied.
   *
   * @throws OciError as {@link BlobStore.put}, `PATH_NOT_FOUND`, and `PATH_UNSAFE` for what is no regular file
   */
  async putFile(
    file: string | URL,
    expected: Partial<Descriptor> = {},
    options: PutFileOptions = {},
  ): Promise<Descriptor> {
    options.signal?.throwIfAborted()
    this.#requireWritable('put a blob')
    return (this.#shared ?? this.#own).putFile(absolutePath(file), expected, options)
  }

  async delete(descriptor: Descriptor, options: StoreOptions = {}): Promise<void> {
    options.signal?.throwIfAborted()
    this.#requireWritable('delete a blob')
    await this.#own.delete(descriptor.digest)
  }

  list(options: StoreOptions = {}): AsyncGenerator<Digest, void, undefined> {
    return this.#own.list(options)
  }

  async resolve(reference: string, options: StoreOptions = {}): Promise<Descriptor> {
    options.signal?.throwIfAborted()
    return resolveReference(this.#index.read().manifests, reference, this.#what)
  }

  async tag(descriptor: Descriptor, reference: string, options: StoreOptions = {}): Promise<void> {
    this.#requireWritable('tag')
    await this.#index.edit((entries) => setReference(entries, descriptor, reference), options)
  }

  async untag(reference: string, options: StoreOptions = {}): Promise<void> {
    this.#requireWritable('untag')
    await this.#index.edit((entries) => forgetReference(entries, reference, this.#what), options)
  }

  async *references(options: StoreOptions = {}): AsyncGenerator<Reference, void, undefined> {
    options.signal?.throwIfAborted()
    yield* listReferences(this.#index.read().manifests)
  }

  async *referrers(
    subject: Descriptor,
    options: StoreOptions & { readonly artifactType?: string | undefined } = {},
  ): AsyncGenerator<Descriptor, void, undefined> {
    parseDigest(subject.digest)
    const seen = new Set<Digest>()
    for (const blobs of [this.#own, this.#shared]) {
      if (blobs === undefined) continue
      for await (const referrer of blobs.referrers(options)) {
        const { descriptor } = referrer
        if (!refersTo(referrer, subject, options.artifactType) || seen.has(descriptor.digest)) continue
        seen.add(descriptor.digest)
        yield descriptor
      }
    }
  }

  async index(options: StoreOptions = {}): Promise<Index> {
    options.signal?.throwIfAborted()
    return this.#index.read()
  }

  async addEntry(descriptor: Descriptor, options: StoreOptions = {}): Promise<void> {
    this.#requireWritable('add to the index')
    await this.#index.edit((entries) => addEntry(entries, descriptor), options)
  }

  async removeEntry(descriptor: Descriptor, options: StoreOptions = {}): Promise<void> {
    this.#requireWritable('remove from the index')
    await this.#index.edit((entries) => removeEntry(entries, descriptor), options)
  }

  /** Waits for changes of the index that are under way. Nothing is held open between calls. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#index.settle()
  }

  get #what(): string {
    return `the image layout ${JSON.stringify(this.path)}`
  }

  #requireWritable(action: string): void {
    if (!this.readOnly) return
    const message = `Cannot ${action}: ${this.#what} was opened with readOnly`
    throw new OciError('STORE_UNSUPPORTED', message, { path: this.path })
  }
}

/** Holds what is at a path against what a layout must have. */
function checkLayout(path: string, options: DirectoryStoreOptions): void {
  const fs = requireBuiltin('node:fs', 'Opening an image layout')
  const { join } = requireBuiltin('node:path', 'Opening an image layout')
  const named = JSON.stringify(path)
  const refuse = (problem: string, cause?: unknown): OciError =>
    new OciError('LAYOUT_INVALID', `${named} is no image layout: ${problem}`, { path, cause })
  let isDirectory: boolean | undefined
  try {
    isDirectory = fs.statSync(path, { throwIfNoEntry: false })?.isDirectory()
  } catch (error) {
    throw systemError(error, 'open the image layout', path)
  }
  if (isDirectory === undefined) {
    throw new OciError('PATH_NOT_FOUND', `There is no image layout at ${named}: nothing is there`, { path })
  }
  if (!isDirectory) throw refuse('it is no directory')
  const marker = readRegular(join(path, 'oci-layout'), maxMarkerSize)
  if (marker === undefined) throw refuse('it has no oci-layout file')
  let version: string
  try {
    version = parseLayout(marker).imageLayoutVersion
  } catch (error) {
    if (error instanceof OciError) throw refuse(`its oci-layout file is broken: ${error.message}`, error)
    throw error
  }
  if (version !== IMAGE_LAYOUT_VERSION) {
    throw new OciError(
      'LAYOUT_INVALID',
      `${named} is an image layout of version ${JSON.stringify(version)}: only ${IMAGE_LAYOUT_VERSION} is known`,
      { path, expected: IMAGE_LAYOUT_VERSION, actual: version },
    )
  }
  const blobs = fs.lstatSync(join(path, 'blobs'), { throwIfNoEntry: false })
  if (blobs === undefined && options.sharedBlobDirectory === undefined) {
    throw refuse('it has no blobs directory; if its blobs are elsewhere, name that by sharedBlobDirectory')
  }
}

/**
 * Makes a layout; false where one is already. The `oci-layout` file comes last: what a killed process leaves is no
 * layout yet, and is completed by the next one.
 */
async function createLayout(path: string, options: DirectoryStoreOptions): Promise<boolean> {
  const { sync = true, lockTimeout = 30_000 } = options
  const fs = requireBuiltin('node:fs', 'Making an image layout')
  const { join, dirname } = requireBuiltin('node:path', 'Making an image layout')
  if (options.readOnly === true) {
    throw new OciError('ARGUMENT_INVALID', 'A layout cannot be created with readOnly: open it so afterwards')
  }
  try {
    fs.mkdirSync(path, { recursive: true })
  } catch (error) {
    throw systemError(error, 'make the directory', path)
  }
  const directories = new DirectorySync(sync)
  const writeFile = async (name: string, text: string): Promise<void> => {
    const file = TemporaryFile.create(path, sync)
    try {
      await file.write(encodeUtf8(text))
      await file.end()
      file.commit(join(path, name))
    } finally {
      await file.discard()
    }
  }
  const exists = (): boolean => fs.existsSync(join(path, 'oci-layout'))
  if (exists()) return false
  try {
    checkVacant(path)
  } catch (error) {
    // Another process may have completed the layout meanwhile.
    if (exists()) return false
    throw error
  }
  return withLock(lockPath(path), { timeout: lockTimeout }, async () => {
    if (exists()) return false
    checkVacant(path)
    removeAbandoned(path)
    try {
      fs.mkdirSync(join(path, 'blobs', 'sha256'), { recursive: true })
    } catch (error) {
      throw systemError(error, 'make the directory', join(path, 'blobs'))
    }
    await writeFile('index.json', emptyIndex)
    await directories.sync(path)
    await writeFile('oci-layout', `{"imageLayoutVersion":"${IMAGE_LAYOUT_VERSION}"}`)
    await directories.sync(path)
    await directories.sync(dirname(path))
    return true
  })
}

/** Refuses a directory that holds more than a layout which was not completed. */
function checkVacant(path: string): void {
  const fs = requireBuiltin('node:fs', 'Making an image layout')
  const { join } = requireBuiltin('node:path', 'Making an image layout')
  const refuse = (name: string): OciError =>
    new OciError(
      'LAYOUT_INVALID',
      `Cannot make an image layout in ${JSON.stringify(path)}: it is not empty (there is ${JSON.stringify(name)})`,
      { path },
    )
  try {
    for (const name of fs.readdirSync(path)) {
      if (name.startsWith('.oci-ts')) continue
      // The index of a layout that was not completed is the empty one: any other file of that name is another's.
      const isLeft =
        (name === 'index.json' && equalBytes(fs.readFileSync(join(path, name)), encodeUtf8(emptyIndex))) ||
        (name === 'blobs' &&
          ['', 'sha256'].includes(fs.readdirSync(join(path, name), { recursive: true }).join()))
      if (!isLeft) throw refuse(name)
    }
  } catch (error) {
    throw systemError(error, 'look into', path)
  }
}

function absolutePath(path: string | URL): string {
  const { resolve } = requireBuiltin('node:path', 'Opening an image layout')
  return resolve(filePath(path, 'A layout'))
}
