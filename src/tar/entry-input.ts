/** An entry as a caller describes it, and the same with every field settled and checked. */
import type { ByteSource } from '../bytes.ts'
import { encodeUtf8, isBlob } from '../bytes.ts'
import { OciError } from '../errors.ts'
import type { TarEntryType, Timestamp } from './header.ts'
import { isReservedKey } from './pax.ts'
import { decodeText, quote } from './text.ts'
import { toTimestamp } from './timestamp.ts'

/**
 * An entry to write. Only `path` must be given; a header or entry that was read is one, and writes the bytes that
 * it was read from where those were in canonical form.
 */
export interface TarEntryInput {
  /** Not empty; a "/" at its end makes a directory where no `type` is given. Written as it is. */
  readonly path: string
  /** The name's bytes, where it is not UTF-8; looked at only while `path` is what they decode to. */
  readonly pathBytes?: Uint8Array | undefined
  /** `file`, or `directory` where the path ends in "/". */
  readonly type?: TarEntryType | undefined
  /** 0o644; directories 0o755, symlinks 0o777. Bits above 0o7777 are written too. */
  readonly mode?: number | undefined
  /** Bits for the mode field above 0o7777, where `mode` has none: see {@link TarHeader.modeExtra}. */
  readonly modeExtra?: number | undefined
  /** 0. */
  readonly uid?: number | undefined
  /** 0. */
  readonly gid?: number | undefined
  /** Bytes of content: needed where it is a stream or comes by `TarWriter.data`, else checked against it. */
  readonly size?: number | undefined
  /**
   * 1970-01-01 where none is given. A number is seconds since then. Fractions are kept (as Go's writer does when
   * told to write PAX; left to itself it rounds them off).
   */
  readonly mtime?: Timestamp | number | Date | undefined
  readonly atime?: Timestamp | number | Date | undefined
  readonly ctime?: Timestamp | number | Date | undefined
  /** Where a link or symlink leads; only of these, and not empty there. */
  readonly linkPath?: string | undefined
  /** The link's bytes, where it is not UTF-8; looked at only while `linkPath` is what they decode to. */
  readonly linkPathBytes?: Uint8Array | undefined
  readonly uname?: string | undefined
  readonly gname?: string | undefined
  readonly unameBytes?: Uint8Array | undefined
  readonly gnameBytes?: Uint8Array | undefined
  /** Of devices alone. */
  readonly deviceMajor?: number | undefined
  readonly deviceMinor?: number | undefined
  /** Extended attributes, raw; written as `SCHILY.xattr.`. A name cannot have "=" or NUL. */
  readonly xattrs?: ReadonlyMap<string, Uint8Array> | undefined
  /** Further PAX records, raw. */
  readonly pax?: ReadonlyMap<string, Uint8Array> | undefined
  /** What a file holds; nothing where none is given. */
  readonly content?: ByteSource | undefined
}

/** An entry whose every field is settled. */
export interface SettledEntry {
  readonly shownPath: string
  readonly path: Uint8Array
  readonly linkPath: Uint8Array
  readonly uname: Uint8Array
  readonly gname: Uint8Array
  readonly type: TarEntryType
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly mtime: Timestamp
  readonly atime: Timestamp | undefined
  readonly ctime: Timestamp | undefined
  readonly deviceMajor: number
  readonly deviceMinor: number
  readonly xattrs: ReadonlyMap<string, Uint8Array> | undefined
  readonly pax: ReadonlyMap<string, Uint8Array> | undefined
}

const noBytes: Uint8Array<ArrayBuffer> = /* @__PURE__ */ new Uint8Array(0)
const epoch: Timestamp = { seconds: 0, nanoseconds: 0 }

/** Lone halves of surrogate pairs, which UTF-8 cannot write. */
const loneSurrogate = /[\uD800-\uDFFF]/u

/**
 * Fills in what an entry leaves open and checks the rest.
 * @throws OciError `ARGUMENT_INVALID`, `SIZE_MISMATCH`
 */
export function settleEntry(input: TarEntryInput): SettledEntry {
  const shownPath = input.path
  if (typeof shownPath !== 'string' || shownPath === '') {
    throw new OciError('ARGUMENT_INVALID', 'A tar entry must have a path that is not empty')
  }
  const endsInSlash = shownPath.endsWith('/')
  const type = input.type ?? (endsInSlash ? 'directory' : 'file')
  const isLink = type === 'link' || type === 'symlink'
  const isDevice = type === 'character-device' || type === 'block-device'
  // Go's writer refuses these too: readers differ on whether such a file is a directory.
  if (endsInSlash && type !== 'directory' && !isLink) {
    throw refused(shownPath, `is a ${type}, whose path must not end in "/"`)
  }
  const linkPath = text(input.linkPath ?? '', input.linkPathBytes, shownPath, 'link path')
  if (isLink && linkPath.length === 0) throw refused(shownPath, `is a ${type} without linkPath`)
  if (!isLink && linkPath.length > 0) throw refused(shownPath, `is a ${type}, which has no linkPath`)
  const deviceMajor = integer(input.deviceMajor ?? 0, shownPath, 'device number', 0)
  const deviceMinor = integer(input.deviceMinor ?? 0, shownPath, 'device number', 0)
  if (!isDevice && (deviceMajor !== 0 || deviceMinor !== 0)) {
    throw refused(shownPath, `is a ${type}, which has no device numbers`)
  }
  checkRecords(input, shownPath)
  const mode = integer(input.mode ?? defaultMode(type), shownPath, 'mode', Number.MIN_SAFE_INTEGER)
  return {
    shownPath,
    path: text(shownPath, input.pathBytes, shownPath, 'path'),
    linkPath,
    uname: text(input.uname ?? '', input.unameBytes, shownPath, 'user name'),
    gname: text(input.gname ?? '', input.gnameBytes, shownPath, 'group name'),
    type,
    mode: mode >= 0 && mode <= 0o7777 ? mode + (input.modeExtra ?? 0) : mode,
    uid: integer(input.uid ?? 0, shownPath, 'user id', Number.MIN_SAFE_INTEGER),
    gid: integer(input.gid ?? 0, shownPath, 'group id', Number.MIN_SAFE_INTEGER),
    size: contentSize(input, type),
    mtime: input.mtime === undefined ? epoch : toTimestamp(input.mtime),
    atime: input.atime === undefined ? undefined : toTimestamp(input.atime),
    ctime: input.ctime === undefined ? undefined : toTimestamp(input.ctime),
    deviceMajor,
    deviceMinor,
    xattrs: input.xattrs === undefined || input.xattrs.size === 0 ? undefined : input.xattrs,
    pax: input.pax === undefined || input.pax.size === 0 ? undefined : input.pax,
  }
}

function defaultMode(type: TarEntryType): number {
  return type === 'directory' ? 0o755 : type === 'symlink' ? 0o777 : 0o644
}

function contentSize(input: TarEntryInput, type: TarEntryType): number {
  const { content } = input
  const known = content instanceof Uint8Array ? content.length : isBlob(content) ? content.size : undefined
  const size = integer(input.size ?? known ?? (content === undefined ? 0 : Number.NaN), input.path, 'size', 0)
  if (type !== 'file' && size !== 0) throw refused(input.path, `is a ${type}, which has no content`)
  if (known !== undefined && known !== size) {
    throw new OciError(
      'SIZE_MISMATCH',
      `Tar entry ${quote(input.path)} is said to have ${size} bytes, but its content has ${known}`,
      { path: input.path, expected: size, actual: known },
    )
  }
  return size
}

function integer(value: number, path: string, what: string, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value
  throw refused(
    path,
    what === 'size' && Number.isNaN(value)
      ? 'has content of unknown length: give its size'
      : `has a ${what} that is no whole number from ${least} to 2^53 - 1: ${value}`,
  )
}

function text(value: string, raw: Uint8Array | undefined, path: string, what: string): Uint8Array {
  if (value === '' && raw === undefined) return noBytes
  // Who changes `path` of an entry that was read need not think of `pathBytes`.
  if (raw !== undefined && decodeText(raw, 0, raw.length) === value) {
    if (raw.includes(0)) throw refused(path, `has a ${what} with a NUL`)
    return raw
  }
  const bytes = encodeShort(value) ?? encodeUtf8(value)
  if (bytes.includes(0)) throw refused(path, `has a ${what} with a NUL`)
  if (bytes.length !== value.length && loneSurrogate.test(value)) {
    throw refused(path, `has a ${what} with half a surrogate pair, which UTF-8 cannot write`)
  }
  return bytes
}

/** The bytes of short ASCII text, for which a TextEncoder call takes twice as long; undefined for other text. */
function encodeShort(value: string): Uint8Array<ArrayBuffer> | undefined {
  if (value.length > 64) return undefined
  const bytes = new Uint8Array(value.length)
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if (code > 0x7f) return undefined
    bytes[i] = code
  }
  return bytes
}

function checkRecords(input: TarEntryInput, path: string): void {
  if (input.xattrs !== undefined)
    for (const name of input.xattrs.keys()) checkKey(name, path, 'extended attribute')
  if (input.pax === undefined) return
  for (const key of input.pax.keys()) {
    checkKey(key, path, 'PAX record')
    if (isReservedKey(key)) throw refused(path, `has a PAX record ${quote(key)}, for which there is a field`)
  }
}

function checkKey(key: string, path: string, what: string): void {
  if (key === '' || key.includes('=') || key.includes('\0') || loneSurrogate.test(key)) {
    throw refused(
      path,
      `has ${what} ${quote(key)}: a name cannot be empty or have "=", NUL or half a surrogate pair`,
    )
  }
}

function refused(path: string, problem: string): OciError {
  return new OciError('ARGUMENT_INVALID', `Tar entry ${quote(path)} ${problem}`, { path })
}
