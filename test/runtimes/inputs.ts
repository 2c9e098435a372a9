/** Compressed inputs, made of code alone so that they are the same on every runtime. */
import type { ByteSink } from '../../src/bytes.ts'
import { concatBytes, encodeUtf8 } from '../../src/bytes.ts'
import { crc32 } from '../../src/compression/crc32.ts'
import { compress, createDecompressor } from '../../src/compression/index.ts'
import { isOciError } from '../../src/errors.ts'

/** Bytes that compress a little, the same at every run. */
export function sampleBytes(size: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size)
  let state = seed
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    bytes[i] = state & 0x10000 ? (state >>> 20) & 0x1f : (bytes[i - 97] ?? 7)
  }
  return bytes
}

/** All of a stream. */
export async function gather(stream: ReadableStream<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  const reader = stream.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return concatBytes(chunks)
    chunks.push(value)
  }
}

/** A gzip member that zlib would make. */
export function member(content: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  return gather(compress(content, 'gzip', { mode: 'reproducible' }))
}

/** A gzip member that holds its content as it is, so that where each of its bytes stands is known. */
export function storedMember(content: Uint8Array): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255)]
  for (let at = 0; at === 0 || at < content.length; at += 65_535) {
    const block = content.subarray(at, at + 65_535)
    const { length } = block
    const last = at + length >= content.length ? 1 : 0
    parts.push(Uint8Array.of(last, length & 255, length >>> 8, ~length & 255, (~length >>> 8) & 255), block)
  }
  return concatBytes([...parts, little32(crc32(content)), little32(content.length)])
}

const ZSTD_MAGIC: readonly number[] = [0x28, 0xb5, 0x2f, 0xfd]

/** A zstd frame of raw blocks; a window of 128 KiB. */
export function storedFrame(content: Uint8Array): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [Uint8Array.of(...ZSTD_MAGIC, 0, 7 << 3)]
  const most = 128 << 10
  for (let at = 0; at === 0 || at < content.length; at += most) {
    const block = content.subarray(at, at + most)
    const header = (block.length << 3) | (at + block.length >= content.length ? 1 : 0)
    parts.push(Uint8Array.of(header & 255, (header >>> 8) & 255, header >>> 16), block)
  }
  return concatBytes(parts)
}

/** A zstd frame of one byte, repeated, in blocks that take four bytes each. */
export function repeatedFrame(byte: number, count: number): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [Uint8Array.of(...ZSTD_MAGIC, 0, 7 << 3)]
  const most = 128 << 10
  for (let at = 0; at < count; at += most) {
    const size = Math.min(most, count - at)
    const header = (size << 3) | (1 << 1) | (at + size >= count ? 1 : 0)
    parts.push(Uint8Array.of(header & 255, (header >>> 8) & 255, header >>> 16, byte))
  }
  return concatBytes(parts)
}

/** A frame that decoders pass over; its kind is 0 to 15. */
export function skippableFrame(content: Uint8Array, kind = 0): Uint8Array<ArrayBuffer> {
  return concatBytes([Uint8Array.of(0x50 | kind, 0x2a, 0x4d, 0x18), little32(content.length), content])
}

/** A frame as `zstd -19 --check` of zstd 1.5.4 makes it of {@link zstdContent}: Huffman tables, sequences, a checksum. */
export function zstdFrame(): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(ZSTD_FRAME), (letter) => letter.charCodeAt(0))
}

/** What is in {@link zstdFrame}. */
export function zstdContent(): Uint8Array<ArrayBuffer> {
  const lines = Array.from(
    { length: 120 },
    (_, i) => `line ${i} of ${(i * 7919) % 1000}: ${'ab'.repeat(i % 9)}\n`,
  )
  return encodeUtf8(lines.join(''))
}

const ZSTD_FRAME: string =
  'KLUv/WSfCvUQAMYkSRWQJ4UcuKWWbndjt7siImXjgIwTgwNKAD4AQAATsUtM8uCIo5+Gy/i0EEXETCiCLITMCVa08MVwq/LKFuqc' +
  'SSI0QVIYBT0mOtl4qu60vvl+MokAAAYFoxHBoCAMBhwYhIEAAwQKBFbERJh0spemW7Z1mH34KvLoWNTQCdUmJOFGJx9mu9IjeXWU' +
  'aXBuMfiBokzEyPZRvFqdGdxjmwTGRqiFN0x1QQ+j+cRFZJ0LZ6lU8Yjyx0S6kBklIRpEwfMQy+f/pPiN6c1fdrHiw9DDFi5xYije' +
  'e7O2u9eW0B+Z5ROeyoEKAd4EKVr0EoMtVVzJPqVTJklMSCMpTJB0TTQkaNuDKDqow/rl68keI1FQCBOCJDMTlhn1YYSnYR3LODc3' +
  'wsZMWBOA+qggCOtpO4CXpnAOEdAJESCiBERISEgUqAPUkElbyYifd/Bp8dUqInRfoU0sNez9o1O9D4XSxWV5QirXQZ5uh7wutxxR' +
  'F9EYoeQQIIuJsFM2GSUuDqWcx3kLiQky1cQ0BnOlJkJDSsJO4T3rWCZCZJI+2AdwCmoiiClrZiL0gPEEuDXFYFJUOQz5GCfsHzBB' +
  'poxYxoie0sRHKCfMzeG+AJjWAkMhxVLIaRuMEsXhpA0/BEyOwk1ncLwjTcRb0Ti8B5rAG/7jS7I9XmIaFoUvuwSzxiVPFtiumWUA' +
  'LnABudM9kNj1IJfbJIvLSyZ3QZZdLbuWoG0K/a6AHQ=='

function little32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value, true)
  return bytes
}

/** The same bytes with one of them changed; from the end where `at` is negative. */
export function altered(bytes: Uint8Array, at: number, by = 1): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(bytes)
  const place = at < 0 ? copy.length + at : at
  copy[place] = (copy[place] as number) ^ by
  return copy
}

/** Cuts bytes into pieces of a size. */
export function pieces(bytes: Uint8Array, size: number): Uint8Array[] {
  const cut: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += size) cut.push(bytes.subarray(at, at + size))
  return cut
}

/** What comes out of decompressing pieces, or the code of what goes wrong; a third of the writes take their time. */
export async function decompressed(
  compression: 'gzip' | 'zstd' | 'detect',
  parts: Iterable<Uint8Array>,
): Promise<Uint8Array | string> {
  const chunks: Uint8Array[] = []
  let ended = false
  const output: ByteSink = {
    write(chunk) {
      if (ended) throw new Error('written after the end')
      chunks.push(new Uint8Array(chunk))
      return chunks.length % 3 === 0 ? new Promise((resolve) => setTimeout(resolve, 0)) : undefined
    },
    end() {
      if (ended) throw new Error('ended twice')
      ended = true
    },
  }
  try {
    const sink = createDecompressor(compression, output)
    for (const part of parts) {
      // The sink must have its own copy when the write is done.
      const own = new Uint8Array(part)
      const wait = sink.write(own)
      if (wait !== undefined) await wait
      own.fill(0xaa)
    }
    await sink.end()
  } catch (error) {
    if (isOciError(error)) return error.code
    throw error
  }
  if (!ended) throw new Error('never ended')
  return concatBytes(chunks)
}
