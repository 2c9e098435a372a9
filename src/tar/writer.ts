/** Writing archives: entries in, bytes out, the same ones for the same entries. */
import type { ByteSink, ByteSource } from '../bytes.ts'
import { giveBack, isBlob, plainBytes, readChunks, streamOf } from '../bytes.ts'
import { OciError } from '../errors.ts'
import { BLOCK_SIZE, paddingOf } from './block.ts'
import type { TarEntryInput } from './entry-input.ts'
import { settleEntry } from './entry-input.ts'
import { HeaderEncoder } from './header-bytes.ts'
import { quote } from './text.ts'

/** What pads content to whole blocks: an array made for each would lie outside of the heap, which costs more. */
const zeros: Uint8Array<ArrayBuffer> = /* @__PURE__ */ new Uint8Array(BLOCK_SIZE)

/** Bytes collected before the sink is called; what is larger passes through uncopied. */
const bufferSize = 1 << 18

/**
 * Writes an archive into a sink: `entry`, then `data` until its size is reached, and so on, then `finish`. Each
 * call must be waited for where it returns a promise.
 *
 * An entry becomes plain ustar where everything fits, PAX where it does not, by the rules and with the bytes of
 * Go's `archive/tar`; the same entries always give the same bytes.
 *
 * @throws OciError `ARGUMENT_INVALID` for an entry that tar cannot hold or that readers take differently,
 * `SIZE_MISMATCH` where content is not as long as its entry says
 * @example
 * const writer = new TarWriter(sink)
 * await writer.entry({ path: 'etc/hostname', size: 4 })
 * await writer.data(new TextEncoder().encode('box\n'))
 * await writer.finish()
 */
export class TarWriter {
  readonly #sink: ByteSink
  readonly #signal: AbortSignal | undefined
  #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(bufferSize)
  #filled = 0
  readonly #headers = new HeaderEncoder()
  #path = ''
  #size = 0
  #remaining = 0
  #padding = 0
  #finished = false
  #bytesWritten = 0

  constructor(sink: ByteSink, options: { readonly signal?: AbortSignal | undefined } = {}) {
    this.#sink = sink
    this.#signal = options.signal
  }

  /** Bytes of the archive so far. */
  get bytesWritten(): number {
    return this.#bytesWritten
  }

  /** Begins an entry, and writes its content where `content` is given. */
  entry(entry: TarEntryInput): void | Promise<void> {
    this.#checkComplete()
    const settled = settleEntry(entry)
    const header = this.#headers.encode(settled)
    this.#path = settled.shownPath
    this.#size = settled.size
    this.#remaining = settled.size
    this.#padding = paddingOf(settled.size)
    const wait = this.#put(header)
    const { content } = entry
    // Entries that were read bring a content function along whatever their type.
    if (content === undefined || settled.type !== 'file') return wait
    if (content instanceof Uint8Array)
      return wait === undefined ? this.data(content) : wait.then(() => this.data(content))
    return this.#copy(content, wait)
  }

  /** Writes a piece of the current entry's content; it is the caller's again when this is done. */
  data(chunk: Uint8Array): void | Promise<void> {
    if (chunk.length > this.#remaining) {
      throw new OciError(
        'SIZE_MISMATCH',
        `Tar entry ${quote(this.#path)} is said to have ${this.#size} bytes, but its content has more`,
        { path: this.#path, expected: this.#size, actual: this.#size - this.#remaining + chunk.length },
      )
    }
    if (chunk.length === 0) return undefined
    this.#remaining -= chunk.length
    // Of a Buffer `slice` shares the memory, where whoever stands behind takes it for a copy of theirs to have.
    const wait = this.#put(plainBytes(chunk))
    if (this.#remaining > 0 || this.#padding === 0) return wait
    const padding = zeros.subarray(0, this.#padding)
    return wait === undefined ? this.#put(padding) : wait.then(() => this.#put(padding))
  }

  /**
   * Leaves the content of the entry just begun to somebody else, and goes on behind it.
   * @param leave Tells the sink to leave so many bytes out.
   * @internal
   */
  async leaveRoom<T>(leave: (length: number) => Promise<T>): Promise<T> {
    await this.#flush()
    const room = await leave(this.#remaining)
    this.#bytesWritten += this.#remaining
    this.#remaining = 0
    if (this.#padding > 0) await this.#put(zeros.subarray(0, this.#padding))
    return room
  }

  /** Writes the end of the archive, two zero blocks, and ends the sink. */
  finish(): void | Promise<void> {
    this.#checkComplete()
    this.#finished = true
    const wait = this.#put(new Uint8Array(2 * BLOCK_SIZE))
    if (wait !== undefined) return wait.then(() => this.#finishSink())
    return this.#finishSink()
  }

  #finishSink(): void | Promise<void> {
    const wait = this.#flush()
    return wait === undefined ? this.#sink.end() : wait.then(() => this.#sink.end())
  }

  async #copy(content: ByteSource, before: void | Promise<void>): Promise<void> {
    await before
    const options = { signal: this.#signal }
    const chunks = readChunks(content, options)
    for await (const chunk of chunks) {
      const wait = this.data(chunk)
      if (wait !== undefined) await wait
      chunks[giveBack]?.(chunk)
    }
    this.#checkComplete()
  }

  #checkComplete(): void {
    if (this.#finished)
      throw new OciError('ARGUMENT_INVALID', 'The tar archive is finished: nothing can follow')
    if (this.#remaining === 0) return
    throw new OciError(
      'SIZE_MISMATCH',
      `Tar entry ${quote(this.#path)} is said to have ${this.#size} bytes, but its content ends ${this.#remaining} before`,
      { path: this.#path, expected: this.#size, actual: this.#size - this.#remaining },
    )
  }

  /** Hands bytes on, small ones collected: a sink that hashes or compresses costs far more a call than a copy. */
  #put(bytes: Uint8Array): void | Promise<void> {
    this.#bytesWritten += bytes.length
    if (this.#filled + bytes.length <= bufferSize) {
      this.#buffer.set(bytes, this.#filled)
      this.#filled += bytes.length
      return undefined
    }
    const wait = this.#flush()
    return wait === undefined ? this.#putAfterFlush(bytes) : wait.then(() => this.#putAfterFlush(bytes))
  }

  #putAfterFlush(bytes: Uint8Array): void | Promise<void> {
    if (bytes.length >= bufferSize) return this.#sink.write(bytes)
    this.#buffer.set(bytes, 0)
    this.#filled = bytes.length
    return undefined
  }

  #flush(): void | Promise<void> {
    if (this.#filled === 0) return undefined
    const filled = this.#buffer.subarray(0, this.#filled)
    this.#filled = 0
    return this.#sink.write(filled)
  }
}

/**
 * An archive of entries, as a stream. Entries may be headers or entries that were read: their content is taken
 * along.
 *
 * @throws OciError (through the stream) as {@link TarWriter} does, and what the entries' contents throw
 * @example writeTar([{ path: 'etc/' }, { path: 'etc/hostname', content: new TextEncoder().encode('box\n') }])
 */
export function writeTar(
  entries: Iterable<TarEntryInput> | AsyncIterable<TarEntryInput>,
  options: { readonly signal?: AbortSignal | undefined } = {},
): ReadableStream<Uint8Array> {
  return streamOf(tarChunks(entries, options))
}

/** {@link writeTar} as an async iterable, for loops that need no stream. The chunks are the reader's. */
export async function* tarChunks(
  entries: Iterable<TarEntryInput> | AsyncIterable<TarEntryInput>,
  options: { readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { signal } = options
  signal?.throwIfAborted()
  let ready: Uint8Array[] = []
  let length = 0
  const sink: ByteSink = {
    write(chunk) {
      // The writer uses its buffer again, and content is the caller's.
      ready.push(chunk.slice())
      length += chunk.length
    },
    end() {},
  }
  const writer = new TarWriter(sink, options)
  const take = (): Uint8Array[] => {
    const taken = ready
    ready = []
    length = 0
    return taken
  }
  for await (const entry of entries) {
    signal?.throwIfAborted()
    const { content } = entry
    if (content === undefined || content instanceof Uint8Array) {
      writer.entry(entry)
    } else {
      const size = entry.size ?? (isBlob(content) ? content.size : Number.NaN)
      writer.entry({ ...entry, size, content: undefined })
      // Piece by piece from here, so that content does not pile up in the sink.
      if ((entry.type ?? 'file') === 'file') {
        for await (const chunk of readChunks(content, options)) {
          writer.data(chunk)
          if (length > 0) yield* take()
        }
      }
    }
    if (length > 0) yield* take()
  }
  writer.finish()
  yield* take()
}
