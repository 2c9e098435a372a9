/** Changes to gzip that know members, header flags, checksums and deflate. */

import { constants, deflateRawSync, inflateRawSync } from 'node:zlib'
import { concatBytes } from '../../../src/bytes.ts'
import { crc32 } from '../../../src/compression/crc32.ts'
import type { Random } from '../random.ts'
import { mutateBytes, splice } from './bytes.ts'

/** Content that compresses in parts. */
export function madeContent(random: Random): Uint8Array {
  const parts: Uint8Array[] = []
  for (let i = random.below(6); i > 0; i--) {
    const part = random.oneIn(2)
      ? random.bytes(random.size(200))
      : new Uint8Array(random.size(2000)).fill(random.word())
    parts.push(part, random.oneIn(2) ? part : new Uint8Array(0))
  }
  return concatBytes(parts)
}

/** A deflate stream in one of the ways in which it can be written. */
function deflated(random: Random, content: Uint8Array): Uint8Array {
  return deflateRawSync(content, {
    level: random.below(10),
    memLevel: 1 + random.below(9),
    strategy: random.pick([
      constants.Z_DEFAULT_STRATEGY,
      constants.Z_FIXED,
      constants.Z_HUFFMAN_ONLY,
      constants.Z_RLE,
    ]),
    windowBits: 9 + random.below(7),
  })
}

/** The header of a member, with fields now and then. */
function header(random: Random): Uint8Array {
  const flags = random.oneIn(3) ? random.below(random.oneIn(4) ? 256 : 32) : 0
  const parts: Uint8Array[] = [Uint8Array.of(0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255)]
  if (flags & 4) {
    const extra = random.bytes(random.below(20))
    parts.push(Uint8Array.of(extra.length, 0), extra)
  }
  if (flags & 8) parts.push(Buffer.from('name\0'))
  if (flags & 16) parts.push(Buffer.from('comment\0'))
  const bytes = concatBytes(parts)
  if (!(flags & 2)) return bytes
  const sum = crc32(bytes) & 0xffff
  return concatBytes([bytes, Uint8Array.of(sum & 255, sum >>> 8)])
}

function trailer(content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(8)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, crc32(content), true)
  view.setUint32(4, content.length, true)
  return bytes
}

/** A sound member. */
export function madeMember(random: Random): Uint8Array {
  const content = madeContent(random)
  return concatBytes([header(random), deflated(random, content), trailer(content)])
}

/** A changed stream of members. */
export function mutateGzip(random: Random, input: Uint8Array, other: Uint8Array): Uint8Array {
  switch (random.below(10)) {
    case 0:
      return concatBytes([input, random.oneIn(2) ? other : madeMember(random)])
    case 1:
      return concatBytes([input, new Uint8Array(random.size(100))])
    case 2:
      return input.subarray(0, input.length - random.size(24))
    case 3: {
      // The flags of the header, and what they promise.
      const head = header(random)
      return splice(input, 0, 10, head)
    }
    case 4:
    case 5:
    case 6:
      return rightened(mutateDeflate(random, input, other))
    case 7:
      return concatBytes([input, random.bytes(random.size(8))])
    case 8:
      return madeMember(random)
    default:
      return mutateBytes(random, input, other)
  }
}

function mutateDeflate(random: Random, input: Uint8Array, other: Uint8Array): Uint8Array {
  if (input.length <= 18) return mutateBytes(random, input, other)
  const body = mutateBytes(random, input.subarray(10, -8), other.subarray(10, -8))
  return concatBytes([input.subarray(0, 10), body, input.subarray(-8)])
}

/** Puts checksum and size of the first member right, where its deflate can be read. */
function rightened(bytes: Uint8Array): Uint8Array {
  if (bytes[3] !== 0 || bytes.length < 18) return bytes
  try {
    const { buffer, engine } = inflateRawSync(bytes.subarray(10), {
      info: true,
      maxOutputLength: 1 << 20,
    }) as unknown as {
      buffer: Uint8Array
      engine: { bytesWritten: number }
    }
    const end = 10 + engine.bytesWritten
    return splice(bytes, end, end + 8, trailer(buffer))
  } catch {
    return bytes
  }
}
