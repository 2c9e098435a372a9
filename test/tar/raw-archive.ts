/** Archives made block by block, so that tests can say what no good writer would. */

/** What a raw header block holds; numbers are written as octal unless bytes are given. */
export interface RawHeader {
  name?: string | Uint8Array
  mode?: number | Uint8Array
  uid?: number | Uint8Array
  gid?: number | Uint8Array
  size?: number | Uint8Array
  mtime?: number | Uint8Array
  type?: string
  linkName?: string | Uint8Array
  /** The eight bytes of magic and version: ustar's where none are given. */
  magic?: string
  uname?: string | Uint8Array
  gname?: string | Uint8Array
  deviceMajor?: number | Uint8Array
  deviceMinor?: number | Uint8Array
  /** The rest of the block, from byte 345. */
  tail?: string | Uint8Array
  checksum?: 'unsigned' | 'signed' | 'wrong'
}

const ustar = 'ustar\x0000'
export const gnu = 'ustar  \0'
export const v7 = '\0\0\0\0\0\0\0\0'

export function latin1(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}

export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text)
}

/** One header block. */
export function block(header: RawHeader): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(512)
  const put = (at: number, length: number, value: string | number | Uint8Array | undefined) => {
    if (value === undefined) return
    const raw =
      typeof value === 'number'
        ? latin1(`${value.toString(8).padStart(length - 1, '0')}\0`)
        : typeof value === 'string'
          ? utf8(value)
          : value
    if (raw.length > length) throw new RangeError(`${raw.length} bytes in a field of ${length}`)
    bytes.set(raw, at)
  }
  put(0, 100, header.name ?? 'name')
  put(100, 8, header.mode ?? 0o644)
  put(108, 8, header.uid ?? 0)
  put(116, 8, header.gid ?? 0)
  put(124, 12, header.size ?? 0)
  put(136, 12, header.mtime ?? 0)
  put(156, 1, header.type ?? '0')
  put(157, 100, header.linkName)
  bytes.set(latin1(header.magic ?? ustar), 257)
  put(265, 32, header.uname)
  put(297, 32, header.gname)
  put(329, 8, header.deviceMajor)
  put(337, 8, header.deviceMinor)
  put(345, 167, header.tail)
  bytes.fill(0x20, 148, 156)
  let sum = 0
  for (const byte of bytes) sum += header.checksum === 'signed' ? (byte << 24) >> 24 : byte
  if (header.checksum === 'wrong') sum += 1
  bytes.set(latin1(`${sum.toString(8).padStart(6, '0')}\0 `), 148)
  return bytes
}

/** Content with the zeros that fill its last block. */
export function padded(content: string | Uint8Array): Uint8Array<ArrayBuffer> {
  const raw = typeof content === 'string' ? utf8(content) : content
  const bytes = new Uint8Array(Math.ceil(raw.length / 512) * 512)
  bytes.set(raw)
  return bytes
}

/** An entry: header and content, the size filled in. */
export function entry(header: RawHeader, content: string | Uint8Array = ''): Uint8Array<ArrayBuffer> {
  const raw = typeof content === 'string' ? utf8(content) : content
  return join(block({ size: raw.length, ...header }), padded(raw))
}

/** One PAX record. */
export function record(key: string, value: string | Uint8Array): Uint8Array<ArrayBuffer> {
  const raw = join(utf8(` ${key}=`), typeof value === 'string' ? utf8(value) : value, utf8('\n'))
  let length = raw.length
  while (String(length).length + raw.length !== length) length = String(length).length + raw.length
  return join(utf8(String(length)), raw)
}

/** A local (`x`) or global (`g`) extended header. */
export function pax(records: readonly Uint8Array[], type: 'x' | 'g' = 'x'): Uint8Array<ArrayBuffer> {
  return entry({ name: 'PaxHeaders.0/name', type }, join(...records))
}

/** The two zero blocks. */
export const end: Uint8Array<ArrayBuffer> = new Uint8Array(1024)

export function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

/** A base-256 field: two's complement with the first bit set. */
export function base256(value: bigint, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length)
  let rest = value
  for (let i = length - 1; i >= 0; i--) {
    bytes[i] = Number(rest & 0xffn)
    rest >>= 8n
  }
  bytes[0] = bytes[0]! | 0x80
  return bytes
}
