/** The input that a worker is at, where its watcher sees it. */

const headerWords = 4

/** One input in memory that two threads share. */
export class SharedInput {
  readonly #header: Int32Array
  readonly #bytes: Uint8Array

  constructor(buffer: SharedArrayBuffer) {
    this.#header = new Int32Array(buffer, 0, headerWords)
    this.#bytes = new Uint8Array(buffer, headerWords * 4)
  }

  /** Bytes of shared memory for inputs of a length. */
  static size(maxLength: number): number {
    return headerWords * 4 + maxLength
  }

  /** Changes with each input, and with each sign of life between two. */
  get turn(): number {
    return Atomics.load(this.#header, 0)
  }

  /** Inputs so far. */
  get runs(): number {
    return Atomics.load(this.#header, 2)
  }

  /** Says that an input is begun. */
  begin(input: Uint8Array): void {
    this.#bytes.set(input)
    Atomics.store(this.#header, 1, input.length)
    Atomics.add(this.#header, 2, 1)
    Atomics.add(this.#header, 0, 1)
  }

  /** Says that what takes its time is no input. */
  live(): void {
    Atomics.add(this.#header, 0, 1)
  }

  base64(): string {
    return Buffer.from(this.#bytes.slice(0, Atomics.load(this.#header, 1))).toString('base64')
  }
}
