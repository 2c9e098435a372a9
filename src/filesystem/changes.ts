/**
 * What has changed between two snapshots of one directory.
 * @see https://github.com/opencontainers/image-spec/blob/main/layer.md#determining-changes
 */
import { compareNames } from './disk-name.ts'
import { filesInOrder } from './encoded-files.ts'
import type { Look, Snapshot, SnapshotFile } from './snapshot.ts'

/** One change. */
export interface Change {
  readonly kind: 'added' | 'modified' | 'removed'
  readonly path: string
}

/**
 * The changes from a snapshot to a later one, or to what there is now, in the order in which a layer says them: by
 * bytes of paths, what is removed from a directory before anything that is in it. What is below a directory that is
 * gone, or has become something else, is not said.
 * @param sameContent Decides on a file of which only the time of the last change of anything is another, or its
 *   number on disk: whether its content is the same. It is not when absent.
 */
export async function findChanges(
  before: Snapshot,
  now: Snapshot | Look,
  sameContent: (path: string, digest: string) => boolean = () => false,
): Promise<Change[]> {
  const changes = new Map<string, Change['kind']>()
  const xattrs = before.xattrs && now.xattrs
  const gone = new Set<string>()
  const directories = new Set<string>()
  const then = new Map<string, number>()
  const grouped = new Map<string, number>()
  // Both are gone through once, side by side, and neither is kept: 100 000 files would take 40 MB.
  const olds = filesInOrder(before.files)[Symbol.iterator]()
  let step = olds.next()
  const passOver = (): void => {
    const [path, { group }] = step.value!
    if (group !== undefined) then.set(path, group)
    step = olds.next()
  }
  for await (const [path, file] of 'size' in now.files ? filesInOrder(now.files) : now.files) {
    while (!step.done && compareNames(step.value[0], path) < 0) {
      gone.add(step.value[0])
      passOver()
    }
    if (step.done || step.value[0] !== path) changes.set(path, 'added')
    else {
      if (isModified(path, step.value[1], file, xattrs, sameContent)) changes.set(path, 'modified')
      passOver()
    }
    if (file.group !== undefined) grouped.set(path, file.group)
    if (file.type === 'd') directories.add(path)
  }
  while (!step.done) {
    gone.add(step.value[0])
    passOver()
  }
  addRegrouped({ then, gone, grouped }, changes)
  for (const path of gone) {
    if (path !== '' && directories.has(parentOf(path))) changes.set(path, 'removed')
  }
  return [...changes]
    .map(([path, kind]) => ({ kind, path, key: kind === 'removed' ? removedKey(path) : path }))
    .sort((a, b) => compareNames(a.key, b.key))
    .map(({ kind, path }) => ({ kind, path }))
}

function isModified(
  path: string,
  old: SnapshotFile,
  file: SnapshotFile,
  xattrs: boolean,
  sameContent: (path: string, digest: string) => boolean,
): boolean {
  if (
    old.type !== file.type ||
    old.mode !== file.mode ||
    old.uid !== file.uid ||
    old.gid !== file.gid ||
    old.size !== file.size ||
    old.mtime !== file.mtime ||
    old.target !== file.target ||
    old.device !== file.device ||
    (xattrs && old.xattrs !== file.xattrs)
  ) {
    return true
  }
  if (file.type !== 'f') return false
  const isOther = old.inode !== undefined && file.inode !== undefined && old.inode !== file.inode
  if (old.ctime === file.ctime && !isOther) return false
  // Something happened to it: a rename, a further name, a mode that was put back, or new content with an old time; or
  // it is another file, which came with the directory that it is in.
  return old.digest === undefined || !sameContent(path, old.digest)
}

/** Which paths belonged together, which of them are gone, and which belong together now. */
interface Regrouped {
  readonly then: ReadonlyMap<string, number>
  readonly gone: ReadonlySet<string>
  readonly grouped: ReadonlyMap<string, number>
}

/**
 * Files with several names: a name in a layer is a hard link only beside the file itself, so where one name of a
 * file has changed, or other names belong together than before, all of them are said.
 */
function addRegrouped({ then, gone, grouped }: Regrouped, changes: Map<string, Change['kind']>): void {
  for (const paths of pathsOf(grouped)) {
    if (paths.length < 2) continue
    const groups = new Set(paths.map((path) => then.get(path)))
    if (groups.size === 1 && !groups.has(undefined) && !paths.some((path) => changes.has(path))) continue
    for (const path of paths) if (!changes.has(path)) changes.set(path, 'modified')
  }
  for (const paths of pathsOf(then)) {
    const left = paths.filter((path) => !gone.has(path))
    // A name that is by itself now has a number of its own.
    const groups = new Set(left.map((path) => grouped.get(path) ?? path))
    if (groups.size < 2) continue
    for (const path of left) if (!changes.has(path)) changes.set(path, 'modified')
  }
}

/** The paths of each group. */
function pathsOf(grouped: ReadonlyMap<string, number>): Iterable<string[]> {
  const groups = new Map<number, string[]>()
  for (const [path, group] of grouped) {
    const paths = groups.get(group)
    if (paths === undefined) groups.set(group, [path])
    else paths.push(path)
  }
  return groups.values()
}

/** Before every name in the directory, since no name has a NUL. */
function removedKey(path: string): string {
  const slash = path.lastIndexOf('/')
  return `${path.slice(0, slash + 1)}\0${path.slice(slash + 1)}`
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash < 0 ? '' : path.slice(0, slash)
}
