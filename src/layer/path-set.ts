/**
 * Whether a path has been seen before, in memory that does not matter: a million paths in 16 MiB, where a `Set` of
 * strings takes 100 and more.
 */

/**
 * A set of 64-bit hashes of paths, seeded anew each time. Among a million different paths two are taken for one with a
 * probability of 1 in 10^7, and nobody can prepare such paths.
 */
export class PathSet {
  /** Paths that are kept: with all of them the set has 64 MiB. A layer of more is hostile, and more are not kept. */
  static readonly #limit = 1 << 22

  readonly #seeds: readonly [number, number] = [(Math.random() * 2 ** 32) | 0, (Math.random() * 2 ** 32) | 0]
  #slots: Uint32Array
  #count = 0

  constructor() {
    this.#slots = new Uint32Array(2 * 1024)
  }

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
    // Zero in the second half marks an empty slot.
    b = mix(b) || 1
    if (this.#count * 2 >= this.#slots.length / 2) {
      if (this.#count === PathSet.#limit) return true
      this.#grow()
    }
    return this.#insert(a, b)
  }

  #insert(a: number, b: number): boolean {
    const slots = this.#slots
    const mask = slots.length / 2 - 1
    for (let slot = a & mask; ; slot = (slot + 1) & mask) {
      const found = slots[slot * 2 + 1]
      if (found === 0) {
        slots[slot * 2] = a
        slots[slot * 2 + 1] = b
        this.#count++
        return true
      }
      if (found === b && slots[slot * 2] === a) return false
    }
  }

  #grow(): void {
    const old = this.#slots
    this.#slots = new Uint32Array(old.length * 2)
    this.#count = 0
    for (let i = 0; i < old.length; i += 2) if (old[i + 1] !== 0) this.#insert(old[i]!, old[i + 1]!)
  }
}

function mix(hash: number): number {
  let h = hash ^ (hash >>> 16)
  h = Math.imul(h, 0x85ebca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
