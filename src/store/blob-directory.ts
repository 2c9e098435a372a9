/**
 * Blobs on disk: `<algorithm>/<encoded>` under a root, as an image layout has them in `blobs/`.
 * @see https://github.com/opencontainers/image-spec/blob/main/image-layout.md#blobs
 */
import type { ByteSource, Chunks } from '../bytes.ts'
import { giveBack, streamOf } from '../bytes.ts'
import type { Digest } from '../digest/index.ts'
import { digestParts, isDigest, isRegisteredAlgorithm, parseDigest, verifyBytes } from '../digest/index.ts'
import { OciError } from '../errors.ts'
import { requireBuiltin } from '../runtime.ts'
import type { Descriptor } from '../spec/index.ts'
import { checkRange } from './blob-range.ts'
import { type DirectorySync, removeAbandoned, TemporaryFile, temporaryPath } from './durable-file.ts'
import { filePieces } from './file-pieces.ts'
import { describe, discard, Intake, ingest } from './ingest.ts'
import type { Referrer } from './referrers.ts'
import { beginsAsDocument, MAX_REFERRER_SIZE, referrerOf } from './referrers.ts'
import { openPresent, openRegular, readStart, regularSize, systemError } from './regular-file.ts'
import type { GetOptions, StoreOptions } from './store.ts'

/**
 * Blobs up to this many bytes are read at once, synchronously: 20 us against 200 us for one promise after the
 * other, and no file stays open when the stream is not read.
 */
const SMALL_BLOB = 128 * 1024

/** Files looked at before other work of this process gets its turn. */
const BATCH = 256

/** Where and how blobs are kept. */
export interface BlobDirectoryOptions {
  /** Holds one directory for each algorithm. */
  readonly root: string
  /** Holds files while they are written; on the same file system as `root`. */
  readonly temporary: string
  /** Whether `root` may be, or be reached by, a symbolic link: where the user named it. */
  readonly trusted: boolean
  /** Whether what is written is synced. */
  readonly sync: boolean
  readonly directories: DirectorySync
}

/** How a file becomes a blob: see `DirectoryStore.putFile`. */
export interface PutFileOptions extends StoreOptions {
  /**
   * Makes the blob a hard link to the file instead of a copy. Later writes to the file change the blob, so only
   * for files that nobody writes to. Where the file system cannot link, the content is copied. Default: false.
   */
  readonly link?: boolean | undefined
}

/** A directory of blobs. */
export class BlobDirectory {
  readonly #options: BlobDirectoryOptions
  /** Algorithms whose directory is known to be one, and there. */
  readonly #checked = new Set<string>()
  readonly #referrers = new Map<Digest, Referrer | null>()
  #prepared = false

  constructor(options: BlobDirectoryOptions) {
    this.#options = options
  }

  /**
   * Bytes that a blob has; undefined where it is not there.
   * @throws OciError `DIGEST_INVALID`, `PATH_UNSAFE`, `STORE_FAILED`
   */
  size(digest: Digest): number | undefined {
    const path = this.#path(digest)
    return this.#hasDirectory(digest) ? regularSize(path) : undefined
  }

  /**
   * The file that a blob is; undefined where it is not there.
   * @throws OciError `DIGEST_INVALID`, `PATH_UNSAFE`, `STORE_FAILED`
   */
  file(digest: Digest): string | undefined {
    return this.size(digest) === undefined ? undefined : this.#path(digest)
  }

  /**
   * A blob's bytes; undefined where it is not there.
   * @throws OciError `DIGEST_INVALID`, `PATH_UNSAFE`, `STORE_FAILED`, `ARGUMENT_INVALID` (a range that is none)
   */
  get(digest: Digest, options: GetOptions): ReadableStream<Uint8Array> | undefined {
    const path = this.#path(digest)
    if (!this.#hasDirectory(digest)) return undefined
    const file = openRegular(path)
    if (file === undefined) return undefined
    try {
      const { start, end } = checkRange(options.range, file.size)
      if (file.size <= SMALL_BLOB) return streamOf(single(readStart(file, end, path).subarray(start)))
      return streamOf(this.#read(path, start, end, options.signal))
    } finally {
      // A large one is opened again at the first read: a stream that nobody reads must not hold a file.
      requireBuiltin('node:fs', 'Reading a blob').closeSync(file.fd)
    }
  }

  /**
   * Stores content. A file that is there and has the expected size is left as it is; one of another size, which
   * is damaged, is replaced.
   */
  async put(content: ByteSource, expected: Partial<Descriptor>, options: StoreOptions): Promise<Descriptor> {
    const present = this.#present(expected)
    if (present !== undefined) {
      discard(content)
      return present
    }
    // Refused before anything is written.
    new Intake(expected)
    this.#prepare()
    const file = TemporaryFile.create(this.#options.temporary, this.#options.sync)
    try {
      const descriptor = await ingest(content, expected, file, options)
      await this.#commit(file, descriptor.digest)
      return descriptor
    } finally {
      await file.discard()
    }
  }

  /** Stores what is in a file: see `DirectoryStore.putFile`. */
  async putFile(source: string, expected: Partial<Descriptor>, options: PutFileOptions): Promise<Descriptor> {
    const present = this.#present(expected)
    if (present !== undefined) return present
    const fs = requireBuiltin('node:fs', 'Reading a file')
    let path: string
    let isFile: boolean
    try {
      path = fs.realpathSync(source)
      isFile = fs.statSync(path).isFile()
    } catch (cause) {
      if ((cause as { code?: string }).code !== 'ENOENT') throw systemError(cause, 'open', source)
      const message = `Nothing is at ${JSON.stringify(source)}, whose content was to be stored`
      throw new OciError('PATH_NOT_FOUND', message, { path: source, cause })
    }
    // Opening a FIFO to copy it would wait for a writer for ever.
    if (!isFile) {
      const message = `${JSON.stringify(source)} is no regular file, so it has no content that could be stored`
      throw new OciError('PATH_UNSAFE', message, { path: source })
    }
    this.#prepare()
    const temporary = temporaryPath(this.#options.temporary)
    try {
      if (!this.#linkOrClone(path, temporary, options)) {
        return await this.put(() => readWholeFile(path, options.signal), expected, options)
      }
      // What is measured is what is kept: the file under its new name, not the one that the path led to before.
      const descriptor = await measure(temporary, expected, options)
      if (this.#options.sync) await syncFile(temporary)
      await this.#rename(temporary, descriptor.digest)
      return descriptor
    } finally {
      // Also after success: renaming one hard link over another of the same file leaves both.
      fs.rmSync(temporary, { force: true })
    }
  }

  /** Removes a blob, if it is there. */
  async delete(digest: Digest): Promise<void> {
    const path = this.#path(digest)
    if (!this.#hasDirectory(digest)) return
    const fs = requireBuiltin('node:fs', 'Removing a blob')
    try {
      fs.unlinkSync(path)
    } catch (error) {
      if ((error as { code?: string }).code === 'ENOENT') return
      throw systemError(error, 'remove', path)
    }
    await this.#options.directories.sync(this.#directory(digestParts(digest).algorithm))
  }

  /** The digest of every blob. What else lies in the directories is passed by. */
  async *list(options: StoreOptions): AsyncGenerator<Digest, void, undefined> {
    const { root } = this.#options
    const fs = requireBuiltin('node:fs', 'Listing blobs')
    const read = async (path: string) => {
      try {
        return await fs.promises.readdir(path, { withFileTypes: true })
      } catch (error) {
        if ((error as { code?: string }).code === 'ENOENT') return []
        throw systemError(error, 'list', path)
      }
    }
    options.signal?.throwIfAborted()
    if (!this.#options.trusted) checkDirectory(root)
    for (const algorithm of await read(root)) {
      if (!algorithm.isDirectory() && !(this.#options.trusted && algorithm.isSymbolicLink())) continue
      for (const file of await read(this.#directory(algorithm.name))) {
        options.signal?.throwIfAborted()
        const digest = `${algorithm.name}:${file.name}`
        if (file.isFile() && isDigest(digest)) yield digest
      }
    }
  }

  /**
   * Every manifest and index here that has a subject. Each blob is looked at once, since content never changes:
   * the first byte tells most of them apart.
   */
  async *referrers(options: StoreOptions): AsyncGenerator<Referrer, void, undefined> {
    let looked = 0
    for await (const digest of this.list(options)) {
      let referrer = this.#referrers.get(digest)
      if (referrer === undefined) {
        referrer = this.#lookForReferrer(digest)
        if (referrer === undefined) continue
        this.#referrers.set(digest, referrer)
        if (++looked % BATCH === 0) await new Promise<void>((resolve) => setTimeout(resolve))
      }
      if (referrer !== null) yield referrer
    }
  }

  /** Null for a blob that refers to nothing, undefined for one that is gone or damaged: it may come back sound. */
  #lookForReferrer(digest: Digest): Referrer | null | undefined {
    if (!isRegisteredAlgorithm(digestParts(digest).algorithm)) return null
    const path = this.#path(digest)
    const file = openRegular(path)
    if (file === undefined) return undefined
    try {
      if (file.size > MAX_REFERRER_SIZE || !beginsAsDocument(readStart(file, 64, path))) return null
      const bytes = readStart(file, file.size, path)
      verifyBytes(bytes, { digest, size: file.size })
      return referrerOf(bytes, digest) ?? null
    } catch (error) {
      if (error instanceof OciError && error.code === 'DIGEST_MISMATCH') return undefined
      throw error
    } finally {
      requireBuiltin('node:fs', 'Reading a blob').closeSync(file.fd)
    }
  }

  /** The descriptor of a blob that need not be stored, since it is there. */
  #present(expected: Partial<Descriptor>): Descriptor | undefined {
    const { digest, size } = expected
    if (digest === undefined || size === undefined || this.size(digest) !== size) return undefined
    return describe(expected, digest, size)
  }

  #read(path: string, start: number, end: number, signal: AbortSignal | undefined): Chunks {
    const open = () => openPresent(path, 'BLOB_NOT_FOUND')
    return filePieces({ open, path, start, end, signal })
  }

  async #commit(file: TemporaryFile, digest: Digest): Promise<void> {
    const directory = await this.#makeDirectory(digest)
    file.commit(this.#path(digest))
    await this.#options.directories.sync(directory)
  }

  async #rename(temporary: string, digest: Digest): Promise<void> {
    const directory = await this.#makeDirectory(digest)
    const path = this.#path(digest)
    try {
      requireBuiltin('node:fs', 'Writing a blob').renameSync(temporary, path)
    } catch (error) {
      throw systemError(error, 'write', path)
    }
    await this.#options.directories.sync(directory)
  }

  /**
   * Gives a file a second name, or a copy that shares its blocks until one is written to; false where the file
   * system can do neither, so that the content has to be copied.
   */
  #linkOrClone(path: string, temporary: string, options: PutFileOptions): boolean {
    const fs = requireBuiltin('node:fs', 'Reading a file')
    try {
      if (options.link === true) fs.linkSync(path, temporary)
      else fs.copyFileSync(path, temporary, fs.constants.COPYFILE_EXCL | fs.constants.COPYFILE_FICLONE_FORCE)
      return true
    } catch {
      return false
    }
  }

  /** What comes before the first writing: a directory that the user named may be absent yet. */
  #prepare(): void {
    if (this.#prepared) return
    const { temporary, trusted } = this.#options
    if (trusted) makeDirectory(temporary)
    removeAbandoned(temporary)
    this.#prepared = true
  }

  /** Where a blob is. Only what is a digest becomes part of a path: it has no separator and no dots in a row. */
  #path(digest: Digest): string {
    const { algorithm, encoded } = digestParts(parseDigest(digest))
    return requireBuiltin('node:path', 'Finding a blob').join(this.#options.root, algorithm, encoded)
  }

  #directory(algorithm: string): string {
    return requireBuiltin('node:path', 'Finding a blob').join(this.#options.root, algorithm)
  }

  /** Whether the directory of the digest's algorithm is there, and is one. */
  #hasDirectory(digest: Digest): boolean {
    const { algorithm } = digestParts(digest)
    if (this.#checked.has(algorithm)) return true
    if (!this.#options.trusted) {
      if (!checkDirectory(this.#options.root) || !checkDirectory(this.#directory(algorithm))) return false
    } else if (!requireBuiltin('node:fs', 'Finding a blob').existsSync(this.#directory(algorithm)))
      return false
    this.#checked.add(algorithm)
    return true
  }

  async #makeDirectory(digest: Digest): Promise<string> {
    const { algorithm } = digestParts(digest)
    const directory = this.#directory(algorithm)
    if (this.#hasDirectory(digest)) return directory
    makeDirectory(directory)
    await this.#options.directories.sync(this.#options.root)
    if (!this.#hasDirectory(digest))
      throw systemError(new Error('it vanished'), 'make the directory', directory)
    return directory
  }
}

function makeDirectory(path: string): void {
  try {
    requireBuiltin('node:fs', 'Writing a blob').mkdirSync(path, { recursive: true })
  } catch (error) {
    throw systemError(error, 'make the directory', path)
  }
}

/** Whether a directory is there; one that is reached by a link is refused. */
function checkDirectory(path: string): boolean {
  const fs = requireBuiltin('node:fs', 'Finding a blob')
  let stat: import('node:fs').Stats | undefined
  try {
    stat = fs.lstatSync(path, { throwIfNoEntry: false })
  } catch (error) {
    throw systemError(error, 'look at', path)
  }
  if (stat === undefined) return false
  if (stat.isDirectory()) return true
  throw new OciError(
    'PATH_UNSAFE',
    `${JSON.stringify(path)} is no directory of its own${stat.isSymbolicLink() ? ' but a symbolic link: name its target by sharedBlobDirectory if the blobs are meant to be elsewhere' : ''}`,
    { path },
  )
}

/** Reads a file through, and holds it against what is expected. */
async function measure(
  path: string,
  expected: Partial<Descriptor>,
  options: StoreOptions,
): Promise<Descriptor> {
  const intake = new Intake(expected)
  const pieces = readWholeFile(path, options.signal)
  for await (const piece of pieces) {
    intake.update(piece)
    pieces[giveBack]?.(piece)
  }
  return intake.end()
}

function readWholeFile(path: string, signal: AbortSignal | undefined): Chunks {
  const open = () => openPresent(path, 'PATH_NOT_FOUND')
  return filePieces({ open, path, signal })
}

function syncFile(path: string): Promise<void> {
  const fs = requireBuiltin('node:fs', 'Writing a blob')
  const fd = fs.openSync(path, 'r')
  return new Promise<void>((resolve, reject) => {
    fs.fdatasync(fd, (error) => {
      if (error) reject(systemError(error, 'sync', path))
      else resolve()
    })
  }).finally(() => fs.closeSync(fd))
}

async function* single(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  if (bytes.length > 0) yield bytes
}
