/**
 * Walking a directory on disk, in the byte order of whole paths: the order does not depend on the disk, and every
 * directory comes before what is in it.
 */
import { requireBuiltin } from '../runtime.ts'
import { diskError } from './disk-error.ts'
import { compareNames, diskPath } from './disk-name.ts'
import { readNames } from './safe-tree.ts'

/**
 * What the disk says of one file: Node's own, symlinks not followed.
 * @internal
 */
export type DiskStatus = import('node:fs').Stats

/**
 * One file that was walked over.
 * @internal
 */
export interface WalkedFile {
  /** From the walked directory, without a slash at either end; empty for itself. */
  readonly path: string
  readonly status: DiskStatus
}

/**
 * How a directory is walked.
 * @internal
 */
export interface WalkOptions {
  /** Whether a directory is gone into; all are when absent. */
  readonly enter?: ((path: string) => boolean) | undefined
}

/** A directory whose files are still to come. */
interface Level {
  readonly path: string
  /** Names in order. */
  readonly names: string[]
  next: number
  /** Directories that were told and are still to be gone into, in order, each with a slash at its end. */
  readonly inside: string[]
}

/**
 * Everything below a directory, itself first. Nothing is followed: of a symlink, itself is told.
 * @throws OciError `FILESYSTEM_FAILED`
 * @internal
 */
export function* walkDirectory(
  root: string,
  options: WalkOptions = {},
): Generator<WalkedFile, void, undefined> {
  const fs = requireBuiltin('node:fs', 'Walking a directory')
  const refuse = (error: unknown, path: string): unknown =>
    diskError(error, `Cannot read "${path === '' ? root : path}"`, path === '' ? root : path)
  const statusOf = (path: string): DiskStatus | undefined => {
    try {
      return fs.lstatSync(diskPath(path === '' ? root : `${root}/${path}`), { throwIfNoEntry: false })
    } catch (error) {
      throw refuse(error, path)
    }
  }
  const open = (path: string): Level => {
    try {
      const names = readNames(fs, diskPath(path === '' ? root : `${root}/${path}`))
      return { path, names: names.sort(compareNames), next: 0, inside: [] }
    } catch (error) {
      throw refuse(error, path)
    }
  }

  const top = statusOf('')
  if (top === undefined) {
    throw diskError(
      Object.assign(new Error('it is not there'), { code: 'ENOENT' }),
      `Cannot read "${root}"`,
      root,
    )
  }
  yield { path: '', status: top }
  if (!top.isDirectory()) return
  const levels: Level[] = [open('')]
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const name = level.names[level.next]
    const [inside] = level.inside
    if (inside !== undefined && (name === undefined || compareNames(inside, name) < 0)) {
      level.inside.shift()
      levels.push(open(prefixed(level.path, inside.slice(0, -1))))
      continue
    }
    if (name === undefined) {
      levels.pop()
      continue
    }
    level.next++
    const path = prefixed(level.path, name)
    const status = statusOf(path)
    // Taken away since the directory was read.
    if (status === undefined) continue
    yield { path, status }
    if (status.isDirectory() && options.enter?.(path) !== false) later(level, `${name}/`)
  }
}

/** What is in `a` comes behind `a` and `a.b`, before `a0`. */
function later(level: Level, directory: string): void {
  let at = level.inside.length
  while (at > 0 && compareNames(level.inside[at - 1]!, directory) > 0) at--
  level.inside.splice(at, 0, directory)
}

function prefixed(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`
}
