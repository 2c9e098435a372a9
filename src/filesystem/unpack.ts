/**
 * Unpacking: layers onto a disk, bottom to top, each in one pass.
 *
 * Small files are written with synchronous calls, since a promise for each costs ten times the file (208 us against
 * 21); between the chunks of a layer the event loop runs. A directory keeps mode 0700 until all is done, then gets
 * its owner, mode and time, the deepest first: so a directory that nobody may read can be filled, whoever unpacks.
 * @see https://github.com/opencontainers/image-spec/blob/main/layer.md#applying-changesets
 */
import { OciError } from '../errors.ts'
import { type Layer, type LayerEntryHeader, type LayerLimits, refuseUnsafe } from '../layer/index.ts'
import { builtin, requireBuiltin } from '../runtime.ts'
import { layerCompression } from '../spec/index.ts'
import { hasBlobFiles } from '../store/index.ts'
import type { BlobWorker, WorkersOption } from '../workers/index.ts'
import type { Attributes } from './attributes.ts'
import { applyToDescriptor, applyToSpecialFile, applyToSymlink, isExactOnDisk } from './attributes.ts'
import { diskError, systemCode } from './disk-error.ts'
import { diskPath, nameFromBytes } from './disk-name.ts'
import { makeDevice, makeFifo, setXattrs, type Xattrs } from './machine-command.ts'
import { MadePaths } from './made-paths.ts'
import { requireOutside } from './outside-tree.ts'
import { isOwnerID, mappedID, type OwnerMap, toHost } from './owner.ts'
import { type RecordedEntry, RecordWriter } from './record.ts'
import { impliedDirectory, type RealDirectory, SafeTree } from './safe-tree.ts'
import { type Skipped, type SkippedKind, SkippedList } from './skipped.ts'
import { claimDirectory, directoryPath } from './unpack-claim.ts'
import { refuseWindowsName } from './windows-name.ts'

type FileSystem = typeof import('node:fs')

/** How an image is unpacked. */
export interface UnpackOptions {
  /**
   * Whose the files are to be: as the image says (`preserve`, the default for root), the user's who unpacks
   * (`current`, the default for everybody else), or as a map says.
   */
  readonly owner?: 'preserve' | 'current' | OwnerMap | undefined
  /** Whether device nodes are made: root may, by the machine's `mknod`. False when absent. */
  readonly devices?: boolean | undefined
  /** Whether files keep their set-user-ID and set-group-ID bits; directories always do. False when absent. */
  readonly setid?: boolean | undefined
  /**
   * Which extended attributes are set, by the machine's `setfattr`: all (true), none (false), those whose name a
   * function takes. When absent all but `security.*`, file capabilities among them, and those by which
   * overlay file systems hide and redirect files. Never those that only this machine can know:
   * `security.selinux`, `system.nfs4_acl`.
   */
  readonly xattrs?: boolean | ((name: string, path: string) => boolean) | undefined
  /**
   * Whether the machine's `mkfifo`, `mknod` and `setfattr` may be run for what Node has no call for. True when
   * absent; what is not made for it is in the report.
   */
  readonly commands?: boolean | undefined
  /**
   * Whether a worker thread reads, decompresses and hashes the layers of an image layout on disk, while this one writes
   * files: a number above 0 means one thread, some 15 MB of memory; `auto` one where there are 50 MB or more of layers
   * compressed with zstd. None when absent.
   */
  readonly workers?: WorkersOption | undefined
  /** A file to write what could not be kept to, for {@link packDirectory} to restore; none when absent. */
  readonly record?: string | URL | undefined
  /** How much each layer may ask for. */
  readonly limits?: LayerLimits | undefined
  /** Told of the bytes of the layers' blobs read so far, of all layers together. */
  readonly onProgress?: ((bytes: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/** What came of unpacking. */
export interface UnpackReport {
  /** The absolute path of the tree. */
  readonly directory: string
  /** Entries of all layers, whiteouts included. */
  readonly entries: number
  /** Bytes of file content written. */
  readonly bytes: number
  /** What could not be kept: the first 1000, one by one. */
  readonly skipped: readonly Skipped[]
  /** How many there are of each kind. */
  readonly skippedCounts: Readonly<Partial<Record<SkippedKind, number>>>
}

/**
 * Unpacks an image's layers into a directory, which must be absent or empty: the tree that a container of the image
 * starts from. Nothing outside of the directory is made, changed, linked or read, whatever the layers hold. Until
 * all is done and verified nobody else may look into the directory (mode 0700); when it fails, all is taken away
 * again; when the process is killed, the next call with the same directory starts over.
 *
 * Runs on Node, Deno and Bun.
 *
 * @throws OciError `ARGUMENT_INVALID` (the directory is not empty, an owner without a mapping), `PATH_UNSAFE` (an
 *   entry that leads outside or below a file; the message and `path` name it), `PATH_NOT_FOUND` (a hard link to
 *   nothing), `FILESYSTEM_FAILED`, `LOCK_TIMEOUT` (another process is at it), `RUNTIME_UNSUPPORTED`, and all that
 *   reading layers throws: `BLOB_NOT_FOUND`, `DIGEST_MISMATCH`, `DIFF_ID_MISMATCH`, `TAR_INVALID`, …
 * @example
 * const image = await (await readLayout('./my-image')).image()
 * const report = await unpackImage(image, './rootfs')
 * for (const { path, why } of report.skipped) console.warn(`${path}: ${why}`)
 */
export function unpackImage(
  image: { readonly layers: readonly Layer[] },
  directory: string | URL,
  options: UnpackOptions = {},
): Promise<UnpackReport> {
  return unpackLayers(image.layers, directory, options)
}

/** Unpacks layers, bottom to top, as {@link unpackImage} does. */
export async function unpackLayers(
  layers: readonly Layer[],
  directory: string | URL,
  options: UnpackOptions = {},
): Promise<UnpackReport> {
  const { signal, onProgress } = options
  signal?.throwIfAborted()
  const fs = requireBuiltin('node:fs', 'Unpacking')
  const claim = claimDirectory(directory)
  let unpacker: Unpacker | undefined
  let worker: BlobWorker | undefined
  try {
    unpacker = new Unpacker(fs, claim.root, options)
    worker = await workerFor(layers, options.workers)
    let before = 0
    for (const [position, layer] of layers.entries()) {
      unpacker.begin(position)
      await layer.scan(unpacker, {
        signal,
        limits: options.limits,
        // Of a path that comes twice the last counts, on disk as anywhere: nobody has to be told.
        findDuplicates: false,
        readBytes: worker?.readLayerBytes,
        onProgress: onProgress && ((bytes: number) => onProgress(before + bytes)),
      })
      await unpacker.endLayer()
      before += layer.size
    }
    signal?.throwIfAborted()
    const report = await unpacker.finish(signal)
    claim.succeed()
    return report
  } catch (error) {
    // Where even this fails, the marker stays, and the next run takes away what is left.
    try {
      unpacker?.abandon()
    } catch {}
    try {
      claim.fail()
    } catch {}
    throw error
  } finally {
    await worker?.close()
  }
}

/**
 * Layers are applied one after the other, so there is one thread at the most. It pays for zstd, which is decoded here
 * (0.83 of the time); gzip is inflated in the thread pool already (0.98, for 35 MiB more).
 */
async function workerFor(
  layers: readonly Layer[],
  option: WorkersOption | undefined,
): Promise<BlobWorker | undefined> {
  if (option === undefined || option === false) return undefined
  const { startWorkers } = await import('../workers/index.ts')
  const heavy = layers.filter(({ mediaType }) => layerCompression(mediaType) === 'zstd')
  const bytes = heavy.reduce((sum, { size }) => sum + size, 0)
  return startWorkers(option, { blobs: layers.some(({ store }) => hasBlobFiles(store)) ? 1 : 0, bytes })[0]
}

/** The set-user-ID and set-group-ID bits. */
const SET_ID = 0o6000

/**
 * Whether an attribute gives rights, or means something to a file system that is laid over the tree: an image could
 * plant the whiteouts and redirections of overlayfs.
 */
function isPrivileged(name: string): boolean {
  return /^(security\.|(trusted|user)\.(overlay|fuseoverlayfs)\.)/.test(name)
}

/** Attributes that say something of this machine, not of the image. */
const OF_THIS_MACHINE: ReadonlySet<string> = /* @__PURE__ */ new Set(['security.selinux', 'system.nfs4_acl'])

/** Special files that are not made, at most: each takes memory until all is done. */
const MAX_ABSENT = 100_000

/** Extended attributes that wait to be set, at most, in bytes of names and values. */
const MAX_XATTR_BYTES = 1 << 20

/** A file that is being written. */
interface OpenFile {
  readonly fd: number
  readonly entry: LayerEntryHeader
  readonly path: string
}

/** A special file that is not made. */
interface Absent {
  readonly what: SkippedKind
  readonly why: string
  readonly recorded: RecordedEntry
}

/** Applies the entries of one layer after the other: the visitor that layers are scanned with. */
class Unpacker {
  readonly #fs: FileSystem
  readonly #tree: SafeTree
  readonly #options: UnpackOptions
  readonly #skipped: SkippedList = new SkippedList()
  readonly #record: RecordWriter | undefined
  readonly #recorded: MadePaths = new MadePaths()
  /** Who unpacks, and whose the files are that are made. */
  readonly #user: { readonly uid: number; readonly gid: number }
  readonly #owner: 'preserve' | 'current' | OwnerMap
  readonly #windows: boolean
  /** Files, links and nodes that the layer at work has made: its whiteouts do not hide them. */
  readonly #made: MadePaths = new MadePaths()
  /** Attributes to set when the layer is done. */
  readonly #xattrs: Map<string, Xattrs> = new Map()
  /**
   * Special files that could not be made. An empty file stands in for each until all is done, so that whiteouts,
   * hard links and replacements mean the same as if it were there.
   */
  readonly #absent: Map<string, Absent> = new Map()
  /** The file that is being written. */
  #file: OpenFile | undefined
  #xattrBytes = 0
  #entries = 0
  #bytes = 0

  constructor(fs: FileSystem, root: string, options: UnpackOptions) {
    this.#fs = fs
    this.#options = options
    this.#windows = builtin('node:process')?.platform === 'win32'
    this.#tree = new SafeTree(fs, root, (path) => this.#removed(path), this.#windows)
    this.#user = userOf(fs, root)
    this.#owner = options.owner ?? (this.#user.uid === 0 ? 'preserve' : 'current')
    this.#record = options.record === undefined ? undefined : this.#openRecord(options.record, root)
  }

  #openRecord(record: string | URL, root: string): RecordWriter {
    const path = directoryPath(record)
    requireOutside(root, path, 'The record')
    return new RecordWriter(path, this.#user.uid, this.#user.gid)
  }

  begin(layer: number): void {
    this.#tree.layer = layer
    this.#made.clear()
  }

  entry(entry: LayerEntryHeader): void | Promise<void> {
    try {
      return this.#apply(entry)
    } catch (error) {
      throw cannot('make', entry, error)
    }
  }

  #apply(entry: LayerEntryHeader): void | Promise<void> {
    this.#entries++
    if (entry.aufs) return undefined
    refuseUnsafe(entry)
    if (entry.whiteout !== null) {
      this.#hide(entry, entry.whiteout)
      return undefined
    }
    const path = entry.pathBytes === undefined ? entry.path : nameFromBytes(entry.pathBytes)
    if (path === '') {
      this.#directory(entry, this.#tree.resolve('', entry.name, true))
      return undefined
    }
    if (this.#windows) refuseWindowsName(path, entry.name)
    const slash = path.lastIndexOf('/')
    const parent = this.#tree.resolve(slash < 0 ? '' : path.slice(0, slash), entry.name, true)
    const name = slash < 0 ? path : path.slice(slash + 1)
    // The parents' symlinks are resolved: this is where it really goes.
    const real = parent.path === '' ? name : `${parent.path}/${name}`
    if (entry.type === 'directory') {
      this.#directory(entry, this.#tree.makeDirectory(parent, real, entry.name))
      return undefined
    }
    this.#tree.touch(parent)
    if (this.#tree.layer > 0) this.#made.add(real)
    switch (entry.type) {
      case 'file':
        this.#openFile(entry, real)
        return undefined
      case 'link':
        this.#link(entry, real)
        return undefined
      case 'symlink':
        this.#symlink(entry, real)
        return undefined
      default:
        return this.#special(entry, parent, name, real)
    }
  }

  data(chunk: Uint8Array): void {
    if (this.#file === undefined) return
    try {
      for (let at = 0; at < chunk.length; ) at += this.#fs.writeSync(this.#file.fd, chunk, at)
    } catch (error) {
      throw cannot('write', this.#file.entry, error)
    }
    this.#bytes += chunk.length
  }

  entryEnd(): void | Promise<void> {
    if (this.#file !== undefined) this.#closeFile(this.#file)
    // A layer may have attributes on every file: what waits to be set is bounded.
    return this.#xattrBytes > MAX_XATTR_BYTES ? this.endLayer() : undefined
  }

  #closeFile({ fd, entry, path }: OpenFile): void {
    this.#file = undefined
    try {
      applyToDescriptor(this.#fs, fd, this.#attributes(entry, path))
    } catch (error) {
      throw cannot('give owner, mode and time to', entry, error)
    } finally {
      this.#fs.closeSync(fd)
    }
    this.#keepXattrs(entry, path)
  }

  /** Sets what is set for many files at once. */
  async endLayer(): Promise<void> {
    if (this.#xattrs.size === 0) return
    const refused = await setXattrs(this.#tree.root, this.#xattrs)
    const all = refused.get('')
    for (const [path, xattrs] of this.#xattrs) {
      const why = refused.get(path) ?? all
      if (why === undefined) continue
      this.#skipped.add(path, 'xattr', `${[...xattrs.keys()].join(', ')}: ${why}`)
      this.#keep(path, { xattrs })
    }
    this.#xattrs.clear()
    this.#xattrBytes = 0
  }

  async finish(signal: AbortSignal | undefined): Promise<UnpackReport> {
    this.#removeStandIns()
    const root = this.#owner === 'current' ? undefined : 0
    const owner = (map: 'uid' | 'gid') =>
      typeof this.#owner === 'object' ? mappedID(toHost(this.#owner[map], 0), 0, map, '.') : root
    await this.#tree.finish(impliedDirectory(owner('uid'), owner('gid')), signal)
    this.#record?.finish()
    return {
      directory: this.#tree.root,
      entries: this.#entries,
      bytes: this.#bytes,
      skipped: this.#skipped.listed,
      skippedCounts: this.#skipped.counts,
    }
  }

  /** Lets go of what is open. */
  abandon(): void {
    if (this.#file !== undefined) this.#fs.closeSync(this.#file.fd)
    this.#file = undefined
    this.#record?.abandon()
  }

  #hide(entry: LayerEntryHeader, whiteout: NonNullable<LayerEntryHeader['whiteout']>): void {
    // Below the first layer there is nothing to hide.
    if (this.#tree.layer === 0) return
    const path = whiteout.pathBytes === undefined ? whiteout.path : nameFromBytes(whiteout.pathBytes)
    if (whiteout.kind === 'opaque') {
      const directory = this.#tree.resolve(path, entry.name, false)
      if (directory !== undefined) this.#tree.hideChildren(directory, this.#made, entry.name)
      return
    }
    const slash = path.lastIndexOf('/')
    const parent = this.#tree.resolve(slash < 0 ? '' : path.slice(0, slash), entry.name, false)
    if (parent === undefined) return
    const name = slash < 0 ? path : path.slice(slash + 1)
    this.#tree.hide(parent.path === '' ? name : `${parent.path}/${name}`, this.#made, entry.name)
  }

  #directory(entry: LayerEntryHeader, directory: RealDirectory): void {
    this.#tree.touch(directory)
    // What was recorded of it says how a lower layer had it.
    if (this.#recorded.has(directory.path)) this.#record?.remove(directory.path)
    directory.attributes = this.#attributes(entry, directory.path)
    directory.attributesLayer = this.#tree.layer
    this.#keepXattrs(entry, directory.path)
  }

  #openFile(entry: LayerEntryHeader, path: string): void {
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = this.#fs.constants
    // O_EXCL refuses whatever is there, symlinks included; O_NOFOLLOW says so once more.
    const flags = O_WRONLY | O_CREAT | O_EXCL | (O_NOFOLLOW ?? 0)
    this.#replacing(entry, path, () => {
      this.#file = { fd: this.#fs.openSync(this.#tree.onDisk(path), flags, 0o600), entry, path }
    })
  }

  #symlink(entry: LayerEntryHeader, path: string): void {
    const target = entry.linkPathBytes === undefined ? entry.linkPath : nameFromBytes(entry.linkPathBytes)
    const disk = this.#tree.onDisk(path)
    this.#replacing(entry, path, () => this.#fs.symlinkSync(diskPath(target), disk))
    try {
      applyToSymlink(this.#fs, disk, this.#attributes(entry, path))
    } catch (error) {
      throw cannot('give owner and time to', entry, error)
    }
    this.#keepXattrs(entry, path)
  }

  #link(entry: LayerEntryHeader, path: string): void {
    const asked =
      entry.linkTargetBytes === undefined ? entry.linkTarget : nameFromBytes(entry.linkTargetBytes)
    const slash = asked.lastIndexOf('/')
    const parent = this.#tree.resolve(slash < 0 ? '' : asked.slice(0, slash), entry.name, false)
    const name = slash < 0 ? asked : asked.slice(slash + 1)
    const target = parent === undefined || parent.path === '' ? name : `${parent.path}/${name}`
    if (parent !== undefined && target === path) {
      throw new OciError('PATH_UNSAFE', `Entry "${entry.name}" is a hard link to itself`, {
        path: entry.name,
      })
    }
    const from = this.#tree.onDisk(target)
    const status = parent && this.#tree.status(target)
    if (status === undefined) {
      throw new OciError(
        'PATH_NOT_FOUND',
        `Entry "${entry.name}" is a hard link to "${entry.linkPath}", which is not in this layer before it, nor in one below`,
        { path: entry.name },
      )
    }
    if (status.isDirectory()) {
      throw new OciError(
        'PATH_UNSAFE',
        `Entry "${entry.name}" is a hard link to "${entry.linkPath}", which is a directory`,
        { path: entry.name },
      )
    }
    const disk = this.#tree.onDisk(path)
    if (status.isSymbolicLink()) {
      // Whether link(2) follows a symlink is the system's choice: a copy of the symlink never leads elsewhere.
      const to = this.#fs.readlinkSync(from, { encoding: 'buffer' })
      this.#replacing(entry, path, () => this.#fs.symlinkSync(diskPath(nameFromBytes(to)), disk))
      if (this.#owner !== 'current') this.#fs.lchownSync(disk, status.uid, status.gid)
      this.#fs.lutimesSync(disk, status.atime, status.mtime)
      this.#keepLink(path, target)
      return
    }
    this.#replacing(entry, path, () => this.#fs.linkSync(from, disk))
    this.#keepLink(path, target)
    const xattrs = this.#xattrs.get(target)
    if (xattrs !== undefined) this.#xattrs.set(path, xattrs)
    const absent = this.#absent.get(target)
    if (absent !== undefined) this.#absent.set(path, { ...absent, what: 'link' })
  }

  async #special(entry: LayerEntryHeader, parent: RealDirectory, name: string, path: string): Promise<void> {
    const what = entry.type === 'fifo' ? 'fifo' : 'device'
    this.#tree.remove(path, entry.name)
    const why = await this.#makeSpecial(entry, this.#tree.onDisk(parent.path), name)
    if (why !== undefined) {
      this.#standIn(entry, path, what, why)
      return
    }
    const disk = this.#tree.onDisk(path)
    try {
      applyToSpecialFile(this.#fs, disk, this.#attributes(entry, path))
    } catch (error) {
      throw cannot('give owner, mode and time to', entry, error)
    }
    this.#keepXattrs(entry, path)
  }

  async #makeSpecial(entry: LayerEntryHeader, directory: string, name: string): Promise<string | undefined> {
    if (entry.type !== 'fifo' && this.#options.devices !== true) return 'device nodes were not asked for'
    if (this.#options.commands === false) return 'Node can make none, and commands were not to be run'
    if (entry.type === 'fifo') return makeFifo(directory, name, 0o600)
    const { deviceMajor: major, deviceMinor: minor } = entry
    const type = entry.type === 'block-device' ? 'block-device' : 'character-device'
    return makeDevice(directory, name, { type, major, minor }, 0o600)
  }

  /** Makes something, first taking away what is in its place. */
  #replacing(entry: LayerEntryHeader, path: string, make: () => void): void {
    try {
      try {
        make()
      } catch (error) {
        if (systemCode(error) !== 'EEXIST') throw error
        this.#tree.remove(path, entry.name)
        make()
      }
    } catch (error) {
      throw cannot('make', entry, error)
    }
  }

  /** What an entry's file gets on disk; what it does not get is reported, and recorded. */
  #attributes(entry: LayerEntryHeader, path: string): Attributes {
    let { mode } = entry
    const { mtime } = entry
    if ((mode & SET_ID) !== 0 && entry.type !== 'directory' && this.#options.setid !== true) {
      if (entry.type === 'file') {
        this.#skipped.add(path, 'set-id', 'set-user-ID and set-group-ID bits were not asked for')
        this.#keep(path, { mode })
      }
      mode &= ~SET_ID
    }
    if (!isExactOnDisk(mtime)) {
      this.#skipped.add(
        path,
        'time',
        'times are set to the microsecond (before 1970: millisecond), and from 1901 to 2446',
      )
      this.#keep(path, { mtime })
    }
    return { mode, ...this.#ownerOf(entry, path), mtime }
  }

  #ownerOf(entry: LayerEntryHeader, path: string): Pick<Attributes, 'uid' | 'gid'> {
    const { uid, gid } = entry
    const leave = { uid: undefined, gid: undefined }
    if (this.#owner === 'current') {
      // The user who unpacks stands for root, so root's files have lost nothing.
      if (uid !== 0 || gid !== 0) {
        this.#skipped.add(path, 'owner', `${uid}:${gid} was not asked for, or needs root`)
        this.#keep(path, { uid, gid })
      }
      return leave
    }
    if (typeof this.#owner === 'object') {
      return {
        uid: mappedID(toHost(this.#owner.uid, uid), uid, 'uid', entry.name),
        gid: mappedID(toHost(this.#owner.gid, gid), gid, 'gid', entry.name),
      }
    }
    if (!isOwnerID(uid) || !isOwnerID(gid)) {
      this.#skipped.add(path, 'owner', `${uid}:${gid} is no owner that the system has`)
      this.#keep(path, { uid, gid })
      return leave
    }
    // New files are this user's: a call saved for nearly all of them.
    return uid === this.#user.uid && gid === this.#user.gid ? leave : { uid, gid }
  }

  #keepXattrs(entry: LayerEntryHeader, path: string): void {
    if (entry.xattrs.size === 0) {
      this.#xattrs.delete(path)
      return
    }
    const { xattrs: asked, commands } = this.#options
    const set = new Map<string, Uint8Array>()
    const left = new Map<string, Uint8Array>()
    for (const [name, value] of entry.xattrs) {
      const wanted = typeof asked === 'function' ? asked(name, path) : (asked ?? !isPrivileged(name))
      if (OF_THIS_MACHINE.has(name) || !wanted) left.set(name, value)
      else set.set(name, value)
    }
    if (left.size > 0) {
      this.#skipped.add(path, 'xattr', `${[...left.keys()].join(', ')}: not asked for`)
      this.#keep(path, { xattrs: left })
    }
    if (set.size === 0) return
    if (commands === false) {
      const why = 'Node can set none, and commands were not to be run'
      this.#skipped.add(path, 'xattr', `${[...set.keys()].join(', ')}: ${why}`)
      this.#keep(path, { xattrs: new Map([...left, ...set]) })
    } else {
      this.#xattrs.set(path, set)
      for (const [name, value] of set) this.#xattrBytes += path.length + name.length + value.length
    }
  }

  /** Puts an empty file in the place of a special file that cannot be made. */
  #standIn(entry: LayerEntryHeader, path: string, what: SkippedKind, why: string): void {
    if (this.#absent.size >= MAX_ABSENT) {
      throw new OciError(
        'LIMIT_EXCEEDED',
        `Entry "${entry.name}" is one more than the ${MAX_ABSENT} FIFOs and device nodes that may be left out`,
        { path: entry.name, expected: MAX_ABSENT },
      )
    }
    this.#openFile(entry, path)
    this.#fs.closeSync(this.#file!.fd)
    this.#file = undefined
    const recorded: RecordedEntry = {
      type: entry.type === 'fifo' || entry.type === 'block-device' ? entry.type : 'character-device',
      device: entry.type === 'fifo' ? undefined : [entry.deviceMajor, entry.deviceMinor],
      mode: entry.mode,
      uid: entry.uid,
      gid: entry.gid,
      mtime: entry.mtime,
      xattrs: entry.xattrs.size > 0 ? entry.xattrs : undefined,
    }
    this.#absent.set(path, { what, why, recorded })
  }

  /** Takes away what stood in for special files, and says so. */
  #removeStandIns(): void {
    for (const [path, { what, why, recorded }] of [...this.#absent]) {
      this.#tree.remove(path, path)
      this.#skipped.add(path, what, why)
      this.#keep(path, recorded)
    }
  }

  #keep(path: string, entry: RecordedEntry): void {
    if (this.#record === undefined) return
    this.#record.add(path, entry)
    this.#recorded.add(path)
  }

  /** A further name of a file has lost what the file has. */
  #keepLink(path: string, target: string): void {
    if (!this.#recorded.has(target)) return
    this.#record?.link(path, target)
    this.#recorded.add(path)
  }

  #removed(path: string): void {
    this.#xattrs.delete(path)
    this.#absent.delete(path)
    if (this.#recorded.has(path)) this.#record?.remove(path)
  }
}

/** Who unpacks: the owner of a file that is made in the directory. */
function userOf(fs: FileSystem, root: string): { uid: number; gid: number } {
  const probe = `${root}/.oci-ts-owner`
  const fd = fs.openSync(probe, 'wx', 0o600)
  try {
    const { uid, gid } = fs.fstatSync(fd)
    return { uid, gid }
  } finally {
    fs.closeSync(fd)
    fs.unlinkSync(probe)
  }
}

function cannot(what: string, entry: LayerEntryHeader, error: unknown): unknown {
  return diskError(error, `Cannot ${what} the ${entry.type} "${entry.name}"`, entry.name)
}
