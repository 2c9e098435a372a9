/**
 * The paths that a layer has made, in 11 to 22 bytes each, whatever their length: a layer of a million files must not need memory
 * for a million strings (94 bytes each in a `Set`, measured), only to know which files are its own.
 *
 * Paths are kept as 64-bit hashes with a random seed. Two of a million paths share one with a probability of
 * 3e-8, and nobody can choose them, since nobody knows the seed.
 */
export class MadePaths {
  #high: Uint32Array = new Uint32Array(64)
  #low: Uint32Array = new Uint32Array(64)
  #count = 0
  readonly #seeds: Uint32Array = crypto.getRandomValues(new Uint32Array(2))

  /** How many paths are in it. */
  get size(): number {
    return this.#count
  }

  add(path: string): void {
    if ((this.#count + 1) * 4 > this.#high.length * 3) this.#grow()
    const [high, low] = this.#hash(path)
    const at = this.#find(high, low)
    if (this.#high[at] !== 0 || this.#low[at] !== 0) return
    this.#high[at] = high
    this.#low[at] = low
    this.#count++
  }

  has(path: string): boolean {
    if (this.#count === 0) return false
    const [high, low] = this.#hash(path)
    const at = this.#find(high, low)
    return this.#high[at] !== 0 || this.#low[at] !== 0
  }

  /** Forgets all paths. */
  clear(): void {
    this.#high = new Uint32Array(64)
    this.#low = new Uint32Array(64)
    this.#count = 0
  }

  /** The slot that holds the hash, or the empty one where it belongs. */
  #find(high: number, low: number): number {
    const mask = this.#high.length - 1
    let at = low & mask
    while (
      (this.#high[at] !== 0 || this.#low[at] !== 0) &&
      (this.#high[at] !== high || this.#low[at] !== low)
    ) {
      at = (at + 1) & mask
    }
    return at
  }

  #grow(): void {
    const [oldHigh, oldLow] = [this.#high, this.#low]
    this.#high = new Uint32Array(oldHigh.length * 2)
    this.#low = new Uint32Array(oldHigh.length * 2)
    for (let i = 0; i < oldHigh.length; i++) {
      if (oldHigh[i] === 0 && oldLow[i] === 0) continue
      const at = this.#find(oldHigh[i]!, oldLow[i]!)
      this.#high[at] = oldHigh[i]!
      this.#low[at] = oldLow[i]!
    }
  }

  /** Two seeded 32-bit hashes (multiply and rotate, as murmur3 mixes), never both 0. */
  #hash(path: string): [number, number] {
    let a = this.#seeds[0]!
    let b = this.#seeds[1]!
    for (let i = 0; i < path.length; i++) {
      const unit = path.charCodeAt(i)
      a = Math.imul(a ^ Math.imul(unit, 0xcc9e2d51), 0x1b873593)
      a ^= a >>> 15
      b = Math.imul(b ^ Math.imul(unit, 0x85ebca6b), 0xc2b2ae35)
      b = (b << 13) | (b >>> 19)
    }
    a = Math.imul(a ^ (a >>> 16), 0x85ebca6b)
    b = Math.imul(b ^ (b >>> 16), 0xc2b2ae35)
    const high = (a ^ (a >>> 13) ^ path.length) >>> 0
    const low = (b ^ (b >>> 13)) >>> 0
    return high === 0 && low === 0 ? [0, 1] : [high, low]
  }
}
