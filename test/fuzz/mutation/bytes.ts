/** Changes to bytes that know nothing of what they mean. */
import { concatBytes } from '../../../src/bytes.ts'
import type { Random } from '../random.ts'

/** Bytes at which formats and loops turn. */
const turning = [0, 1, 7, 8, 9, 10, 13, 16, 31, 32, 47, 48, 55, 64, 92, 100, 127, 128, 191, 192, 254, 255]

/** The bytes with what lies between two places exchanged. */
export function splice(
  bytes: Uint8Array,
  from: number,
  to: number,
  instead: Uint8Array,
): Uint8Array<ArrayBuffer> {
  return concatBytes([bytes.subarray(0, from), instead, bytes.subarray(to)])
}

/** One to eight changes, one upon the other. */
export function mutateBytes(random: Random, input: Uint8Array, other: Uint8Array): Uint8Array<ArrayBuffer> {
  let bytes = input.slice()
  const changes = 1 << random.below(4)
  for (let i = 0; i < changes; i++) bytes = change(random, bytes, other)
  return bytes
}

function change(random: Random, bytes: Uint8Array<ArrayBuffer>, other: Uint8Array): Uint8Array<ArrayBuffer> {
  const { length } = bytes
  const at = random.below(length)
  if (length === 0) return random.bytes(random.size(64))
  switch (random.below(10)) {
    case 0:
      bytes[at]! ^= 1 << random.below(8)
      return bytes
    case 1:
      bytes[at] = random.pick(turning)
      return bytes
    case 2:
      bytes[at] = bytes[at]! + random.below(33) - 16
      return bytes
    case 3:
      return splice(bytes, at, at, random.bytes(random.size(64)))
    case 4:
      return splice(bytes, at, Math.min(length, at + random.size(length)), new Uint8Array(0))
    case 5: {
      const from = random.below(length)
      return splice(bytes, at, at, bytes.slice(from, from + random.size(256)))
    }
    case 6: {
      const from = random.below(length)
      bytes.copyWithin(at, from, from + random.size(256))
      return bytes
    }
    case 7: {
      const from = random.below(other.length)
      const part = other.subarray(from, from + random.size(other.length))
      return splice(bytes, at, random.oneIn(2) ? at : Math.min(length, at + part.length), part)
    }
    case 8:
      return random.oneIn(4)
        ? bytes.slice(0, at)
        : splice(bytes, at, at, new Uint8Array(random.size(600)).fill(random.pick(turning)))
    default: {
      const width = random.pick([2, 4, 8])
      if (length < width) return bytes
      const view = new DataView(bytes.buffer)
      const place = Math.min(at, length - width)
      const little = random.oneIn(2)
      const value = random.pick([
        0,
        1,
        0xff,
        0x7fff,
        0xffff,
        0x7fffffff,
        0x80000000,
        0xffffffff,
        random.word(),
      ])
      if (width === 2) view.setUint16(place, value, little)
      else if (width === 4) view.setUint32(place, value, little)
      else view.setBigUint64(place, BigInt(value) << BigInt(random.below(32)), little)
      return bytes
    }
  }
}

/** Cuts bytes into pieces of random sizes, some of them empty. */
export function cut(random: Random, bytes: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = []
  const most = random.pick([1, 7, 64, 512, 513, 4096])
  for (let at = 0; at < bytes.length; ) {
    const size = Math.max(random.below(most + 1), bytes.length > 4096 * most ? 4096 : 0)
    pieces.push(bytes.subarray(at, at + size))
    at += size
  }
  return pieces
}

/** Pieces as a reader gives them that uses one buffer for all: each is overwritten once the next is asked for. */
export function* lent(pieces: readonly Uint8Array[]): Generator<Uint8Array<ArrayBuffer>, void, undefined> {
  for (const piece of pieces) {
    const own = piece.slice()
    yield own
    own.fill(0xaa)
  }
}
