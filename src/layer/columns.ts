/**
 * Tables whose columns are typed arrays: what a million rows of objects would take 300 bytes a row for takes the
 * bytes of its numbers here, and the garbage collector has nothing to walk over.
 */

type Column = Float64Array | Int32Array | Uint32Array | Uint16Array

/** A column of another length, with what the old one held. */
export function resized<Kind extends Column>(column: Kind, length: number): Kind {
  const longer = new (column.constructor as new (length: number) => Kind)(length)
  longer.set(column.length > length ? (column.subarray(0, length) as Kind) : column)
  return longer
}

/** Rows to make room for when `rows` are full: a half more, since twice would leave more unused than used. */
export function grownLength(rows: number): number {
  return Math.max(64, Math.ceil(rows * 1.5))
}

/** Bytes allocated at once. */
const BLOCK_LENGTH = 1 << 18

/** Many short byte strings, one behind the other, each known by where it starts. Nothing is ever taken out. */
export class ByteArena {
  readonly #blocks: Uint8Array[] = []
  #end = 0

  /** Bytes held, unused ends of blocks included. */
  get size(): number {
    return this.#end
  }

  /** Copies `bytes[start..end)` in; gives where it starts. */
  add(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start
    let at = this.#end
    // A string lies in one block, so that it can be had as one view.
    const full = Math.floor(at / BLOCK_LENGTH) === this.#blocks.length
    if (full || (at & (BLOCK_LENGTH - 1)) + length > BLOCK_LENGTH) {
      at = this.#blocks.length * BLOCK_LENGTH
      this.#blocks.push(new Uint8Array(Math.max(BLOCK_LENGTH, length)))
      // A long one takes the numbers of as many blocks as it covers.
      for (let covered = BLOCK_LENGTH; covered < length; covered += BLOCK_LENGTH) {
        this.#blocks.push(this.#blocks[this.#blocks.length - 1]!.subarray(0, 0))
      }
    }
    const block = this.#blocks[Math.floor(at / BLOCK_LENGTH)]!
    const offset = at & (BLOCK_LENGTH - 1)
    if (length < 32) for (let i = 0; i < length; i++) block[offset + i] = bytes[start + i]!
    else block.set(bytes.subarray(start, end), offset)
    // What the last of several blocks has left over is not used: those after the first are not really there.
    this.#end = length > BLOCK_LENGTH ? this.#blocks.length * BLOCK_LENGTH : at + length
    return at
  }

  /** The string of this length that starts at `at`: a view, to be copied by who keeps it. */
  view(at: number, length: number): Uint8Array {
    const offset = at & (BLOCK_LENGTH - 1)
    return this.#blocks[Math.floor(at / BLOCK_LENGTH)]!.subarray(offset, offset + length)
  }

  /** Whether the string at `at` is `bytes[start..end)`; its length must be the same. */
  equals(at: number, bytes: Uint8Array, start: number, end: number): boolean {
    const block = this.#blocks[Math.floor(at / BLOCK_LENGTH)]!
    const offset = (at & (BLOCK_LENGTH - 1)) - start
    for (let i = start; i < end; i++) if (block[offset + i] !== bytes[i]) return false
    return true
  }
}
