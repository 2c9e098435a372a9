/** What the tests of both paths share: bytes in given pieces through a sink, and what came out or went wrong. */
import { afterEach, describe } from 'vitest'
import type { ByteSink } from '../../src/bytes.ts'
import { concatBytes } from '../../src/bytes.ts'
import { OciError } from '../../src/errors.ts'
import { setAccelerated } from '../../src/runtime.ts'

/** Gathers what is written; every write takes a turn of the event loop when `slow`. */
export class Gathered implements ByteSink {
  readonly chunks: Uint8Array[] = []
  ended = false
  readonly #slow: boolean

  constructor(slow = false) {
    this.#slow = slow
  }

  get bytes(): Uint8Array {
    return concatBytes(this.chunks)
  }

  write(chunk: Uint8Array): void | Promise<void> {
    if (this.ended) throw new Error('written after the end')
    this.chunks.push(new Uint8Array(chunk))
    if (this.#slow) return new Promise((resolve) => setImmediate(resolve))
  }

  end(): void {
    if (this.ended) throw new Error('ended twice')
    this.ended = true
  }
}

/** Writes the pieces, each from a Buffer (whose `slice` is no copy) that is overwritten once its write is done, and ends. */
export async function feed(sink: ByteSink, pieces: Iterable<Uint8Array>): Promise<void> {
  for (const piece of pieces) {
    const own = Buffer.from(piece)
    const wait = sink.write(own)
    if (wait !== undefined) await wait
    own.fill(0xaa)
  }
  await sink.end()
}

/** What came out, or the code of what went wrong. */
export async function outcome(
  create: (output: ByteSink) => ByteSink,
  pieces: Iterable<Uint8Array>,
  slow = false,
): Promise<Uint8Array | string> {
  const output = new Gathered(slow)
  try {
    await feed(create(output), pieces)
  } catch (error) {
    if (error instanceof OciError) return error.code
    throw error
  }
  if (!output.ended) throw new Error('never ended')
  return output.bytes
}

/** Cuts bytes into pieces of a size. */
export function pieces(bytes: Uint8Array, size: number): Uint8Array[] {
  const cut: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += size) cut.push(bytes.subarray(at, at + size))
  return cut
}

/** Runs a suite on the accelerated and on the portable path. */
export function onBothPaths(name: string, suite: (accelerated: boolean) => void): void {
  describe.each([true, false])(`${name}, accelerated: %s`, (accelerated) => {
    afterEach(() => setAccelerated(true))
    suite(accelerated)
  })
}

/** Bytes that compress a little, the same at every run. */
export function sampleBytes(size: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(size)
  let state = seed
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    bytes[i] = state & 0x10000 ? (state >>> 20) & 0x1f : (bytes[i - 97] ?? 7)
  }
  return bytes
}
