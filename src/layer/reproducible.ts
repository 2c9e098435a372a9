/** Making entries the same whoever packs them, when and where. */
import type { TarEntryInput, Timestamp } from '../tar/index.ts'
import { normalizePath, parentPath } from './entry-path.ts'
import { compareText } from './name-bytes.ts'
import { MAX_LINKS } from './tree.ts'
import { parseWhiteout } from './whiteout.ts'

/** What is levelled out of entries. Each is left as it is when absent. */
export interface ReproducibleOptions {
  /**
   * The latest time that an entry may have, a `Date` or seconds since 1970: later ones become it, as
   * `SOURCE_DATE_EPOCH` is meant. Access and change times are left out.
   * @see https://reproducible-builds.org/specs/source-date-epoch/
   */
  readonly mtime?: Date | number | undefined
  /** Whose every entry is; the names of user and group are left out. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined
  /** The bits that a mode may keep: 0o7755 takes the right to write from group and others. */
  readonly modeMask?: number | undefined
  /**
   * Whether entries are put in the order of their paths, whiteouts first in their directory. The first path of
   * several hard links is then the file, the others link to it. All entries are collected before the first is
   * written, so their content must be one that can wait: not that of a layer that is being read.
   */
  readonly sort?: boolean | undefined
}

/** An entry with its times, owner and mode levelled out. */
export function levelEntry(entry: TarEntryInput, options: ReproducibleOptions): TarEntryInput {
  const { mtime, owner, modeMask } = options
  const levelled: { -readonly [name in keyof TarEntryInput]: TarEntryInput[name] } = { ...entry }
  if (mtime !== undefined) {
    const latest = milliseconds(mtime)
    if (entry.mtime !== undefined && milliseconds(entry.mtime) > latest) levelled.mtime = mtime
    levelled.atime = undefined
    levelled.ctime = undefined
  }
  if (owner !== undefined) {
    levelled.uid = owner.uid
    levelled.gid = owner.gid
    levelled.uname = undefined
    levelled.gname = undefined
  }
  if (modeMask !== undefined && entry.mode !== undefined) levelled.mode = entry.mode & modeMask
  return levelled
}

/** Entries in the order of their paths; the first of several hard links becomes the file. */
export function sortEntries(entries: readonly TarEntryInput[]): TarEntryInput[] {
  const keyed = entries.map((entry) => {
    const { path } = normalizePath(entry.path)
    return { path, directory: parentPath(path), whiteout: parseWhiteout(path) !== null, entry }
  })
  const sorted = keyed.toSorted((a, b) => comparePlaces(a, b))

  const byPath = new Map<string, TarEntryInput>()
  for (const { path, entry } of sorted) byPath.set(path, entry)
  /** The file that an entry is another path of; a link to a link is one to its file. */
  const fileOf = (entry: TarEntryInput): TarEntryInput | undefined => {
    let found: TarEntryInput | undefined = entry
    for (let steps = 0; found?.type === 'link' && steps < MAX_LINKS; steps++) {
      found = byPath.get(normalizePath(found.linkPath ?? '').path)
    }
    return found?.type === 'link' ? undefined : found
  }
  const linked = new Set<TarEntryInput>()
  for (const { entry } of sorted) {
    const file = fileOf(entry)
    if (file !== undefined && file !== entry) linked.add(file)
  }

  /** Where each file that is linked to has been written. */
  const written = new Map<TarEntryInput, Pick<TarEntryInput, 'path' | 'pathBytes'>>()
  return sorted.map(({ path, entry }) => {
    const file = fileOf(entry)
    if (file === undefined || !linked.has(file)) return entry
    const { path: name, pathBytes } = entry
    const first = written.get(file)
    if (first === undefined) {
      written.set(file, { path, pathBytes })
      return Object.assign({}, file, { path: name, pathBytes })
    }
    const nothing = { size: 0, content: undefined, deviceMajor: 0, deviceMinor: 0 }
    const link = { type: 'link' as const, linkPath: first.path, linkPathBytes: first.pathBytes }
    return Object.assign({}, entry, nothing, link)
  })
}

interface Place {
  readonly path: string
  readonly directory: string
  readonly whiteout: boolean
}

/** A directory before what is in it, whiteouts before their siblings, else by the bytes of names. */
function comparePlaces(a: Place, b: Place): number {
  if (a.directory === b.directory) {
    if (a.whiteout !== b.whiteout) return a.whiteout ? -1 : 1
    return compareText(a.path, b.path)
  }
  const left = a.path.split('/')
  const right = b.path.split('/')
  const shared = Math.min(left.length, right.length)
  for (let i = 0; i < shared; i++) {
    if (left[i] === right[i]) continue
    // A whiteout comes first among the names of the directory where the two paths part.
    const leftFirst = a.whiteout && i === left.length - 1
    const rightFirst = b.whiteout && i === right.length - 1
    if (leftFirst !== rightFirst) return leftFirst ? -1 : 1
    return compareText(left[i]!, right[i]!)
  }
  return left.length - right.length
}

function milliseconds(time: Timestamp | Date | number): number {
  if (time instanceof Date) return time.getTime()
  if (typeof time === 'number') return time * 1000
  return time.seconds * 1000 + time.nanoseconds / 1e6
}
