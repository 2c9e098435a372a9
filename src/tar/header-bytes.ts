/**
 * An entry's header as bytes: plain ustar where everything fits, PAX where it does not, GNU for what only GNU can
 * say. The same rules and the same bytes as Go's `archive/tar`, so that a layer of Go's making that is read and
 * written again keeps its diffID.
 */
import { encodeUtf8 } from '../bytes.ts'
import { OciError } from '../errors.ts'
import type { Field } from './block.ts'
import { BLOCK_SIZE, FIELDS, paddingOf, unsignedChecksum } from './block.ts'
import type { SettledEntry } from './entry-input.ts'
import type { TarEntryType } from './header.ts'
import { fitsBinary, fitsOctal, writeNumber, writeOctal } from './number.ts'
import { formatRecord, xattrKey } from './pax.ts'
import { quote } from './text.ts'
import { formatPaxTime } from './timestamp.ts'

type Format = 'ustar' | 'pax' | 'gnu'

const typeflags: { readonly [type in TarEntryType]: number } = {
  file: 0x30,
  link: 0x31,
  symlink: 0x32,
  'character-device': 0x33,
  'block-device': 0x34,
  directory: 0x35,
  fifo: 0x36,
}

/** "ustar", NUL, version "00"; and GNU's "ustar", two spaces, NUL. */
const ustarMagic: readonly number[] = [0x75, 0x73, 0x74, 0x61, 0x72, 0, 0x30, 0x30]
const gnuMagic: readonly number[] = [0x75, 0x73, 0x74, 0x61, 0x72, 0x20, 0x20, 0]

/** The most that one extended header may hold, in bytes: what Go and libarchive read. */
const maxPaxSize = 1 << 20

/** Makes headers one after the other; most need nothing but one block, which is used again for each. */
export class HeaderEncoder {
  readonly #block: Uint8Array<ArrayBuffer> = new Uint8Array(BLOCK_SIZE)
  readonly #view: DataView<ArrayBuffer> = new DataView(this.#block.buffer)

  /**
   * All blocks that precede the entry's content, valid until the next call.
   * @throws OciError `ARGUMENT_INVALID` where no format can say it all, `LIMIT_EXCEEDED` where records pass 1 MiB.
   */
  encode(entry: SettledEntry): Uint8Array<ArrayBuffer> {
    const split = splitPath(entry.path)
    const records = paxRecords(entry)
    if (needsBinary(entry)) return gnuHeaderBytes(entry)
    if (!isUstar(entry, split, records)) return paxHeaderBytes(entry, records)
    this.#block.fill(0)
    writeBlock(this.#view, this.#block, 0, entry, 'ustar', split)
    return this.#block
  }
}

/** The records that PAX needs for what a ustar block cannot hold, and those that the entry brings along. */
function paxRecords(entry: SettledEntry): Map<string, Uint8Array> {
  const records = new Map<string, Uint8Array>()
  addText(records, 'path', entry.path, FIELDS.name)
  addText(records, 'linkpath', entry.linkPath, FIELDS.linkName)
  addText(records, 'uname', entry.uname, FIELDS.uname)
  addText(records, 'gname', entry.gname, FIELDS.gname)
  addNumber(records, 'uid', entry.uid, FIELDS.uid)
  addNumber(records, 'gid', entry.gid, FIELDS.gid)
  addNumber(records, 'size', entry.size, FIELDS.size)
  if (entry.mtime.nanoseconds !== 0 || !fitsOctal(FIELDS.mtime.length, entry.mtime.seconds)) {
    records.set('mtime', encodeUtf8(formatPaxTime(entry.mtime)))
  }
  if (entry.atime !== undefined) records.set('atime', encodeUtf8(formatPaxTime(entry.atime)))
  if (entry.ctime !== undefined) records.set('ctime', encodeUtf8(formatPaxTime(entry.ctime)))
  if (entry.xattrs !== undefined) for (const [name, value] of entry.xattrs) records.set(xattrKey(name), value)
  if (entry.pax !== undefined) for (const [key, value] of entry.pax) records.set(key, value)
  return records
}

function addText(records: Map<string, Uint8Array>, key: string, value: Uint8Array, field: Field): void {
  if (value.length > field.length || !isAscii(value)) records.set(key, value)
}

function addNumber(records: Map<string, Uint8Array>, key: string, value: number, field: Field): void {
  if (!fitsOctal(field.length, value)) records.set(key, encodeUtf8(String(value)))
}

/** Whether one ustar block says it all: no record but the path, where that can be split. */
function isUstar(entry: SettledEntry, split: number, records: ReadonlyMap<string, Uint8Array>): boolean {
  return (
    records.size === 0 || (records.size === 1 && records.has('path') && split > 0 && entry.path.length > 100)
  )
}

/** Whether a number is too large for ustar and has no PAX record: Go then writes GNU's base-256. */
function needsBinary(entry: SettledEntry): boolean {
  return !(
    fitsOctal(FIELDS.mode.length, entry.mode) &&
    fitsOctal(FIELDS.deviceMajor.length, entry.deviceMajor) &&
    fitsOctal(FIELDS.deviceMinor.length, entry.deviceMinor)
  )
}

function gnuProblem(entry: SettledEntry): string | undefined {
  const reason = 'its mode or device number fits only GNU headers, which have no'
  if (entry.xattrs !== undefined || entry.pax !== undefined)
    return `${reason} extended attributes or PAX records`
  if (entry.uname.length > FIELDS.uname.length || entry.gname.length > FIELDS.gname.length) {
    return `${reason} user or group names of more than ${FIELDS.uname.length} bytes`
  }
  for (const time of [entry.mtime, entry.atime, entry.ctime]) {
    if (time !== undefined && time.nanoseconds !== 0) return `${reason} fractions of a second`
  }
  for (const number of [entry.mode, entry.uid, entry.gid, entry.deviceMajor, entry.deviceMinor]) {
    if (!fitsBinary(FIELDS.mode.length, number)) return `${reason} room for ${number}`
  }
  return undefined
}

function paxHeaderBytes(
  entry: SettledEntry,
  records: ReadonlyMap<string, Uint8Array>,
): Uint8Array<ArrayBuffer> {
  const sorted = [...records]
    .map(([key, value]) => ({ key: encodeUtf8(key), record: formatRecord(key, value) }))
    .sort((a, b) => compareBytes(a.key, b.key))
  let length = 0
  for (const { record } of sorted) length += record.length
  if (length > maxPaxSize) {
    throw new OciError(
      'LIMIT_EXCEEDED',
      `Tar entry ${quote(entry.shownPath)} has ${length} bytes of names, attributes and records: readers take ${maxPaxSize}`,
      { path: entry.shownPath, expected: maxPaxSize, actual: length },
    )
  }
  const bytes = new Uint8Array(2 * BLOCK_SIZE + length + paddingOf(length))
  const view = new DataView(bytes.buffer)
  writeExtensionBlock(view, bytes, 0, paxHeaderName(entry.path), 0x78, length, 'pax')
  let at = BLOCK_SIZE
  for (const { record } of sorted) {
    bytes.set(record, at)
    at += record.length
  }
  writeBlock(view, bytes, bytes.length - BLOCK_SIZE, entry, 'pax', 0)
  return bytes
}

function gnuHeaderBytes(entry: SettledEntry): Uint8Array<ArrayBuffer> {
  const problem = gnuProblem(entry)
  if (problem !== undefined) {
    throw new OciError(
      'ARGUMENT_INVALID',
      `Tar entry ${quote(entry.shownPath)} cannot be written: ${problem}`,
      {
        path: entry.shownPath,
      },
    )
  }
  const extensions: { readonly typeflag: number; readonly name: Uint8Array }[] = []
  if (entry.path.length > FIELDS.name.length) extensions.push({ typeflag: 0x4c, name: entry.path })
  if (entry.linkPath.length > FIELDS.linkName.length)
    extensions.push({ typeflag: 0x4b, name: entry.linkPath })
  let length = BLOCK_SIZE
  for (const { name } of extensions) length += BLOCK_SIZE + name.length + 1 + paddingOf(name.length + 1)
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const { typeflag, name } of extensions) {
    writeExtensionBlock(view, bytes, at, encodeUtf8('././@LongLink'), typeflag, name.length + 1, 'gnu')
    bytes.set(name, at + BLOCK_SIZE)
    at += BLOCK_SIZE + name.length + 1 + paddingOf(name.length + 1)
  }
  writeBlock(view, bytes, at, entry, 'gnu', 0)
  return bytes
}

/** The entry's own block. `split` is where its path is cut into prefix and name: 0 for nowhere. */
function writeBlock(
  view: DataView,
  bytes: Uint8Array,
  at: number,
  entry: SettledEntry,
  format: Format,
  split: number,
): void {
  // In PAX the block is for readers that know nothing of PAX: ASCII, zero where a number does not fit.
  const string = format === 'pax' ? toAscii : (text: Uint8Array) => text
  const number = format === 'gnu' ? writeNumber : writeOctal
  writeText(bytes, at, FIELDS.name, string(split > 0 ? entry.path.subarray(split + 1) : entry.path))
  number(bytes, at + FIELDS.mode.at, FIELDS.mode.length, entry.mode)
  number(bytes, at + FIELDS.uid.at, FIELDS.uid.length, entry.uid)
  number(bytes, at + FIELDS.gid.at, FIELDS.gid.length, entry.gid)
  number(bytes, at + FIELDS.size.at, FIELDS.size.length, entry.size)
  number(bytes, at + FIELDS.mtime.at, FIELDS.mtime.length, entry.mtime.seconds)
  bytes[at + FIELDS.type.at] = typeflags[entry.type]
  writeText(bytes, at, FIELDS.linkName, string(entry.linkPath))
  writeText(bytes, at, FIELDS.uname, string(entry.uname))
  writeText(bytes, at, FIELDS.gname, string(entry.gname))
  number(bytes, at + FIELDS.deviceMajor.at, FIELDS.deviceMajor.length, entry.deviceMajor)
  number(bytes, at + FIELDS.deviceMinor.at, FIELDS.deviceMinor.length, entry.deviceMinor)
  if (split > 0) writeText(bytes, at, FIELDS.prefix, entry.path.subarray(0, split))
  if (format === 'gnu') {
    if (entry.atime !== undefined) {
      writeNumber(bytes, at + FIELDS.gnuAtime.at, FIELDS.gnuAtime.length, entry.atime.seconds)
    }
    if (entry.ctime !== undefined) {
      writeNumber(bytes, at + FIELDS.gnuCtime.at, FIELDS.gnuCtime.length, entry.ctime.seconds)
    }
  }
  seal(view, bytes, at, format)
}

/** The block of an extended header or long name: no owner, no time. */
function writeExtensionBlock(
  view: DataView,
  bytes: Uint8Array,
  at: number,
  name: Uint8Array,
  typeflag: number,
  size: number,
  format: Format,
): void {
  writeText(bytes, at, FIELDS.name, name)
  writeOctal(bytes, at + FIELDS.mode.at, FIELDS.mode.length, 0)
  writeOctal(bytes, at + FIELDS.uid.at, FIELDS.uid.length, 0)
  writeOctal(bytes, at + FIELDS.gid.at, FIELDS.gid.length, 0)
  writeOctal(bytes, at + FIELDS.size.at, FIELDS.size.length, size)
  writeOctal(bytes, at + FIELDS.mtime.at, FIELDS.mtime.length, 0)
  bytes[at + FIELDS.type.at] = typeflag
  seal(view, bytes, at, format)
}

/** Writes magic and checksum: six octal digits, a NUL and a space. */
function seal(view: DataView, bytes: Uint8Array, at: number, format: Format): void {
  bytes.set(format === 'gnu' ? gnuMagic : ustarMagic, at + FIELDS.magic.at)
  const sum = unsignedChecksum(view, at)
  writeOctal(bytes, at + FIELDS.checksum.at, 7, sum)
  bytes[at + FIELDS.checksum.at + 7] = 0x20
}

/**
 * Puts text into a field, cut where it is longer. A cut name that would end in "/" loses the slash, since
 * readers without PAX would take the file for a directory.
 */
function writeText(bytes: Uint8Array, at: number, field: Field, text: Uint8Array): void {
  const start = at + field.at
  if (text.length <= field.length) {
    bytes.set(text, start)
    return
  }
  bytes.set(text.subarray(0, field.length), start)
  if (text[field.length - 1] !== 0x2f) return
  let end = field.length - 1
  while (end > 0 && text[end - 1] === 0x2f) end--
  bytes[start + end] = 0
}

/** Where to cut a path of more than 100 bytes into ustar's prefix and name: the last "/" that serves, or 0. */
function splitPath(path: Uint8Array): number {
  if (path.length <= FIELDS.name.length || !isAscii(path)) return 0
  let length = path.length
  if (length > FIELDS.prefix.length + 1) length = FIELDS.prefix.length + 1
  else if (path[length - 1] === 0x2f) length--
  const at = path.lastIndexOf(0x2f, length - 1)
  const nameLength = path.length - at - 1
  if (at <= 0 || nameLength > FIELDS.name.length || nameLength === 0) return 0
  return at
}

/** The name that an extended header has itself: `dir/PaxHeaders.0/base`, cleaned, ASCII, at most 100 bytes. */
function paxHeaderName(path: Uint8Array): Uint8Array {
  const slash = path.lastIndexOf(0x2f)
  const rooted = path[0] === 0x2f
  const parts: Uint8Array[] = []
  const add = (part: Uint8Array) => {
    if (part.length === 0 || (part.length === 1 && part[0] === 0x2e)) return
    const last = parts.at(-1)
    if (!isParent(part)) parts.push(part)
    else if (last !== undefined && !isParent(last)) parts.pop()
    else if (!rooted) parts.push(part)
  }
  let start = 0
  for (let i = 0; i <= slash; i++) {
    if (path[i] !== 0x2f) continue
    add(path.subarray(start, i))
    start = i + 1
  }
  add(encodeUtf8('PaxHeaders.0'))
  add(path.subarray(slash + 1))
  const name: number[] = rooted ? [0x2f] : []
  for (const [i, part] of parts.entries()) {
    if (i > 0) name.push(0x2f)
    for (const byte of part) if (byte < 0x80) name.push(byte)
  }
  if (name.length === 0 && parts.length === 0) name.push(0x2e)
  let end = Math.min(name.length, FIELDS.name.length)
  while (end > 0 && name[end - 1] === 0x2f) end--
  return Uint8Array.from(name.slice(0, end))
}

function isParent(part: Uint8Array): boolean {
  return part.length === 2 && part[0] === 0x2e && part[1] === 0x2e
}

function isAscii(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i]! > 0x7f) return false
  return true
}

function toAscii(bytes: Uint8Array): Uint8Array {
  return isAscii(bytes) ? bytes : bytes.filter((byte) => byte < 0x80)
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length && i < b.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}
