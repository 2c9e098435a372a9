/**
 * CRC-32 of gzip's trailer: `node:zlib`'s where it has one, else by tables.
 * @see https://datatracker.ietf.org/doc/html/rfc1952#section-8
 */
import { accelerator } from '../runtime.ts'

let tables: Uint32Array | undefined

/** The CRC-32 of bytes that follow bytes whose CRC-32 is `crc`. */
export function crc32(bytes: Uint8Array, crc = 0): number {
  const native = accelerator('node:zlib')?.crc32
  return native === undefined ? portableCrc32(bytes, crc) : native(bytes, crc)
}

/** Four bytes a step: 4 tables of 1 KiB. */
function portableCrc32(bytes: Uint8Array, crc: number): number {
  tables ??= makeTables()
  const t = tables
  let c = ~crc
  let i = 0
  for (const end = bytes.length - 3; i < end; i += 4) {
    c ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
    c = t[768 + (c & 255)]! ^ t[512 + ((c >>> 8) & 255)]! ^ t[256 + ((c >>> 16) & 255)]! ^ t[c >>> 24]!
  }
  for (; i < bytes.length; i++) c = t[(c ^ bytes[i]!) & 255]! ^ (c >>> 8)
  return ~c >>> 0
}

function makeTables(): Uint32Array {
  const made = new Uint32Array(1024)
  for (let n = 0; n < 256; n++) {
    let c = n
    for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1
    made[n] = c
  }
  for (let n = 0; n < 256; n++) {
    for (let k = 1; k < 4; k++) {
      const c = made[(k - 1) * 256 + n]!
      made[k * 256 + n] = made[c & 255]! ^ (c >>> 8)
    }
  }
  return made
}
