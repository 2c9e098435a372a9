/** An image's merged tree as a file system to read: what a container of it would find. */
import { concatBytes, streamOf } from '../bytes.ts'
import { OciError } from '../errors.ts'
import {
  type AppliedLayer,
  compareText,
  type FileAttributes,
  type FileTree,
  type LayerFinding,
  type PathProblem,
  readLayerPart,
  type TreeNode,
} from '../layer/index.ts'
import type { StoreOptions } from '../store/index.ts'

/** What a path is. */
export interface FileStat extends FileAttributes {
  /** From the root: `/` or `/etc/passwd`. */
  readonly path: string
  /** The path's bytes, only where they are not valid UTF-8; taken by every method that takes a path. */
  readonly pathBytes?: Uint8Array | undefined
  /** How many paths this file has: 1 but for hard links. */
  readonly nlink: number
  /** Which file it is: the same number for the paths that are hard links of each other. */
  readonly inode: number
  /** The position of the layer whose entry made the path what it is. */
  readonly layer: number
  /** Whether no layer describes the directory: only paths below it say that it is there. */
  readonly implied: boolean
}

/** A finding, and the layer that it is about. */
export interface FilesystemFinding extends LayerFinding {
  /** The layer's position. */
  readonly layer: number
}

/** Bytes that {@link ImageFilesystem.readFile} takes without being told. */
const defaultMaxSize = 64 << 20

/**
 * The merged tree of an image's layers, whiteouts applied. It holds names and attributes, no content: a file's
 * content is read from its layer when it is asked for, verified, and no further than the file goes.
 *
 * Paths are from the root, with or without a `/` at their start. Symlinks are resolved inside the root, as in a
 * container: absolute ones start at the image's root, `..` stays there.
 *
 * @example
 * const files = await image.filesystem()
 * const release = await files.readTextFile('/etc/os-release')
 * for await (const { path, size, layer } of files.walk('/usr/bin')) console.log(path, size, layer)
 */
export class ImageFilesystem {
  /** The tree itself, whose paths are relative to the root: for those who compare or change trees. */
  readonly tree: FileTree
  /** What was odd about the layers, bottom to top. */
  readonly findings: readonly FilesystemFinding[]
  readonly #layers: readonly AppliedLayer[]

  /** A view of a tree and of the layers that made it, as `applyLayers` gives them. */
  constructor(tree: FileTree, layers: readonly AppliedLayer[]) {
    this.tree = tree
    this.#layers = layers
    this.findings = layers.flatMap(({ layer, findings }) =>
      findings.map((finding) => ({ ...finding, layer: layer.position })),
    )
  }

  /** How many paths there are, the root included. */
  get size(): number {
    return this.tree.size
  }

  /**
   * What a path is, symlinks followed.
   * @throws OciError `PATH_NOT_FOUND`, `LIMIT_EXCEEDED` (more than 255 symlinks on the way)
   */
  async stat(path: string | Uint8Array): Promise<FileStat> {
    return this.#stat(this.#node(path, true))
  }

  /**
   * What a path is; where it is a symlink, the symlink.
   * @throws OciError `PATH_NOT_FOUND`, `LIMIT_EXCEEDED`
   */
  async lstat(path: string | Uint8Array): Promise<FileStat> {
    return this.#stat(this.#node(path, false))
  }

  /** Whether a path is there, symlinks followed: a dangling one is not. */
  async exists(path: string | Uint8Array): Promise<boolean> {
    return typeof this.tree.resolve(path, { follow: true, lenientNames: true }) === 'number'
  }

  /**
   * The names in a directory, in the order of their UTF-8 bytes; with `withFileTypes` what each of them is.
   * @throws OciError `PATH_NOT_FOUND` (also where the path is no directory), `LIMIT_EXCEEDED`
   */
  async readdir(
    path: string | Uint8Array,
    options?: { readonly withFileTypes?: false | undefined },
  ): Promise<string[]>
  async readdir(path: string | Uint8Array, options: { readonly withFileTypes: true }): Promise<FileStat[]>
  async readdir(
    path: string | Uint8Array,
    options: { readonly withFileTypes?: boolean | undefined } = {},
  ): Promise<string[] | FileStat[]> {
    const node = this.#node(path, true)
    const directory = this.tree.node(node)
    if (directory.type !== 'directory') {
      throw new OciError('PATH_NOT_FOUND', `${shown(path)} is a ${directory.type}, not a directory`, {
        path: text(path),
      })
    }
    const stats = this.tree.children(node).map((child) => this.#statOf(this.tree.node(child, directory)))
    if (options.withFileTypes === true) return stats
    return stats.map((stat) => stat.path.slice(stat.path.lastIndexOf('/') + 1))
  }

  /**
   * A path and everything below it: a directory before what is in it, names in the order of their UTF-8 bytes.
   * Symlinks are given, not followed, but for those on the way to where it starts.
   * @throws OciError `PATH_NOT_FOUND`, `LIMIT_EXCEEDED`
   */
  async *walk(path: string | Uint8Array = '/'): AsyncGenerator<FileStat, void, undefined> {
    for (const node of this.tree.walk(this.#node(path, true))) yield this.#statOf(node)
  }

  /**
   * A file's content.
   * @throws OciError `PATH_NOT_FOUND`, `ARGUMENT_INVALID` (it is no file), `LIMIT_EXCEEDED` (longer than `maxSize`,
   *   64 MiB when absent), `DIGEST_MISMATCH` (its layer has changed since it was verified), `BLOB_NOT_FOUND`
   */
  async readFile(
    path: string | Uint8Array,
    options: StoreOptions & { readonly maxSize?: number | undefined } = {},
  ): Promise<Uint8Array> {
    const { maxSize = defaultMaxSize } = options
    const node = this.#file(path)
    if (node.size > maxSize) {
      throw new OciError(
        'LIMIT_EXCEEDED',
        `${shown(path)} has ${node.size} bytes, more than the ${maxSize} allowed: raise maxSize, or use openFile`,
        { path: text(path), expected: maxSize, actual: node.size },
      )
    }
    const chunks: Uint8Array[] = []
    for await (const chunk of this.#content(node, options)) chunks.push(chunk)
    return chunks.length === 1 ? chunks[0]! : concatBytes(chunks)
  }

  /**
   * A file's content as text, UTF-8; a byte order mark is kept, undecodable bytes become U+FFFD.
   * @throws OciError as {@link ImageFilesystem.readFile}
   */
  async readTextFile(
    path: string | Uint8Array,
    options: StoreOptions & { readonly maxSize?: number | undefined } = {},
  ): Promise<string> {
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(await this.readFile(path, options))
  }

  /**
   * A file's content as a stream, of any length. Nothing is read before the stream is.
   * @throws OciError at once `PATH_NOT_FOUND`, `ARGUMENT_INVALID` (it is no file), `LIMIT_EXCEEDED`; through the
   *   stream as {@link ImageFilesystem.readFile}
   */
  openFile(path: string | Uint8Array, options: StoreOptions = {}): ReadableStream<Uint8Array> {
    return streamOf(this.#content(this.#file(path), options))
  }

  /**
   * The path without symlinks that a path leads to.
   * @throws OciError `PATH_NOT_FOUND`, `LIMIT_EXCEEDED`
   */
  async realpath(path: string | Uint8Array): Promise<string> {
    return `/${this.tree.pathOf(this.#node(path, true))}`
  }

  /**
   * Where a symlink leads, as written.
   * @throws OciError `PATH_NOT_FOUND`, `LIMIT_EXCEEDED`, `ARGUMENT_INVALID` (it is no symlink)
   */
  async readlink(path: string | Uint8Array): Promise<string> {
    const { type, linkPath } = this.tree.node(this.#node(path, false))
    if (type === 'symlink') return linkPath
    throw new OciError('ARGUMENT_INVALID', `${shown(path)} is a ${type}, not a symlink`, { path: text(path) })
  }

  #node(path: string | Uint8Array, follow: boolean): number {
    const found = this.tree.resolve(path, { follow, lenientNames: true })
    if (typeof found === 'number') return found
    throw this.#notFound(path, found)
  }

  #file(path: string | Uint8Array): TreeNode {
    const node = this.tree.node(this.#node(path, true))
    if (node.type === 'file') return node
    throw new OciError(
      'ARGUMENT_INVALID',
      `${shown(path)} is a ${node.type}, not a file: it has no content`,
      {
        path: text(path),
      },
    )
  }

  #content(node: TreeNode, options: StoreOptions): AsyncGenerator<Uint8Array, void, undefined> {
    const { layer, blocks, scan } = this.#layers[node.contentLayer]!
    const part = { compression: scan.compression, offset: node.contentOffset, length: node.size }
    return readLayerPart(layer.store, layer.descriptor, blocks, part, options)
  }

  #stat(node: number): FileStat {
    return this.#statOf(this.tree.node(node))
  }

  #statOf(node: TreeNode): FileStat {
    const { pathBytes } = node
    return {
      path: `/${node.path}`,
      pathBytes: pathBytes === undefined ? undefined : concatBytes([Uint8Array.of(0x2f), pathBytes]),
      type: node.type,
      mode: node.mode,
      uid: node.uid,
      gid: node.gid,
      uname: node.uname,
      gname: node.gname,
      size: node.size,
      mtime: node.mtime,
      linkPath: node.linkPath,
      linkPathBytes: node.linkPathBytes,
      deviceMajor: node.deviceMajor,
      deviceMinor: node.deviceMinor,
      xattrs: node.xattrs,
      nlink: node.nlink,
      inode: node.inode,
      layer: this.#layers[node.layer]?.layer.position ?? 0,
      implied: node.implied,
    }
  }

  #notFound(path: string | Uint8Array, problem: PathProblem): OciError {
    const directory = this.tree.pathOf(problem.directory)
    const at = JSON.stringify(directory === '' ? `/${problem.name}` : `/${directory}/${problem.name}`)
    const asked = text(path)
    switch (problem.kind) {
      case 'missing': {
        const near = this.#similarName(problem)
        const hint = near === undefined ? '' : `; there is ${JSON.stringify(near)}`
        return new OciError('PATH_NOT_FOUND', `${shown(path)} is not in the image: ${at} is missing${hint}`, {
          path: asked,
        })
      }
      case 'not-directory':
        return new OciError('PATH_NOT_FOUND', `${shown(path)} is not in the image: ${at} is no directory`, {
          path: asked,
        })
      case 'too-many-links':
        return new OciError('LIMIT_EXCEEDED', `${shown(path)} leads through too many symlinks, at ${at}`, {
          path: asked,
          expected: 255,
        })
    }
  }

  /** A name in the same directory that differs only in case, for the message. */
  #similarName({ directory, name }: PathProblem): string | undefined {
    const wanted = name.toLowerCase()
    const names = this.tree.children(directory).map((child) => this.tree.node(child).path)
    return names
      .sort(compareText)
      .map((path) => path.slice(path.lastIndexOf('/') + 1))
      .find((other) => other.toLowerCase() === wanted)
  }
}

const decoder: TextDecoder = /* @__PURE__ */ new TextDecoder()

function text(path: string | Uint8Array): string {
  return typeof path === 'string' ? path : decoder.decode(path)
}

function shown(path: string | Uint8Array): string {
  const whole = text(path)
  return JSON.stringify(whole.length > 200 ? `${whole.slice(0, 200)}…` : whole)
}
