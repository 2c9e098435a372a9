/**
 * The layer that makes one tree of another.
 * @see https://github.com/opencontainers/image-spec/blob/main/layer.md#change-types
 */
import type { ByteSource } from '../bytes.ts'
import { encodeUtf8, equalBytes } from '../bytes.ts'
import { OciError } from '../errors.ts'
import type { TarEntryInput, TarEntryType } from '../tar/index.ts'
import { baseName } from './entry-path.ts'
import { quote } from './layer-entry.ts'
import { compareNames } from './name-bytes.ts'
import { type FileTree, ROOT, type TreeNode } from './tree.ts'
import { WHITEOUT_PREFIX, whiteoutPath } from './whiteout.ts'

/** One entry of the layer that makes the difference. */
export interface TreeChange extends TarEntryInput {
  readonly type: TarEntryType
  /** What the upper tree has there; null for a whiteout. */
  readonly node: TreeNode | null
}

/** How trees are compared. */
export interface DiffOptions {
  /**
   * Whether two files of the same size hold the same bytes. When absent, only those do that are known to be the
   * same part of the same layer ({@link TreeNode.contentSource}), and empty ones.
   */
  readonly sameContent?: ((lower: TreeNode, upper: TreeNode) => boolean) | undefined
  /** The content of a file of the upper tree, for the entries that have one. */
  readonly content?: ((node: TreeNode) => ByteSource) | undefined
}

/**
 * The entries of the layer that makes `upper` of `lower`: in the order of the paths' bytes, a directory before what
 * is in it, its whiteouts before the rest. Whiteouts are explicit, one for each path that went; never opaque, which
 * would repeat what stays. Files that are hard links of each other come together or not at all, so that a link
 * never leads into a lower layer.
 *
 * @throws OciError `PATH_UNSAFE` for a name that starts with `.wh.`, which no layer can have
 * @example await writeLayer(store, diffTrees(lower, upper, { content: (node) => files.openFile(node.path) }))
 */
export function* diffTrees(
  lower: FileTree,
  upper: FileTree,
  options: DiffOptions = {},
): Generator<TreeChange, void, undefined> {
  const comparison = new Comparison(lower, upper, options.sameContent ?? isSamePart)
  /** Of each file of several paths that is written: its first. */
  const written = new Map<number, TreeNode>()

  const root = upper.get('')!
  if (!sameAttributes(lower.get('')!, root)) yield changeTo(root)
  const levels = [comparison.level(ROOT, ROOT, root)]
  for (let top = levels.at(-1); top !== undefined; top = levels.at(-1)) {
    if (top.position === 0) for (const gone of top.gone) yield whiteout(gone)
    const pair = top.here[top.position++]
    if (pair === undefined) {
      levels.pop()
      continue
    }
    const { below, id } = pair
    const node = upper.node(id, top.directory)
    refuseReserved(node)
    const first = written.get(node.inode)
    if (first !== undefined) {
      yield linkTo(first, node)
    } else if (!comparison.isUnchanged(node, below)) {
      if (node.nlink > 1) written.set(node.inode, node)
      const content = node.type === 'file' && node.size > 0 ? options.content?.(node) : undefined
      yield content === undefined ? changeTo(node) : Object.assign(changeTo(node), { content })
    }
    if (node.type === 'directory') {
      levels.push(
        comparison.level(below !== undefined && lower.isDirectory(below) ? below : undefined, id, node),
      )
    }
  }
}

/** The names of one directory in both trees. */
interface Level {
  readonly directory: TreeNode
  /** Nodes of the lower tree that the upper one lacks. */
  readonly gone: readonly TreeNode[]
  /** Nodes of the upper tree, each with the lower tree's of that name. */
  readonly here: readonly { readonly id: number; readonly below: number | undefined }[]
  /** How many of `here` have been dealt with. */
  position: number
}

class Comparison {
  readonly #lower: FileTree
  readonly #upper: FileTree
  readonly #sameContent: (lower: TreeNode, upper: TreeNode) => boolean
  /** For each file of several paths in the upper tree, whether all of them are as they were. */
  readonly #groups = new Map<number, boolean>()
  /** Which file of the upper tree a file of several paths in the lower one has become: it cannot be two. */
  readonly #claims = new Map<number, number>()

  constructor(lower: FileTree, upper: FileTree, sameContent: (lower: TreeNode, upper: TreeNode) => boolean) {
    this.#lower = lower
    this.#upper = upper
    this.#sameContent = sameContent
    const paths = new Map<number, TreeNode[]>()
    for (const node of upper.walk()) {
      if (node.nlink === 1) continue
      const others = paths.get(node.inode)
      if (others === undefined) paths.set(node.inode, [node])
      else others.push(node)
    }
    for (const [inode, nodes] of paths) this.#groups.set(inode, this.#isGroupUnchanged(nodes))
  }

  level(below: number | undefined, id: number, directory: TreeNode): Level {
    const lower = this.#lower
    const before = below === undefined ? [] : lower.children(below)
    const gone: TreeNode[] = []
    const here: { id: number; below: number | undefined }[] = []
    let next = 0
    for (const child of this.#upper.children(id)) {
      const name = this.#upper.nameBytes(child)
      let order = -1
      while (next < before.length) {
        order = compareNames(lower.nameBytes(before[next]!), name)
        if (order >= 0) break
        gone.push(lower.node(before[next++]!))
      }
      here.push({ id: child, below: next < before.length && order === 0 ? before[next++] : undefined })
    }
    while (next < before.length) gone.push(lower.node(before[next++]!))
    return { directory, gone, here, position: 0 }
  }

  isUnchanged(node: TreeNode, below: number | undefined): boolean {
    if (node.nlink > 1) return this.#groups.get(node.inode)!
    if (below === undefined) return false
    const before = this.#lower.node(below)
    return this.#isSame(before, node) && this.#claim(before, node)
  }

  #isGroupUnchanged(nodes: readonly TreeNode[]): boolean {
    let inode: number | undefined
    let first: TreeNode | undefined
    for (const node of nodes) {
      const found = this.#lower.resolve(node.pathBytes ?? node.path)
      if (typeof found !== 'number') return false
      const before = this.#lower.node(found)
      // The lower tree may lead there through a symlink that the upper one has made a directory.
      if (before.path !== node.path) return false
      first ??= before
      inode ??= before.inode
      if (before.inode !== inode || !this.#isSame(before, node)) return false
    }
    return first !== undefined && this.#claim(first, nodes[0]!)
  }

  #isSame(before: TreeNode, after: TreeNode): boolean {
    if (!sameAttributes(before, after)) return false
    return after.type !== 'file' || this.#sameContent(before, after)
  }

  #claim(before: TreeNode, after: TreeNode): boolean {
    if (before.nlink === 1) return true
    const claimed = this.#claims.get(before.inode)
    if (claimed !== undefined) return claimed === after.inode
    this.#claims.set(before.inode, after.inode)
    return true
  }
}

function isSamePart(lower: TreeNode, upper: TreeNode): boolean {
  if (lower.size !== upper.size) return false
  if (upper.size === 0) return true
  return (
    lower.contentSource !== undefined &&
    lower.contentSource === upper.contentSource &&
    lower.contentOffset === upper.contentOffset
  )
}

function sameAttributes(a: TreeNode, b: TreeNode): boolean {
  return (
    a.type === b.type &&
    a.mode === b.mode &&
    a.uid === b.uid &&
    a.gid === b.gid &&
    a.uname === b.uname &&
    a.gname === b.gname &&
    a.size === b.size &&
    a.mtime.seconds === b.mtime.seconds &&
    a.mtime.nanoseconds === b.mtime.nanoseconds &&
    a.linkPath === b.linkPath &&
    sameBytes(a.linkPathBytes, b.linkPathBytes) &&
    a.deviceMajor === b.deviceMajor &&
    a.deviceMinor === b.deviceMinor &&
    sameXattrs(a.xattrs, b.xattrs)
  )
}

function sameXattrs(a: ReadonlyMap<string, Uint8Array>, b: ReadonlyMap<string, Uint8Array>): boolean {
  if (a.size !== b.size) return false
  for (const [name, value] of a) {
    const other = b.get(name)
    if (other === undefined || !equalBytes(value, other)) return false
  }
  return true
}

function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && equalBytes(a, b))
}

/** The entry that makes a node what it is, without its content. */
export function changeTo(node: TreeNode): TreeChange {
  const { path, pathBytes, type, mode, uid, gid, uname, gname, mtime, linkPath, linkPathBytes } = node
  const size = type === 'file' ? node.size : 0
  const { deviceMajor, deviceMinor, xattrs } = node
  // Each field by name: spreads cost several times as much.
  return {
    path,
    pathBytes,
    type,
    mode,
    uid,
    gid,
    uname,
    gname,
    size,
    mtime,
    linkPath,
    linkPathBytes,
    deviceMajor,
    deviceMinor,
    xattrs,
    node,
  }
}

/** The entry that makes a node a hard link to another. It has nothing of its own, also where the file is a device. */
export function linkTo({ path: linkPath, pathBytes: linkPathBytes }: TreeNode, node: TreeNode): TreeChange {
  const nothing = { size: 0, deviceMajor: 0, deviceMinor: 0 }
  return Object.assign(changeTo(node), nothing, { type: 'link' as const, linkPath, linkPathBytes })
}

function whiteout(gone: TreeNode): TreeChange {
  refuseReserved(gone)
  const { path, pathBytes } = gone
  return {
    path: whiteoutPath(path),
    ...(pathBytes === undefined ? {} : { pathBytes: whiteoutBytes(pathBytes) }),
    type: 'file',
    mode: 0,
    size: 0,
    node: null,
  }
}

function whiteoutBytes(path: Uint8Array): Uint8Array {
  const start = path.lastIndexOf(0x2f) + 1
  const prefix = encodeUtf8(WHITEOUT_PREFIX)
  const whole = new Uint8Array(path.length + prefix.length)
  whole.set(path.subarray(0, start))
  whole.set(prefix, start)
  whole.set(path.subarray(start), start + prefix.length)
  return whole
}

function refuseReserved(node: TreeNode): void {
  if (!baseName(node.path).startsWith(WHITEOUT_PREFIX)) return
  throw new OciError(
    'PATH_UNSAFE',
    `${quote(node.path)} cannot be in a layer: names that start with ".wh." are whiteouts`,
    { path: node.path },
  )
}
