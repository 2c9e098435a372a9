/** What the micro-benchmarks work on: bytes that compress like those of layers, the same each time. */
import type { ByteSink } from '../../src/bytes.ts'

/** 16 MiB in chunks of 1 MiB: half of it text that repeats within reach, half of it numbers that hardly do. */
export const chunks: readonly Uint8Array[] = Array.from({ length: 16 }, (_, at) => chunk(at))

/** The size of all chunks. */
export const totalMiB: number = chunks.length

/** A sink that counts. */
export class Counter implements ByteSink {
  bytes = 0

  write(chunk: Uint8Array): void {
    this.bytes += chunk.length
  }

  end(): void {}
}

/** Writes chunks into a sink to its end. */
export async function feed(sink: ByteSink, input: Iterable<Uint8Array>): Promise<void> {
  for (const chunk of input) await sink.write(chunk)
  await sink.end()
}

function chunk(at: number): Uint8Array {
  const bytes = new Uint8Array(1 << 20)
  const words = 'import const return function export default module require type name version license '.split(
    ' ',
  )
  const encoder = new TextEncoder()
  let random = at + 1
  const next = () => {
    // Park and Miller's generator.
    random = (random * 48271) % 2147483647
    return random
  }
  let filled = 0
  while (filled < bytes.length) {
    const word = encoder.encode(`${words[next() % words.length]} `)
    const piece = next() % 8 === 0 ? Uint8Array.from({ length: 24 }, next) : word
    bytes.set(piece.subarray(0, bytes.length - filled), filled)
    filled += piece.length
  }
  return bytes
}
