/**
 * To and from the headers of the `tar-stream` package, for pipelines that are built on it. A `Pack` needs no
 * adapter: it is an async iterable of bytes, and goes in wherever a source of bytes does (its types say that the
 * chunks are `unknown`: cast it to `AsyncIterable<Uint8Array>`). Nothing is imported from there.
 */
import { encodeUtf8, equalBytes } from '../bytes.ts'
import { OciError } from '../errors.ts'
import type { TarEntryInput } from './entry-input.ts'
import type { TarEntryType, TarHeader } from './header.ts'
import { isReservedKey, xattrKey } from './pax.ts'
import { quote } from './text.ts'
import { formatPaxTime, parsePaxTime } from './timestamp.ts'

/** A header as `tar-stream`'s `pack.entry()` takes it. */
export interface TarStreamHeader {
  name: string
  type: TarEntryType
  mode: number
  uid: number
  gid: number
  size: number
  mtime: Date
  /** Only of links. */
  linkname?: string
  uname: string
  gname: string
  devmajor: number
  devminor: number
  /** Records as text, which is where what is not UTF-8 gets lost. */
  pax?: { [key: string]: string }
}

/** A header as `tar-stream`'s `extract()` gives it, or as one wrote it for `pack.entry()`. */
export interface TarStreamHeaderInput {
  readonly name: string
  readonly type?: string | null | undefined
  readonly mode?: number | undefined
  readonly uid?: number | undefined
  readonly gid?: number | undefined
  readonly size?: number | undefined
  readonly mtime?: Date | undefined
  readonly linkname?: string | null | undefined
  readonly uname?: string | undefined
  readonly gname?: string | undefined
  readonly devmajor?: number | undefined
  readonly devminor?: number | undefined
  /** Records as text, where there are any; `tar-stream`'s types leave open what it is. */
  readonly pax?: unknown
}

/** The largest number in the six octal digits that `tar-stream` writes for ids: 262 143. */
const largestId = 0o777777
/** The last second that its writer holds: it takes times for 32-bit numbers. */
const lastSecond = 0x7fffffff

const types: ReadonlySet<string> = /* @__PURE__ */ new Set<TarEntryType>([
  'file',
  'link',
  'symlink',
  'character-device',
  'block-device',
  'directory',
  'fifo',
])

const decoder: TextDecoder = /* @__PURE__ */ new TextDecoder('utf-8', { ignoreBOM: true })

/**
 * A header for `pack.entry()`. What `tar-stream` would clamp or wrap (ids above 262 143, times outside of 1970 to
 * 2038, fractions, long user names) goes along as PAX records, which every other reader heeds. Lost is only what
 * it cannot write at all: mode 0, which it turns into 0644, and bits above 0o7777.
 *
 * @throws OciError `ARGUMENT_INVALID` where a name, attribute or record is not UTF-8, which it would spoil.
 */
export function toTarStreamHeader(header: TarHeader): TarStreamHeader {
  const { mtime } = header
  const pax: { [key: string]: string } = {}
  const set = (key: string, value: Uint8Array) => {
    const text = decoder.decode(value)
    if (!equalBytes(encodeUtf8(text), value)) throw notText(header, key)
    setOwn(pax, key, text)
  }
  if (header.pathBytes !== undefined) throw notText(header, 'path')
  if (header.linkPathBytes !== undefined) throw notText(header, 'linkpath')
  if (header.unameBytes !== undefined) throw notText(header, 'uname')
  if (header.gnameBytes !== undefined) throw notText(header, 'gname')
  if (header.uid < 0 || header.uid > largestId) pax.uid = String(header.uid)
  if (header.gid < 0 || header.gid > largestId) pax.gid = String(header.gid)
  if (mtime.nanoseconds !== 0 || mtime.seconds < 0 || mtime.seconds > lastSecond)
    pax.mtime = formatPaxTime(mtime)
  if (header.atime !== undefined) pax.atime = formatPaxTime(header.atime)
  if (header.ctime !== undefined) pax.ctime = formatPaxTime(header.ctime)
  if (encodeUtf8(header.uname).length > 32) pax.uname = header.uname
  if (encodeUtf8(header.gname).length > 32) pax.gname = header.gname
  for (const [name, value] of header.xattrs) set(xattrKey(name), value)
  for (const [key, value] of header.pax) set(key, value)
  const result: TarStreamHeader = {
    name: header.path,
    type: header.type,
    mode: header.mode,
    uid: Math.min(Math.max(header.uid, 0), largestId),
    gid: Math.min(Math.max(header.gid, 0), largestId),
    size: header.size,
    mtime: new Date(Math.min(Math.max(mtime.seconds, 0), lastSecond) * 1000),
    uname: pax.uname === undefined ? header.uname : '',
    gname: pax.gname === undefined ? header.gname : '',
    devmajor: header.deviceMajor,
    devminor: header.deviceMinor,
  }
  if (header.linkPath !== '') result.linkname = header.linkPath
  if (Object.keys(pax).length > 0) result.pax = pax
  return result
}

/**
 * An entry for the writer from a header that `tar-stream`'s `extract()` gave. Its PAX records count where it
 * ignores them itself (ids, times, names of owners).
 *
 * @throws OciError `TAR_UNSUPPORTED` for a type that layers do not hold
 */
export function fromTarStreamHeader(header: TarStreamHeaderInput): TarEntryInput {
  const type = header.type === 'contiguous-file' ? 'file' : (header.type ?? 'file')
  if (!types.has(type)) {
    throw new OciError('TAR_UNSUPPORTED', `Tar entry ${quote(header.name)} is of type ${quote(type)}`, {
      path: header.name,
    })
  }
  const records = new Map(Object.entries((header.pax ?? {}) as Readonly<Record<string, string>>))
  const xattrs = new Map<string, Uint8Array>()
  const pax = new Map<string, Uint8Array>()
  const xattrPrefix = xattrKey('')
  for (const [key, value] of records) {
    if (key.startsWith(xattrPrefix)) xattrs.set(key.slice(xattrPrefix.length), encodeUtf8(value))
    else if (!isReservedKey(key)) pax.set(key, encodeUtf8(value))
  }
  const isLink = type === 'link' || type === 'symlink'
  const isDevice = type === 'character-device' || type === 'block-device'
  const time = (key: string) => parsePaxTime(records.get(key) ?? '')
  return {
    path: header.name,
    type: type as TarEntryType,
    mode: header.mode,
    uid: idOf(records.get('uid')) ?? header.uid,
    gid: idOf(records.get('gid')) ?? header.gid,
    size: type === 'file' ? header.size : 0,
    mtime: time('mtime') ?? header.mtime,
    atime: time('atime'),
    ctime: time('ctime'),
    linkPath: isLink ? (header.linkname ?? '') : '',
    uname: records.get('uname') || header.uname,
    gname: records.get('gname') || header.gname,
    deviceMajor: isDevice ? header.devmajor : 0,
    deviceMinor: isDevice ? header.devminor : 0,
    xattrs,
    pax,
  }
}

function idOf(text: string | undefined): number | undefined {
  return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : undefined
}

/** Sets a property that may have any name, `__proto__` too. */
function setOwn(object: { [key: string]: string }, key: string, value: string): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true })
}

function notText(header: TarHeader, key: string): OciError {
  return new OciError(
    'ARGUMENT_INVALID',
    `Tar entry ${quote(header.path)} has a ${quote(key)} that is not UTF-8, which tar-stream cannot write`,
    { path: header.path },
  )
}
