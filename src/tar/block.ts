/**
 * The 512-byte header block: where its fields are, and its checksum.
 * @see https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13_06 (ustar)
 * @see https://www.gnu.org/software/tar/manual/html_node/Standard.html (GNU)
 */

/** Bytes of a header, and what content is padded to. */
export const BLOCK_SIZE: number = 512

/** One field of a header block: where it starts and how many bytes it has. */
export interface Field {
  readonly at: number
  readonly length: number
}

/** The fields, as ustar names them, and those in which GNU's and star's headers differ from it. */
export const FIELDS: {
  readonly [name in
    | 'name'
    | 'mode'
    | 'uid'
    | 'gid'
    | 'size'
    | 'mtime'
    | 'checksum'
    | 'type'
    | 'linkName'
    | 'magic'
    | 'uname'
    | 'gname'
    | 'deviceMajor'
    | 'deviceMinor'
    | 'prefix'
    | 'gnuAtime'
    | 'gnuCtime'
    | 'starPrefix'
    | 'starAtime'
    | 'starCtime'
    | 'starTrailer']: Field
} = {
  name: { at: 0, length: 100 },
  mode: { at: 100, length: 8 },
  uid: { at: 108, length: 8 },
  gid: { at: 116, length: 8 },
  size: { at: 124, length: 12 },
  mtime: { at: 136, length: 12 },
  checksum: { at: 148, length: 8 },
  type: { at: 156, length: 1 },
  linkName: { at: 157, length: 100 },
  magic: { at: 257, length: 8 },
  uname: { at: 265, length: 32 },
  gname: { at: 297, length: 32 },
  deviceMajor: { at: 329, length: 8 },
  deviceMinor: { at: 337, length: 8 },
  prefix: { at: 345, length: 155 },
  gnuAtime: { at: 345, length: 12 },
  gnuCtime: { at: 357, length: 12 },
  starPrefix: { at: 345, length: 131 },
  starAtime: { at: 476, length: 12 },
  starCtime: { at: 488, length: 12 },
  starTrailer: { at: 508, length: 4 },
}

/** Which layout a header block has: its magic decides. `ustar` stands for PAX's main headers too. */
export type BlockFormat = 'v7' | 'ustar' | 'gnu' | 'star'

/** The layout of the header block that starts at `at`. */
export function blockFormat(bytes: Uint8Array, at: number): BlockFormat {
  const magic = at + FIELDS.magic.at
  // "ustar"
  if (
    bytes[magic] !== 0x75 ||
    bytes[magic + 1] !== 0x73 ||
    bytes[magic + 2] !== 0x74 ||
    bytes[magic + 3] !== 0x61 ||
    bytes[magic + 4] !== 0x72
  ) {
    return 'v7'
  }
  // Go looks at the version only for GNU; ustar archives with another version than "00" do occur.
  if (bytes[magic + 5] === 0) {
    const trailer = at + FIELDS.starTrailer.at
    const star =
      bytes[trailer] === 0x74 &&
      bytes[trailer + 1] === 0x61 &&
      bytes[trailer + 2] === 0x72 &&
      bytes[trailer + 3] === 0
    return star ? 'star' : 'ustar'
  }
  return bytes[magic + 5] === 0x20 && bytes[magic + 6] === 0x20 && bytes[magic + 7] === 0 ? 'gnu' : 'v7'
}

/**
 * The sum of all bytes of the block that `view` has at `at`, those of the checksum field counted as spaces.
 * Four bytes at a time, as two lanes of 16 bits that cannot overflow: 0.09 us a block where bytes take 0.33.
 */
export function unsignedChecksum(view: DataView, at: number): number {
  let even = 0
  let odd = 0
  for (let i = at; i < at + BLOCK_SIZE; i += 4) {
    const word = view.getUint32(i, true)
    even += word & 0x00ff00ff
    odd += (word >>> 8) & 0x00ff00ff
  }
  let sum = (even & 0xffff) + (even >>> 16) + (odd & 0xffff) + (odd >>> 16)
  const { at: field, length } = FIELDS.checksum
  for (let i = at + field; i < at + field + length; i++) sum += 0x20 - view.getUint8(i)
  return sum
}

/** The same sum with bytes taken as signed, as Sun's tar and other old ones wrote it. */
export function signedChecksum(view: DataView, at: number): number {
  let sum = 0
  for (let i = 0; i < BLOCK_SIZE; i++) sum += view.getInt8(at + i)
  const { at: field, length } = FIELDS.checksum
  for (let i = at + field; i < at + field + length; i++) sum += 0x20 - view.getInt8(i)
  return sum
}

/** Whether the block that `view` has at `at` is all zeros: two of them end an archive. */
export function isZeroBlock(view: DataView, at: number): boolean {
  for (let i = at; i < at + BLOCK_SIZE; i += 4) if (view.getUint32(i, true) !== 0) return false
  return true
}

/** Zero bytes that follow content of this size, up to the next block. */
export function paddingOf(size: number): number {
  // Not with bit operators: sizes pass 2^32.
  return (BLOCK_SIZE - (size % BLOCK_SIZE)) % BLOCK_SIZE
}
