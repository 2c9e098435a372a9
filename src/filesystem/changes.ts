/**
 * What has changed between two snapshots of one directory.
 * @see https://github.com/opencontainers/image-spec/blob/main/layer.md#determining-changes
 */
import { compareNames } from './disk-name.ts'
import type { Snapshot, SnapshotFile } from './snapshot.ts'

/** One change. */
export interface Change {
  readonly kind: 'added' | 'modified' | 'removed'
  readonly path: string
}

/**
 * The changes from one snapshot to a later one, in the order in which a layer says them: by bytes of paths, what is
 * removed from a directory before anything that is in it. What is below a directory that is gone, or has become
 * something else, is not said.
 * @param sameContent Decides on a file of which only the time of the last change of anything is another, or its
 *   number on disk: whether its content is the same. It is not when absent.
 */
export function findChanges(
  before: Snapshot,
  after: Snapshot,
  sameContent: (path: string, digest: string) => boolean = () => false,
): Change[] {
  const changes = new Map<string, Change['kind']>()
  for (const [path, file] of after.files) {
    const old = before.files.get(path)
    if (old === undefined) changes.set(path, 'added')
    else if (isModified(path, old, file, before.xattrs && after.xattrs, sameContent))
      changes.set(path, 'modified')
  }
  addRegrouped(before, after, changes)
  for (const path of before.files.keys()) {
    if (path !== '' && !after.files.has(path) && after.files.get(parentOf(path))?.type === 'd') {
      changes.set(path, 'removed')
    }
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

/**
 * Files with several names: a name in a layer is a hard link only beside the file itself, so where one name of a
 * file has changed, or other names belong together than before, all of them are said.
 */
function addRegrouped(before: Snapshot, after: Snapshot, changes: Map<string, Change['kind']>): void {
  const now = groupsOf(after)
  const then = groupsOf(before)
  for (const paths of now.values()) {
    if (paths.length < 2) continue
    const groups = new Set(paths.map((path) => before.files.get(path)?.group))
    if (groups.size === 1 && !groups.has(undefined) && !paths.some((path) => changes.has(path))) continue
    for (const path of paths) if (!changes.has(path)) changes.set(path, 'modified')
  }
  for (const paths of then.values()) {
    const left = paths.filter((path) => after.files.has(path))
    // A name that is by itself now has a number of its own.
    const groups = new Set(left.map((path) => after.files.get(path)!.group ?? path))
    if (groups.size < 2) continue
    for (const path of left) if (!changes.has(path)) changes.set(path, 'modified')
  }
}

function groupsOf(snapshot: Snapshot): Map<number, string[]> {
  const groups = new Map<number, string[]>()
  for (const [path, { group }] of snapshot.files) {
    if (group === undefined) continue
    const paths = groups.get(group)
    if (paths === undefined) groups.set(group, [path])
    else paths.push(path)
  }
  return groups
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
