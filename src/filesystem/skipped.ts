/** What could not be kept of an image on this disk, or of a directory in an image: said, never silent. */

/** What of a file was not kept. */
export type SkippedKind =
  /** Its owner: this user may not give files away, or the id is none that the system has. */
  | 'owner'
  /** Its set-user-ID or set-group-ID bit. */
  | 'set-id'
  /** Extended attributes. */
  | 'xattr'
  /** The fraction of a time below the precision of this runtime. */
  | 'time'
  /** The device node as a whole. */
  | 'device'
  /** The FIFO as a whole. */
  | 'fifo'
  /** The socket as a whole: an image cannot hold one. */
  | 'socket'
  /** A further name of a file that was itself skipped. */
  | 'link'

/** One thing that was not kept. */
export interface Skipped {
  /** From the root, without a slash at its start. */
  readonly path: string
  readonly what: SkippedKind
  /** A sentence without its full stop. */
  readonly why: string
}

/** How many are listed one by one unless said otherwise; all are counted. */
const MAX_SKIPPED_LISTED = 1000

/** Collects what is skipped, in bounded memory. */
export class SkippedList {
  readonly listed: Skipped[] = []
  readonly counts: Partial<Record<SkippedKind, number>> = {}

  add(path: string, what: SkippedKind, why: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1
    if (this.listed.length < MAX_SKIPPED_LISTED) this.listed.push({ path, what, why })
  }
}
