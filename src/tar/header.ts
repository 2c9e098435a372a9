/** What a tar archive says of one entry, whatever format its header is written in. */

/** The seven kinds of file that a layer holds. */
export type TarEntryType =
  | 'file'
  | 'link'
  | 'symlink'
  | 'character-device'
  | 'block-device'
  | 'directory'
  | 'fifo'

/** A moment, exact to the nanosecond, which a JavaScript number is not. */
export interface Timestamp {
  /** Whole seconds since 1970 UTC, rounded down; negative before. */
  readonly seconds: number
  /** 0 to 999 999 999. */
  readonly nanoseconds: number
}

/** One entry's header. */
export interface TarHeader {
  /** The name as the archive has it, decoded as UTF-8 (undecodable bytes as U+FFFD). */
  readonly path: string
  /** The name's bytes, only where they are not valid UTF-8. */
  readonly pathBytes?: Uint8Array | undefined
  readonly type: TarEntryType
  /** Permission bits with set-id and sticky: 0 to 0o7777. */
  readonly mode: number
  /**
   * What the mode field holds above 0o7777, only where that is not 0: Docker wrote the file type there (0o100000)
   * until 2017. Nobody reads it, but a layer's bytes are its identity, so it is kept for writing.
   */
  readonly modeExtra?: number | undefined
  /** 0 to 2^53 - 1 (negative only where an archive says so in base-256). */
  readonly uid: number
  readonly gid: number
  /** Bytes of content that follow: 0 for everything but a file. */
  readonly size: number
  readonly mtime: Timestamp
  readonly atime?: Timestamp | undefined
  readonly ctime?: Timestamp | undefined
  /** Where a link or symlink leads, as written; empty for other types. */
  readonly linkPath: string
  /** The link's bytes, only where they are not valid UTF-8. */
  readonly linkPathBytes?: Uint8Array | undefined
  /** User and group names, empty where there are none. */
  readonly uname: string
  readonly gname: string
  /** The names' bytes, only where they are not valid UTF-8. */
  readonly unameBytes?: Uint8Array | undefined
  readonly gnameBytes?: Uint8Array | undefined
  /** Of devices. */
  readonly deviceMajor: number
  readonly deviceMinor: number
  /** Extended attributes (`SCHILY.xattr.`, `LIBARCHIVE.xattr.`), raw. */
  readonly xattrs: ReadonlyMap<string, Uint8Array>
  /** PAX records that have no field of their own here, raw: `comment`, `MSWINDOWS.rawsd`, … */
  readonly pax: ReadonlyMap<string, Uint8Array>
}
