/**
 * Bytes on their way: what goes in ({@link ByteSource}), what comes out (`ReadableStream<Uint8Array>`), and the
 * synchronous stages between ({@link ByteSink}).
 *
 * Measured cost of handing one chunk on: callback 0.006 us, async generator 0.16, web reader 0.59, web
 * `TransformStream` 2.5. So web streams stand at the edges, with chunks of {@link CHUNK_SIZE}, never between
 * stages.
 */
import { OciError } from './errors.ts'

/** Anything that gives bytes. A function can be called again: it is what retries and second passes need. */
export type ByteSource =
  | Uint8Array
  | Blob
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>
  | (() => ByteSource | Promise<ByteSource>)

/**
 * A stage that takes bytes. `write` and `end` return a promise only when the caller has to wait. The chunk
 * belongs to the caller again once `write` is done (its promise resolved, or it returned nothing): who keeps
 * bytes longer copies them.
 */
export interface ByteSink {
  write(chunk: Uint8Array): void | Promise<void>
  end(): void | Promise<void>
}

/** Bytes read or written at once: 1 MiB. Node's defaults (16 and 64 KiB) cost a factor of 2.5 over the whole. */
export const CHUNK_SIZE: number = 1 << 20

const encoder: TextEncoder = /* @__PURE__ */ new TextEncoder()

/** The UTF-8 bytes of a string. */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text)
}

/** All chunks as one array. */
export function concatBytes(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0
  for (const chunk of chunks) length += chunk.length
  const whole = new Uint8Array(length)
  let offset = 0
  for (const chunk of chunks) {
    whole.set(chunk, offset)
    offset += chunk.length
  }
  return whole
}

/** Whether two arrays hold the same bytes. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/**
 * The chunks of a source, in order, however it is given. Leaving the loop early closes the source, and so does
 * `return()` before the first chunk or while one is waited for: a generator would close neither.
 */
export function readChunks(source: ByteSource, options: { signal?: AbortSignal | undefined } = {}): Chunks {
  return new ChunkReader(source, options.signal)
}

/**
 * The name of the method by which a chunk is given back to who gave it. A symbol, since an iterable of somebody else's may
 * have a `release` that means something else.
 */
export const giveBack: unique symbol = /* @__PURE__ */ Symbol('oci-ts.giveBack')

/** Chunks of bytes on their way: what {@link readChunks} gives. */
export interface Chunks extends AsyncIterableIterator<Uint8Array, void, undefined> {
  return(): Promise<IteratorResult<Uint8Array, void>>
  /**
   * Takes a chunk back that was given: its memory may hold the next one. Who keeps chunks does not call it, and what
   * cannot use them again does nothing. Reading 450 MB in chunks of 1 MiB, none of them given back, costs a full
   * collection of garbage for each 32 MiB.
   */
  [giveBack]?(chunk: Uint8Array): void
  /** What gives the chunks, known from the first one on: a source itself, or what a stream of ours stands on. */
  readonly origin?: object | undefined
}

/** What an iterator gives at its end, and what marks the end of an open source. */
const atEnd: IteratorReturnResult<undefined> = { done: true, value: undefined }

/** A source that has been opened. */
interface OpenSource {
  /** The next chunk, not yet checked to be one, or {@link atEnd}. */
  next(): unknown
  /** Says that no more is wanted. */
  close(reason?: unknown): unknown
  /** See {@link Chunks} and {@link giveBack}. */
  [giveBack]?(chunk: Uint8Array): void
}

class ChunkReader implements Chunks {
  readonly #source: ByteSource
  readonly #signal: AbortSignal | undefined
  #open: OpenSource | undefined
  #origin: object | undefined
  #ended = false
  #aborted = false
  /** Rejects the pending {@link next}, however long its source stalls. */
  #interrupt: ((reason: unknown) => void) | undefined

  constructor(source: ByteSource, signal: AbortSignal | undefined) {
    this.#source = source
    this.#signal = signal
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<Uint8Array, void>> {
    const signal = this.#signal
    // What was aborted between two chunks must not look as if it had come to its end.
    if (this.#aborted) throw signal?.reason
    if (this.#ended) return atEnd
    if (signal?.aborted) {
      this.#abort()
      throw signal.reason
    }
    let value: unknown
    try {
      if (signal === undefined) value = await this.#pull()
      else {
        value = await new Promise((resolve, reject) => {
          this.#interrupt = reject
          this.#pull().then(resolve, reject)
        })
      }
    } catch (error) {
      // An abort has closed it already; a source that fails by itself is closed by that.
      if (!this.#ended) this.#end()
      throw error
    }
    if (this.#aborted) throw signal?.reason
    if (value === atEnd || this.#ended) {
      this.#end()
      return atEnd
    }
    if (isBytes(value)) return { done: false, value: plainBytes(value) }
    const error = new OciError(
      'ARGUMENT_INVALID',
      `Content gave a chunk that is not a Uint8Array but ${value === null ? 'null' : typeof value}`,
    )
    this.#close(error)
    throw error
  }

  async return(): Promise<IteratorResult<Uint8Array, void>> {
    if (!this.#ended) await this.#close(undefined)
    return atEnd
  }

  [giveBack](chunk: Uint8Array): void {
    this.#open?.[giveBack]?.(chunk)
  }

  get origin(): object | undefined {
    return this.#origin
  }

  async #pull(): Promise<unknown> {
    if (this.#open === undefined) {
      this.#signal?.addEventListener('abort', this.#abort, { once: true })
      let given: ByteSource = this.#source
      while (typeof given === 'function') given = await given()
      this.#origin = (isReadableStream(given) && origins.get(given)?.iterator) || given
      const open = openSource(given)
      if (this.#ended) {
        // It was closed while the function that makes the source was still at it.
        void settle(() => open.close(this.#signal?.reason))
        return atEnd
      }
      this.#open = open
    }
    return this.#open.next()
  }

  readonly #abort = (): void => {
    this.#aborted = true
    this.#close(this.#signal?.reason)
    this.#interrupt?.(this.#signal?.reason)
  }

  #end(): void {
    this.#ended = true
    this.#signal?.removeEventListener('abort', this.#abort)
  }

  #close(reason: unknown): Promise<void> {
    this.#end()
    if (this.#open === undefined && typeof this.#source === 'function') return Promise.resolve()
    return settle(() => (this.#open ?? openSource(this.#source as OpenableSource)).close(reason))
  }
}

type OpenableSource = Exclude<ByteSource, () => unknown>

function openSource(source: OpenableSource): OpenSource {
  if (isBytes(source)) {
    let left: Uint8Array | undefined = source
    return {
      next() {
        const whole = left ?? atEnd
        left = undefined
        return whole
      },
      close() {},
    }
  }
  if (isBlob(source)) {
    // A Blob's own stream comes in small chunks on some runtimes; slices keep ours.
    let offset = 0
    return {
      async next() {
        if (offset >= source.size) return atEnd
        const start = offset
        offset += CHUNK_SIZE
        return new Uint8Array(await source.slice(start, offset).arrayBuffer())
      },
      close() {},
    }
  }
  if (isReadableStream(source)) {
    if (source.locked) {
      throw new OciError(
        'ARGUMENT_INVALID',
        'Content is a stream that something else reads already (it is locked): hand in one that nobody has begun',
      )
    }
    // A stream of ours that nobody has begun to read: what it stands on, without the stream between.
    const origin = origins.get(source)
    const reader = source.getReader()
    if (origin !== undefined) return openOrigin(origin, reader)
    return {
      async next() {
        try {
          const { done, value } = await reader.read()
          if (!done) return value
        } catch (error) {
          reader.releaseLock()
          throw error
        }
        reader.releaseLock()
        return atEnd
      },
      async close(reason) {
        // Settles a pending read too, before what the stream's maker does about it.
        try {
          await reader.cancel(reason)
        } finally {
          reader.releaseLock()
        }
      },
    }
  }
  if (isAsyncIterable(source)) {
    const iterator = source[Symbol.asyncIterator]()
    let pending = false
    let begun = false
    return {
      [giveBack]: (chunk) => (iterator as Partial<Chunks>)[giveBack]?.(chunk),
      async next() {
        begun = true
        pending = true
        const step = await iterator.next()
        pending = false
        return step.done ? atEnd : step.value
      },
      close() {
        // Node's streams are iterated by a generator, whose return() waits for the read that stalls, and closes
        // nothing where no read was begun.
        if (pending || !begun) (source as { destroy?: () => void }).destroy?.()
        const returned = iterator.return?.()
        if (!pending) return returned
        // Nobody waits for it, so its failure must not count as unhandled.
        void settle(() => returned)
        return undefined
      },
    }
  }
  throw new OciError(
    'ARGUMENT_INVALID',
    'Content must be a Uint8Array, a Blob, a ReadableStream, an async iterable of Uint8Array, or a function giving one of these',
  )
}

/** What a stream of ours stands on, read directly; the stream stays locked meanwhile, and then ends or fails with it. */
function openOrigin(
  { iterator, end, fail }: Origin,
  reader: ReadableStreamDefaultReader<Uint8Array>,
): OpenSource {
  // Read by nobody, so its failure is nobody's.
  reader.closed.catch(() => {})
  /** Ends the pending {@link OpenSource.next}, as cancelling a stream ends its pending read. */
  let interrupt: ((end: typeof atEnd) => void) | undefined
  let closed = false
  return {
    [giveBack]: (chunk) => (iterator as Partial<Chunks>)[giveBack]?.(chunk),
    async next() {
      try {
        const step = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
          interrupt = resolve
          iterator.next().then(resolve, reject)
        })
        if (!step.done) return step.value
      } catch (error) {
        fail(error)
        reader.releaseLock()
        throw error
      }
      if (!closed) {
        end()
        reader.releaseLock()
      }
      return atEnd
    },
    async close(reason) {
      closed = true
      interrupt?.(atEnd)
      try {
        await reader.cancel(reason)
      } finally {
        reader.releaseLock()
      }
    },
  }
}

/** Waits for a closing; its failure interests nobody any more. */
async function settle(close: () => unknown): Promise<void> {
  try {
    await close()
  } catch {}
}

/**
 * The chunks of a source, each shown to a sink before it is given on. The sink ends at the source's real end;
 * what it throws, there or before, is what the reader gets, and the source is closed. Empty chunks are left out.
 */
export function observeChunks(
  source: ByteSource,
  sink: ByteSink,
  options: { signal?: AbortSignal | undefined } = {},
): Chunks {
  const chunks = readChunks(source, options)
  let ended = false
  return {
    [Symbol.asyncIterator]() {
      return this
    },
    async next() {
      try {
        while (!ended) {
          const step = await chunks.next()
          if (ended) break
          if (step.done) {
            ended = true
            const wait = sink.end()
            if (wait !== undefined) await wait
          } else if (step.value.length > 0) {
            const wait = sink.write(step.value)
            if (wait !== undefined) await wait
            return step
          }
        }
        return atEnd
      } catch (error) {
        ended = true
        await chunks.return()
        throw error
      }
    },
    return() {
      ended = true
      return chunks.return()
    },
    [giveBack]: (chunk) => chunks[giveBack]?.(chunk),
  }
}

/** Writes all of a source into a sink, then ends it. */
export async function pump(
  source: ByteSource,
  sink: ByteSink,
  options: { signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const chunks = readChunks(source, options)
  for await (const chunk of chunks) {
    const wait = sink.write(chunk)
    if (wait !== undefined) await wait
    chunks[giveBack]?.(chunk)
  }
  await sink.end()
}

/**
 * All bytes of a source as one array, at most `limit` of them.
 * @throws OciError `LIMIT_EXCEEDED` as soon as there are more.
 */
export async function readAll(
  source: ByteSource,
  limit: number,
  options: { signal?: AbortSignal | undefined; what?: string | undefined } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of readChunks(source, options)) {
    length += chunk.length
    if (length > limit) {
      throw new OciError('LIMIT_EXCEEDED', `${options.what ?? 'Content'} is longer than ${limit} bytes`, {
        expected: limit,
        actual: length,
      })
    }
    chunks.push(chunk.slice())
  }
  return concatBytes(chunks)
}

/**
 * A byte stream that pulls from an iterator; cancelling it returns the iterator. That closes {@link Chunks} at
 * once; a generator first waits for what it awaits, and one that was never started closes nothing.
 */
export function streamOf(chunks: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]()
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined
  const stream = new ReadableStream<Uint8Array>(
    {
      start(given) {
        controller = given
      },
      async pull() {
        origins.delete(stream)
        const { done, value } = await iterator.next()
        if (done) controller?.close()
        else controller?.enqueue(value)
      },
      async cancel(reason) {
        origins.delete(stream)
        await iterator.return?.(reason)
      },
    },
    { highWaterMark: 0 },
  )
  origins.set(stream, { iterator, end: () => controller?.close(), fail: (error) => controller?.error(error) })
  return stream
}

/** What streams of {@link streamOf} stand on, until they are read or cancelled: between our own stages nothing is read through a web stream. */
const origins: WeakMap<ReadableStream<Uint8Array>, Origin> = /* @__PURE__ */ new WeakMap()

/** What a stream stands on, and how the stream itself is brought to its end. */
interface Origin {
  readonly iterator: AsyncIterator<Uint8Array>
  end(): void
  fail(error: unknown): void
}

/** Smaller buffers are left to the garbage collector; among them are those that `Buffer` shares out. */
const SMALLEST_FREED = 1 << 17

let nowhere: MessagePort | undefined

/**
 * Gives the memory of a chunk back at once. The chunk's whole buffer is detached: only for who made it, or was given it to
 * have, and when nobody reads any of it any more.
 *
 * Garbage of 1 MiB each costs V8 a full collection every 32 to 64 MiB: 25 % of the time of verifying a large image.
 */
export function freeBytes({ buffer }: Uint8Array): void {
  if (!(buffer instanceof ArrayBuffer) || buffer.byteLength < SMALLEST_FREED) return
  if ('transfer' in buffer) {
    ;(buffer as { transfer(length: number): unknown }).transfer(0)
    return
  }
  if (typeof MessageChannel === 'undefined') return
  // Node 20: sent to a port that is closed, it is gone.
  if (nowhere === undefined) {
    nowhere = new MessageChannel().port1
    nowhere.close()
  }
  nowhere.postMessage(null, [buffer])
}

/**
 * The same bytes as a plain `Uint8Array`. The `slice` of a `Buffer` shares its memory, where everything behind
 * {@link readChunks} takes it for a copy.
 */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  if (bytes.constructor === Uint8Array) return bytes
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Whether a value is a `Uint8Array`, of this or another realm. */
export function isBytes(value: unknown): value is Uint8Array {
  return (
    value instanceof Uint8Array ||
    (ArrayBuffer.isView(value) && (value as Uint8Array)[Symbol.toStringTag] === 'Uint8Array')
  )
}

/** Whether a value is a `Blob` (or `File`), of this or another realm. */
export function isBlob(value: unknown): value is Blob {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Blob).slice === 'function' &&
    typeof (value as Blob).arrayBuffer === 'function' &&
    typeof (value as Blob).size === 'number'
  )
}

/** Whether a value is a web `ReadableStream`. */
export function isReadableStream(value: unknown): value is ReadableStream<Uint8Array> {
  return (
    typeof value === 'object' && value !== null && typeof (value as ReadableStream).getReader === 'function'
  )
}

/** Whether a value can be walked with `for await`. */
function isAsyncIterable(value: unknown): value is AsyncIterable<Uint8Array> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}
