/**
 * What a file is beside its content, and how it is given to what was made on disk.
 *
 * The order matters: owner, then mode (a change of owner drops set-id bits), then times. Nothing here follows a
 * symlink: files and directories are reached by their descriptor, symlinks by `lchown` and `lutimes`.
 */
import type { Timestamp } from '../tar/index.ts'
import { systemCode } from './disk-error.ts'

/** Owner, mode and time, as they are to be on disk. */
export interface Attributes {
  /** Permission bits with set-id and sticky: 0 to 0o7777. */
  readonly mode: number
  /** 0 to 2^32 - 2; undefined leaves the owner that creation gave. */
  readonly uid: number | undefined
  readonly gid: number | undefined
  readonly mtime: Timestamp
}

/** What a directory has that no layer says anything of. */
export const IMPLIED_DIRECTORY_MODE = 0o755

type FileSystem = typeof import('node:fs')

/** Gives attributes to an open file or directory. */
export function applyToDescriptor(fs: FileSystem, fd: number, attributes: Attributes): void {
  if (attributes.uid !== undefined && attributes.gid !== undefined)
    fs.fchownSync(fd, attributes.uid, attributes.gid)
  fs.fchmodSync(fd, attributes.mode)
  setTime(attributes.mtime, (time) => fs.futimesSync(fd, time, time))
}

/** Gives attributes to a symlink itself: it has an owner and times, but no mode. */
export function applyToSymlink(fs: FileSystem, path: string, attributes: Attributes): void {
  if (attributes.uid !== undefined && attributes.gid !== undefined)
    fs.lchownSync(path, attributes.uid, attributes.gid)
  setTime(attributes.mtime, (time) => fs.lutimesSync(path, time, time))
}

/**
 * Gives attributes to a FIFO or device, which must not be opened: its path has to be known to be no symlink.
 */
export function applyToSpecialFile(fs: FileSystem, path: string, attributes: Attributes): void {
  if (attributes.uid !== undefined && attributes.gid !== undefined)
    fs.lchownSync(path, attributes.uid, attributes.gid)
  fs.chmodSync(path, attributes.mode)
  setTime(attributes.mtime, (time) => fs.lutimesSync(path, time, time))
}

function setTime(moment: Timestamp, set: (time: number | Date) => void): void {
  try {
    set(diskTime(moment))
  } catch (error) {
    // Deno 2 gives the system the fraction of a time before 1970 as a negative number, which that refuses.
    if (systemCode(error) !== 'EINVAL' || moment.seconds >= 0 || moment.nanoseconds === 0) throw error
    set(diskTime({ seconds: moment.seconds, nanoseconds: 0 }))
  }
}

/**
 * A moment as Node's `utimes` takes it. Node has no nanoseconds: a double of seconds is exact to some 0.25 us in
 * our century, and libuv cuts it to microseconds; so whole seconds are exact and others are less than a
 * microsecond off. Negative numbers would be taken for "now": only a Date says them, in milliseconds, and not before
 * the year -271821.
 */
function diskTime(time: Timestamp): number | Date {
  if (time.seconds < 0) {
    return new Date(Math.max(time.seconds * 1000 + Math.floor(time.nanoseconds / 1e6), FIRST_DATE))
  }
  if (time.nanoseconds === 0) return time.seconds
  // Rounding of the double must not fall below the microsecond that libuv cuts at.
  const guard = time.nanoseconds % 1000 < 250 ? 250 : 0
  return time.seconds + Math.min(time.nanoseconds + guard, 999_999_749) / 1e9
}

/** The first moment of a Date, in milliseconds. */
const FIRST_DATE = -8.64e15

/** The seconds that ext4 holds, from 1901 to 2446: it moves what is outside to the nearer end, and says nothing. */
const FIRST_SECOND = -(2 ** 31)
const LAST_SECOND = 15_032_385_535

/** Whether a disk holds a moment without loss, as far as that can be known. */
export function isExactOnDisk(time: Timestamp): boolean {
  return time.nanoseconds === 0 && time.seconds >= FIRST_SECOND && time.seconds <= LAST_SECOND
}

/** Whether a time found on disk, in milliseconds, is what {@link applyToDescriptor} made of a moment. */
export function isMomentOnDisk(time: Timestamp, found: number): boolean {
  const { seconds, nanoseconds } = time
  if (Math.abs(seconds * 1000 + nanoseconds / 1e6 - found) <= 1) return true
  // As Deno keeps it.
  if (seconds < 0 && seconds * 1000 === found) return true
  const held = Math.min(Math.max(seconds, FIRST_SECOND), LAST_SECOND)
  return held !== seconds && held * 1000 === found
}
