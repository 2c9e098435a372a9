/**
 * Zstandard decoding: frames one after another, skippable ones among them (zstd:chunked writes a frame a file), and nothing
 * else.
 *
 * The decoder is our own. Node's stops silently after the first frame. fzstd 0.1.1 allocates its window for every frame and
 * moves all of it for every block: 2 000 frames of 4 kB with a window of 2 MiB cost it 4.5 s and 1.2 GB (here 0.3 s,
 * 60 MiB), a window of 128 MiB a hundred seconds (here 2), and tiny frames or blocks let an attacker choose how long.
 * Checksums of frames are not verified: XXH64 needs 64-bit products, and the diffID covers more.
 *
 * @see https://datatracker.ietf.org/doc/html/rfc8878
 */
import type { ByteSink } from '../bytes.ts'
import { CHUNK_SIZE, freeBytes } from '../bytes.ts'
import { OciError } from '../errors.ts'
import type { Coder } from './coder.ts'
import { invalid, truncated } from './coder.ts'
import { BLOCK_BUFFER_SIZE, MAX_BLOCK_SIZE, ZstdBlocks } from './zstd-block.ts'
import { ZstdDamage } from './zstd-entropy.ts'

/** The window that frames may ask for by default: what the `zstd` command accepts, 128 MiB. */
const DEFAULT_ZSTD_WINDOW: number = 1 << 27

/**
 * A sink that takes zstd and writes what was compressed.
 * @param maxWindow Bytes.
 * @throws OciError (from `write` and `end`) `COMPRESSION_INVALID`, `COMPRESSION_TRUNCATED`, `COMPRESSION_UNSUPPORTED`
 *   (a dictionary), `LIMIT_EXCEEDED` (the window)
 */
export function createUnzstd(output: ByteSink, what: string, maxWindow: number = DEFAULT_ZSTD_WINDOW): Coder {
  return new Unzstd(output, what, maxWindow)
}

/** Where the decoder stands: what the next bytes are. */
type State =
  | 'magic'
  | 'skippable-size'
  | 'skippable'
  | 'descriptor'
  | 'header'
  | 'block'
  | 'content'
  | 'checksum'

/** Output gathered before it is handed on, when input comes in small pieces. */
const MIN_OUTPUT: number = 64 << 10

const FIRST_CAPACITY: number = 512 << 10

/** By how much the buffer grows, up to what the window needs: never far beyond what was decoded, whatever a header says. */
const GROWTH = 4

const MAX_SLACK: number = 16 << 20

class Unzstd implements Coder {
  readonly #output: ByteSink
  readonly #what: string
  readonly #maxWindow: number
  readonly #blocks: ZstdBlocks = new ZstdBlocks()
  #failure: { readonly reason: unknown } | undefined

  /** What the current state needs, gathered. */
  readonly #gathered: Uint8Array = new Uint8Array(BLOCK_BUFFER_SIZE)
  #have = 0
  #need = 4
  #state: State = 'magic'
  #frames = 0
  #toSkip = 0

  #descriptor = 0
  #window = 0
  #contentSize = -1
  #decoded = 0
  #blockHeader = 0

  /** Decoded bytes: those not handed on yet, and before them those that matches may refer to. */
  #buffer: Uint8Array = new Uint8Array(FIRST_CAPACITY)
  #position = 0
  #emitted = 0
  /** Where the current frame begins in the buffer. */
  #frameStart = 0

  constructor(output: ByteSink, what: string, maxWindow: number) {
    this.#output = output
    this.#what = what
    this.#maxWindow = maxWindow
  }

  write(chunk: Uint8Array): void | Promise<void> {
    return this.#run(chunk, 0)
  }

  end(): void | Promise<void> {
    this.#check()
    if (this.#state === 'magic' && !beginsMagic(this.#gathered.subarray(0, this.#have))) {
      throw this.#fail(invalid(this.#what, this.#strayData()))
    }
    if (this.#state !== 'magic' || this.#have > 0 || this.#frames === 0) {
      throw this.#fail(truncated(this.#what, 'zstd'))
    }
    const wait = this.#emit(1)
    return wait === undefined ? this.#finish() : wait.then(() => this.#finish())
  }

  abort(reason: unknown): void {
    this.#failure ??= { reason }
    this.#free()
  }

  #finish(): void | Promise<void> {
    this.#free()
    return this.#output.end()
  }

  /** The window of one layer is not to lie about while the next is read: it may be megabytes. */
  #free(): void {
    freeBytes(this.#buffer)
    this.#buffer = new Uint8Array(0)
  }

  #run(chunk: Uint8Array, from: number): void | Promise<void> {
    let at = from
    while (at < chunk.length) {
      this.#check()
      if (this.#state === 'skippable') {
        const skipped = Math.min(this.#toSkip, chunk.length - at)
        this.#toSkip -= skipped
        at += skipped
        if (this.#toSkip === 0) this.#expect('magic', 4)
        continue
      }
      const part = Math.min(this.#need - this.#have, chunk.length - at)
      this.#gathered.set(chunk.subarray(at, at + part), this.#have)
      this.#have += part
      at += part
      if (this.#have < this.#need) break
      try {
        this.#step()
      } catch (error) {
        throw this.#fail(error instanceof ZstdDamage ? invalid(this.#what, error.message) : error)
      }
      // Before there might not be room for one more block.
      const wait = this.#emit(CHUNK_SIZE - MAX_BLOCK_SIZE + 1)
      if (wait !== undefined) return wait.then(() => this.#run(chunk, at))
    }
    return this.#emit(MIN_OUTPUT)
  }

  #step(): void {
    const data = this.#gathered
    switch (this.#state) {
      case 'magic': {
        const magic = little32(data, 0)
        if (magic >>> 4 === 0x184d2a5) this.#expect('skippable-size', 4)
        else if (magic === 0xfd2fb528) this.#expect('descriptor', 1)
        else throw new ZstdDamage(this.#strayData())
        return
      }
      case 'skippable-size':
        this.#frames++
        this.#toSkip = little32(data, 0)
        if (this.#toSkip === 0) this.#expect('magic', 4)
        else this.#expect('skippable', 1)
        return
      case 'descriptor': {
        const descriptor = data[0]!
        if (descriptor & 8) throw new ZstdDamage('a frame header has its reserved bit set')
        this.#descriptor = descriptor
        const single = (descriptor >>> 5) & 1
        const sizeCode = descriptor >>> 6
        const sizeBytes = sizeCode === 0 ? single : 1 << sizeCode
        const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!
        const need = 1 - single + dictionaryBytes + sizeBytes
        this.#expect('header', need)
        return
      }
      case 'header':
        this.#beginFrame(data)
        return
      case 'block':
        this.#beginBlock(data[0]! | (data[1]! << 8) | (data[2]! << 16))
        return
      case 'content':
        this.#endBlock(data)
        return
      case 'checksum':
        this.#expect('magic', 4)
        return
      case 'skippable':
        return
    }
  }

  #strayData(): string {
    return this.#frames === 0
      ? 'it does not begin as zstd does'
      : 'other data follows the end of its last frame'
  }

  #beginFrame(data: Uint8Array): void {
    const descriptor = this.#descriptor
    const single = (descriptor >>> 5) & 1
    let at = 1 - single
    const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!
    for (let i = 0; i < dictionaryBytes; i++) {
      if (data[at + i] !== 0) {
        throw new OciError(
          'COMPRESSION_UNSUPPORTED',
          `${this.#what} needs a zstd dictionary, which layers do not have`,
        )
      }
    }
    at += dictionaryBytes
    switch (descriptor >>> 6) {
      case 0:
        this.#contentSize = single ? data[at]! : -1
        break
      case 1:
        this.#contentSize = (data[at]! | (data[at + 1]! << 8)) + 256
        break
      case 2:
        this.#contentSize = little32(data, at)
        break
      default:
        this.#contentSize = little32(data, at) + little32(data, at + 4) * 2 ** 32
    }
    const base = 2 ** (10 + (data[0]! >>> 3))
    this.#window = single ? this.#contentSize : base + (base / 8) * (data[0]! & 7)
    if (this.#window > this.#maxWindow) {
      throw new OciError(
        'LIMIT_EXCEEDED',
        `${this.#what} needs a zstd window of ${this.#window} bytes, more than ${this.#maxWindow}: raise zstdWindow if there is the memory`,
        { expected: this.#maxWindow, actual: this.#window },
      )
    }
    this.#frames++
    this.#decoded = 0
    this.#frameStart = this.#position
    this.#blocks.reset()
    this.#expect('block', 3)
  }

  #beginBlock(header: number): void {
    const kind = (header >>> 1) & 3
    const size = header >>> 3
    if (kind === 3) throw new ZstdDamage('a block is of the reserved type')
    if (size > Math.min(this.#window, MAX_BLOCK_SIZE))
      throw new ZstdDamage('a block is longer than it may be')
    this.#blockHeader = header
    this.#expect('content', kind === 1 ? 1 : size)
  }

  #endBlock(data: Uint8Array): void {
    const header = this.#blockHeader
    const kind = (header >>> 1) & 3
    const size = header >>> 3
    const maxSize = Math.min(this.#window, MAX_BLOCK_SIZE)
    this.#makeRoom()
    const from = this.#position
    const buffer = this.#buffer
    if (kind === 0) {
      buffer.set(data.subarray(0, size), from)
      this.#position += size
    } else if (kind === 1) {
      buffer.fill(data[0]!, from, from + size)
      this.#position += size
    } else {
      if (size < 2) throw new ZstdDamage('a block is too short')
      this.#position = this.#blocks.decode(data, size, buffer, from, this.#frameStart, this.#window, maxSize)
    }
    this.#decoded += this.#position - from
    if ((header & 1) === 0) {
      this.#expect('block', 3)
      return
    }
    if (this.#contentSize !== -1 && this.#contentSize !== this.#decoded) {
      throw new ZstdDamage('a frame has another length than its header says')
    }
    if (this.#descriptor & 4) this.#expect('checksum', 4)
    else this.#expect('magic', 4)
  }

  /** Waits for so many bytes; what needs none is done at once. */
  #expect(state: State, need: number): void {
    this.#state = state
    this.#have = 0
    this.#need = need
    if (need === 0) this.#step()
  }

  /** Makes sure that one more block fits, keeping a window of what this frame has decoded. */
  #makeRoom(): void {
    if (this.#buffer.length - this.#position >= MAX_BLOCK_SIZE) return
    const oldest = Math.max(this.#frameStart, this.#position - this.#window)
    const keep = Math.min(oldest, this.#emitted)
    const held = this.#position - keep
    let target = this.#buffer
    // As much room as is moved, so that a byte is moved about once, or up to 8 times for the largest windows.
    const slack = Math.max(Math.min(held, MAX_SLACK), CHUNK_SIZE)
    if (target.length < held + slack) {
      const most = this.#window + Math.min(this.#window, MAX_SLACK) + 2 * CHUNK_SIZE
      target = new Uint8Array(Math.max(held + slack, Math.min(held * GROWTH, most)))
      target.set(this.#buffer.subarray(keep, this.#position))
      freeBytes(this.#buffer)
      this.#buffer = target
    } else target.copyWithin(0, keep, this.#position)
    this.#position = held
    this.#emitted -= keep
    this.#frameStart = Math.max(0, this.#frameStart - keep)
  }

  /** Hands on what is decoded, if it is at least so much. */
  #emit(least: number): void | Promise<void> {
    if (this.#position - this.#emitted < least) return
    // A copy: matches refer to what stands here, and it moves.
    const chunk = this.#buffer.slice(this.#emitted, this.#position)
    this.#emitted = this.#position
    try {
      const wait = this.#output.write(chunk)
      if (wait === undefined) freeBytes(chunk)
      return wait?.then(
        () => freeBytes(chunk),
        (error: unknown) => {
          throw this.#fail(error)
        },
      )
    } catch (error) {
      throw this.#fail(error)
    }
  }

  #fail(reason: unknown): unknown {
    this.abort(reason)
    return this.#failure?.reason
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.reason
  }
}

function little32(data: Uint8Array, at: number): number {
  return (data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24)) >>> 0
}

/** Whether up to three bytes can be the beginning of a frame. */
function beginsMagic(head: Uint8Array): boolean {
  const begins = (...magic: number[]): boolean => head.every((byte, i) => byte === magic[i])
  const first = head[0] ?? 0
  return begins(0x28, 0xb5, 0x2f) || (first >>> 4 === 5 && begins(first, 0x2a, 0x4d)) || head.length === 0
}
