/** Changes to zstd that know frames and blocks. */
import { concatBytes } from '../../../src/bytes.ts'
import type { Random } from '../random.ts'
import { mutateBytes, splice } from './bytes.ts'
import { madeContent } from './gzip.ts'

const magic = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd)

interface Block {
  /** Where its header is, and where its content ends. */
  readonly at: number
  readonly end: number
}

interface Frame {
  /** Where the header after the magic number is, and where it ends. */
  readonly at: number
  readonly blocks: readonly Block[]
}

/** The first frame's parts, as far as they can be followed. */
function frameOf(bytes: Uint8Array): Frame {
  const descriptor = bytes[4] ?? 0
  const single = (descriptor >>> 5) & 1
  const sizeCode = descriptor >>> 6
  const sizeBytes = sizeCode === 0 ? single : 1 << sizeCode
  let at = 5 + (1 - single) + [0, 1, 2, 4][descriptor & 3]! + sizeBytes
  const blocks: Block[] = []
  while (at + 3 <= bytes.length && blocks.length < 200) {
    const header = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16)
    const end = at + 3 + (((header >>> 1) & 3) === 1 ? 1 : header >>> 3)
    if (end > bytes.length) break
    blocks.push({ at, end })
    at = end
    if (header & 1) break
  }
  return { at: 4, blocks }
}

function blockOf(kind: number, size: number, content: Uint8Array, last: boolean): Uint8Array {
  const header = (size << 3) | (kind << 1) | (last ? 1 : 0)
  return concatBytes([Uint8Array.of(header & 255, (header >>> 8) & 255, header >>> 16), content])
}

function madeBlock(random: Random, last: boolean): Uint8Array {
  if (random.oneIn(2))
    return blockOf(1, random.pick([0, 1, 100, 1000, 1024, 1025, 5000]), random.bytes(1), last)
  const content = madeContent(random).subarray(0, 900)
  return blockOf(0, content.length, content, last)
}

/** A frame of blocks that are raw or runs. */
export function madeFrame(random: Random): Uint8Array {
  const blocks: Uint8Array[] = []
  const count = 1 + random.below(4)
  for (let i = 1; i <= count; i++) blocks.push(madeBlock(random, i === count))
  return concatBytes([magic, Uint8Array.of(0, random.below(80)), ...blocks])
}

function skippable(random: Random): Uint8Array {
  const content = random.bytes(random.below(20))
  return concatBytes([
    Uint8Array.of(0x50 | random.below(16), 0x2a, 0x4d, 0x18, content.length, 0, 0, 0),
    content,
  ])
}

/** Changed frames. */
export function mutateZstd(random: Random, input: Uint8Array, other: Uint8Array): Uint8Array {
  let bytes = input
  for (let changes = 1 + random.below(3); changes > 0; changes--) bytes = change(random, bytes, other)
  return bytes
}

function change(random: Random, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  const { at, blocks } = frameOf(bytes)
  const block = blocks[random.below(blocks.length)]
  const firstBlock = blocks[0]?.at ?? bytes.length
  switch (random.below(12)) {
    case 0:
      return concatBytes([bytes, random.oneIn(2) ? other : skippable(random)])
    case 1:
      return concatBytes([random.oneIn(2) ? skippable(random) : madeFrame(random), bytes])
    case 2: {
      // A header that promises no size, with a window for all that follows: so that blocks can be changed.
      const checksum = (bytes[at] ?? 0) & 4
      return splice(
        bytes,
        at,
        firstBlock,
        Uint8Array.of(checksum, random.pick([0, 0x08, 0x38, 0x50, 0x58, 0x88, 0x89, random.below(256)])),
      )
    }
    case 3: {
      const sizes = random.bytes(random.pick([0, 1, 2, 4, 8]))
      return splice(bytes, at, firstBlock, concatBytes([Uint8Array.of(random.word() & 255), sizes]))
    }
    case 4:
    case 5:
    case 6: {
      if (block === undefined) return mutateBytes(random, bytes, other)
      const content = mutateBytes(random, bytes.subarray(block.at + 3, block.end), other)
      const header = bytes[block.at]!
      return splice(
        bytes,
        block.at,
        block.end,
        blockOf((header >>> 1) & 3, content.length, content, (header & 1) === 1),
      )
    }
    case 7:
      if (block === undefined) return bytes
      return splice(
        bytes,
        block.at,
        block.at + 3,
        blockOf(
          random.below(4),
          random.pick([0, 1, 2, 3, 4, block.end - block.at - 3, 1024, 131072, random.below(1 << 21)]),
          new Uint8Array(0),
          random.oneIn(2),
        ),
      )
    case 8: {
      const theirs = random.pick(frameOf(other).blocks)
      if (block === undefined || theirs === undefined) return bytes
      const inserted = other.slice(theirs.at, theirs.end)
      inserted[0]! &= 0xfe
      return splice(bytes, block.at, random.oneIn(2) ? block.at : block.end, inserted)
    }
    case 9:
      // More than the decoder's first buffer holds, so that it has to move what matches refer to.
      if (block !== undefined && random.oneIn(3)) {
        const runs = Array.from({ length: 5 }, () => blockOf(1, 131_072, random.bytes(1), false))
        return splice(
          splice(bytes, block.at, block.at, concatBytes(runs)),
          at,
          firstBlock,
          Uint8Array.of((bytes[at] ?? 0) & 4, random.pick([0x50, 0x58])),
        )
      }
      if (block === undefined) return bytes
      return splice(bytes, block.at, random.oneIn(2) ? block.at : block.end, madeBlock(random, false))
    case 10:
      return random.oneIn(2) ? bytes.subarray(0, random.below(bytes.length + 1)) : madeFrame(random)
    default:
      return mutateBytes(random, bytes, other)
  }
}
