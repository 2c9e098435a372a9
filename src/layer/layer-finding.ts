/** What is odd about a layer, beside the errors that end its reading. */

/** The kinds of finding: see each member. */
export type LayerFindingCode =
  /** AUFS's own bookkeeping of old Docker versions: skipped. */
  | 'AUFS_METADATA'
  /** The content is compressed otherwise than the media type says: the content is believed. */
  | 'COMPRESSION_MISMATCH'
  /** Two entries of one layer have the same path: the last one counts. */
  | 'DUPLICATE_PATH'
  /** A hard link to a path that neither this layer nor one below it has, or to a directory. */
  | 'LINK_TARGET_UNUSABLE'
  /** The media type is not one of a layer. */
  | 'MEDIA_TYPE_UNKNOWN'
  /** An entry below a path that is no directory, nor a link to one. */
  | 'PARENT_NOT_DIRECTORY'
  /** A name or hard link that would lead outside of the root, or a root that is no directory. */
  | 'PATH_UNSAFE'
  /** A directory with a whiteout's name. */
  | 'RESERVED_NAME'
  /** There are more findings than are kept. */
  | 'TOO_MANY_FINDINGS'
  /** A whiteout with content, which nobody reads. */
  | 'WHITEOUT_CONTENT'
  /** A whiteout of a symlink that entries before it in the same layer went through. */
  | 'WHITEOUT_LATE'

/** One odd thing about a layer, at one of its entries. */
export interface LayerFinding {
  /** `error`: using the layer goes wrong there. `warning`: it works, but its writer did not mean well. */
  readonly level: 'error' | 'warning'
  readonly code: LayerFindingCode
  /** The entry's path; empty for the layer as a whole. */
  readonly path: string
  /** One sentence. */
  readonly message: string
}

/** Findings that are kept of one layer: hostile ones have millions. */
export const MAX_FINDINGS = 1000

/** Collects findings up to {@link MAX_FINDINGS}, then says once that there were more. */
export class FindingList {
  readonly all: LayerFinding[] = []

  add(level: LayerFinding['level'], code: LayerFindingCode, path: string, message: string): void {
    if (this.all.length > MAX_FINDINGS) return
    this.all.push(
      this.all.length < MAX_FINDINGS
        ? { level, code, path, message }
        : {
            level: 'warning',
            code: 'TOO_MANY_FINDINGS',
            path: '',
            message: `There are more than ${MAX_FINDINGS} findings: the rest is left out`,
          },
    )
  }
}
