/** What is odd about a layer, beside the errors that end its reading. */
import type { Finding } from '../spec/index.ts'

/** The kinds of finding: see each member. */
export type LayerFindingCode =
  /** AUFS's own bookkeeping of old Docker versions: skipped. */
  | 'aufs-metadata'
  /** The content is compressed otherwise than the media type says: the content is believed. */
  | 'compression-mismatch'
  /** Two entries of one layer have the same path: the last one counts. */
  | 'duplicate-path'
  /** A hard link to a path that neither this layer nor one below it has, or to a directory. */
  | 'link-target-unusable'
  /** The media type is not one of a layer. */
  | 'media-type-unknown'
  /** An entry below a path that is no directory, nor a link to one. */
  | 'parent-not-directory'
  /** A name or hard link that would lead outside of the root, or a root that is no directory. */
  | 'path-unsafe'
  /** A directory with a whiteout's name: entries below it are taken as they are. */
  | 'reserved-name'
  /** There are more findings than are kept. */
  | 'too-many-findings'
  /** Bytes other than zeros behind the end of the tar: no reader sees them, but the diffID covers them. */
  | 'trailing-data'
  /** A whiteout with content, which nobody reads. */
  | 'whiteout-content'
  /** A whiteout of a symlink that entries before it in the same layer went through. */
  | 'whiteout-late'

/**
 * One odd thing about a layer; its `path` has the entry's path, or nothing for the layer as a whole. `error`: using
 * the layer goes wrong there. `warning`: it works, but its writer did not mean well.
 */
export type LayerFinding = Finding<LayerFindingCode>

/** Findings that are kept of one layer: hostile ones have millions. */
const MAX_FINDINGS = 1000

/** Collects findings up to {@link MAX_FINDINGS}, then says once that there were more. */
export class FindingList {
  readonly all: LayerFinding[] = []

  /** Adds a finding about an entry, or with no path about the layer as a whole. */
  add(level: LayerFinding['level'], code: LayerFindingCode, path: string | undefined, message: string): void {
    if (this.all.length > MAX_FINDINGS) return
    if (this.all.length < MAX_FINDINGS) {
      this.all.push({ level, code, path: path === undefined ? [] : [path], message })
      return
    }
    const more = `There are more than ${MAX_FINDINGS} findings: the rest is left out`
    this.all.push({ level: 'warning', code: 'too-many-findings', path: [], message: more })
  }
}
