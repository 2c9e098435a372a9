/** Looking at what is at a path of a disk, where the path may be one that no disk has. */
import { diskError, systemCode } from './disk-error.ts'

type FileSystem = typeof import('node:fs')
type Stats = import('node:fs').Stats
type BigIntStats = import('node:fs').BigIntStats

/**
 * What is at a path, symlinks not followed; undefined where nothing is, or nothing can be: layers name what they hide
 * and link to with names that are longer than those of disks.
 * @param disk The path as file system calls want it.
 * @param name What errors call it.
 * @throws OciError `FILESYSTEM_FAILED`
 */
export function statusOnDisk(fs: FileSystem, disk: string, name: string): Stats | undefined {
  try {
    return fs.lstatSync(disk, { throwIfNoEntry: false })
  } catch (error) {
    return nothingThere(error, name)
  }
}

/** The same with numbers that are exact: doubles cut the inode numbers of overlayfs at the low end, and times. */
export function exactStatusOnDisk(fs: FileSystem, disk: string, name: string): BigIntStats | undefined {
  try {
    return fs.lstatSync(disk, { bigint: true, throwIfNoEntry: false })
  } catch (error) {
    return nothingThere(error, name)
  }
}

function nothingThere(error: unknown, name: string): undefined {
  const code = systemCode(error)
  // A name of more than 255 bytes, a path of more than 4096; a name with a NUL byte.
  if (code === 'ENAMETOOLONG' || code === 'ERR_INVALID_ARG_VALUE') return undefined
  throw diskError(error, `Cannot look at "${name}"`, name)
}
