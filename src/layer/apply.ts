/**
 * Applying a layer to the tree of those below it: by the rules of image-spec, and where it is silent, as
 * containerd and umoci do on disk.
 * @see https://github.com/opencontainers/image-spec/blob/main/layer.md#applying-changesets
 */
import { OciError, type OciErrorCode } from '../errors.ts'
import { baseName, parentPath } from './entry-path.ts'
import { type LayerEntryHeader, quote, refuseUnsafe } from './layer-entry.ts'
import { FindingList, type LayerFinding } from './layer-finding.ts'
import { type FileAttributes, type FileTree, type PathProblem, ROOT } from './tree.ts'

/** How a layer is applied. */
export interface ApplyOptions {
  /** The layer's position, 0 to 65535: above that of every layer applied before. */
  readonly position: number
  /** What names the layer's tar, its diffID: lets {@link diffTrees} see that two trees have the same content. */
  readonly source?: string | undefined
  /**
   * What becomes of an entry that no tree can take: one that leads outside of the root, is below something that is
   * no directory, or links to what is not there. `refuse` (when absent) throws; `report` leaves it out and says
   * so.
   */
  readonly problems?: 'refuse' | 'report' | undefined
}

/**
 * Applies entries one by one, without a promise: the visitor's side of {@link applyLayer}.
 *
 * - Whiteouts hide only what layers below put there, wherever in the layer they stand.
 * - A directory over a directory keeps the children and takes the attributes; anything else replaces what was.
 * - Directories on the way that are missing are implied: 0755, of root. Those that are symlinks are followed, inside
 *   of the root, as they would be on disk.
 * - A hard link is another path of a file that is there already, in this layer or below; attributes that its entry
 *   claims for itself count for nothing (as in GNU tar).
 */
export class LayerApplier {
  readonly #tree: FileTree
  readonly #position: number
  readonly #report: boolean
  readonly #findings = new FindingList()
  /** The directory of the last entry: most entries are in the same one. */
  #lastDirectory: string | undefined
  #lastNode = ROOT
  /** Symlinks that entries went through, for whiteouts that come too late for them. */
  readonly #followed = new Set<number>()
  readonly #cleared = new Set<number>()

  constructor(tree: FileTree, options: ApplyOptions) {
    const { position } = options
    if (!Number.isInteger(position) || position < 0 || position > 0xffff) {
      throw new OciError('ARGUMENT_INVALID', `A layer's position must be from 0 to 65535, not ${position}`, {
        actual: position,
      })
    }
    this.#tree = tree
    this.#position = position
    if (options.source !== undefined) tree.setSource(position, options.source)
    this.#report = options.problems === 'report'
  }

  /** What was odd so far. */
  get findings(): readonly LayerFinding[] {
    return this.#findings.all
  }

  /**
   * Applies the next entry.
   * @throws OciError `PATH_UNSAFE` (also below what is no directory, and a hard link to a directory),
   *   `PATH_NOT_FOUND` (a hard link to nothing), `LIMIT_EXCEEDED`
   */
  apply(entry: LayerEntryHeader): void {
    if (entry.aufs) return
    if (entry.unsafe !== null) {
      if (!this.#report) refuseUnsafe(entry)
      this.#findings.add('error', 'path-unsafe', entry.name, `Entry is left out: ${entry.unsafe}`)
      return
    }
    if (entry.whiteout !== null) this.#hide(entry)
    else this.#put(entry)
  }

  #put(entry: LayerEntryHeader): void {
    const tree = this.#tree
    if (entry.path === '') {
      this.#checkTwice(entry, ROOT)
      tree.put(ROOT, entry as FileAttributes, this.#position, 0)
      return
    }
    const directory = this.#directoryOf(entry)
    if (directory === undefined) return
    const node = tree.nodeFor(directory, lastName(entry.path, entry.pathBytes))
    if (tree.exists(node)) {
      this.#checkTwice(entry, node)
      const keep = entry.type === 'directory' && tree.isDirectory(node)
      if (!keep) {
        tree.remove(node)
        this.#lastDirectory = undefined
      }
    }
    if (entry.type === 'link') this.#link(entry, node)
    else tree.put(node, entry as FileAttributes, this.#position, entry.dataOffset)
  }

  #checkTwice(entry: LayerEntryHeader, node: number): void {
    const tree = this.#tree
    if (tree.layerOf(node) !== this.#position || tree.isImplied(node)) return
    const message = 'The path comes more than once in the layer: the last entry counts'
    this.#findings.add('warning', 'duplicate-path', entry.path, message)
  }

  #link(entry: LayerEntryHeader, node: number): void {
    const tree = this.#tree
    const target = tree.resolve(entry.linkTargetBytes ?? entry.linkTarget)
    if (typeof target !== 'number') {
      this.#problem(
        entry,
        'link-target-unusable',
        `is a hard link to ${quote(entry.linkPath)}: ${describe(tree, target)}`,
        'PATH_NOT_FOUND',
      )
    } else if (tree.isDirectory(target)) {
      this.#problem(
        entry,
        'link-target-unusable',
        `is a hard link to ${quote(entry.linkPath)}, which is a directory`,
      )
    } else {
      tree.link(node, target, this.#position)
    }
  }

  #hide(entry: LayerEntryHeader): void {
    const tree = this.#tree
    const { kind, path, pathBytes } = entry.whiteout!
    // What is hidden is looked for as on disk, and never made: parents may be symlinks, the last is not followed.
    const opaque = kind === 'opaque'
    const found = tree.resolve(pathBytes ?? path, { follow: opaque, onLink: this.#onLink })
    if (typeof found !== 'number' || (opaque && !tree.isDirectory(found))) return
    if (this.#followed.has(found) && !opaque && tree.layerOf(found) !== this.#position) {
      this.#findings.add(
        'warning',
        'whiteout-late',
        entry.path,
        'The whiteout hides a symlink that entries before it in this layer went through: where they went, they stay',
      )
    }
    tree.hide(found, this.#position, !opaque, this.#cleared)
    this.#lastDirectory = undefined
  }

  /** The node of the directory that an entry goes into, made where it is missing. */
  #directoryOf(entry: LayerEntryHeader): number | undefined {
    const { path, pathBytes } = entry
    const directory = parentPath(path)
    if (directory === '') return ROOT
    if (directory === this.#lastDirectory && pathBytes === undefined) return this.#lastNode
    const tree = this.#tree
    const found = tree.resolve(
      pathBytes === undefined ? directory : pathBytes.subarray(0, Math.max(0, pathBytes.lastIndexOf(0x2f))),
      { follow: true, makeDirectories: this.#position, onLink: this.#onLink },
    )
    if (typeof found !== 'number') {
      this.#problem(entry, 'parent-not-directory', `cannot be made: ${describe(tree, found)}`)
      return undefined
    }
    if (!tree.isDirectory(found)) {
      this.#problem(entry, 'parent-not-directory', `cannot be made: ${quote(directory)} is no directory`)
      return undefined
    }
    if (pathBytes === undefined) {
      this.#lastDirectory = directory
      this.#lastNode = found
    }
    return found
  }

  readonly #onLink = (node: number): void => {
    this.#followed.add(node)
  }

  #problem(
    entry: LayerEntryHeader,
    finding: LayerFinding['code'],
    problem: string,
    code: OciErrorCode = 'PATH_UNSAFE',
  ): void {
    const sentence = `Entry ${quote(entry.name)} ${problem}`
    if (!this.#report) {
      throw new OciError(code, sentence, { path: entry.name, offset: entry.headerOffset })
    }
    this.#findings.add('error', finding, entry.path, `${sentence}; it is left out`)
  }
}

/**
 * Applies a layer's entries, in the order of its tar, to the tree of the layers below.
 *
 * @returns What was odd: with `problems: 'report'` each entry that was left out.
 * @throws OciError `PATH_UNSAFE`, `PATH_NOT_FOUND` (a hard link to nothing), `LIMIT_EXCEEDED`, and what the entries throw
 * @example await applyLayer(tree, readLayer(store, descriptor), { position: 0 })
 */
export async function applyLayer(
  tree: FileTree,
  entries: Iterable<LayerEntryHeader> | AsyncIterable<LayerEntryHeader>,
  options: ApplyOptions,
): Promise<readonly LayerFinding[]> {
  const applier = new LayerApplier(tree, options)
  for await (const entry of entries) applier.apply(entry)
  return applier.findings
}

function describe(tree: FileTree, problem: PathProblem): string {
  const directory = tree.pathOf(problem.directory)
  const path = quote(directory === '' ? problem.name : `${directory}/${problem.name}`)
  switch (problem.kind) {
    case 'missing':
      return `${path} is not there`
    case 'not-directory':
      return `${path} is no directory`
    case 'too-many-links':
      return `too many symlinks on the way, at ${path}`
  }
}

/** A path's last component, as bytes where it is not UTF-8. */
function lastName(path: string, pathBytes: Uint8Array | undefined): string | Uint8Array {
  return pathBytes === undefined ? baseName(path) : pathBytes.subarray(pathBytes.lastIndexOf(0x2f) + 1)
}
