/** Chance that can be had again: the same seed gives the same numbers on every machine. */

/** A small generator (sfc32): fast, and good enough to mutate by. */
export class Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  /** @param seed any whole number; numbers that are near one another give streams that are not. */
  constructor(seed: number) {
    this.#a = seed | 0
    this.#b = Math.floor(seed / 2 ** 32) | 0
    this.#c = 0x9e3779b9 | 0
    for (let i = 0; i < 12; i++) this.word()
  }

  /** 32 bits. */
  word(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum
    return sum >>> 0
  }

  /** A whole number from 0 to below `limit`; 0 where that is not above 0. */
  below(limit: number): number {
    return limit > 0 ? Math.floor((this.word() / 2 ** 32) * limit) : 0
  }

  /** Whether one of so many cases has come. */
  oneIn(cases: number): boolean {
    return this.below(cases) === 0
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T
  }

  /** Small mostly, but any size up to the limit: how much a mutation takes. */
  size(limit: number): number {
    return 1 + this.below(this.oneIn(4) ? limit : Math.min(limit, 16))
  }

  bytes(length: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length }, () => this.word() & 255)
  }
}

/** A number that depends on every byte (FNV-1a): what an input is run with follows from the input alone. */
export function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
  return hash >>> 0
}
