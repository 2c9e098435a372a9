/** Snapshots: what a directory holds at one moment, to find out later what has changed. */

import { CHUNK_SIZE, encodeUtf8 } from '../bytes.ts'
import { createHasher, digestBytes } from '../digest/index.ts'
import { OciError } from '../errors.ts'
import { endOfTurn, requireBuiltin } from '../runtime.ts'
import { diskError } from './disk-error.ts'
import { diskPath, nameFromBytes } from './disk-name.ts'
import { exactStatusOnDisk } from './disk-status.ts'
import { getXattrs } from './machine-command.ts'
import { directoryPath } from './unpack-claim.ts'
import { type DiskStatus, walkDirectory } from './walk-directory.ts'

/** What kind of file it is, as one letter: `f` file, `d` directory, `l` symlink, `p` FIFO, `c` and `b` devices. */
export type SnapshotType = 'f' | 'd' | 'l' | 'p' | 'c' | 'b'

/** What a snapshot keeps of one file. */
export interface SnapshotFile {
  readonly type: SnapshotType
  /** Permission bits: 0 to 0o7777. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Bytes of a file, 0 of all else. */
  readonly size: number
  /** Milliseconds since 1970, with a fraction: of the content, and of anything at all. */
  readonly mtime: number
  readonly ctime: number
  /** Of a file, its number on this disk: directories that change names leave no other trace in what is in them. */
  readonly inode?: number | undefined
  /** Of a symlink. */
  readonly target?: string | undefined
  /** Of a device, as the system packs its numbers. */
  readonly device?: number | undefined
  /** Files with the same number are one file with several names. */
  readonly group?: number | undefined
  /** Of the content, where it was asked for. */
  readonly digest?: string | undefined
  /** Of the extended attributes, where there are any and they could be read. */
  readonly xattrs?: string | undefined
}

/** What a directory held at one moment. */
export interface Snapshot {
  /**
   * By path from the directory, which itself is the empty path; in byte order. Of a snapshot that was decoded it is a map
   * that reads the lines as it is asked: `new Map(files)` is a copy that can be cloned.
   */
  readonly files: ReadonlyMap<string, SnapshotFile>
  /** Whether extended attributes could be read. */
  readonly xattrs: boolean
}

/** How a snapshot is taken. */
export interface SnapshotOptions {
  /**
   * Whether contents are hashed, so that a file whose content is the same is never taken for changed, whatever was
   * done to it. False when absent: a file is taken for changed when the system says that something about it has.
   */
  readonly digests?: boolean | undefined
  /** Whether extended attributes are looked at, by the machine's `getfattr`. True when absent. */
  readonly xattrs?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/** The clock that files get their times from ticks this often at least, in milliseconds. */
const TICK = 20

/** The same where a file system keeps whole seconds. */
const COARSE_TICK = 1000

/**
 * Takes a snapshot of a directory, for {@link packChanges} to compare with. What is changed from the moment on that
 * the promise resolves is found, however soon.
 *
 * Runs on Node, Deno and Bun.
 *
 * @throws OciError `FILESYSTEM_FAILED`, `RUNTIME_UNSUPPORTED`
 */
export async function snapshotDirectory(
  directory: string | URL,
  options: SnapshotOptions = {},
): Promise<Snapshot> {
  const look = await lookThrough(directory, options)
  const files = new Map<string, SnapshotFile>()
  for await (const [path, file] of settled(look.files)) files.set(path, file)
  return { files, xattrs: look.xattrs }
}

/** What a directory holds, told file by file as it is looked at. */
export interface Look {
  /** With their paths, in byte order, the directory itself first. */
  readonly files: AsyncIterable<readonly [path: string, file: SnapshotFile]>
  /** Whether extended attributes could be read. */
  readonly xattrs: boolean
}

/**
 * Looks at all that is in a directory, keeping nothing of it.
 * @internal
 */
export async function lookThrough(directory: string | URL, options: SnapshotOptions): Promise<Look> {
  options.signal?.throwIfAborted()
  const root = realRoot(requireBuiltin('node:fs', 'A snapshot'), directory)
  const found = options.xattrs === false ? '' : await getXattrs(root)
  const xattrs = typeof found === 'string' ? undefined : found
  return { files: filesBelow(root, xattrs, options), xattrs: xattrs !== undefined }
}

/**
 * The same files, ending only when whatever is changed from then on leaves a later time than they have.
 * @internal
 */
export async function* settled(
  files: Look['files'],
): AsyncGenerator<readonly [string, SnapshotFile], void, undefined> {
  let latest = 0
  for await (const entry of files) {
    latest = Math.max(latest, entry[1].ctime)
    yield entry
  }
  // A change within the tick of the last one would leave the same time behind: it must be over.
  const tick = latest % 1000 === 0 ? COARSE_TICK : TICK
  const wait = latest + tick - Date.now()
  // Times beyond now are somebody's wish and not waited for; Date.now() itself lags by the fraction that it drops.
  if (wait > 0 && wait <= tick + 1) await new Promise((resolve) => setTimeout(resolve, Math.ceil(wait)))
}

async function* filesBelow(
  root: string,
  xattrs: ReadonlyMap<string, ReadonlyMap<string, Uint8Array>> | undefined,
  { digests, signal }: SnapshotOptions,
): AsyncGenerator<readonly [string, SnapshotFile], void, undefined> {
  const fs = requireBuiltin('node:fs', 'A snapshot')
  const groups = new Map<string, number>()
  for (const { path, status } of walkDirectory(root)) {
    const turn = endOfTurn()
    if (turn !== undefined) await turn
    signal?.throwIfAborted()
    const type = snapshotType(status)
    // An image cannot hold a socket.
    if (type === undefined) continue
    const disk = diskPath(path === '' ? root : `${root}/${path}`)
    const attributes = xattrs?.get(path)
    // All of one shape, with every property: an object of its own shape takes twice the memory.
    const file: SnapshotFile = {
      type,
      mode: type === 'l' ? 0o777 : status.mode & 0o7777,
      uid: status.uid,
      gid: status.gid,
      size: type === 'f' ? status.size : 0,
      mtime: status.mtimeMs,
      ctime: status.ctimeMs,
      inode: type === 'f' ? status.ino : undefined,
      target: type === 'l' ? readTarget(fs, disk, path) : undefined,
      device: type === 'c' || type === 'b' ? status.rdev : undefined,
      group: type !== 'd' && status.nlink > 1 ? groupOf(fs, disk, groups) : undefined,
      digest: type === 'f' && digests === true ? hashFile(fs, disk, path) : undefined,
      xattrs: attributes && hashXattrs(attributes),
    }
    yield [path, file]
  }
}

/**
 * The content's digest of a file on disk.
 * @internal
 */
export function hashFile(fs: typeof import('node:fs'), disk: string, path: string): string {
  try {
    const fd = fs.openSync(disk, fs.constants.O_RDONLY | (fs.constants.O_NOFOLLOW ?? 0))
    try {
      const hasher = createHasher()
      const buffer = new Uint8Array(Math.min(CHUNK_SIZE, fs.fstatSync(fd).size + 1))
      for (let read = fs.readSync(fd, buffer); read > 0; read = fs.readSync(fd, buffer)) {
        hasher.update(buffer.subarray(0, read))
      }
      return hasher.digest()
    } finally {
      fs.closeSync(fd)
    }
  } catch (error) {
    throw diskError(error, `Cannot read "${path}"`, path)
  }
}

/** The absolute real path of a directory that the caller names. */
function realRoot(fs: typeof import('node:fs'), directory: string | URL): string {
  const asked = directoryPath(directory)
  try {
    return fs.realpathSync(asked)
  } catch (error) {
    throw diskError(error, `Cannot read "${asked}"`, asked)
  }
}

/** A file's kind, undefined for what an image cannot hold. */
function snapshotType(status: DiskStatus): SnapshotType | undefined {
  if (status.isFile()) return 'f'
  if (status.isDirectory()) return 'd'
  if (status.isSymbolicLink()) return 'l'
  if (status.isFIFO()) return 'p'
  if (status.isCharacterDevice()) return 'c'
  if (status.isBlockDevice()) return 'b'
  return undefined
}

function readTarget(fs: typeof import('node:fs'), disk: string, path: string): string {
  try {
    return nameFromBytes(fs.readlinkSync(disk, { encoding: 'buffer' }))
  } catch (error) {
    throw diskError(error, `Cannot read the symlink "${path}"`, path)
  }
}

function groupOf(
  fs: typeof import('node:fs'),
  disk: string,
  groups: Map<string, number>,
): number | undefined {
  const status = exactStatusOnDisk(fs, disk, disk)
  if (status === undefined) return undefined
  const key = `${status.dev}:${status.ino}`
  const known = groups.get(key)
  if (known !== undefined) return known
  groups.set(key, groups.size)
  return groups.size - 1
}

function hashXattrs(xattrs: ReadonlyMap<string, Uint8Array>): string | undefined {
  const names = [...xattrs.keys()].filter((name) => name !== 'security.selinux').sort()
  if (names.length === 0) return undefined
  return digestBytes(encodeUtf8(JSON.stringify(names.map((name) => [name, [...xattrs.get(name)!]]))))
}

/** Ends a snapshot that is not one. */
export function invalidSnapshot(why: string, cause?: unknown): OciError {
  return new OciError('DOCUMENT_INVALID', `The snapshot cannot be read: ${why}`, { cause })
}
