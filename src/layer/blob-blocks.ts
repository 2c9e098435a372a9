/**
 * Reading a part of a layer again, verified, without reading the rest: while a layer is read and verified as a whole
 * once, each block of its blob is digested by itself. A block read later either has that digest or is refused, before
 * anything is made of it.
 *
 * Measured against the other ways: a digest for each file costs a second hash over the uncompressed bytes, two to
 * three times as many as the blob's; the state of the blob's own hash cannot be kept for parts that are sought.
 */
import type { ByteSink, ByteSource } from '../bytes.ts'
import { readChunks } from '../bytes.ts'
import { type Compression, createDecompressor } from '../compression/index.ts'
import { createHasher, type Digest, digestBytes, type Hasher } from '../digest/index.ts'
import { OciError } from '../errors.ts'
import type { Descriptor } from '../spec/index.ts'
import { type BlobStore, readBlobBytes, type StoreOptions } from '../store/index.ts'
import { Relay } from './relay.ts'

/** Bytes of one block: what reading one small file of an uncompressed layer costs, at about 1 ms. */
const BLOCK_SIZE = 1 << 20

/** A part of a layer's uncompressed tar. */
export interface LayerPart {
  /** How the layer is compressed, as reading it has shown. */
  readonly compression: Compression
  /** The first byte, counted in the uncompressed tar. */
  readonly offset: number
  /** Bytes. */
  readonly length: number
}

/** The digests of a blob's blocks: about 100 bytes of memory for each MiB of the blob. */
export class BlobBlocks {
  readonly #digests: Digest[] = []
  #hasher: Hasher | undefined
  #filled = 0

  /** Takes the next chunk of the blob. */
  add(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      const take = Math.min(BLOCK_SIZE - this.#filled, chunk.length - at)
      this.#hasher ??= createHasher()
      this.#hasher.update(chunk.subarray(at, at + take))
      this.#filled += take
      at += take
      if (this.#filled === BLOCK_SIZE) this.end()
    }
  }

  /** Says that the blob has ended. */
  end(): void {
    if (this.#hasher !== undefined) this.#digests.push(this.#hasher.digest())
    this.#hasher = undefined
    this.#filled = 0
  }

  /**
   * The blob from the block that has byte `start` to the one that has byte `end - 1`, each block verified.
   * @throws OciError `DIGEST_MISMATCH` where the blob has changed since it was read as a whole, `SIZE_MISMATCH`
   */
  async *read(
    store: BlobStore,
    descriptor: Descriptor,
    start: number,
    end: number,
    options: StoreOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const first = Math.floor(start / BLOCK_SIZE)
    const last = Math.min(Math.ceil(end / BLOCK_SIZE), this.#digests.length)
    const offset = first * BLOCK_SIZE
    const stop = Math.min(last * BLOCK_SIZE, descriptor.size)
    const block = new Uint8Array(Math.min(BLOCK_SIZE, stop - offset))
    let index = first
    let filled = 0
    for await (const chunk of readChunks(
      await openRange(store, descriptor, offset, stop, options),
      options,
    )) {
      for (let at = 0; at < chunk.length && index < last; ) {
        const size = Math.min(BLOCK_SIZE, stop - index * BLOCK_SIZE)
        const take = Math.min(size - filled, chunk.length - at)
        block.set(chunk.subarray(at, at + take), filled)
        filled += take
        at += take
        if (filled < size) continue
        const whole = block.subarray(0, size)
        if (digestBytes(whole) !== this.#digests[index]) {
          throw new OciError(
            'DIGEST_MISMATCH',
            `Blob ${descriptor.digest} has changed in its store since it was verified: bytes from ${index * BLOCK_SIZE} on differ`,
            { digest: descriptor.digest, offset: index * BLOCK_SIZE },
          )
        }
        yield whole
        index++
        filled = 0
      }
      if (index === last) return
    }
    throw new OciError(
      'SIZE_MISMATCH',
      `Blob ${descriptor.digest} has become shorter in its store since it was verified`,
      { digest: descriptor.digest, expected: stop, actual: index * BLOCK_SIZE + filled },
    )
  }
}

/**
 * The bytes of a part of a layer. Of an uncompressed layer only the blocks that have them are read; of a compressed
 * one all blocks up to there, none behind. Leaving the loop early closes everything.
 *
 * @throws OciError `DIGEST_MISMATCH`, `SIZE_MISMATCH`, `BLOB_NOT_FOUND`
 */
export async function* readLayerPart(
  store: BlobStore,
  descriptor: Descriptor,
  blocks: BlobBlocks,
  part: LayerPart,
  options: StoreOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { compression, offset, length } = part
  if (length === 0) return
  if (compression === 'none') {
    const end = offset + length
    let position = Math.floor(offset / BLOCK_SIZE) * BLOCK_SIZE
    for await (const block of blocks.read(store, descriptor, offset, end, options)) {
      yield block.slice(Math.max(0, offset - position), Math.min(block.length, end - position))
      position += block.length
    }
    return
  }
  const stop = new AbortController()
  const { signal } = options
  const stopped = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal])
  const relay = new Relay<Uint8Array>()
  let position = 0
  const sink: ByteSink = {
    write(chunk) {
      const start = Math.max(0, offset - position)
      const end = Math.min(chunk.length, offset + length - position)
      position += chunk.length
      return start < end ? relay.give(chunk.subarray(start, end)) : undefined
    },
    end() {},
  }
  const decompressor = createDecompressor(compression, sink, {
    // The bomb that was none when the layer was read as a whole is none now.
    maxSize: Number.POSITIVE_INFINITY,
    maxRatio: Number.POSITIVE_INFINITY,
    what: `Layer ${descriptor.digest}`,
  })
  const feed = async () => {
    for await (const block of blocks.read(store, descriptor, 0, descriptor.size, { signal: stopped })) {
      const wait = decompressor.write(block)
      if (wait !== undefined) await wait
    }
    // A decoder may hold back what it has until it knows that no more comes.
    await decompressor.end()
  }
  const feeding = feed().then(
    () => relay.end(),
    (error) => relay.fail(error),
  )
  try {
    let given = 0
    while (given < length) {
      const chunk = await relay.take()
      if (chunk === undefined) break
      given += chunk.length
      yield chunk.slice()
    }
    signal?.throwIfAborted()
  } finally {
    stop.abort()
    relay.close(stop.signal.reason)
    decompressor.abort(stop.signal.reason)
    await feeding
  }
}

async function openRange(
  store: BlobStore,
  descriptor: Descriptor,
  offset: number,
  end: number,
  options: StoreOptions,
): Promise<ByteSource> {
  // Content that the descriptor carries need not be in the store.
  if (descriptor.data !== undefined) {
    const bytes = await readBlobBytes(store, descriptor, { ...options, maxSize: descriptor.size })
    return bytes.subarray(offset, end)
  }
  const whole = offset === 0 && end === descriptor.size
  return store.get(descriptor, whole ? options : { ...options, range: { offset, length: end - offset } })
}
