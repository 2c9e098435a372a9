/**
 * Telling a compression by its first bytes. Content wins over the media type, since the two disagree in real layers.
 */

/** How bytes are compressed. */
export type Compression = 'none' | 'gzip' | 'zstd'

/** Bytes that {@link detectCompression} wants to see where there are so many. */
export const DETECTION_SIZE = 10

/**
 * The compression that content begins with: gzip (RFC 1952), zstd (RFC 8878; a skippable frame may come first), else
 * `none`.
 * @param head The first bytes; fewer than 4 tell less.
 */
export function detectCompression(head: Uint8Array): Compression {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip'
  if (head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd) return 'zstd'
  const skippable = head[0] !== undefined && head[0] >> 4 === 5
  if (skippable && head[1] === 0x2a && head[2] === 0x4d && head[3] === 0x18) return 'zstd'
  return 'none'
}

/** The name of a compression that other tools read but no specification of layers knows: xz or bzip2. */
export function foreignCompression(head: Uint8Array): string | undefined {
  const begins = (...magic: number[]): boolean => magic.every((byte, i) => head[i] === byte)
  if (begins(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00)) return 'xz'
  if (begins(0x42, 0x5a, 0x68) && head.length >= 10) {
    const block = head.subarray(4, 10)
    if ([0x31, 0x41, 0x59, 0x26, 0x53, 0x59].every((byte, i) => block[i] === byte)) return 'bzip2'
  }
  return undefined
}
