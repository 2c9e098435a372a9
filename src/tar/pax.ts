/**
 * PAX extended headers: records of the form `length key=value\n`, whose values are raw bytes.
 * @see https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13_03
 */
import { encodeUtf8 } from '../bytes.ts'
import type { Timestamp } from './header.ts'
import { decodeText, quote } from './text.ts'
import { parsePaxTime } from './timestamp.ts'

/** How much one extended header may hold. */
export interface PaxLimits {
  /** Records. */
  readonly records: number
  /** Records that are extended attributes. */
  readonly xattrs: number
  /** Bytes of a path. */
  readonly pathLength: number
}

/** What an extended header says of the entry that follows it; absent is what it does not say. */
export interface PaxHeader {
  path?: Uint8Array | undefined
  linkPath?: Uint8Array | undefined
  uname?: Uint8Array | undefined
  gname?: Uint8Array | undefined
  uid?: number | undefined
  gid?: number | undefined
  size?: number | undefined
  mtime?: Timestamp | undefined
  atime?: Timestamp | undefined
  ctime?: Timestamp | undefined
  xattrs: Map<string, Uint8Array>
  /** Records that have no field of their own. */
  records: Map<string, Uint8Array>
  /** The first key of a sparse map, which makes the entry one that is not read. */
  sparse?: string | undefined
}

/** Why an extended header is refused. */
export interface PaxProblem {
  readonly code: 'TAR_INVALID' | 'LIMIT_EXCEEDED'
  /** The end of a sentence that starts with the extended header. */
  readonly message: string
  readonly expected?: number | undefined
  readonly actual?: number | undefined
}

const schilyXattr = 'SCHILY.xattr.'
const libarchiveXattr = 'LIBARCHIVE.xattr.'
const sparsePrefix = 'GNU.sparse.'

/** The records that fields of a header are written as. */
const fieldKeys: ReadonlySet<string> = /* @__PURE__ */ new Set([
  'path',
  'linkpath',
  'uname',
  'gname',
  'uid',
  'gid',
  'size',
  'mtime',
  'atime',
  'ctime',
])

/** The records whose values are text that ends at a NUL in other headers. */
const textKeys: ReadonlySet<string> = /* @__PURE__ */ new Set(['path', 'linkpath', 'uname', 'gname'])

/**
 * The records of an extended header's content, raw; of two with one key the last counts, as in Go. The values
 * are copies.
 */
export function parseRecords(bytes: Uint8Array, limits: PaxLimits): Map<string, Uint8Array> | PaxProblem {
  const records = new Map<string, Uint8Array>()
  let count = 0
  for (let at = 0; at < bytes.length; ) {
    if (++count > limits.records) {
      return exceeded(`has more than ${limits.records} records`, limits.records, count)
    }
    let digits = at
    let length = 0
    while (digits < bytes.length && isDigit(bytes[digits]!) && length <= bytes.length) {
      length = length * 10 + bytes[digits++]! - 0x30
    }
    if (digits === at || bytes[digits] !== 0x20) {
      return invalid('has a record that does not start with its length and a space')
    }
    const start = digits + 1
    const end = at + length
    if (end > bytes.length || end <= start) {
      return invalid(`has a record that says it is ${length} bytes long, where ${bytes.length - at} are left`)
    }
    if (bytes[end - 1] !== 0x0a) return invalid('has a record that does not end with a line feed')
    const equals = bytes.indexOf(0x3d, start)
    if (equals === -1 || equals >= end - 1) return invalid('has a record without "="')
    const key = decodeText(bytes, start, equals)
    if (key === '' || key.includes('\0')) return invalid('has a record whose key is empty or has a NUL')
    if (key.includes('\uFFFD')) return invalid('has a record whose key is not UTF-8')
    if (textKeys.has(key) && bytes.subarray(equals, end).includes(0))
      return invalid(`has a ${key} with a NUL`)
    records.set(key, bytes.slice(equals + 1, end - 1))
    at = end
  }
  return records
}

/**
 * What an extended header's content says of the entry that follows.
 *
 * As in Go's `archive/tar`, which the OCI tools read with, an empty value leaves what the main header says (but
 * an empty extended attribute is one). `LIBARCHIVE.xattr.`, which Go does not know, counts only for attributes
 * that no `SCHILY.xattr.` names.
 */
export function parsePax(bytes: Uint8Array, limits: PaxLimits): PaxHeader | PaxProblem {
  const records = parseRecords(bytes, limits)
  if (isPaxProblem(records)) return records
  const header: PaxHeader = { xattrs: new Map(), records: new Map() }
  const fallback = new Map<string, Uint8Array>()
  for (const [key, value] of records) {
    const problem = readRecord(header, fallback, key, value, limits)
    if (problem !== undefined) return problem
    if (header.xattrs.size + fallback.size > limits.xattrs) {
      return exceeded(`has more than ${limits.xattrs} extended attributes`, limits.xattrs)
    }
  }
  for (const [name, value] of fallback) if (!header.xattrs.has(name)) header.xattrs.set(name, value)
  return header
}

function readRecord(
  header: PaxHeader,
  fallback: Map<string, Uint8Array>,
  key: string,
  value: Uint8Array,
  limits: PaxLimits,
): PaxProblem | undefined {
  switch (key) {
    case 'path':
    case 'linkpath':
      if (value.length > limits.pathLength) {
        return exceeded(`has a ${key} of ${value.length} bytes`, limits.pathLength, value.length)
      }
      if (value.length > 0) header[key === 'path' ? 'path' : 'linkPath'] = value
      return undefined
    case 'uname':
    case 'gname':
      if (value.length > 0) header[key] = value
      return undefined
    case 'uid':
    case 'gid':
    case 'size': {
      if (value.length === 0) return undefined
      const text = decodeText(value, 0, value.length)
      if (!(key === 'size' ? /^\d+$/ : /^-?\d+$/).test(text)) {
        return invalid(`has a ${key} that is no number: ${quote(text)}`)
      }
      const number = Number(text)
      if (!Number.isSafeInteger(number)) return invalid(`has a ${key} beyond 2^53 - 1: ${quote(text)}`)
      // Adding 0 makes the -0 of "-0" a 0.
      header[key] = number + 0
      return undefined
    }
    case 'mtime':
    case 'atime':
    case 'ctime': {
      if (value.length === 0) return undefined
      const text = decodeText(value, 0, value.length)
      const time = parsePaxTime(text)
      if (time === undefined) return invalid(`has a ${key} that is no time: ${quote(text)}`)
      header[key] = time
      return undefined
    }
    default:
      if (key.startsWith(schilyXattr)) {
        header.xattrs.set(key.slice(schilyXattr.length), value)
      } else if (key.startsWith(libarchiveXattr)) {
        const name = decodePercent(key.slice(libarchiveXattr.length))
        const decoded = decodeBase64(value)
        if (name === undefined || decoded === undefined) {
          return invalid(`has a record ${quote(key)} that is not base64 under a percent-encoded name`)
        }
        fallback.set(name, decoded)
      } else {
        if (key.startsWith(sparsePrefix)) header.sparse ??= key
        header.records.set(key, value)
      }
      return undefined
  }
}

/** Whether {@link parsePax} or {@link parseRecords} refused. */
export function isPaxProblem(result: PaxHeader | Map<string, Uint8Array> | PaxProblem): result is PaxProblem {
  return 'code' in result
}

/** One record as bytes. The length counts its own digits. */
export function formatRecord(key: string, value: Uint8Array): Uint8Array<ArrayBuffer> {
  const keyBytes = encodeUtf8(key)
  const rest = keyBytes.length + value.length + 3
  let length = rest + String(rest).length
  length = rest + String(length).length
  const record = new Uint8Array(length)
  const start = encodeUtf8(`${length} `)
  record.set(start)
  record.set(keyBytes, start.length)
  record[start.length + keyBytes.length] = 0x3d
  record.set(value, start.length + keyBytes.length + 1)
  record[length - 1] = 0x0a
  return record
}

/** Whether a record of this key is what a field or an extended attribute is written as, or would make a file sparse. */
export function isReservedKey(key: string): boolean {
  return (
    fieldKeys.has(key) ||
    key.startsWith(schilyXattr) ||
    key.startsWith(libarchiveXattr) ||
    key.startsWith(sparsePrefix)
  )
}

/** The key of the record that holds an extended attribute. */
export function xattrKey(name: string): string {
  return schilyXattr + name
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39
}

/** libarchive writes every byte of an attribute's name outside of 0x21 to 0x7e, "%" and "=" as %XX. */
function decodePercent(text: string): string | undefined {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** libarchive leaves out the "=" at the end. */
function decodeBase64(bytes: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  let text: string
  try {
    text = atob(decodeText(bytes, 0, bytes.length))
  } catch {
    return undefined
  }
  const decoded = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) decoded[i] = text.charCodeAt(i)
  return decoded
}

function invalid(message: string): PaxProblem {
  return { code: 'TAR_INVALID', message }
}

function exceeded(message: string, expected: number, actual?: number): PaxProblem {
  return { code: 'LIMIT_EXCEEDED', message, expected, actual }
}
