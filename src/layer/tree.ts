/**
 * A tree of files as one layer after the other makes it: every path with its attributes, no content. Compact, for
 * images have millions of paths: columns of numbers, names in one arena; docs/decisions says what a path takes.
 */
import { OciError } from '../errors.ts'
import type { TarEntryType, TarHeader, Timestamp } from '../tar/index.ts'
import { ByteArena, grownLength, resized } from './columns.ts'
import { compareNames, decodeName, NameEncoder, undecodable } from './name-bytes.ts'

/** The kinds of file that a path can be: a hard link is another path of a file, not a kind. */
export type FileType = Exclude<TarEntryType, 'link'>

/** What a tree keeps of a file, beside where it is: what a file system would. */
export type FileAttributes = Pick<
  TarHeader,
  | 'mode'
  | 'uid'
  | 'gid'
  | 'uname'
  | 'gname'
  | 'size'
  | 'mtime'
  | 'linkPath'
  | 'linkPathBytes'
  | 'deviceMajor'
  | 'deviceMinor'
  | 'xattrs'
> & { readonly type: FileType }

/** One path of a tree, as it is now. */
export interface TreeNode extends FileAttributes {
  /** Relative to the root: no `/` at either end, no `.` or `..`; empty for the root itself. */
  readonly path: string
  /** The path's bytes, only where they are not valid UTF-8. */
  readonly pathBytes?: Uint8Array | undefined
  /** Bytes of content; of a symlink the bytes of its target; else 0. */
  readonly size: number
  /** Where a symlink leads, as written; empty for other types. */
  readonly linkPath: string
  /** Which path it is: {@link FileTree.node} gives it again for this number, as long as nothing changes there. */
  readonly id: number
  /** How many paths this file has: 1 but for hard links. */
  readonly nlink: number
  /** Which file it is: the same number for the paths that are hard links of each other. */
  readonly inode: number
  /** The position of the layer whose entry made the path what it is. */
  readonly layer: number
  /** Whether no entry describes the directory: only paths below it say that it is there. */
  readonly implied: boolean
  /** The position of the layer that has the content, which may be below that of a hard link. */
  readonly contentLayer: number
  /** Where the content starts in that layer's uncompressed tar, in bytes; 0 for all but files. */
  readonly contentOffset: number
  /** What names that layer's tar, where who applied the layer said so: its diffID. */
  readonly contentSource: string | undefined
}

/** How large a tree may get. */
export interface TreeLimits {
  /** Paths, those that later layers remove included: 10 000 000. */
  readonly maxPaths?: number | undefined
  /** Bytes of names, link targets and extended attributes together: 1 GiB. */
  readonly maxNameBytes?: number | undefined
}

/** Why a path leads nowhere. */
export interface PathProblem {
  readonly kind: 'missing' | 'not-directory' | 'too-many-links'
  /** The node that has, or would have, the component where it ended. */
  readonly directory: number
  /** That component. */
  readonly name: string
}

/** How {@link FileTree.resolve} goes along a path. */
export interface ResolveOptions {
  /** Whether a symlink in the last place is followed. */
  readonly follow?: boolean | undefined
  /** Makes directories that are missing, as implied by a layer at this position. */
  readonly makeDirectories?: number | undefined
  /** Told of each symlink that was followed. */
  readonly onLink?: ((node: number) => void) | undefined
  /** Lets U+FFFD in a name stand for bytes that are not UTF-8, which text cannot name. */
  readonly lenientNames?: boolean | undefined
}

/** Symlinks that one path may lead through: what containerd allows (Linux: 40). */
export const MAX_LINKS = 255

/** Bytes of all targets that one path may lead through: what bounds the time that a path can cost. */
const MAX_LINK_BYTES = 0xffff

/** The node of the root, which is always a directory. */
export const ROOT = 0

const types: readonly FileType[] = [
  'file',
  'directory',
  'symlink',
  'character-device',
  'block-device',
  'fifo',
]
const FILE = 0
const DIRECTORY = 1
const SYMLINK = 2

/** In a mode's column: the type above twelve bits of permissions, one bit for implied directories. */
const TYPE_SHIFT = 12
const PERMISSIONS = 0o7777
const IMPLIED = 0x8000

const NONE = -1
/** Paths from which on the columns have pages of their own. */
const LARGE = 1 << 16
/** In the column of siblings: of a directory that went, with this name in it. */
const UNLINKED = -2
const SLASH = 0x2f
const DOT = 0x2e
const noXattrs: ReadonlyMap<string, Uint8Array> = /* @__PURE__ */ new Map()

interface Owner {
  readonly uid: number
  readonly gid: number
  readonly uname: string
  readonly gname: string
}

/** What few files have. */
interface Extra {
  readonly deviceMajor: number
  readonly deviceMinor: number
  readonly xattrs: ReadonlyMap<string, Uint8Array>
}

/**
 * The tree. A node is a number that stands for one path (a directory's node and a name), whether something is
 * there now or not; an inode is a number that stands for one file.
 *
 * @example
 * const tree = new FileTree()
 * for (const layer of image.layers) await applyLayer(tree, layer.entries(), { position: layer.position })
 * for (const node of tree.walk()) console.log(node.path, node.layer)
 */
export class FileTree {
  // By node.
  #parent: Int32Array = new Int32Array(64)
  #firstChild: Int32Array = new Int32Array(64)
  #nextSibling: Int32Array = new Int32Array(64)
  /** -1 where nothing is. */
  #inode: Int32Array = new Int32Array(64)
  #nameAt: Uint32Array = new Uint32Array(64)
  #nameLength: Uint16Array = new Uint16Array(64)
  #layer: Uint16Array = new Uint16Array(64)
  #nodes = 0
  /** (directory, name) → node + 1; open addressing. */
  #table: Int32Array = new Int32Array(256)
  // By inode.
  #mode: Uint16Array = new Uint16Array(64)
  #owner: Int32Array = new Int32Array(64)
  #size: Float64Array = new Float64Array(64)
  #seconds: Float64Array = new Float64Array(64)
  #nanoseconds: Uint32Array = new Uint32Array(64)
  /** Of files: where the content starts in the tar. Of symlinks: where the target is in the arena. */
  #contentAt: Float64Array = new Float64Array(64)
  #contentLayer: Uint16Array = new Uint16Array(64)
  #linkCount: Uint32Array = new Uint32Array(64)
  #extra: Int32Array = new Int32Array(64)
  #inodes = 0
  readonly #freeInodes: number[] = []
  // Shared.
  readonly #sources: (string | undefined)[] = []
  readonly #names = new ByteArena()
  readonly #owners: Owner[] = []
  readonly #ownerNumbers = new Map<string, number>()
  #lastOwner = 0
  readonly #extras: Extra[] = []
  readonly #extraNumbers = new Map<string, number>()
  #extraBytes = 0
  /** So that nobody can prepare names that all fall on one place of the table. */
  readonly #seed = Math.floor(Math.random() * 2 ** 32)
  readonly #encoder = new NameEncoder()
  readonly #maxPaths: number
  readonly #maxNameBytes: number
  #livePaths = 0

  /** An empty tree: a root, implied. */
  constructor(limits: TreeLimits = {}) {
    this.#maxPaths = limits.maxPaths ?? 10_000_000
    this.#maxNameBytes = limits.maxNameBytes ?? 1 << 30
    const root = this.#addNode(ROOT, new Uint8Array(0), 0, 0)
    this.put(root, impliedDirectory, 0, 0)
    this.#mode[this.#inode[root]!]! |= IMPLIED
  }

  /** Paths that are there, the root included. */
  get size(): number {
    return this.#livePaths
  }

  /** Bytes that the tree takes, without room for more: its columns, its names, and what few files share. */
  get byteLength(): number {
    const nodes = 4 + 4 + 4 + 4 + 4 + 2 + 2
    const inodes = 2 + 4 + 8 + 8 + 4 + 8 + 2 + 4 + 4
    return (
      this.#nodes * nodes +
      this.#inodes * inodes +
      this.#table.byteLength +
      this.#names.size +
      this.#extraBytes
    )
  }

  /** What is at a path, in normal form; a symlink is not followed. */
  get(path: string): TreeNode | undefined {
    const found = this.resolve(path)
    return typeof found === 'number' ? this.node(found) : undefined
  }

  /** A node and every one below it: a directory before what is in it, names in the order of their bytes. */
  *walk(start: number = ROOT): Generator<TreeNode, void, undefined> {
    const first = this.node(start)
    yield first
    // A stack of our own: a hostile tree is deeper than the machine's.
    const below = first.type === 'directory' ? this.children(start) : []
    const directories = [{ node: first, children: below, next: 0 }]
    for (let top = directories.at(-1); top !== undefined; top = directories.at(-1)) {
      const id = top.children[top.next++]
      if (id === undefined) {
        directories.pop()
        continue
      }
      const node = this.node(id, top.node)
      yield node
      if (node.type === 'directory') directories.push({ node, children: this.children(id), next: 0 })
    }
  }

  /** The nodes in a directory, in the order of their names' bytes. */
  children(directory: number): number[] {
    const found: number[] = []
    for (let child = this.#firstChild[directory]!; child !== NONE; child = this.#nextSibling[child]!) {
      if (this.#inode[child] !== NONE) found.push(child)
    }
    return found.sort((a, b) => compareNames(this.nameBytes(a), this.nameBytes(b)))
  }

  /**
   * What a node is. It must be there: {@link FileTree.exists}.
   * @param directory What is known of the directory that it is in, so that its path need not be put together again.
   */
  node(node: number, directory?: TreeNode): TreeNode {
    if (directory !== undefined || node === ROOT) return this.#describe(node, directory)
    const above: number[] = []
    for (let at = this.#parent[node]!; at !== ROOT; at = this.#parent[at]!) above.push(at)
    let path = ''
    let raw: Uint8Array | undefined
    for (const directory of above.reverse()) {
      ;({ path, pathBytes: raw } = this.#join(path, raw, directory))
    }
    return this.#describe(node, { path, pathBytes: raw })
  }

  /** Whether something is at a node. */
  exists(node: number): boolean {
    return this.#inode[node] !== NONE
  }

  isDirectory(node: number): boolean {
    return this.#typeOf(node) === DIRECTORY
  }

  isSymlink(node: number): boolean {
    return this.#typeOf(node) === SYMLINK
  }

  /** The position of the layer whose entry made the path what it is. */
  layerOf(node: number): number {
    return this.#layer[node]!
  }

  /** Whether a node is a directory that only paths below it speak of. */
  isImplied(node: number): boolean {
    const inode = this.#inode[node]!
    return inode !== NONE && (this.#mode[inode]! & IMPLIED) !== 0
  }

  /** The directory that a node is in; the root is in itself. */
  parentOf(node: number): number {
    return this.#parent[node]!
  }

  /** The name's bytes: a view, valid while the tree is. */
  nameBytes(node: number): Uint8Array {
    return this.#names.view(this.#nameAt[node]!, this.#nameLength[node]!)
  }

  /** The path of a node, in normal form, undecodable bytes as U+FFFD. */
  pathOf(node: number): string {
    const names: string[] = []
    for (let at = node; at !== ROOT; at = this.#parent[at]!) names.push(decodeName(this.nameBytes(at)))
    return names.reverse().join('/')
  }

  /**
   * The node that a path leads to from the root, as a process would be led that has it as its root: symlinks are
   * followed inside of it, `..` stays there.
   */
  resolve(path: string | Uint8Array, options: ResolveOptions = {}): number | PathProblem {
    let bytes: Uint8Array
    let end: number
    if (typeof path === 'string') {
      end = this.#encoder.encode(path)
      bytes = this.#encoder.bytes
    } else {
      bytes = path
      end = path.length
    }
    let node = ROOT
    let links = 0
    let linkBytes = 0
    for (let start = 0; start < end; ) {
      if (bytes[start] === SLASH) {
        start++
        continue
      }
      let stop = start + 1
      while (stop < end && bytes[stop] !== SLASH) stop++
      const length = stop - start
      const dots = bytes[start] === DOT && (length === 1 || (length === 2 && bytes[start + 1] === DOT))
      if (dots) {
        if (length === 2) node = this.#parent[node]!
        start = stop
        continue
      }
      const child = this.#childFor(node, bytes, start, stop, options)
      if (child === NONE) {
        return { kind: 'missing', directory: node, name: decodeName(bytes.slice(start, stop)) }
      }
      const last = stop === end
      const type = this.#typeOf(child)
      if (type === SYMLINK && (!last || options.follow === true)) {
        const target = this.#linkTarget(child)
        linkBytes += target.length
        if (++links > MAX_LINKS || linkBytes > MAX_LINK_BYTES) {
          return { kind: 'too-many-links', directory: node, name: decodeName(bytes.slice(start, stop)) }
        }
        options.onLink?.(child)
        // What is left of the path comes after the target.
        const rest = new Uint8Array(target.length + end - stop)
        rest.set(target)
        rest.set(bytes.subarray(stop, end), target.length)
        if (target[0] === SLASH) node = ROOT
        bytes = rest
        start = 0
        end = rest.length
        continue
      }
      if (!last && type !== DIRECTORY) {
        return { kind: 'not-directory', directory: node, name: decodeName(bytes.slice(start, stop)) }
      }
      node = child
      start = stop
    }
    return node
  }

  /** The node for a name in a directory, whether something is there or not. */
  nodeFor(directory: number, name: string | Uint8Array): number {
    if (typeof name !== 'string') return this.#intern(directory, name, 0, name.length)
    const length = this.#encoder.encode(name)
    return this.#intern(directory, this.#encoder.bytes, 0, length)
  }

  /** The node for a name in a directory where something is, else undefined. */
  childOf(directory: number, name: Uint8Array): number | undefined {
    const node = this.#find(directory, name, 0, name.length)
    return node === NONE || this.#inode[node] === NONE ? undefined : node
  }

  /** Says what names the tar of the layer at a position: files of equal sources and offsets have equal content. */
  setSource(position: number, source: string): void {
    this.#sources[position] = source
  }

  /** Makes a node a file of its own, whatever it was; a directory stays one with its children. */
  put(node: number, file: FileAttributes, layer: number, contentOffset: number): void {
    if (file.type !== 'directory' && this.isDirectory(node)) this.remove(node)
    const inode = this.#ownInode(node)
    this.#layer[node] = layer
    const type = types.indexOf(file.type)
    this.#mode[inode] = (type << TYPE_SHIFT) | (file.mode & PERMISSIONS)
    this.#owner[inode] = this.#ownerNumber(file)
    this.#seconds[inode] = file.mtime.seconds
    this.#nanoseconds[inode] = file.mtime.nanoseconds
    this.#contentLayer[inode] = layer
    this.#extra[inode] = this.#extraNumber(file)
    if (type === SYMLINK) {
      const end = file.linkPathBytes?.length ?? this.#encoder.encode(file.linkPath)
      this.#contentAt[inode] = this.#addBytes(file.linkPathBytes ?? this.#encoder.bytes, 0, end)
      this.#size[inode] = end
    } else {
      this.#contentAt[inode] = type === FILE ? contentOffset : 0
      this.#size[inode] = type === FILE ? file.size : 0
    }
  }

  /** Makes a node a directory that only paths below it speak of: mode 0755, of root, of 1970. */
  putImplied(node: number, layer: number): void {
    this.put(node, impliedDirectory, layer, 0)
    this.#mode[this.#inode[node]!]! |= IMPLIED
  }

  /** Makes a node another path of the file at `target`. */
  link(node: number, target: number, layer: number): void {
    const inode = this.#inode[target]!
    if (this.#inode[node] === inode) return
    this.remove(node)
    this.#enter(node)
    this.#inode[node] = inode
    this.#linkCount[inode]!++
    this.#layer[node] = layer
    this.#livePaths++
  }

  /** Empties a node, with all below it. */
  remove(node: number): void {
    if (this.#inode[node] === NONE) return
    const doomed = [node]
    for (let at = doomed.pop(); at !== undefined; at = doomed.pop()) {
      if (this.isDirectory(at)) {
        // The names go out of the directory, or who makes and removes it again and again pays for them each time.
        for (let child = this.#firstChild[at]!; child !== NONE; ) {
          if (this.#inode[child] !== NONE) doomed.push(child)
          const next = this.#nextSibling[child]!
          this.#nextSibling[child] = UNLINKED
          child = next
        }
        this.#firstChild[at] = NONE
      }
      this.#clear(at)
    }
  }

  /**
   * Hides what layers below `position` put below a directory, and `self` with it where that is asked for. What
   * the layer at `position` put there stays; directories that only it still needs become implied.
   *
   * @param done Directories below which nothing of lower layers is left: added to, and not gone through again, or
   *   a layer of many whiteouts would cost their number times that of the files
   */
  hide(directory: number, position: number, self: boolean, done: Set<number>): void {
    if (this.#inode[directory] === NONE) return
    const found = [directory]
    const needed = new Set<number>()
    // Parents come before their children here, so backwards every directory is decided after what is in it.
    for (let i = 0; i < found.length; i++) {
      const at = found[i]!
      if (!this.isDirectory(at)) continue
      if (done.has(at)) {
        // What is left in it is of the layer at `position`. Once it is that layer's itself, nobody has to look again.
        if (this.#layer[at] !== position && this.#hasChild(at)) needed.add(at)
        continue
      }
      done.add(at)
      for (let child = this.#firstChild[at]!; child !== NONE; child = this.#nextSibling[child]!) {
        if (this.#inode[child] !== NONE) found.push(child)
      }
    }
    for (let i = found.length - 1; i >= (self ? 0 : 1); i--) {
      const at = found[i]!
      const own = this.#layer[at] === position
      if (!own && !needed.has(at)) {
        this.#clear(at)
        done.delete(at)
        continue
      }
      if (!own) this.putImplied(at, position)
      needed.add(this.#parent[at]!)
    }
  }

  /**
   * Gives back the room that was made for more: for a tree that is complete. Not that of a large one, whose unused rows
   * are pages that nothing was written to: they take no memory, while copies of the columns take as much again as the
   * tree (a million paths: 60 MiB more at the peak) until V8 collects the old ones.
   */
  trim(): void {
    if (this.#nodes > LARGE) return
    this.#resizeNodes(this.#nodes)
    this.#resizeInodes(this.#inodes)
  }

  #describe(
    node: number,
    directory: { readonly path: string; readonly pathBytes?: Uint8Array | undefined } | undefined,
  ): TreeNode {
    const { path, pathBytes } =
      directory === undefined
        ? { path: '', pathBytes: undefined }
        : this.#join(directory.path, directory.pathBytes, node)
    const inode = this.#inode[node]!
    const mode = this.#mode[inode]!
    const type = types[(mode & ~IMPLIED) >> TYPE_SHIFT]!
    const owner = this.#owners[this.#owner[inode]!]!
    const extra = this.#extra[inode]! === NONE ? undefined : this.#extras[this.#extra[inode]!]
    let linkPath = ''
    let linkPathBytes: Uint8Array | undefined
    if (type === 'symlink') {
      const target = this.#linkTarget(node)
      linkPath = decodeName(target)
      linkPathBytes = undecodable(linkPath, target)
    }
    return {
      path,
      pathBytes,
      type,
      mode: mode & PERMISSIONS,
      uid: owner.uid,
      gid: owner.gid,
      uname: owner.uname,
      gname: owner.gname,
      size: this.#size[inode]!,
      mtime: { seconds: this.#seconds[inode]!, nanoseconds: this.#nanoseconds[inode]! },
      linkPath,
      linkPathBytes,
      deviceMajor: extra?.deviceMajor ?? 0,
      deviceMinor: extra?.deviceMinor ?? 0,
      xattrs: extra?.xattrs ?? noXattrs,
      id: node,
      nlink: this.#linkCount[inode]!,
      inode,
      layer: this.#layer[node]!,
      implied: (mode & IMPLIED) !== 0,
      contentLayer: this.#contentLayer[inode]!,
      contentOffset: type === 'file' ? this.#contentAt[inode]! : 0,
      contentSource: this.#sources[this.#contentLayer[inode]!],
    }
  }

  /** The path of a node in a directory whose path is known. */
  #join(
    path: string,
    pathBytes: Uint8Array | undefined,
    node: number,
  ): { path: string; pathBytes: Uint8Array | undefined } {
    const bytes = this.nameBytes(node)
    const name = decodeName(bytes)
    const joined = path === '' ? name : `${path}/${name}`
    const raw = undecodable(name, bytes)
    if (raw === undefined && pathBytes === undefined) return { path: joined, pathBytes: undefined }
    const before = pathBytes ?? new TextEncoder().encode(path)
    const slash = before.length === 0 ? 0 : 1
    const whole = new Uint8Array(before.length + slash + bytes.length)
    whole.set(before)
    if (slash === 1) whole[before.length] = SLASH
    whole.set(bytes, before.length + slash)
    return { path: joined, pathBytes: whole }
  }

  /** -1 where nothing is. */
  #typeOf(node: number): number {
    const inode = this.#inode[node]!
    return inode === NONE ? NONE : (this.#mode[inode]! & ~IMPLIED) >> TYPE_SHIFT
  }

  #linkTarget(node: number): Uint8Array {
    const inode = this.#inode[node]!
    return this.#names.view(this.#contentAt[inode]!, this.#size[inode]!)
  }

  #childFor(
    directory: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    options: ResolveOptions,
  ): number {
    const { makeDirectories } = options
    if (makeDirectories !== undefined) {
      const child = this.#intern(directory, bytes, start, end)
      if (this.#inode[child] === NONE) this.putImplied(child, makeDirectories)
      return child
    }
    const child = this.#find(directory, bytes, start, end)
    if (child !== NONE && this.#inode[child] !== NONE) return child
    if (options.lenientNames !== true) return NONE
    const wanted = decodeName(bytes.slice(start, end))
    if (!wanted.includes('\uFFFD')) return NONE
    return this.children(directory).find((other) => decodeName(this.nameBytes(other)) === wanted) ?? NONE
  }

  #hasChild(directory: number): boolean {
    let child = this.#firstChild[directory]!
    while (child !== NONE && this.#inode[child] === NONE) child = this.#nextSibling[child]!
    return child !== NONE
  }

  /** An inode that this node alone has, with nothing of what it had before. */
  #ownInode(node: number): number {
    const before = this.#inode[node]!
    if (before !== NONE) {
      if (this.#linkCount[before] === 1) return before
      this.#clear(node)
    }
    const inode = this.#freeInodes.pop() ?? this.#addInode()
    this.#enter(node)
    this.#inode[node] = inode
    this.#linkCount[inode] = 1
    this.#livePaths++
    return inode
  }

  #clear(node: number): void {
    const inode = this.#inode[node]!
    this.#inode[node] = NONE
    this.#livePaths--
    if (--this.#linkCount[inode]! === 0) this.#freeInodes.push(inode)
  }

  #addInode(): number {
    const inode = this.#inodes++
    if (inode === this.#mode.length) {
      this.#resizeInodes(grownLength(inode))
    }
    return inode
  }

  #resizeInodes(length: number): void {
    this.#mode = resized(this.#mode, length)
    this.#owner = resized(this.#owner, length)
    this.#size = resized(this.#size, length)
    this.#seconds = resized(this.#seconds, length)
    this.#nanoseconds = resized(this.#nanoseconds, length)
    this.#contentAt = resized(this.#contentAt, length)
    this.#contentLayer = resized(this.#contentLayer, length)
    this.#linkCount = resized(this.#linkCount, length)
    this.#extra = resized(this.#extra, length)
  }

  #addNode(directory: number, bytes: Uint8Array, start: number, end: number): number {
    if (this.#nodes === this.#maxPaths) {
      throw new OciError('LIMIT_EXCEEDED', `A tree must not have more than ${this.#maxPaths} paths`, {
        expected: this.#maxPaths,
      })
    }
    if (end - start > 0xffff) {
      throw new OciError('LIMIT_EXCEEDED', `A name of ${end - start} bytes is longer than 65535`, {
        expected: 0xffff,
        actual: end - start,
      })
    }
    const node = this.#nodes++
    if (node === this.#parent.length) {
      this.#resizeNodes(grownLength(node))
    }
    this.#nameAt[node] = this.#addBytes(bytes, start, end)
    this.#nameLength[node] = end - start
    this.#parent[node] = directory
    this.#firstChild[node] = NONE
    this.#inode[node] = NONE
    this.#nextSibling[node] = node === ROOT ? NONE : UNLINKED
    return node
  }

  #resizeNodes(length: number): void {
    this.#parent = resized(this.#parent, length)
    this.#firstChild = resized(this.#firstChild, length)
    this.#nextSibling = resized(this.#nextSibling, length)
    this.#inode = resized(this.#inode, length)
    this.#nameAt = resized(this.#nameAt, length)
    this.#nameLength = resized(this.#nameLength, length)
    this.#layer = resized(this.#layer, length)
  }

  /** Puts a node's name into its directory, where it is not in it any more, or not yet. */
  #enter(node: number): void {
    if (this.#nextSibling[node] !== UNLINKED) return
    const directory = this.#parent[node]!
    this.#nextSibling[node] = this.#firstChild[directory]!
    this.#firstChild[directory] = node
  }

  #addBytes(bytes: Uint8Array, start: number, end: number): number {
    const at = this.#names.add(bytes, start, end)
    this.#checkBytes()
    return at
  }

  #checkBytes(): void {
    if (this.#names.size + this.#extraBytes <= this.#maxNameBytes) return
    throw new OciError(
      'LIMIT_EXCEEDED',
      `A tree must not have more than ${this.#maxNameBytes} bytes of names, link targets and extended attributes`,
      { expected: this.#maxNameBytes },
    )
  }

  #intern(directory: number, bytes: Uint8Array, start: number, end: number): number {
    const slot = this.#slotFor(directory, bytes, start, end)
    const found = this.#table[slot]! - 1
    if (found !== NONE) return found
    const node = this.#addNode(directory, bytes, start, end)
    this.#table[slot] = node + 1
    if (this.#nodes * 2 > this.#table.length) this.#growTable()
    return node
  }

  #find(directory: number, bytes: Uint8Array, start: number, end: number): number {
    return this.#table[this.#slotFor(directory, bytes, start, end)]! - 1
  }

  /** The slot of a path's node, or the empty one where it would go. */
  #slotFor(directory: number, bytes: Uint8Array, start: number, end: number): number {
    const mask = this.#table.length - 1
    for (let slot = this.#hash(directory, bytes, start, end) & mask; ; slot = (slot + 1) & mask) {
      const node = this.#table[slot]! - 1
      if (node === NONE) return slot
      if (
        this.#parent[node] === directory &&
        this.#nameLength[node] === end - start &&
        this.#names.equals(this.#nameAt[node]!, bytes, start, end)
      ) {
        return slot
      }
    }
  }

  #growTable(): void {
    const table = new Int32Array(this.#table.length * 2)
    const mask = table.length - 1
    for (let node = 1; node < this.#nodes; node++) {
      const name = this.nameBytes(node)
      let slot = this.#hash(this.#parent[node]!, name, 0, name.length) & mask
      while (table[slot] !== 0) slot = (slot + 1) & mask
      table[slot] = node + 1
    }
    this.#table = table
  }

  #hash(directory: number, bytes: Uint8Array, start: number, end: number): number {
    let hash = this.#seed ^ Math.imul(directory, 0x9e3779b1)
    for (let i = start; i < end; i++) {
      hash = Math.imul(hash ^ bytes[i]!, 0x5bd1e995)
      hash ^= hash >>> 15
    }
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
    return hash ^ (hash >>> 13)
  }

  #ownerNumber(file: FileAttributes): number {
    const last = this.#owners[this.#lastOwner]
    if (
      last !== undefined &&
      last.uid === file.uid &&
      last.gid === file.gid &&
      last.uname === file.uname &&
      last.gname === file.gname
    ) {
      return this.#lastOwner
    }
    const key = `${file.uid}:${file.gid}:${file.uname}:${file.gname}`
    let number = this.#ownerNumbers.get(key)
    if (number === undefined) {
      number = this.#owners.length
      const { uid, gid, uname, gname } = file
      this.#owners.push({ uid, gid, uname, gname })
      this.#ownerNumbers.set(key, number)
      this.#countExtra(key.length * 2)
    }
    this.#lastOwner = number
    return number
  }

  #extraNumber(file: FileAttributes): number {
    const { deviceMajor, deviceMinor, xattrs } = file
    if (deviceMajor === 0 && deviceMinor === 0 && xattrs.size === 0) return NONE
    // Files with attributes mostly share them: a label of the whole image, a capability of a few programs.
    let key = `${deviceMajor}:${deviceMinor}`
    for (const [name, value] of xattrs) key += `\0${name}\0${binaryText(value)}`
    let number = this.#extraNumbers.get(key)
    if (number === undefined) {
      number = this.#extras.length
      const kept = new Map<string, Uint8Array>()
      // Copies: the values are part of a chunk of the tar.
      for (const [name, value] of xattrs) kept.set(name, value.slice())
      this.#extras.push({ deviceMajor, deviceMinor, xattrs: kept })
      this.#extraNumbers.set(key, number)
      this.#countExtra(key.length * 2)
    }
    return number
  }

  #countExtra(bytes: number): void {
    // What a Map and its entry take, measured.
    this.#extraBytes += bytes + 200
    this.#checkBytes()
  }
}

function binaryText(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}

const epoch: Timestamp = { seconds: 0, nanoseconds: 0 }

const impliedDirectory: FileAttributes = {
  type: 'directory',
  mode: 0o755,
  uid: 0,
  gid: 0,
  uname: '',
  gname: '',
  size: 0,
  mtime: epoch,
  linkPath: '',
  deviceMajor: 0,
  deviceMinor: 0,
  xattrs: noXattrs,
}
