/** From a file on disk to an entry of an archive: what packing a directory and packing its changes share. */
import { OciError } from '../errors.ts'
import { WHITEOUT_PREFIX } from '../layer/index.ts'
import { requireBuiltin } from '../runtime.ts'
import type { TarEntryInput, Timestamp } from '../tar/index.ts'
import { isMomentOnDisk } from './attributes.ts'
import { diskError } from './disk-error.ts'
import { diskPath, isEscaped, nameFromBytes, nameToBytes } from './disk-name.ts'
import { exactStatusOnDisk } from './disk-status.ts'
import { getXattrs } from './machine-command.ts'
import { mappedID, type OwnerMap, toContainer } from './owner.ts'
import { FileReader } from './pack-file.ts'
import { type RecordedEntry, readRecord, type UnpackRecord } from './record.ts'
import type { Skipped } from './skipped.ts'
import { directoryPath } from './unpack-claim.ts'
import type { DiskStatus } from './walk-directory.ts'

type FileSystem = typeof import('node:fs')

/** What packing a whole directory and packing its changes have in common. */
export interface PackEntryOptions {
  /**
   * Whose the entries are to be: as on disk (`preserve`, the default for root), one owner for all, or as a map
   * says, from this machine's ids to the image's. Who is not root stands for root when absent: their own files are
   * 0:0 in the image.
   */
  readonly owner?: 'preserve' | { readonly uid: number; readonly gid: number } | OwnerMap | undefined
  /** No entry is younger than this: `SOURCE_DATE_EPOCH`. In seconds where it is a number. */
  readonly clampTime?: Timestamp | Date | number | undefined
  /**
   * Whether times keep their fractions, which takes a further kilobyte of tar for each entry. Whole seconds when
   * absent, as other tools write.
   */
  readonly nanoseconds?: boolean | undefined
  /**
   * Which extended attributes are kept, as far as the machine's `getfattr` reads them: all (true, the default),
   * none (false), those whose name a function takes. Never those that only this machine can know.
   */
  readonly xattrs?: boolean | ((name: string, path: string) => boolean) | undefined
  /** A file that unpacking recorded what it could not keep in: it is put back. */
  readonly record?: string | URL | undefined
  /** Told of what cannot be in an image: sockets. */
  readonly onSkipped?: ((skipped: Skipped) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/** Attributes that say something of this machine, not of the tree. */
const OF_THIS_MACHINE: ReadonlySet<string> = /* @__PURE__ */ new Set(['security.selinux', 'system.nfs4_acl'])

/** The set-user-ID and set-group-ID bits, which unpacking leaves out. */
const SET_ID = 0o6000

/**
 * Turns files below one root into entries.
 * @internal
 */
export class EntryPacker {
  readonly root: string
  readonly fs: FileSystem
  readonly #options: PackEntryOptions
  readonly #files: FileReader
  readonly #prefix: string
  readonly #record: UnpackRecord | undefined
  readonly #clamp: Timestamp | undefined
  readonly #user: { readonly uid: number; readonly gid: number }
  /** First paths of files with several names, by device and inode. */
  readonly #links: Map<string, string> = new Map()
  #xattrs: ReadonlyMap<string, ReadonlyMap<string, Uint8Array>> = new Map()

  constructor(directory: string | URL, options: PackEntryOptions & { readonly prefix?: string | undefined }) {
    this.fs = requireBuiltin('node:fs', 'Packing a directory')
    this.#files = new FileReader(this.fs)
    const process = requireBuiltin('node:process', 'Packing a directory')
    // The caller may well name the directory through a symlink; nothing below it is followed.
    const asked = directoryPath(directory)
    try {
      this.root = this.fs.realpathSync(asked)
      if (!this.fs.statSync(this.root).isDirectory()) {
        throw new OciError('ARGUMENT_INVALID', `Cannot pack "${asked}": it is no directory`, { path: asked })
      }
    } catch (error) {
      throw diskError(error, `Cannot pack "${asked}"`, asked)
    }
    this.#options = options
    this.#prefix = prefixPath(options.prefix ?? '')
    this.#record = options.record === undefined ? undefined : readRecord(directoryPath(options.record))
    this.#clamp = options.clampTime === undefined ? undefined : toTimestamp(options.clampTime)
    this.#user = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }
  }

  /** Reads what has to be read of all files at once, before the first entry. */
  async prepare(): Promise<void> {
    if (this.#options.xattrs === false) return
    const found = await getXattrs(this.root)
    if (typeof found === 'string') {
      this.#options.onSkipped?.({
        path: '',
        what: 'xattr',
        why: `extended attributes cannot be read: ${found}`,
      })
    } else this.#xattrs = found
  }

  /** Recorded special files, by the directory that they belong in. */
  recordedSpecials(): Map<string, string[]> {
    const specials = new Map<string, string[]>()
    for (const [path, { type }] of this.#record?.entries ?? []) {
      if (type === undefined) continue
      const slash = path.lastIndexOf('/')
      const directory = slash < 0 ? '' : path.slice(0, slash)
      const names = specials.get(directory)
      if (names === undefined) specials.set(directory, [path])
      else names.push(path)
    }
    return specials
  }

  /** The extended attributes that an entry gets. */
  xattrsOf(path: string): ReadonlyMap<string, Uint8Array> | undefined {
    const onDisk = this.#xattrs.get(path)
    const recorded = this.#recordedOf(path)?.xattrs
    if (onDisk === undefined && recorded === undefined) return undefined
    const { xattrs: asked = true } = this.#options
    const kept = new Map<string, Uint8Array>()
    for (const [name, value] of onDisk ?? []) {
      // PAX has no attributes without a value.
      if (value.length === 0 || OF_THIS_MACHINE.has(name) || name.includes('=')) continue
      if (typeof asked === 'function' ? asked(name, path) : asked) kept.set(name, value)
    }
    for (const [name, value] of recorded ?? []) kept.set(name, value)
    return kept.size === 0 ? undefined : kept
  }

  /**
   * The entry for a file; undefined for what cannot be in an image.
   * @throws OciError `ARGUMENT_INVALID` for a name that means a whiteout
   */
  entry(path: string, status: DiskStatus): TarEntryInput | undefined {
    const slash = path.lastIndexOf('/')
    if (path.startsWith(WHITEOUT_PREFIX, slash + 1)) {
      throw new OciError(
        'ARGUMENT_INVALID',
        `"${path}" cannot be in an image: a name that starts with "${WHITEOUT_PREFIX}" means that a file is gone. Rename or exclude it`,
        { path },
      )
    }
    const recorded = this.#recordedOf(path)
    const time = recorded?.mtime
    // By `Object.assign`: spreads one after another make V8 describe every object anew, which takes 2.1 us an entry
    // against 0.15, and memory until the next full collection.
    const common: TarEntryInput = Object.assign(
      {
        path: '',
        mode: this.modeOf(path, status, recorded),
        mtime: this.#time(
          time !== undefined && isMomentOnDisk(time, status.mtimeMs) ? time : this.#mtimeOf(path, status),
        ),
      },
      this.#ownerOf(path, status, recorded),
      named(this.#inArchive(path)),
    )
    if (status.isDirectory()) {
      const name = named(`${this.#inArchive(path) || '.'}/`)
      return Object.assign(common, name, { type: 'directory' as const }, this.#attributes(path))
    }
    if (status.nlink > 1) {
      const first = this.#firstName(path)
      if (first !== undefined) {
        return Object.assign(common, { type: 'link' as const }, linkNamed(this.#inArchive(first)))
      }
    }
    const disk = diskPath(`${this.root}/${path}`)
    if (status.isFile()) {
      const { size } = status
      const content = this.#files.content(disk, path, size)
      return Object.assign(common, { type: 'file' as const, size, content }, this.#attributes(path))
    }
    if (status.isSymbolicLink()) {
      const target = linkNamed(this.linkTarget(path))
      return Object.assign(common, { type: 'symlink' as const }, target, this.#attributes(path))
    }
    if (status.isFIFO()) return Object.assign(common, { type: 'fifo' as const }, this.#attributes(path))
    if (status.isCharacterDevice() || status.isBlockDevice()) {
      const type = status.isBlockDevice() ? ('block-device' as const) : ('character-device' as const)
      const [deviceMajor, deviceMinor] = deviceNumbers(status.rdev)
      return Object.assign(common, { type, deviceMajor, deviceMinor }, this.#attributes(path))
    }
    this.#options.onSkipped?.({ path, what: 'socket', why: 'an image cannot hold a socket' })
    return undefined
  }

  /** The entry for a special file that is in the record alone. */
  recordedEntry(path: string): TarEntryInput | undefined {
    const recorded = this.#record?.entries.get(path)
    if (recorded?.type === undefined) return undefined
    return {
      ...named(this.#inArchive(path)),
      type: recorded.type,
      mode: recorded.mode,
      uid: recorded.uid,
      gid: recorded.gid,
      mtime: this.#time(recorded.mtime ?? { seconds: 0, nanoseconds: 0 }),
      deviceMajor: recorded.device?.[0],
      deviceMinor: recorded.device?.[1],
      ...(recorded.xattrs && { xattrs: recorded.xattrs }),
    }
  }

  /** The entry that says that a path is gone. */
  whiteout(path: string): TarEntryInput {
    const slash = path.lastIndexOf('/')
    const name = `${path.slice(0, slash + 1)}${WHITEOUT_PREFIX}${path.slice(slash + 1)}`
    return {
      ...named(this.#inArchive(name)),
      type: 'file',
      mode: 0o644,
      mtime: this.#time({ seconds: 0, nanoseconds: 0 }),
    }
  }

  /** A symlink's target, as it is. */
  linkTarget(path: string): string {
    try {
      return nameFromBytes(this.fs.readlinkSync(diskPath(`${this.root}/${path}`), { encoding: 'buffer' }))
    } catch (error) {
      throw diskError(error, `Cannot read the symlink "${path}"`, path)
    }
  }

  /** Permission bits; a symlink's say nothing, and are what other tools write. */
  modeOf(_path: string, status: DiskStatus, recorded?: RecordedEntry): number {
    if (status.isSymbolicLink()) return 0o777
    const mode = status.mode & 0o7777
    const whole = recorded?.mode
    // What was changed since counts as it is now.
    return whole !== undefined && (whole & ~SET_ID) === mode ? whole : mode
  }

  /** What unpacking recorded of a file that is on disk. */
  #recordedOf(path: string): RecordedEntry | undefined {
    const recorded = this.#record?.entries.get(path)
    // Of a kind means that unpacking left it out: what is there now is something else.
    return recorded?.type === undefined ? recorded : undefined
  }

  #attributes(path: string): { xattrs?: ReadonlyMap<string, Uint8Array> } {
    const xattrs = this.xattrsOf(path)
    return xattrs === undefined ? {} : { xattrs }
  }

  /** The first path that had the same inode; undefined where this is the first. */
  #firstName(path: string): string | undefined {
    const disk = diskPath(`${this.root}/${path}`)
    // As bigints: overlayfs puts the layer in the highest bits of inode numbers, which doubles cut at the low end.
    const status = exactStatusOnDisk(this.fs, disk, path)
    if (status === undefined) return undefined
    const key = `${status.dev}:${status.ino}`
    const first = this.#links.get(key)
    if (first === undefined) this.#links.set(key, path)
    return first
  }

  #ownerOf(
    path: string,
    status: DiskStatus,
    recorded: RecordedEntry | undefined,
  ): { uid: number; gid: number } {
    const uid = status.uid === this.#record?.uid ? recorded?.uid : undefined
    const gid = status.gid === this.#record?.gid ? recorded?.gid : undefined
    if (uid !== undefined && gid !== undefined) return { uid, gid }
    // What was given to somebody else since counts as it is now.
    const now = this.#ownerNow(path, status)
    return { uid: uid ?? now.uid, gid: gid ?? now.gid }
  }

  #ownerNow(path: string, status: DiskStatus): { uid: number; gid: number } {
    const { owner } = this.#options
    if (owner === undefined || owner === 'preserve') {
      // Who unpacked with a record, or packs without being root, stands for root.
      const current = this.#record ?? (owner === undefined && this.#user.uid !== 0 ? this.#user : undefined)
      return {
        uid: status.uid === current?.uid ? 0 : status.uid,
        gid: status.gid === current?.gid ? 0 : status.gid,
      }
    }
    const { uid, gid } = owner
    if (typeof uid === 'number' && typeof gid === 'number') return { uid, gid }
    const map = owner as OwnerMap
    return {
      uid: mappedID(toContainer(map.uid, status.uid), status.uid, 'uid', path),
      gid: mappedID(toContainer(map.gid, status.gid), status.gid, 'gid', path),
    }
  }

  #mtimeOf(path: string, status: DiskStatus): Timestamp {
    if (this.#options.nanoseconds === true) {
      const disk = diskPath(path === '' ? this.root : `${this.root}/${path}`)
      const exact = exactStatusOnDisk(this.fs, disk, path)
      if (exact !== undefined) {
        const nanoseconds = ((exact.mtimeNs % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
        return {
          seconds: Number((exact.mtimeNs - nanoseconds) / 1_000_000_000n),
          nanoseconds: Number(nanoseconds),
        }
      }
    }
    return { seconds: Math.floor(status.mtimeMs / 1000), nanoseconds: 0 }
  }

  #time(time: Timestamp): Timestamp {
    const kept = this.#options.nanoseconds === true ? time : { seconds: time.seconds, nanoseconds: 0 }
    const clamp = this.#clamp
    if (clamp === undefined) return kept
    const later =
      kept.seconds > clamp.seconds || (kept.seconds === clamp.seconds && kept.nanoseconds > clamp.nanoseconds)
    return later ? clamp : kept
  }

  #inArchive(path: string): string {
    if (this.#prefix === '') return path
    return path === '' ? this.#prefix : `${this.#prefix}/${path}`
  }
}

/** Major and minor number of a device, as the system packs them into one. */
function deviceNumbers(device: number): [number, number] {
  if (requireBuiltin('node:process', 'Packing a device').platform !== 'linux') {
    return [Math.floor(device / 2 ** 24) & 0xff, device & 0xffffff]
  }
  const packed = BigInt(device)
  const major = ((packed >> 8n) & 0xfffn) | ((packed >> 32n) & 0xfffff000n)
  const minor = (packed & 0xffn) | ((packed >> 12n) & 0xffffff00n)
  return [Number(major), Number(minor)]
}

/** A name as entries have it: with its bytes where it is not UTF-8. */
function named(path: string): { path: string; pathBytes?: Uint8Array } {
  if (!isEscaped(path)) return { path }
  const pathBytes = nameToBytes(path)
  return { path: new TextDecoder().decode(pathBytes), pathBytes }
}

function linkNamed(linkPath: string): { linkPath: string; linkPathBytes?: Uint8Array } {
  if (!isEscaped(linkPath)) return { linkPath }
  const linkPathBytes = nameToBytes(linkPath)
  return { linkPath: new TextDecoder().decode(linkPathBytes), linkPathBytes }
}

function prefixPath(prefix: string): string {
  const names = prefix.split('/').filter((name) => name !== '' && name !== '.')
  if (names.includes('..')) {
    throw new OciError('ARGUMENT_INVALID', `The prefix "${prefix}" must not hold ".."`, { path: prefix })
  }
  return names.join('/')
}

function toTimestamp(time: Timestamp | Date | number): Timestamp {
  if (typeof time === 'object' && 'seconds' in time) return time
  const seconds = typeof time === 'number' ? time : time.getTime() / 1000
  if (!Number.isFinite(seconds)) throw new OciError('ARGUMENT_INVALID', `The time ${String(time)} is none`)
  const whole = Math.floor(seconds)
  return { seconds: whole, nanoseconds: Math.floor((seconds - whole) * 1e9) }
}
