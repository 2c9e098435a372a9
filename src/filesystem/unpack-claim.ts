/**
 * The right to unpack into a directory: it has to be absent or empty, and while the work lasts a small file beside
 * it says whose it is. A run that was killed leaves that file behind; the next one knows by it that what is in the
 * directory is a half-made tree of its own kind, takes it away and starts over. Nothing else is ever deleted.
 */
import { OciError } from '../errors.ts'
import { requireBuiltin } from '../runtime.ts'
import { diskError, systemCode } from './disk-error.ts'
import { diskPath } from './disk-name.ts'
import { readNames } from './safe-tree.ts'

type FileSystem = typeof import('node:fs')

/** A claimed directory: empty, real, mode 0700. */
export interface UnpackClaim {
  /** Its absolute real path. */
  readonly root: string
  /** Gives the directory free, whole. */
  succeed(): void
  /** Takes away all that was made, and the directory too where it was not there before. */
  fail(): void
}

/** What the file beside says. */
interface Marker {
  readonly unpacking: 'oci-ts'
  readonly host: string
  readonly pid: number
  /** Which directory was claimed, undefined before it was made. */
  readonly device?: string | undefined
  readonly inode?: string | undefined
}

/** Directories that this process is at work in: its own number in a marker says nothing after a restart. */
const active: Set<string> = /* @__PURE__ */ new Set()

/** The absolute path of a directory given as a path or `file:` URL. */
export function directoryPath(directory: string | URL): string {
  const path = requireBuiltin('node:path', 'A directory')
  const given =
    directory instanceof URL ? requireBuiltin('node:url', 'A directory').fileURLToPath(directory) : directory
  if (typeof given !== 'string' || given === '' || given.includes('\0')) {
    throw new OciError('ARGUMENT_INVALID', 'The directory must be a path or a file: URL, and not empty')
  }
  return path.resolve(given)
}

/**
 * Claims a directory, making it and its parents where they are absent.
 * @throws OciError `ARGUMENT_INVALID` when it is not empty or no directory, `LOCK_TIMEOUT` when another process is
 * unpacking into it.
 */
export function claimDirectory(directory: string | URL): UnpackClaim {
  const fs = requireBuiltin('node:fs', 'Unpacking')
  const { basename, dirname, join } = requireBuiltin('node:path', 'Unpacking')
  const asked = directoryPath(directory)
  try {
    fs.mkdirSync(dirname(asked), { recursive: true })
    // The caller may well name it through a symlink; what is in the image may not.
    const existing = fs.statSync(asked, { throwIfNoEntry: false })
    const root =
      existing === undefined ? join(fs.realpathSync(dirname(asked)), basename(asked)) : fs.realpathSync(asked)
    if (existing !== undefined && !existing.isDirectory()) {
      throw new OciError('ARGUMENT_INVALID', `Cannot unpack into "${asked}": it is no directory`, {
        path: asked,
      })
    }
    const marker = join(dirname(root), `.${basename(root)}.oci-ts-unpack`)
    takeOver(fs, root, marker, existing?.mode)
    active.add(root)
    try {
      writeMarker(fs, marker, undefined)
      if (existing === undefined) fs.mkdirSync(root, 0o700)
      // Nobody else may reach into the tree, or run what is in it, before it is whole.
      fs.chmodSync(root, 0o700)
      writeMarker(fs, marker, fs.lstatSync(root, { bigint: true }))
    } catch (error) {
      active.delete(root)
      fs.rmSync(marker, { force: true })
      throw error
    }
    return {
      root,
      succeed() {
        active.delete(root)
        fs.rmSync(marker, { force: true })
      },
      fail() {
        active.delete(root)
        emptyDirectory(fs, root)
        if (existing === undefined) fs.rmdirSync(root)
        else fs.chmodSync(root, existing.mode & 0o7777)
        fs.rmSync(marker, { force: true })
      },
    }
  } catch (error) {
    throw diskError(error, `Cannot unpack into "${asked}"`, asked)
  }
}

/**
 * Takes away all that is in a directory, also what its own modes would keep its owner from. Follows no symlink.
 * @internal
 */
export function emptyDirectory(fs: FileSystem, directory: string): void {
  fs.chmodSync(directory, 0o700)
  for (const name of readNames(fs, directory)) removeAll(fs, `${directory}/${name}`)
}

function removeAll(fs: FileSystem, path: string): void {
  const disk = diskPath(path)
  const status = fs.lstatSync(disk, { throwIfNoEntry: false })
  if (status === undefined) return
  if (!status.isDirectory()) {
    fs.unlinkSync(disk)
    return
  }
  if ((status.mode & 0o700) !== 0o700) fs.chmodSync(disk, 0o700)
  for (const name of readNames(fs, disk)) removeAll(fs, `${path}/${name}`)
  fs.rmdirSync(disk)
}

/** Makes sure that the directory is empty: it is, or a dead run of this library left it half-made. */
function takeOver(fs: FileSystem, root: string, marker: string, mode: number | undefined): void {
  const left = readMarker(fs, marker)
  if (active.has(root) || (left !== undefined && isRunning(left))) {
    throw new OciError(
      'LOCK_TIMEOUT',
      `Another unpacking into "${root}" is under way (process ${left?.pid}): wait for it, or remove "${marker}" if it is not`,
      { path: root },
    )
  }
  if (mode === undefined) return
  const status = fs.lstatSync(root, { bigint: true })
  const ours = left !== undefined && left.device === String(status.dev) && left.inode === String(status.ino)
  if (ours) emptyDirectory(fs, root)
  else if (fs.readdirSync(root).length > 0) {
    throw new OciError(
      'ARGUMENT_INVALID',
      `Cannot unpack into "${root}": it is not empty. Give a directory that is absent or empty`,
      { path: root },
    )
  }
}

function readMarker(fs: FileSystem, marker: string): Marker | undefined {
  try {
    const status = fs.lstatSync(marker)
    // In a directory that others write to, theirs would make us take away what is ours.
    const user = requireBuiltin('node:process', 'Unpacking').geteuid?.()
    if (!status.isFile() || (user !== undefined && status.uid !== user)) return undefined
    const content = JSON.parse(fs.readFileSync(marker, 'utf8')) as Marker | null
    return content?.unpacking === 'oci-ts' ? content : undefined
  } catch (error) {
    // Killed while it wrote the marker: nothing was unpacked yet.
    if (error instanceof SyntaxError || systemCode(error) !== undefined) return undefined
    throw error
  }
}

function writeMarker(
  fs: FileSystem,
  marker: string,
  status: { readonly dev: bigint; readonly ino: bigint } | undefined,
): void {
  const { hostname } = requireBuiltin('node:os', 'Unpacking')
  const { pid } = requireBuiltin('node:process', 'Unpacking')
  const content: Marker = {
    unpacking: 'oci-ts',
    host: hostname(),
    pid,
    device: status && String(status.dev),
    inode: status && String(status.ino),
  }
  try {
    fs.rmSync(marker, { force: true })
    fs.writeFileSync(marker, `${JSON.stringify(content)}\n`, { flag: 'wx', mode: 0o600 })
  } catch (error) {
    // A parent that cannot be written to (a mount point's): then a killed run has to be cleaned up by hand.
    const code = systemCode(error)
    if (code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS') throw error
  }
}

function isRunning(marker: Marker): boolean {
  const { hostname } = requireBuiltin('node:os', 'Unpacking')
  const process = requireBuiltin('node:process', 'Unpacking')
  // Of other machines nothing is known; of this process `active` knows.
  if (marker.host !== hostname() || marker.pid === process.pid) return false
  try {
    process.kill(marker.pid, 0)
    return true
  } catch (error) {
    return systemCode(error) === 'EPERM'
  }
}
