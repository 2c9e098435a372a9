/** Changes to layers: to the tar, whatever it is compressed with, or to the compressed bytes. */

import { constants, gunzipSync, gzipSync } from 'node:zlib'
import { concatBytes } from '../../../src/bytes.ts'
import type { Random } from '../random.ts'
import { mutateGzip } from './gzip.ts'
import { mutateTar } from './tar.ts'
import { mutateZstd } from './zstd.ts'

/** The bytes compressed: gzip, or zstd in raw blocks. */
export function compressed(random: Random, bytes: Uint8Array): Uint8Array {
  if (random.oneIn(2))
    return new Uint8Array(gzipSync(bytes, { level: 1 + random.below(9), memLevel: 1 + random.below(9) }))
  const parts: Uint8Array[] = [Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0x50)]
  const size = 100_000
  for (let at = 0; at < bytes.length || at === 0; at += size) {
    const part = bytes.subarray(at, at + size)
    const header = (part.length << 3) | (at + size >= bytes.length ? 1 : 0)
    parts.push(Uint8Array.of(header & 255, (header >>> 8) & 255, header >>> 16), part)
  }
  return concatBytes(parts)
}

/** The tar in a layer, where it can be had. */
export function tarIn(bytes: Uint8Array): Uint8Array {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    try {
      return new Uint8Array(
        gunzipSync(bytes, { maxOutputLength: 1 << 18, finishFlush: constants.Z_SYNC_FLUSH }),
      )
    } catch {}
  }
  if (bytes[0] === 0x28 && bytes[1] === 0xb5) {
    // What `compressed` makes; of other frames it is not found.
    const header = (bytes[6] ?? 0) | ((bytes[7] ?? 0) << 8) | ((bytes[8] ?? 0) << 16)
    if ((header & 7) === 1) return bytes.subarray(9, 9 + (header >>> 3))
  }
  return bytes
}

/** A changed layer. */
export function mutateLayer(random: Random, input: Uint8Array, other: Uint8Array): Uint8Array {
  const isGzip = input[0] === 0x1f
  const isZstd = input[0] === 0x28
  if (isGzip && random.oneIn(6)) return mutateGzip(random, input, other)
  if (isZstd && random.oneIn(6)) return mutateZstd(random, input, other)
  const tar = mutateTar(random, tarIn(input), tarIn(other))
  // Half of them lose their compression: what is in it is what this is about.
  return (isGzip || isZstd ? random.oneIn(2) : random.oneIn(8)) ? compressed(random, tar) : tar
}
