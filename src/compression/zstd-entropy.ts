/**
 * Zstandard's entropy coding: FSE tables, Huffman trees, and bits read from the end.
 * @see https://datatracker.ietf.org/doc/html/rfc8878#section-4
 */

/** What a broken bitstream or table throws within the decoder, which names it to the outside. */
export class ZstdDamage extends Error {}

/**
 * A decoding table of finite state entropy. For each of its 2^log states: the symbol (8 bits), how many bits to read for the
 * next state (8 bits), what to add to them (16 bits). One load for the three makes a tenth of the speed.
 */
export interface FseTable {
  readonly log: number
  readonly cells: Uint32Array
}

/** A Huffman decoding table, indexed by the next `log` bits: the symbol (8 bits) and the length of its code. */
export interface HuffmanTable {
  readonly log: number
  readonly cells: Uint16Array
}

/** Room that must stand behind data given to these readers: they load 4 bytes at once. */
export const READ_AHEAD = 4

/** Bits from the end of a section to its start. Data must have {@link READ_AHEAD} bytes behind `end`. */
export class BackwardBits {
  readonly data: Uint8Array
  readonly #start: number
  /** Bits that are left. */
  left: number

  constructor(data: Uint8Array, start: number, end: number) {
    const last = end > start ? data[end - 1]! : 0
    if (last === 0) throw new ZstdDamage('a bitstream does not end with its mark')
    this.data = data
    this.#start = start
    this.left = (end - start - 1) * 8 + 31 - Math.clz32(last)
  }

  /** The next 0 to 31 bits as a number. */
  read(count: number): number {
    if (count > 24) {
      const high = this.read(count - 16)
      return high * 65536 + this.read(16)
    }
    const left = this.left - count
    if (left < 0) throw new ZstdDamage('a bitstream ends too early')
    this.left = left
    const at = this.#start + (left >>> 3)
    const { data } = this
    const word = data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24)
    return (word >>> (left & 7)) & ((1 << count) - 1)
  }
}

/** Reads the description of an FSE table; returns where it ends. */
export function readFseTable(
  data: Uint8Array,
  start: number,
  end: number,
  maxLog: number,
  maxSymbol: number,
): { table: FseTable; end: number } {
  let position = start * 8
  const limit = end * 8
  const peek = (count: number): number => {
    const at = position >>> 3
    const word = data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16)
    return (word >>> (position & 7)) & ((1 << count) - 1)
  }
  const log = peek(4) + 5
  position += 4
  if (start >= end || log > maxLog) throw new ZstdDamage('a table is larger than it may be')
  const counts: number[] = []
  let remaining = 1 << log
  while (remaining > 0) {
    if (counts.length > maxSymbol || position > limit) throw new ZstdDamage('a table has too many symbols')
    const bits = 32 - Math.clz32(remaining + 1)
    const low = (1 << (bits - 1)) - 1
    const threshold = (1 << bits) - 1 - (remaining + 1)
    let value = peek(bits)
    if ((value & low) < threshold) {
      value &= low
      position += bits - 1
    } else {
      if (value > low) value -= threshold
      position += bits
    }
    const count = value - 1
    counts.push(count)
    remaining -= Math.abs(count)
    if (count !== 0) continue
    for (;;) {
      const zeros = peek(2)
      position += 2
      for (let i = 0; i < zeros; i++) counts.push(0)
      if (zeros < 3) break
      if (position > limit) throw new ZstdDamage('a table ends too early')
    }
  }
  const next = (position + 7) >>> 3
  if (remaining < 0 || counts.length > maxSymbol + 1 || next > end) throw new ZstdDamage('a table is broken')
  return { table: buildFseTable(counts, log), end: next }
}

/** The table of a distribution: how many of the 2^log states each symbol has, -1 for "less than one". */
export function buildFseTable(counts: readonly number[], log: number): FseTable {
  const size = 1 << log
  const cells = new Uint32Array(size)
  const next = new Uint16Array(counts.length)
  let high = size - 1
  for (let symbol = 0; symbol < counts.length; symbol++) {
    const count = counts[symbol]!
    next[symbol] = count === -1 ? 1 : count
    if (count === -1) cells[high--] = symbol
  }
  const step = (size >>> 1) + (size >>> 3) + 3
  const mask = size - 1
  let state = 0
  for (let symbol = 0; symbol < counts.length; symbol++) {
    for (let i = 0; i < counts[symbol]!; i++) {
      cells[state] = symbol
      do state = (state + step) & mask
      while (state > high)
    }
  }
  for (let i = 0; i < size; i++) {
    const symbol = cells[i]!
    const from = next[symbol]!++
    const count = log - (31 - Math.clz32(from))
    cells[i] = symbol | (count << 8) | (((from << count) - size) << 16)
  }
  return { log, cells }
}

/** The table that gives one symbol for no bits. */
export function singleSymbolTable(symbol: number): FseTable {
  return { log: 0, cells: Uint32Array.of(symbol) }
}

/** Reads a Huffman tree's description; returns where it ends. */
export function readHuffmanTable(
  data: Uint8Array,
  start: number,
  end: number,
): { table: HuffmanTable; end: number } {
  const header = data[start]!
  const weights = new Uint8Array(256)
  let count = 0
  let next: number
  if (start >= end) throw new ZstdDamage('a Huffman tree is missing')
  if (header >= 128) {
    count = header - 127
    next = start + 1 + ((count + 1) >>> 1)
    if (next > end) throw new ZstdDamage('a Huffman tree ends too early')
    for (let i = 0; i < count; i++) {
      const pair = data[start + 1 + (i >>> 1)]!
      weights[i] = i & 1 ? pair & 15 : pair >>> 4
    }
  } else {
    next = start + 1 + header
    if (next > end) throw new ZstdDamage('a Huffman tree ends too early')
    const { table, end: tableEnd } = readFseTable(data, start + 1, next, 6, 255)
    count = readWeights(weights, table, new BackwardBits(data, tableEnd, next))
  }
  return { table: buildHuffmanTable(weights, count), end: next }
}

/** Two states take turns until the bits run out; what the other one holds then is the last symbol. */
function readWeights(weights: Uint8Array, table: FseTable, bits: BackwardBits): number {
  let count = 0
  let one = bits.read(table.log)
  let other = bits.read(table.log)
  for (;;) {
    if (count > 253) throw new ZstdDamage('a Huffman tree has too many symbols')
    const cell = table.cells[one]!
    weights[count++] = cell & 255
    const width = (cell >>> 8) & 255
    if (bits.left < width) {
      weights[count++] = table.cells[other]! & 255
      return count
    }
    const state = (cell >>> 16) + bits.read(width)
    one = other
    other = state
  }
}

const MAX_HUFFMAN_LOG = 11

function buildHuffmanTable(weights: Uint8Array, given: number): HuffmanTable {
  let sum = 0
  for (let i = 0; i < given; i++) {
    const weight = weights[i]!
    if (weight > MAX_HUFFMAN_LOG) throw new ZstdDamage('a Huffman code is too long')
    if (weight > 0) sum += 1 << (weight - 1)
  }
  const log = 32 - Math.clz32(sum)
  const rest = (1 << log) - sum
  // The last weight is not written: it fills the tree.
  if (sum === 0 || log > MAX_HUFFMAN_LOG || (rest & (rest - 1)) !== 0) {
    throw new ZstdDamage('a Huffman tree is not complete')
  }
  weights[given] = 32 - Math.clz32(rest)
  const cells = new Uint16Array(1 << log)
  let cell = 0
  for (let weight = 1; weight <= log; weight++) {
    const span = 1 << (weight - 1)
    for (let symbol = 0; symbol <= given; symbol++) {
      if (weights[symbol] !== weight) continue
      cells.fill(symbol | ((log + 1 - weight) << 8), cell, cell + span)
      cell += span
    }
  }
  return { log, cells }
}

/**
 * Decodes one Huffman stream, which must fill `output[from..to)` and end with its last bit. Data must have
 * {@link READ_AHEAD} bytes behind `end`.
 */
export function readHuffmanStream(
  data: Uint8Array,
  start: number,
  end: number,
  table: HuffmanTable,
  output: Uint8Array,
  from: number,
  to: number,
): void {
  const { log, cells } = table
  const mask = (1 << log) - 1
  let { left } = new BackwardBits(data, start, end)
  let position = from
  // Two codes a load: 2 * 11 bits and 7 of shift fit in 32.
  const twice = log * 2
  while (left >= twice && position + 1 < to) {
    const low = left - twice
    const at = start + (low >>> 3)
    const word =
      (data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24)) >>> (low & 7)
    const first = cells[(word >>> log) & mask]!
    const used = first >>> 8
    const second = cells[(word >>> (log - used)) & mask]!
    output[position] = first
    output[position + 1] = second
    position += 2
    left -= used + (second >>> 8)
  }
  while (position < to) {
    const low = left - log
    const at = start + (low > 0 ? low >>> 3 : 0)
    const word = data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16)
    const cell = cells[(low >= 0 ? word >>> (low & 7) : word << -low) & mask]!
    output[position++] = cell
    left -= cell >>> 8
    if (left < 0) throw new ZstdDamage('a Huffman stream ends too early')
  }
  if (left !== 0) throw new ZstdDamage('a Huffman stream goes on after its end')
}
