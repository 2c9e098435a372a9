/**
 * Files that are there whole or not at all: written under a temporary name beside where they belong, synced,
 * renamed, and the directory synced. What a killed process leaves is a temporary file that tells whose it was.
 */
import type { ByteSink } from '../bytes.ts'
import { OciError } from '../errors.ts'
import { requireBuiltin } from '../runtime.ts'
import { FileWriter } from './file-writer.ts'
import { ownedName, ownerState } from './process-identity.ts'
import { systemError } from './regular-file.ts'

const temporaryPattern = /^\.oci-ts-([0-9a-f-]+)\.tmp$/

/** Milliseconds after which a temporary file is removed whose process cannot be asked for: a day. */
const ABANDONED_AFTER = 24 * 60 * 60 * 1000

/** A path for a temporary file in a directory, which {@link removeAbandoned} finds. */
export function temporaryPath(directory: string): string {
  return requireBuiltin('node:path', 'Writing a file').join(directory, `.oci-ts-${ownedName()}.tmp`)
}

/** Removes the temporary files of processes that have ended. Failures are left to who next wants the space. */
export function removeAbandoned(directory: string): void {
  const fs = requireBuiltin('node:fs', 'Writing a file')
  const { join } = requireBuiltin('node:path', 'Writing a file')
  let names: string[]
  try {
    names = fs.readdirSync(directory)
  } catch {
    return
  }
  for (const name of names) {
    const owner = temporaryPattern.exec(name)?.[1]
    if (owner === undefined) continue
    const path = join(directory, name)
    const state = ownerState(owner)
    try {
      if (state === 'gone' || (state === 'unknown' && isAbandoned(fs.lstatSync(path).mtimeMs))) {
        fs.unlinkSync(path)
      }
    } catch {
      // Another process was faster, or it is not ours to remove.
    }
  }
}

function isAbandoned(mtime: number): boolean {
  return Date.now() - mtime > ABANDONED_AFTER
}

/** A file being written under a temporary name. Who makes one ends it by `commit` or `discard`. */
export class TemporaryFile implements ByteSink {
  readonly path: string
  readonly #fd: number
  readonly #sync: boolean
  readonly #writer: FileWriter
  /** Who writes the parts that room was left for, until they are written. */
  readonly #parts = new Set<FileWriter>()
  #open = true

  private constructor(path: string, fd: number, sync: boolean) {
    this.path = path
    this.#fd = fd
    this.#sync = sync
    this.#writer = new FileWriter(path, fd, 0)
  }

  /** @throws OciError `STORE_FAILED` */
  static create(directory: string, sync: boolean): TemporaryFile {
    const fs = requireBuiltin('node:fs', 'Writing a file')
    const path = temporaryPath(directory)
    try {
      return new TemporaryFile(path, fs.openSync(path, 'wx', 0o666), sync)
    } catch (error) {
      throw systemError(error, 'write to', directory)
    }
  }

  write(chunk: Uint8Array): void | Promise<void> {
    return this.#writer.write(chunk)
  }

  /**
   * Leaves room for so many bytes, which the sink that is given writes, while others write theirs. Its `end` comes
   * before the file's.
   */
  async leaveRoom(length: number): Promise<ByteSink> {
    const part = new FileWriter(this.path, this.#fd, await this.#writer.skip(length))
    this.#parts.add(part)
    return {
      write: (chunk) => part.write(chunk),
      end: async () => {
        await part.end()
        this.#parts.delete(part)
      },
    }
  }

  /** Writes what is gathered, and syncs. The file keeps its temporary name. */
  async end(): Promise<void> {
    await this.#writer.end()
    if (this.#sync) await this.#syncFile()
  }

  /** Gives the file the mode of another that it is to replace. */
  setMode(mode: number): void {
    try {
      requireBuiltin('node:fs', 'Writing a file').fchmodSync(this.#fd, mode & 0o777)
    } catch (error) {
      throw systemError(error, 'set the mode of', this.path)
    }
  }

  /** Gives the file its name, in place of what has it. Call `end` before. */
  commit(path: string): void {
    const fs = requireBuiltin('node:fs', 'Writing a file')
    this.#close()
    try {
      fs.renameSync(this.path, path)
    } catch (error) {
      throw systemError(error, 'write', path)
    }
  }

  /** Removes the file, if it still has its temporary name. */
  async discard(): Promise<void> {
    await Promise.all([this.#writer, ...this.#parts].map((writer) => writer.giveUp()))
    this.#close()
    requireBuiltin('node:fs', 'Writing a file').rmSync(this.path, { force: true })
  }

  #syncFile(): Promise<void> {
    const fs = requireBuiltin('node:fs', 'Writing a file')
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.#fd, (error) => {
        if (error) reject(systemError(error, 'sync', this.path))
        else resolve()
      })
    })
  }

  #close(): void {
    if (!this.#open) return
    this.#open = false
    requireBuiltin('node:fs', 'Writing a file').closeSync(this.#fd)
  }
}

/** Where a file goes that is written whole, and what is there. */
export interface FilePlace {
  /** Symlinks followed. */
  readonly path: string
  readonly directory: string
  /** Of the file that it takes the place of: it gets the same. */
  readonly mode: number | undefined
}

/**
 * Finds out, before any work is done, where a file that somebody named goes: through symlinks, and only in the place of
 * a regular file. A device, a pipe or a socket would be taken away by the new file's name.
 * @throws OciError `STORE_FAILED` where nothing can be written there, or something else is
 */
export function placeOfFile(file: string): FilePlace {
  const fs = requireBuiltin('node:fs', 'Writing a file')
  const { dirname } = requireBuiltin('node:path', 'Writing a file')
  try {
    const status = fs.statSync(file, { throwIfNoEntry: false })
    if (status === undefined) return { path: file, directory: dirname(file), mode: undefined }
    if (status.isFile()) {
      const path = fs.realpathSync(file)
      return { path, directory: dirname(path), mode: status.mode }
    }
  } catch (error) {
    throw systemError(error, 'write', file)
  }
  throw new OciError(
    'STORE_FAILED',
    `Cannot write ${JSON.stringify(file)}: something is there that is no regular file, whose place a file would take`,
    { path: file },
  )
}

/**
 * Writes a file, all or nothing: it has its name when all of it has been written.
 * @throws OciError `STORE_FAILED`, and what `write` throws
 */
export async function writeWhole(
  place: FilePlace,
  sync: boolean,
  write: (file: TemporaryFile) => Promise<void>,
): Promise<void> {
  removeAbandoned(place.directory)
  const file = TemporaryFile.create(place.directory, sync)
  try {
    if (place.mode !== undefined) file.setMode(place.mode)
    await write(file)
    file.commit(place.path)
    await new DirectorySync(sync).sync(place.directory)
  } finally {
    await file.discard()
  }
}

/**
 * Syncs directories, so that a name given in one survives a crash. Calls that come while a sync is under way share
 * the one that follows it.
 */
export class DirectorySync {
  readonly #enabled: boolean
  readonly #running = new Map<string, { now: Promise<void>; next: Promise<void> | undefined }>()

  constructor(enabled: boolean) {
    this.#enabled = enabled
  }

  /** @throws OciError `STORE_FAILED` */
  async sync(directory: string): Promise<void> {
    if (!this.#enabled) return
    const running = this.#running.get(directory)
    if (running === undefined) return this.#start(directory)
    running.next ??= running.now.catch(() => {}).then(() => this.#start(directory))
    return running.next
  }

  #start(directory: string): Promise<void> {
    const state: { now: Promise<void>; next: Promise<void> | undefined } = {
      now: syncDirectory(directory),
      next: undefined,
    }
    this.#running.set(directory, state)
    const done = (): void => {
      if (state.next === undefined) this.#running.delete(directory)
    }
    state.now.then(done, done)
    return state.now
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const fs = requireBuiltin('node:fs', 'Writing a file')
  let fd: number
  try {
    fd = fs.openSync(directory, 'r')
  } catch {
    // Windows opens no directories, and needs no sync of them.
    return
  }
  try {
    await new Promise<void>((resolve, reject) => {
      fs.fsync(fd, (error) => {
        // Some file systems have no sync of directories and say EINVAL or EPERM.
        if (error && error.code !== 'EINVAL' && error.code !== 'EPERM') {
          reject(systemError(error, 'sync', directory))
        } else resolve()
      })
    })
  } finally {
    fs.closeSync(fd)
  }
}
