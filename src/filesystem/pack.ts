/** Packing: a directory on disk as entries of a layer. */
import type { TarEntryInput } from '../tar/index.ts'
import { compareNames } from './disk-name.ts'
import { EntryPacker, type PackEntryOptions } from './pack-entry.ts'
import { parsePatterns } from './path-patterns.ts'
import { type DiskStatus, walkDirectory } from './walk-directory.ts'

/** How a directory is packed. */
export interface PackOptions extends PackEntryOptions {
  /** The path in the image that the directory becomes. The image's root when absent. */
  readonly prefix?: string | undefined
  /** Whether the directory itself is an entry, which gives its owner, mode and time to its place. True when absent. */
  readonly root?: boolean | undefined
  /** Only what these patterns match, with all below it, and the directories it is in. All when absent. */
  readonly include?: readonly string[] | undefined
  /** Not what these patterns match: the lines of a `.dockerignore`. */
  readonly exclude?: readonly string[] | undefined
}

/**
 * Packs a directory: every file below it as an entry, in the byte order of paths, parents first. Further names of a
 * file come as hard links, symlinks as they are, and nothing is followed. The same tree gives the same entries,
 * whatever disk it is on, as long as times and owners are the same.
 *
 * Runs on Node, Deno and Bun.
 *
 * @throws OciError `ARGUMENT_INVALID` (a name that starts with `.wh.`, a pattern or prefix that makes no sense),
 *   `SIZE_MISMATCH` (a file that changes while it is read), `FILESYSTEM_FAILED`, `RUNTIME_UNSUPPORTED`
 * @example
 * const layer = await writeLayer(store, packDirectory('./dist', { prefix: '/app', exclude: ['**' + '/*.map'] }))
 */
export async function* packDirectory(
  directory: string | URL,
  options: PackOptions = {},
): AsyncGenerator<TarEntryInput, void, undefined> {
  const { signal } = options
  signal?.throwIfAborted()
  const packer = new EntryPacker(directory, options)
  const include = options.include && parsePatterns(options.include)
  const exclude = parsePatterns(options.exclude ?? [])
  await packer.prepare()
  const specials = packer.recordedSpecials()
  /** Directories that are told only when something in them is. */
  const waiting = new Map<string, DiskStatus>()
  const walk = walkDirectory(packer.root, {
    enter: (path) => exclude.hasExceptions || !exclude.matches(path),
  })
  for (const { path, status } of withSpecials(walk, specials)) {
    signal?.throwIfAborted()
    if (path === '') {
      if (options.root !== false && status !== undefined) yield packer.entry('', status)!
      continue
    }
    const meant = (include?.matches(path) ?? true) && !exclude.matches(path)
    if (!meant) {
      if (status?.isDirectory()) waiting.set(path, status)
      continue
    }
    const entry = status === undefined ? packer.recordedEntry(path) : packer.entry(path, status)
    if (entry === undefined) continue
    if (waiting.size > 0) {
      for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) {
        const parent = path.slice(0, slash)
        const parentStatus = waiting.get(parent)
        if (parentStatus === undefined) continue
        waiting.delete(parent)
        yield packer.entry(parent, parentStatus)!
      }
    }
    yield entry
  }
}

/** The walk, with recorded special files where they belong; where the disk has something, that counts. */
function* withSpecials(
  walk: Iterable<{ readonly path: string; readonly status: DiskStatus }>,
  specials: ReadonlyMap<string, readonly string[]>,
): Generator<{ readonly path: string; readonly status: DiskStatus | undefined }, void, undefined> {
  if (specials.size === 0) {
    yield* walk
    return
  }
  const due: string[] = []
  for (const file of walk) {
    while (due.length > 0 && compareNames(due[0]!, file.path) <= 0) {
      const path = due.shift()!
      if (path !== file.path) yield { path, status: undefined }
    }
    yield file
    if (!file.status.isDirectory()) continue
    due.push(...(specials.get(file.path) ?? []))
    due.sort(compareNames)
  }
  for (const path of due) yield { path, status: undefined }
}
