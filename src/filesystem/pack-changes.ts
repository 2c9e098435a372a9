/** Packing what has changed in a directory since a snapshot: the layer that makes the one tree out of the other. */
import { OciError } from '../errors.ts'
import type { TarEntryInput } from '../tar/index.ts'
import { findChanges } from './changes.ts'
import { diskPath } from './disk-name.ts'
import { statusOnDisk } from './disk-status.ts'
import { EntryPacker, type PackEntryOptions } from './pack-entry.ts'
import { parsePatterns } from './path-patterns.ts'
import { hashFile, lookThrough, type Snapshot } from './snapshot.ts'

/** How changes are packed. */
export interface PackChangesOptions extends PackEntryOptions {
  /** The path in the image that the directory is. The image's root when absent. */
  readonly prefix?: string | undefined
  /** What these patterns match is taken for unchanged: the lines of a `.dockerignore`. */
  readonly exclude?: readonly string[] | undefined
}

/**
 * Packs what has changed in a directory since a snapshot was taken: what is new or modified as entries, what is
 * gone as whiteouts, before anything that is in the same directory. Unpacked over the old tree, it makes the new.
 *
 * A file counts as modified when the system says that anything about it has changed; with a snapshot of contents
 * (`digests`) not when its content is the same.
 *
 * Runs on Node, Deno and Bun.
 *
 * @throws OciError as {@link packDirectory}
 * @example
 * await unpackImage(image, './rootfs')
 * const before = await snapshotDirectory('./rootfs')
 * …
 * const layer = await writeLayer(store, packChanges('./rootfs', before))
 */
export async function* packChanges(
  directory: string | URL,
  snapshot: Snapshot,
  options: PackChangesOptions = {},
): AsyncGenerator<TarEntryInput, void, undefined> {
  const { signal } = options
  const packer = new EntryPacker(directory, options)
  const exclude = parsePatterns(options.exclude ?? [])
  const now = await lookThrough(packer.root, { signal, xattrs: options.xattrs !== false })
  const found = await findChanges(snapshot, now, (path, digest) => {
    return hashFile(packer.fs, diskPath(`${packer.root}/${path}`), path) === digest
  })
  const changes = found.filter(({ path }) => !exclude.matches(path))
  if (changes.length === 0) return
  await packer.prepare()
  for (const { kind, path } of changes) {
    signal?.throwIfAborted()
    if (kind === 'removed') {
      yield packer.whiteout(path)
      continue
    }
    const disk = diskPath(path === '' ? packer.root : `${packer.root}/${path}`)
    const status = statusOnDisk(packer.fs, disk, path)
    if (status === undefined) {
      throw new OciError('PATH_NOT_FOUND', `"${path}" went away while changes were packed`, { path })
    }
    const entry = packer.entry(path, status)
    if (entry !== undefined) yield entry
  }
}
