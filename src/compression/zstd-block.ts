/**
 * Zstandard's compressed blocks: literals and sequences, decoded into a buffer that holds what they may refer back to.
 * @see https://datatracker.ietf.org/doc/html/rfc8878#section-3.1.1.3
 */
import type { FseTable, HuffmanTable } from './zstd-entropy.ts'
import {
  BackwardBits,
  buildFseTable,
  READ_AHEAD,
  readFseTable,
  readHuffmanStream,
  readHuffmanTable,
  singleSymbolTable,
  ZstdDamage,
} from './zstd-entropy.ts'

/** Bytes that a block holds at most, compressed or not. */
export const MAX_BLOCK_SIZE: number = 128 << 10

type Code = 'literals' | 'offset' | 'match'

interface CodeLimits {
  readonly maxLog: number
  readonly maxSymbol: number
}

const limits: Readonly<Record<Code, CodeLimits>> = {
  literals: { maxLog: 9, maxSymbol: 35 },
  offset: { maxLog: 8, maxSymbol: 31 },
  match: { maxLog: 9, maxSymbol: 52 },
}

interface Constants {
  readonly predefined: Readonly<Record<Code, FseTable>>
  readonly literalBits: Uint8Array
  readonly literalBase: Uint32Array
  readonly matchBits: Uint8Array
  readonly matchBase: Uint32Array
}

let constants: Constants | undefined

/** Made at the first use: nothing happens at import time. */
function getConstants(): Constants {
  constants ??= makeConstants()
  return constants
}

function makeConstants(): Constants {
  const repeat = (value: number, times: number): number[] => new Array<number>(times).fill(value)
  const literalBits = Uint8Array.from([
    ...repeat(0, 16),
    ...[1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
  ])
  const matchBits = Uint8Array.from([
    ...repeat(0, 32),
    ...[1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
  ])
  return {
    predefined: {
      literals: buildFseTable(
        [4, 3, ...repeat(2, 11), 1, 1, 1, ...repeat(2, 9), 3, 2, ...repeat(1, 5), ...repeat(-1, 4)],
        6,
      ),
      offset: buildFseTable([...repeat(1, 6), 2, 2, 2, ...repeat(1, 15), ...repeat(-1, 5)], 5),
      match: buildFseTable([1, 4, 3, ...repeat(2, 6), ...repeat(1, 37), ...repeat(-1, 7)], 6),
    },
    literalBits,
    literalBase: baselines(literalBits, 0),
    matchBits,
    matchBase: baselines(matchBits, 3),
  }
}

function baselines(bits: Uint8Array, first: number): Uint32Array {
  const base = new Uint32Array(bits.length)
  let next = first
  for (let i = 0; i < bits.length; i++) {
    base[i] = next
    next += 2 ** bits[i]!
  }
  return base
}

/** Decodes the compressed blocks of one frame after another, keeping what blocks take over from those before. */
export class ZstdBlocks {
  readonly #literals: Uint8Array = new Uint8Array(MAX_BLOCK_SIZE)
  #huffman: HuffmanTable | undefined
  readonly #tables: Record<Code, FseTable | undefined> = {
    literals: undefined,
    offset: undefined,
    match: undefined,
  }
  readonly #offsets: [number, number, number] = [1, 4, 8]
  #literalSize = 0

  /** Forgets what a frame left. */
  reset(): void {
    this.#huffman = undefined
    this.#tables.literals = this.#tables.offset = this.#tables.match = undefined
    this.#offsets[0] = 1
    this.#offsets[1] = 4
    this.#offsets[2] = 8
  }

  /**
   * Decodes one block of `size` bytes at the start of `data`, which has {@link READ_AHEAD} bytes more, into
   * `output` from `position` on; there is room for `maxSize` bytes.
   * @param oldest Where in the output what may be referred to begins.
   * @returns The position behind what was decoded.
   */
  decode(
    data: Uint8Array,
    size: number,
    output: Uint8Array,
    position: number,
    oldest: number,
    window: number,
    maxSize: number,
  ): number {
    const sequences = this.#readLiterals(data, size, maxSize)
    return this.#readSequences(data, sequences, size, output, position, oldest, window, maxSize)
  }

  /** Fills `#literals` and gives the start of the sequences. */
  #readLiterals(data: Uint8Array, size: number, maxSize: number): number {
    const first = data[0]!
    const kind = first & 3
    const format = (first >>> 2) & 3
    let at: number
    let regenerated: number
    let compressed = 0
    if (kind < 2) {
      at = format === 1 ? 2 : format === 3 ? 3 : 1
      regenerated =
        at === 1
          ? first >>> 3
          : at === 2
            ? (first >>> 4) | (data[1]! << 4)
            : (first >>> 4) | (data[1]! << 4) | (data[2]! << 12)
    } else {
      at = format < 2 ? 3 : format + 2
      const low = first | (data[1]! << 8) | (data[2]! << 16) | (data[3]! << 24)
      if (format < 2) {
        regenerated = (low >>> 4) & 0x3ff
        compressed = (low >>> 14) & 0x3ff
      } else if (format === 2) {
        regenerated = (low >>> 4) & 0x3fff
        compressed = low >>> 18
      } else {
        regenerated = (low >>> 4) & 0x3ffff
        compressed = (low >>> 22) | (data[4]! << 10)
      }
    }
    const end = at + (kind === 0 ? regenerated : kind === 1 ? 1 : compressed)
    if (regenerated > maxSize || end > size) throw new ZstdDamage('literals are longer than their block')
    this.#literalSize = regenerated
    const literals = this.#literals
    if (kind === 0) literals.set(data.subarray(at, end))
    else if (kind === 1) literals.fill(data[at]!, 0, regenerated)
    else {
      let start = at
      if (kind === 2) {
        const tree = readHuffmanTable(data, at, end)
        this.#huffman = tree.table
        start = tree.end
      }
      const table = this.#huffman
      if (table === undefined)
        throw new ZstdDamage('literals use a Huffman tree that no block before has given')
      if (format === 0) readHuffmanStream(data, start, end, table, literals, 0, regenerated)
      else readFourStreams(data, start, end, table, literals, regenerated)
    }
    return end
  }

  #readSequences(
    data: Uint8Array,
    start: number,
    end: number,
    output: Uint8Array,
    from: number,
    oldest: number,
    window: number,
    maxSize: number,
  ): number {
    const literals = this.#literals
    const literalSize = this.#literalSize
    let at = start
    if (at >= end) throw new ZstdDamage('a block has no sequences section')
    let count = data[at++]!
    if (count === 255) {
      count = data[at]! + (data[at + 1]! << 8) + 0x7f00
      at += 2
    } else if (count > 127) count = ((count - 128) << 8) + data[at++]!
    let position = from
    if (count === 0) {
      if (at !== end) throw new ZstdDamage('data follows the end of a block')
      output.set(literals.subarray(0, literalSize), position)
      return position + literalSize
    }
    const modes = data[at++]!
    if ((modes & 3) !== 0 || at > end) throw new ZstdDamage('a block has broken sequences')
    const [tableAt, llTable] = this.#readTable('literals', modes >>> 6, data, at, end)
    const [offsetAt, ofTable] = this.#readTable('offset', (modes >>> 4) & 3, data, tableAt, end)
    const [streamAt, mlTable] = this.#readTable('match', (modes >>> 2) & 3, data, offsetAt, end)

    const { literalBits, literalBase, matchBits, matchBase } = getConstants()
    // Read by hand from here on: a call for each field costs half of the speed. Running out shows once a sequence.
    const bits = new BackwardBits(data, streamAt, end)
    const llCells = llTable.cells
    const ofCells = ofTable.cells
    const mlCells = mlTable.cells
    let llCell = llCells[bits.read(llTable.log)]!
    let ofCell = ofCells[bits.read(ofTable.log)]!
    let mlCell = mlCells[bits.read(mlTable.log)]!
    let { left } = bits
    let word: number
    let [offset1, offset2, offset3] = this.#offsets
    const limit = from + maxSize
    let literal = 0
    for (let todo = count; ; ) {
      const offsetCode = ofCell & 255
      const matchCode = mlCell & 255
      const literalCode = llCell & 255
      let value = 1
      if (offsetCode > 24) {
        if (offsetCode > 30) throw new ZstdDamage('a match refers to before the start')
        left -= offsetCode - 16
        word = load(data, streamAt + (left >>> 3))
        value = (1 << (offsetCode - 16)) | ((word >>> (left & 7)) & ((1 << (offsetCode - 16)) - 1))
        left -= 16
        word = load(data, streamAt + (left >>> 3))
        value = (value << 16) | ((word >>> (left & 7)) & 0xffff)
      } else if (offsetCode > 0) {
        left -= offsetCode
        word = load(data, streamAt + (left >>> 3))
        value = (1 << offsetCode) | ((word >>> (left & 7)) & ((1 << offsetCode) - 1))
      }
      let matchLength = matchBase[matchCode]!
      if (matchCode > 31) {
        const width = matchBits[matchCode]!
        left -= width
        word = load(data, streamAt + (left >>> 3))
        matchLength += (word >>> (left & 7)) & ((1 << width) - 1)
      }
      let literalLength = literalCode
      if (literalCode > 15) {
        const width = literalBits[literalCode]!
        left -= width
        word = load(data, streamAt + (left >>> 3))
        literalLength = literalBase[literalCode]! + ((word >>> (left & 7)) & ((1 << width) - 1))
      }
      if (left < 0) throw new ZstdDamage('a bitstream ends too early')

      let offset: number
      if (value > 3) {
        offset = value - 3
        offset3 = offset2
        offset2 = offset1
        offset1 = offset
      } else {
        const repeat = literalLength === 0 ? value + 1 : value
        if (repeat === 1) offset = offset1
        else {
          offset = repeat === 2 ? offset2 : repeat === 3 ? offset3 : offset1 - 1
          if (repeat > 2) offset3 = offset2
          offset2 = offset1
          offset1 = offset
        }
      }

      const literalEnd = literal + literalLength
      const matchAt = position + literalLength
      if (literalEnd > literalSize) throw new ZstdDamage('sequences use more literals than there are')
      if (matchAt + matchLength > limit) throw new ZstdDamage('a block is longer than it may be')
      if (offset < 1 || offset > window || offset > matchAt - oldest) {
        throw new ZstdDamage('a match refers to before the start')
      }
      if (literalLength > 32) output.set(literals.subarray(literal, literalEnd), position)
      else for (let i = 0; i < literalLength; i++) output[position + i] = literals[literal + i]!
      literal = literalEnd
      position = matchAt + matchLength
      const source = matchAt - offset
      if (matchLength > 64 && offset >= matchLength) output.copyWithin(matchAt, source, source + matchLength)
      else if (offset === 1) output.fill(output[source]!, matchAt, position)
      else for (let i = 0; i < matchLength; i++) output[matchAt + i] = output[source + i]!

      if (--todo === 0) break
      // At most 9 and 9 bits, then 8.
      const llWidth = (llCell >>> 8) & 255
      const mlWidth = (mlCell >>> 8) & 255
      const ofWidth = (ofCell >>> 8) & 255
      left -= llWidth + mlWidth
      word = load(data, streamAt + (left >>> 3)) >>> (left & 7)
      llCell = llCells[(llCell >>> 16) + ((word >>> mlWidth) & ((1 << llWidth) - 1))]!
      mlCell = mlCells[(mlCell >>> 16) + (word & ((1 << mlWidth) - 1))]!
      left -= ofWidth
      word = load(data, streamAt + (left >>> 3)) >>> (left & 7)
      ofCell = ofCells[(ofCell >>> 16) + (word & ((1 << ofWidth) - 1))]!
      if (left < 0) throw new ZstdDamage('a bitstream ends too early')
    }
    if (left !== 0) throw new ZstdDamage('sequences go on after their end')
    this.#offsets[0] = offset1
    this.#offsets[1] = offset2
    this.#offsets[2] = offset3
    const rest = literalSize - literal
    if (position + rest > limit) throw new ZstdDamage('a block is longer than it may be')
    output.set(literals.subarray(literal, literalSize), position)
    return position + rest
  }

  #readTable(code: Code, mode: number, data: Uint8Array, start: number, end: number): [number, FseTable] {
    const { maxLog, maxSymbol } = limits[code]
    let next = start
    let table: FseTable | undefined
    if (mode === 0) table = getConstants().predefined[code]
    else if (mode === 1) {
      const symbol = data[next++]!
      if (next > end || symbol > maxSymbol) throw new ZstdDamage('a sequence code is too large')
      table = singleSymbolTable(symbol)
    } else if (mode === 2) {
      const read = readFseTable(data, start, end, maxLog, maxSymbol)
      table = read.table
      next = read.end
    } else table = this.#tables[code]
    if (table === undefined) throw new ZstdDamage('sequences use a table that no block before has given')
    this.#tables[code] = table
    return [next, table]
  }
}

/** 4 bytes, little-endian. */
function load(data: Uint8Array, at: number): number {
  return data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24)
}

function readFourStreams(
  data: Uint8Array,
  start: number,
  end: number,
  table: HuffmanTable,
  output: Uint8Array,
  size: number,
): void {
  const part = (size + 3) >>> 2
  if (start + 6 > end || part * 3 > size) throw new ZstdDamage('four Huffman streams are too short')
  let from = start + 6
  for (let i = 0; i < 4; i++) {
    const to = i === 3 ? end : from + (data[start + i * 2]! | (data[start + i * 2 + 1]! << 8))
    if (to > end) throw new ZstdDamage('a Huffman stream is longer than its block')
    readHuffmanStream(data, from, to, table, output, part * i, i === 3 ? size : part * (i + 1))
    from = to
  }
}

/** Bytes of a buffer that holds one compressed block and what the readers load beyond it. */
export const BLOCK_BUFFER_SIZE: number = MAX_BLOCK_SIZE + READ_AHEAD
