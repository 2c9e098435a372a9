/**
 * A directory tree on disk that nothing leads out of: the ground on which layers are unpacked.
 *
 * The tree starts empty and everything in it is made through here, so the real directories in it are all known:
 * they are the cache. A path is walked name by name; what is not a known directory is looked at with `lstat`, and a
 * symlink is resolved inside the root, as containerd and umoci do, `..` and absolute targets included. While the
 * work lasts every directory has mode 0700, the root first, so nobody else can put a link in the way.
 */
import { OciError } from '../errors.ts'
import { endOfTurn } from '../runtime.ts'
import type { Attributes } from './attributes.ts'
import { applyToDescriptor, IMPLIED_DIRECTORY_MODE } from './attributes.ts'
import { diskError, systemCode } from './disk-error.ts'
import { diskPath, nameFromBytes } from './disk-name.ts'
import { exactStatusOnDisk, statusOnDisk } from './disk-status.ts'
import type { MadePaths } from './made-paths.ts'
import { refuseWindowsName } from './windows-name.ts'

type FileSystem = typeof import('node:fs')

/** As many as Linux follows in one path. */
const MAX_SYMLINKS = 40

/** A directory that is known to be real: neither it nor any parent is a symlink. */
export interface RealDirectory {
  /** From the root, without a slash at either end; empty for the root. */
  readonly path: string
  readonly parent: RealDirectory | undefined
  /** What it gets when all is done; undefined where no entry spoke of it. */
  attributes: Attributes | undefined
  /** The layer whose entry gave the attributes, -1 where none did. */
  attributesLayer: number
  /** The topmost layer that made it or anything below it. */
  layer: number
  /** The topmost layer that has hidden all that lower layers had below it. */
  hiddenBy: number
}

/** Told of what is taken away, and of a directory that lower layers say nothing of any more. */
export type OnRemove = (path: string) => void

/** The tree below one root. */
export class SafeTree {
  /** The root as the file system calls want it, without a slash at its end. */
  readonly root: string
  /** The layer that is being applied, from 0. */
  layer = 0
  readonly #fs: FileSystem
  readonly #onRemove: OnRemove
  readonly #windows: boolean
  readonly #directories: Map<string, RealDirectory> = new Map()
  readonly #top: RealDirectory
  /** The parent asked for last, as written and as found: entries come directory by directory. */
  #lastAsked: string | undefined
  #lastFound: RealDirectory | undefined

  /**
   * @param root An existing empty real directory.
   * @param onRemove Called with the path of each thing that is taken away again, or of which only the attributes are.
   * @param windows Whether the system is Windows, where more than `/` parts names.
   */
  constructor(fs: FileSystem, root: string, onRemove: OnRemove, windows: boolean) {
    this.#windows = windows
    this.#fs = fs
    this.root = root
    this.#onRemove = onRemove
    this.#top = {
      path: '',
      parent: undefined,
      attributes: undefined,
      attributesLayer: -1,
      layer: 0,
      hiddenBy: -1,
    }
    this.#directories.set('', this.#top)
  }

  /** Real directories there are, the root included. */
  get size(): number {
    return this.#directories.size
  }

  /** Where a path of the tree is on disk. The parents have to be real directories. */
  onDisk(path: string): string {
    return diskPath(path === '' ? this.root : `${this.root}/${path}`)
  }

  /** What is at a path whose parents are real directories, symlinks not followed; undefined where nothing is. */
  status(path: string): import('node:fs').Stats | undefined {
    return statusOnDisk(this.#fs, this.onDisk(path), path)
  }

  /** The known real directory of exactly this path. */
  directory(path: string): RealDirectory | undefined {
    return this.#directories.get(path)
  }

  /**
   * The real directory that a path leads to, symlinks resolved inside the root.
   * @param entry The entry's name, for errors.
   * @returns undefined where there is none and `create` is false.
   * @throws OciError `PATH_UNSAFE`, where it was to be made, when symlinks go in circles or a parent is no directory.
   */
  resolve(path: string, entry: string, create: true): RealDirectory
  resolve(path: string, entry: string, create: boolean): RealDirectory | undefined
  resolve(path: string, entry: string, create: boolean): RealDirectory | undefined {
    if (path === this.#lastAsked) return this.#lastFound
    const found = this.#directories.get(path) ?? this.#walk(path, entry, create)
    if (found !== undefined) {
      this.#lastAsked = path
      this.#lastFound = found
    }
    return found
  }

  /** Notes that the layer at work has made something in a directory. */
  touch(directory: RealDirectory): void {
    for (
      let at: RealDirectory | undefined = directory;
      at !== undefined && at.layer < this.layer;
      at = at.parent
    ) {
      at.layer = this.layer
    }
  }

  /**
   * Makes the directory, or keeps it where it is one already; anything else in its place is taken away.
   * @param path Its path, the parents resolved.
   */
  makeDirectory(parent: RealDirectory, path: string, entry: string): RealDirectory {
    const known = this.#directories.get(path)
    if (known !== undefined) {
      this.touch(known)
      return known
    }
    const disk = this.onDisk(path)
    try {
      this.#fs.mkdirSync(disk, 0o700)
    } catch (error) {
      if (systemCode(error) !== 'EEXIST')
        throw diskError(error, `Cannot make the directory "${entry}"`, entry)
      const same = this.#alias(parent, path)
      if (same !== undefined) {
        this.touch(same)
        return same
      }
      this.remove(path, entry)
      this.#fs.mkdirSync(disk, 0o700)
    }
    return this.#enter(parent, path)
  }

  /** Takes away whatever is at a path, with all below it; nothing there is no error. Never follows a symlink. */
  remove(path: string, entry: string): void {
    const status = this.status(path)
    if (status === undefined) return
    // What is taken away may have been a symlink on the way that was found last.
    this.#lastAsked = undefined
    this.#lastFound = undefined
    try {
      if (status.isDirectory()) this.#removeDirectory(path, entry)
      else {
        this.#fs.unlinkSync(this.onDisk(path))
        this.#onRemove(path)
      }
    } catch (error) {
      throw diskError(error, `Cannot take away what "${entry}" replaces or hides`, entry)
    }
  }

  /**
   * Hides what lower layers have at a path: whatever the layer at work made there, or below, stays.
   * @param made The files that the layer at work has made.
   */
  hide(path: string, made: MadePaths, entry: string): void {
    const directory = this.#directories.get(path)
    if (directory !== undefined) {
      if (directory.layer < this.layer) {
        this.remove(path, entry)
        return
      }
      this.hideChildren(directory, made, entry)
      this.#hideAttributes(directory)
    } else if (!made.has(path)) {
      this.remove(path, entry)
    }
  }

  /** Hides all that lower layers have in a directory. Done once for a directory and layer: repeating it costs nothing. */
  hideChildren(directory: RealDirectory, made: MadePaths, entry: string): void {
    for (let at: RealDirectory | undefined = directory; at !== undefined; at = at.parent) {
      if (at.hiddenBy === this.layer) return
    }
    this.#hideBelow(directory, made, entry)
  }

  /** Gives every directory its attributes, the deepest first, the root last. Nothing can be made afterwards. */
  async finish(implied: Attributes, signal?: AbortSignal | undefined): Promise<void> {
    const deepestFirst = [...this.#directories.values()].sort((a, b) => b.path.length - a.path.length)
    const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = this.#fs.constants
    // Windows has neither flag: there Node opens a directory as it is.
    const flags = O_RDONLY | (O_DIRECTORY ?? 0) | (O_NOFOLLOW ?? 0)
    for (const directory of deepestFirst) {
      const turn = endOfTurn()
      if (turn !== undefined) {
        await turn
        signal?.throwIfAborted()
      }
      try {
        const fd = this.#fs.openSync(this.onDisk(directory.path), flags)
        try {
          applyToDescriptor(this.#fs, fd, directory.attributes ?? implied)
        } finally {
          this.#fs.closeSync(fd)
        }
      } catch (error) {
        const name = directory.path || '.'
        throw diskError(error, `Cannot give the directory "${name}" its owner, mode and time`, name)
      }
    }
  }

  #hideBelow(directory: RealDirectory, made: MadePaths, entry: string): void {
    if (directory.hiddenBy === this.layer) return
    directory.hiddenBy = this.layer
    for (const name of readNames(this.#fs, this.onDisk(directory.path))) {
      const path = directory.path === '' ? name : `${directory.path}/${name}`
      const below = this.#directories.get(path)
      if (below === undefined) {
        if (!made.has(path)) this.remove(path, entry)
      } else if (below.layer < this.layer) {
        this.remove(path, entry)
      } else {
        this.#hideBelow(below, made, entry)
        this.#hideAttributes(below)
      }
    }
  }

  /** What lower layers said of a directory that stays is gone with it. */
  #hideAttributes(directory: RealDirectory): void {
    if (directory.attributesLayer >= this.layer) return
    directory.attributes = undefined
    directory.attributesLayer = -1
    this.#onRemove(directory.path)
  }

  #enter(parent: RealDirectory, path: string): RealDirectory {
    const directory: RealDirectory = {
      path,
      parent,
      attributes: undefined,
      attributesLayer: -1,
      layer: this.layer,
      // A new directory has nothing of lower layers.
      hiddenBy: this.layer,
    }
    this.#directories.set(path, directory)
    this.touch(parent)
    return directory
  }

  #walk(path: string, entry: string, create: boolean): RealDirectory | undefined {
    // Names still to go, the next one last: a symlink puts its target's on top.
    const names = path.split('/').reverse()
    let at = this.#top
    let symlinks = 0
    for (;;) {
      const name = names.pop()
      if (name === undefined) return at
      if (name === '' || name === '.') continue
      if (name === '..') {
        at = at.parent ?? at
        continue
      }
      // A symlink's target is text that nobody has looked at.
      if (this.#windows) refuseWindowsName(name, entry)
      const next = at.path === '' ? name : `${at.path}/${name}`
      const known = this.#directories.get(next)
      if (known !== undefined) {
        at = known
        continue
      }
      const status = this.status(next)
      if (status === undefined) {
        if (!create) return undefined
        at = this.makeDirectory(at, next, entry)
      } else if (status.isSymbolicLink()) {
        if (++symlinks > MAX_SYMLINKS) {
          if (!create) return undefined
          throw new OciError(
            'PATH_UNSAFE',
            `The parents of "${entry}" are symlinks that go in circles (more than ${MAX_SYMLINKS} followed)`,
            { path: entry, expected: MAX_SYMLINKS },
          )
        }
        const target = nameFromBytes(this.#fs.readlinkSync(this.onDisk(next), { encoding: 'buffer' }))
        if (target.startsWith('/')) at = this.#top
        for (const part of target.split('/').reverse()) names.push(part)
      } else if (status.isDirectory()) {
        const same = this.#alias(at, next)
        if (same === undefined) throw strange(entry, next)
        at = same
      } else {
        if (!create) return undefined
        throw new OciError(
          'PATH_UNSAFE',
          `"${entry}" lies below "${next}", which is no directory: the layer has to replace it by one first`,
          { path: entry },
        )
      }
    }
  }

  /**
   * The known directory that is the same one on disk under another spelling: file systems that ignore case or
   * normalise names have several names for one thing, and the cache must not take one for absent or, worse,
   * keep one that is gone.
   */
  #alias(parent: RealDirectory, path: string): RealDirectory | undefined {
    const status = exactStatusOnDisk(this.#fs, this.onDisk(path), path)
    if (status === undefined || !status.isDirectory()) return undefined
    for (const directory of this.#directories.values()) {
      if (directory.parent !== parent) continue
      const other = exactStatusOnDisk(this.#fs, this.onDisk(directory.path), directory.path)
      if (other !== undefined && other.ino === status.ino && other.dev === status.dev) return directory
    }
    return undefined
  }

  #removeDirectory(path: string, entry: string): void {
    let directory = this.#directories.get(path)
    if (directory === undefined) {
      const slash = path.lastIndexOf('/')
      const parent = this.#directories.get(slash < 0 ? '' : path.slice(0, slash))
      directory = parent && this.#alias(parent, path)
      if (directory === undefined) throw strange(entry, path)
    }
    const real = directory.path
    const disk = this.onDisk(real)
    for (const child of this.#fs.readdirSync(disk, { withFileTypes: true })) {
      const name = child.name.includes('\ufffd') ? undefined : child.name
      if (name === undefined) continue
      if (child.isDirectory()) this.#removeDirectory(`${real}/${name}`, entry)
      else {
        this.#fs.unlinkSync(this.onDisk(`${real}/${name}`))
        this.#onRemove(`${real}/${name}`)
      }
    }
    // What is left has names that a string cannot say.
    for (const name of readNames(this.#fs, disk)) this.remove(`${real}/${name}`, entry)
    this.#fs.rmdirSync(disk)
    this.#directories.delete(real)
    this.#onRemove(real)
  }
}

/** The names in a directory, in no order. */
export function readNames(fs: FileSystem, disk: string): string[] {
  const names = fs.readdirSync(disk)
  if (!names.some((name) => name.includes('\ufffd'))) return names
  return fs.readdirSync(disk, { encoding: 'buffer' }).map(nameFromBytes)
}

function strange(entry: string, path: string): OciError {
  return new OciError(
    'PATH_UNSAFE',
    `"${entry}" leads into "${path}", a directory that this unpacking did not make: something else writes there`,
    { path: entry },
  )
}

/** The attributes of a directory that no entry speaks of: owned by root, mode 0755, as old as time. */
export function impliedDirectory(uid: number | undefined, gid: number | undefined): Attributes {
  return { mode: IMPLIED_DIRECTORY_MODE, uid, gid, mtime: { seconds: 0, nanoseconds: 0 } }
}
