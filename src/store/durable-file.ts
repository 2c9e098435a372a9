/**
 * Files that are there whole or not at all: written under a temporary name beside where they belong, synced,
 * renamed, and the directory synced. What a killed process leaves is a temporary file that tells whose it was.
 */
import type { ByteSink } from '../bytes.ts'
import { CHUNK_SIZE } from '../bytes.ts'
import { requireBuiltin } from '../runtime.ts'
import { ownedName, ownerState } from './process-identity.ts'
import { systemError } from './regular-file.ts'

const temporaryPattern = /^\.oci-ts-([0-9a-f-]+)\.tmp$/

/** Milliseconds after which a temporary file is removed whose process cannot be asked for: a day. */
const ABANDONED_AFTER = 24 * 60 * 60 * 1000

/** Chunks of at least this many bytes are written as they are; smaller ones are gathered first. */
const LARGE_CHUNK = CHUNK_SIZE / 4

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
  #open = true
  #position = 0
  // Small chunks are gathered in one buffer while the other is written, so that reading, hashing and writing overlap.
  #filling: Uint8Array | undefined
  #filled = 0
  #spare: Uint8Array | undefined
  #writing: Promise<void> | undefined

  private constructor(path: string, fd: number, sync: boolean) {
    this.path = path
    this.#fd = fd
    this.#sync = sync
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
    if (this.#filled === 0 && chunk.length >= LARGE_CHUNK) return this.#writeLarge(chunk)
    if (this.#filled + chunk.length >= CHUNK_SIZE) return this.#gather(chunk)
    this.#fill(chunk)
  }

  /** Writes what is gathered, and syncs. The file keeps its temporary name. */
  async end(): Promise<void> {
    if (this.#filled > 0) await this.#flush()
    await this.#writing
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
    await this.#writing?.catch(() => {})
    this.#close()
    requireBuiltin('node:fs', 'Writing a file').rmSync(this.path, { force: true })
  }

  async #writeLarge(chunk: Uint8Array): Promise<void> {
    await this.#writing
    await this.#writeAll(chunk)
  }

  async #gather(chunk: Uint8Array): Promise<void> {
    let taken = 0
    while (taken < chunk.length) {
      const part = chunk.subarray(taken, taken + CHUNK_SIZE - this.#filled)
      this.#fill(part)
      taken += part.length
      if (this.#filled === CHUNK_SIZE) await this.#flush()
    }
  }

  /** Takes bytes that fit into the buffer. */
  #fill(part: Uint8Array): void {
    if (this.#filling === undefined) {
      this.#filling = this.#spare ?? new Uint8Array(CHUNK_SIZE)
      this.#spare = undefined
    }
    this.#filling.set(part, this.#filled)
    this.#filled += part.length
  }

  /** Begins to write the buffer that is full, once the other is written. */
  async #flush(): Promise<void> {
    await this.#writing
    const full = this.#filling as Uint8Array
    this.#filling = undefined
    const length = this.#filled
    this.#filled = 0
    this.#writing = this.#writeAll(full.subarray(0, length)).then(() => {
      this.#spare = full
    })
    // It is awaited at the next flush or at the end; until then a failure must not count as unhandled.
    this.#writing.catch(() => {})
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    const fs = requireBuiltin('node:fs', 'Writing a file')
    let written = 0
    while (written < bytes.length) {
      const from = written
      const position = this.#position
      written += await new Promise<number>((resolve, reject) => {
        fs.write(this.#fd, bytes, from, bytes.length - from, position, (error, count) => {
          if (error) reject(systemError(error, 'write', this.path))
          else resolve(count)
        })
      })
      this.#position = position + written - from
    }
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
