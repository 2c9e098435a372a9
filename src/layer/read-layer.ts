/** A layer's entries as an async iterable: the comfortable way to read one. */
import type { ByteSink } from '../bytes.ts'
import { concatBytes, streamOf } from '../bytes.ts'
import { OciError } from '../errors.ts'
import type { Descriptor } from '../spec/index.ts'
import type { BlobStore } from '../store/index.ts'
import { TarParser } from '../tar/index.ts'
import { type LayerOptions, readLayerBytes } from './layer-bytes.ts'
import { type LayerEntry, type LayerEntryHeader, layerEntryHeader, quote } from './layer-entry.ts'
import { Relay } from './relay.ts'

/** An entry, a piece of the content of the last entry, or (undefined) the end of it. */
type Event = LayerEntryHeader | Uint8Array | undefined

/** Bytes that {@link LayerEntry.bytes} takes without being told. */
const defaultBytesLimit = 64 << 20

/**
 * The entries of a layer, in the order of its tar, whiteouts among them. Verified as it is read: the loop ends
 * without an error only where the blob's size and digest and the diffID are right, so what was derived from the
 * entries on the way counts only then. Leaving the loop early closes everything (and verifies nothing more).
 *
 * Names that lead outside of the root are given as any other, with {@link LayerEntryHeader.unsafe} saying so.
 *
 * @throws OciError as `scanLayer`
 * @example
 * for await (const entry of readLayer(store, descriptor)) {
 *   if (entry.path === 'etc/os-release') console.log(new TextDecoder().decode(await entry.bytes()))
 * }
 */
export async function* readLayer(
  store: BlobStore,
  descriptor: Descriptor,
  options: LayerOptions = {},
): AsyncGenerator<LayerEntry, void, undefined> {
  const { signal } = options
  signal?.throwIfAborted()
  const stop = new AbortController()
  const relay = new Relay<Event[]>()
  let events: Event[] = []
  const parser = new TarParser(
    {
      entry(header, position) {
        events.push(layerEntryHeader(header, position.headerOffset, position.dataOffset))
      },
      data(chunk) {
        events.push(chunk)
      },
      entryEnd() {
        events.push(undefined)
      },
    },
    options.limits,
  )
  // One hand-over for each chunk of tar: its entries lie ready, and their content is still in the chunk.
  const sink: ByteSink = {
    write(chunk) {
      parser.write(chunk)
      if (events.length === 0) return undefined
      const batch = events
      events = []
      return relay.give(batch)
    },
    end: () => parser.end(),
  }
  const reading = readLayerBytes(store, descriptor, sink, {
    ...options,
    signal: signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]),
  }).then(
    () => relay.end(),
    (error) => relay.fail(error),
  )
  const entries = new EntryCursor(relay)
  try {
    for (;;) {
      const wait = entries.next()
      const entry = wait instanceof Promise ? await wait : wait
      if (entry === undefined) break
      yield entry
    }
  } finally {
    entries.close()
    stop.abort()
    relay.close(stop.signal.reason)
    await reading
  }
}

/** Walks over the batches of events. */
class EntryCursor {
  readonly #relay: Relay<Event[]>
  #batch: Event[] = []
  #position = 0
  /** Counts entries, so that an old entry can tell that it is over. */
  #entry = 0
  /** Whether the current entry's end has gone by. */
  #contentOver = true
  #contentTaken = false

  constructor(relay: Relay<Event[]>) {
    this.#relay = relay
  }

  /** The next entry, what is left of the last one skipped. */
  next(): LayerEntry | undefined | Promise<LayerEntry | undefined> {
    for (; this.#position < this.#batch.length; ) {
      const event = this.#batch[this.#position++]
      if (event !== undefined && !(event instanceof Uint8Array)) return this.#begin(event)
    }
    return this.#nextFromRelay()
  }

  close(): void {
    this.#entry++
    this.#batch = []
    this.#position = 0
  }

  async #nextFromRelay(): Promise<LayerEntry | undefined> {
    return (await this.#refill()) ? await this.next() : undefined
  }

  async #refill(): Promise<boolean> {
    const batch = await this.#relay.take()
    this.#batch = batch ?? []
    this.#position = 0
    return batch !== undefined
  }

  #begin(header: LayerEntryHeader): LayerEntry {
    const number = ++this.#entry
    this.#contentOver = false
    this.#contentTaken = false
    const chunks = () => this.#chunks(number, header)
    return Object.assign(header, {
      chunks,
      content: () => streamOf(chunks()),
      bytes: (limit: number = defaultBytesLimit) => this.#bytes(number, header, limit),
    })
  }

  async *#chunks(number: number, header: LayerEntryHeader): AsyncGenerator<Uint8Array, void, undefined> {
    this.#check(number, header)
    this.#contentTaken = true
    while (!this.#contentOver) {
      if (this.#position === this.#batch.length && !(await this.#refill())) return
      this.#checkCurrent(number, header)
      const event = this.#batch[this.#position++]
      if (event === undefined) this.#contentOver = true
      // A copy: the chunk is the parser's again when the consumer asks for more.
      else yield (event as Uint8Array).slice()
      this.#checkCurrent(number, header)
    }
  }

  async #bytes(number: number, header: LayerEntryHeader, limit: number): Promise<Uint8Array> {
    if (header.size > limit) {
      throw new OciError(
        'LIMIT_EXCEEDED',
        `Entry ${quote(header.path)} has ${header.size} bytes, more than the ${limit} allowed: read it as a stream`,
        { path: header.path, expected: limit, actual: header.size },
      )
    }
    const chunks: Uint8Array[] = []
    for await (const chunk of this.#chunks(number, header)) chunks.push(chunk)
    return chunks.length === 1 ? chunks[0]! : concatBytes(chunks)
  }

  #check(number: number, header: LayerEntryHeader): void {
    this.#checkCurrent(number, header)
    if (!this.#contentTaken) return
    throw new OciError(
      'ARGUMENT_INVALID',
      `The content of entry ${quote(header.path)} has been read already`,
      {
        path: header.path,
      },
    )
  }

  #checkCurrent(number: number, header: LayerEntryHeader): void {
    if (number === this.#entry) return
    throw new OciError(
      'ARGUMENT_INVALID',
      `The content of entry ${quote(header.path)} has gone by: read it before the next entry is asked for`,
      { path: header.path },
    )
  }
}
