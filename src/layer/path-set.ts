/**
 * Whether a path has been seen before, in memory that does not matter: a million paths in 12 to 16 MiB, where a `Set`
 * of strings takes 100 and more.
 */

/** Tables that the hashes are spread over. */
const TABLES = 256

/** Slots that a table begins with. */
const FIRST_SLOTS = 16

/**
 * A set of 64-bit hashes of paths, seeded anew each time. Among a million different paths two are taken for one with a
 * probability of 1 in 10^7, and nobody can prepare such paths.
 *
 * The hashes are in many small tables that grow one by one, by a half: one that doubles as a whole has two thirds of
 * its memory twice, and what it leaves is garbage that V8 does not hurry to collect.
 */
export class PathSet {
  /** Paths that are kept: with all of them the set has 64 MiB. A layer of more is hostile, and more are not kept. */
  static readonly #limit = 1 << 22

  readonly #seeds: readonly [number, number] = [(Math.random() * 2 ** 32) | 0, (Math.random() * 2 ** 32) | 0]
  /** Each has two numbers a slot; the second is zero where the slot is empty. */
  readonly #tables: (Uint32Array | undefined)[] = new Array(TABLES)
  readonly #counts: Uint32Array = new Uint32Array(TABLES)
  #count = 0

  /** Adds a path, by its bytes where they are not UTF-8; false where it was there. */
  add(path: string, bytes?: Uint8Array): boolean {
    // Two FNV-like hashes with different seeds and multipliers, mixed at the end as murmur3 does.
    let a = this.#seeds[0]
    let b = this.#seeds[1]
    if (bytes === undefined) {
      for (let i = 0; i < path.length; i++) {
        const code = path.charCodeAt(i)
        a = Math.imul(a ^ code, 0x01000193)
        b = Math.imul(b + code, 0x5bd1e995) ^ (b >>> 15)
      }
    } else {
      // Apart from text: no code unit is above 0xffff.
      for (const byte of bytes) {
        a = Math.imul(a ^ (byte + 0x10000), 0x01000193)
        b = Math.imul(b + byte + 0x10000, 0x5bd1e995) ^ (b >>> 15)
      }
    }
    a = mix(a)
    // Zero marks an empty slot.
    b = mix(b) || 1
    const number = a & (TABLES - 1)
    const table = this.#tables[number] ?? new Uint32Array(2 * FIRST_SLOTS)
    const slot = slotOf(table, a, b)
    if (table[slot] !== 0) return false
    if (this.#count === PathSet.#limit) return true
    this.#count++
    table[slot - 1] = a
    table[slot] = b
    // Three quarters full at the most.
    this.#tables[number] = ++this.#counts[number]! * 8 > table.length * 3 ? grown(table) : table
    return true
  }
}

/** Where the second number of a hash is, or would come. */
function slotOf(table: Uint32Array, a: number, b: number): number {
  const { length } = table
  // The upper bits of the first number choose the slot, the lower have chosen the table.
  let at = 2 * Math.floor((a * (length / 2)) / 2 ** 32) + 1
  while (table[at] !== 0 && (table[at] !== b || table[at - 1] !== a)) {
    at += 2
    if (at > length) at = 1
  }
  return at
}

function grown(table: Uint32Array): Uint32Array {
  const larger = new Uint32Array(4 * Math.ceil((table.length * 3) / 8))
  for (let at = 1; at < table.length; at += 2) {
    if (table[at] === 0) continue
    const slot = slotOf(larger, table[at - 1]!, table[at]!)
    larger[slot - 1] = table[at - 1]!
    larger[slot] = table[at]!
  }
  return larger
}

function mix(hash: number): number {
  let h = hash ^ (hash >>> 16)
  h = Math.imul(h, 0x85ebca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
