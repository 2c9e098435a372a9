/**
 * What of the library an input reaches. The bundle counts each branch taken (see `instrument.ts`) in one array; an
 * input that takes a branch that none took before, or one about twice as often, is worth keeping.
 */

declare global {
  /** One counter for each branch of the bundle. */
  var fuzzHits: Uint8Array
  /** Told of the length of each array that the library makes; gives it back. */
  var fuzzAllocate: <Length>(length: Length) => Length
}

/** Bytes of the largest array that the library made since the last {@link Coverage.reset}. */
const allocation = { largest: 0 }

// The library's modules count from their first line on, so this one has to be loaded before them.
globalThis.fuzzHits = new Uint8Array(1 << 16)
globalThis.fuzzAllocate = (length) => {
  if (typeof length === 'number' && length > allocation.largest) allocation.largest = length
  return length
}

/** Collects the counters of many runs. */
export class Coverage {
  readonly #words: Uint32Array
  /** For each counter, which magnitudes (1, 2, 3, 4 to 7, … 64 and more) it has had, a bit for each. */
  readonly #seen: Uint8Array
  #reached = 0

  constructor(points: number) {
    if (points > fuzzHits.length)
      throw new RangeError(`There are ${points} branches to count: make fuzzHits longer`)
    this.#words = new Uint32Array(fuzzHits.buffer, 0, Math.ceil(points / 4))
    this.#seen = new Uint8Array(this.#words.length * 4)
  }

  /** Branches taken so far. */
  get reached(): number {
    return this.#reached
  }

  /** Bytes of the largest array that the library made since `reset`. */
  get largestAllocation(): number {
    return allocation.largest
  }

  /** Begins a run. */
  reset(): void {
    this.#words.fill(0)
    allocation.largest = 0
  }

  /** Ends a run: whether it showed something new. */
  isNew(): boolean {
    const words = this.#words
    const seen = this.#seen
    let found = false
    for (let word = 0; word < words.length; word++) {
      if (words[word] === 0) continue
      for (let i = word * 4; i < word * 4 + 4; i++) {
        const count = fuzzHits[i]!
        if (count === 0) continue
        const magnitude = count < 4 ? 1 << (count - 1) : 1 << Math.min(32 - Math.clz32(count), 7)
        const before = seen[i]!
        if ((before & magnitude) !== 0) continue
        if (before === 0) this.#reached++
        seen[i] = before | magnitude
        found = true
      }
    }
    return found
  }
}
