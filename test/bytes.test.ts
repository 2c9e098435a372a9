import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import {
  type ByteSource,
  CHUNK_SIZE,
  type Chunks,
  concatBytes,
  encodeUtf8,
  equalBytes,
  freeBytes,
  giveBack,
  isBytes,
  observeChunks,
  pump,
  readAll,
  readChunks,
  streamOf,
} from '../src/bytes.ts'

async function* iterate(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void, undefined> {
  yield* chunks
}

/** A stream that gives chunks, then stalls; it records how it was cancelled. */
function stalling(chunks: readonly Uint8Array[]): {
  stream: ReadableStream<Uint8Array>
  cancelled: unknown[]
} {
  const cancelled: unknown[] = []
  const left = [...chunks]
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const chunk = left.shift()
        if (chunk !== undefined) controller.enqueue(chunk)
        return chunk === undefined ? new Promise(() => {}) : undefined
      },
      cancel(reason) {
        cancelled.push(reason)
      },
    },
    { highWaterMark: 0 },
  )
  return { stream, cancelled }
}

const sources: [string, (chunks: readonly Uint8Array[]) => ByteSource][] = [
  ['bytes', (chunks) => concatBytes(chunks)],
  ['a Blob', (chunks) => new Blob([concatBytes(chunks)])],
  ['a stream', (chunks) => streamOf(iterate(chunks))],
  ['an async iterable', (chunks) => iterate(chunks)],
  ['a function', (chunks) => () => iterate(chunks)],
  ['a function of a promise of a function', (chunks) => async () => () => streamOf(iterate(chunks))],
]

describe.each(sources)('%s', (_, make) => {
  test('gives all its bytes in order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 }), async (chunks) => {
        expect(await readAll(make(chunks), 1000)).toEqual(concatBytes(chunks))
      }),
    )
  })

  test('is refused as soon as it is longer than the limit', async () => {
    const chunks = [encodeUtf8('abc'), encodeUtf8('def')]
    expect(await readAll(make(chunks), 6)).toEqual(encodeUtf8('abcdef'))
    await expect(readAll(make(chunks), 5, { what: 'The index' })).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
      expected: 5,
      actual: 6,
      message: expect.stringContaining('The index'),
    })
  })

  test('is not touched by a signal that was aborted before', async () => {
    const reason = new Error('enough')
    await expect(readAll(make([encodeUtf8('abc')]), 10, { signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    )
  })

  test('throws the reason of a signal aborted between two chunks, and does not look ended', async () => {
    const controller = new AbortController()
    const reader = readChunks(make([encodeUtf8('abc'), encodeUtf8('def')]), { signal: controller.signal })
    await reader.next()
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(reader.next()).rejects.toBe(reason)
    await expect(reader.next()).rejects.toBe(reason)
  })
})

test('a Blob comes in chunks of at most CHUNK_SIZE', async () => {
  const lengths: number[] = []
  for await (const chunk of readChunks(new Blob([new Uint8Array(2 * CHUNK_SIZE + 7)])))
    lengths.push(chunk.length)
  expect(lengths).toEqual([CHUNK_SIZE, CHUNK_SIZE, 7])
})

test('a function is called again for each reading, and not before the first chunk is wanted', async () => {
  let calls = 0
  const source = () => {
    calls++
    return encodeUtf8('abc')
  }
  const reader = readChunks(source)
  expect(calls).toBe(0)
  await reader.return()
  expect(calls).toBe(0)
  await readAll(source, 10)
  await readAll(source, 10)
  expect(calls).toBe(2)
})

test('bytes of another realm are bytes', async () => {
  const foreign = runInNewContext('new Uint8Array([1, 2, 3])') as Uint8Array
  expect(foreign instanceof Uint8Array).toBe(false)
  expect(await readAll(foreign, 10)).toEqual(new Uint8Array([1, 2, 3]))
  expect(await readAll(iterate([foreign]), 10)).toEqual(new Uint8Array([1, 2, 3]))
  expect(isBytes(new Uint16Array(2))).toBe(false)
  expect(isBytes(new DataView(new ArrayBuffer(2)))).toBe(false)
})

test.each([
  ['text', 'abc'],
  ['nothing', undefined],
  ['null', null],
  ['an array', [1, 2, 3]],
  ['an ArrayBuffer', new ArrayBuffer(3)],
])('%s is no content', async (_, source) => {
  await expect(readAll(source as never, 10)).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' })
})

test.each([['abc'], [undefined], [null], [new Uint16Array(2)]])('%s is no chunk', async (chunk) => {
  let closed = false
  async function* source() {
    try {
      yield chunk as never
    } finally {
      closed = true
    }
  }
  await expect(readAll(source(), 10)).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' })
  expect(closed).toBe(true)
})

describe('closing', () => {
  test('leaving the loop early cancels a stream and frees it', async () => {
    const { stream, cancelled } = stalling([encodeUtf8('abc'), encodeUtf8('def')])
    for await (const _ of readChunks(stream)) break
    expect(cancelled).toHaveLength(1)
    expect(stream.locked).toBe(false)
  })

  test('a stream read to its end or to its error is freed', async () => {
    const ended = streamOf(iterate([encodeUtf8('abc')]))
    await readAll(ended, 10)
    expect(ended.locked).toBe(false)
    const failing = new ReadableStream<Uint8Array>({
      pull() {
        throw new Error('the source fails')
      },
    })
    await expect(readAll(failing, 10)).rejects.toThrow('the source fails')
    expect(failing.locked).toBe(false)
  })

  test('return() before the first chunk cancels the stream', async () => {
    const { stream, cancelled } = stalling([])
    await readChunks(stream).return()
    expect(cancelled).toHaveLength(1)
  })

  test('return() while a read stalls cancels the stream, and the read ends', async () => {
    const { stream, cancelled } = stalling([])
    const reader = readChunks(stream)
    const pending = reader.next()
    await reader.return()
    expect(cancelled).toHaveLength(1)
    expect(await pending).toEqual({ done: true, value: undefined })
  })

  test('leaving the loop early returns an iterator', async () => {
    let closed = false
    async function* source() {
      try {
        yield encodeUtf8('abc')
        yield encodeUtf8('def')
      } finally {
        closed = true
      }
    }
    for await (const _ of readChunks(source())) break
    expect(closed).toBe(true)
  })

  test('return() while an iterator stalls does not wait for it', async () => {
    const stalled = (async function* (): AsyncGenerator<Uint8Array, void, undefined> {
      await new Promise(() => {})
    })()
    const reader = readChunks(stalled)
    void reader.next()
    expect(await reader.return()).toEqual({ done: true, value: undefined })
  })

  test('return() before the first chunk destroys a Node stream', async () => {
    const { Readable } = await import('node:stream')
    const readable = new Readable({ read() {} })
    await readChunks(readable).return()
    expect(readable.destroyed).toBe(true)
  })

  test('an iterator that fails to close while it stalls fails for nobody', async () => {
    const unhandled = vi.fn()
    process.on('unhandledRejection', unhandled)
    const stalled: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => {}),
        return: () => Promise.reject(new Error('closing fails')),
      }),
    }
    const reader = readChunks(stalled)
    void reader.next()
    await reader.return()
    await new Promise((resolve) => setTimeout(resolve, 5))
    process.off('unhandledRejection', unhandled)
    expect(unhandled).not.toHaveBeenCalled()
  })

  test('an error that closing makes does not hide that the reader had what it wanted', async () => {
    const stream = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(encodeUtf8('abc')),
      cancel() {
        throw new Error('closing fails')
      },
    })
    for await (const _ of readChunks(stream)) break
    expect(stream.locked).toBe(false)
  })

  test('a limit that is passed closes the source', async () => {
    const { stream, cancelled } = stalling([encodeUtf8('abc'), encodeUtf8('def')])
    await expect(readAll(stream, 5)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
    expect(cancelled).toHaveLength(1)
  })
})

test('readAll keeps the bytes of a source that uses one array again and again', async () => {
  async function* source() {
    const scratch = new Uint8Array(3)
    for (const letter of 'abc') {
      scratch.fill(letter.charCodeAt(0))
      yield scratch
    }
  }
  expect(await readAll(source(), 10)).toEqual(encodeUtf8('aaabbbccc'))
})

test('an abort in the very moment in which a chunk comes does not look like an end', async () => {
  const reason = new Error('enough')
  // Some way on from the chunk's arrival to its reader, wherever that is, the abort falls between the two.
  for (let steps = 0; steps < 12; steps++) {
    const controller = new AbortController()
    let arrive: (step: IteratorResult<Uint8Array>) => void = () => {}
    const source: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({ next: () => new Promise((resolve) => (arrive = resolve)) }),
    }
    const answer = readChunks(source, { signal: controller.signal })
      .next()
      .then(
        (step) => step.done,
        (error) => error,
      )
    await new Promise((resolve) => setTimeout(resolve))
    arrive({ done: false, value: encodeUtf8('abc') })
    for (let i = 0; i < steps; i++) await undefined
    controller.abort(reason)
    expect([false, reason]).toContain(await answer)
  }
})

describe('an abort while a read stalls', () => {
  const reason = new Error('enough')

  test('of a stream rejects with the reason and cancels it', async () => {
    const { stream, cancelled } = stalling([encodeUtf8('abc')])
    const controller = new AbortController()
    const reading = readAll(stream, 10, { signal: controller.signal })
    setTimeout(() => controller.abort(reason), 5)
    await expect(reading).rejects.toBe(reason)
    expect(cancelled).toEqual([reason])
  })

  test('of a stream whose cancelling stalls too rejects all the same', async () => {
    const stream = new ReadableStream<Uint8Array>({
      pull: () => new Promise(() => {}),
      cancel: () => new Promise(() => {}),
    })
    const controller = new AbortController()
    const reading = readAll(stream, 10, { signal: controller.signal })
    setTimeout(() => controller.abort(reason), 5)
    await expect(reading).rejects.toBe(reason)
  })

  test('of an iterator rejects with the reason and returns it', async () => {
    let returned = 0
    const source: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => {}),
        async return() {
          returned++
          return { done: true, value: undefined }
        },
      }),
    }
    const controller = new AbortController()
    const reading = readAll(source, 10, { signal: controller.signal })
    setTimeout(() => controller.abort(reason), 5)
    await expect(reading).rejects.toBe(reason)
    expect(returned).toBe(1)
  })

  test('of a Node stream destroys it', async () => {
    const { Readable } = await import('node:stream')
    const readable = new Readable({ read() {} })
    const controller = new AbortController()
    const reading = readAll(readable, 10, { signal: controller.signal })
    setTimeout(() => controller.abort(reason), 5)
    await expect(reading).rejects.toBe(reason)
    expect(readable.destroyed).toBe(true)
  })

  test('of a function rejects with the reason and closes what the function gives in the end', async () => {
    const { stream, cancelled } = stalling([])
    const controller = new AbortController()
    let give: (stream: ByteSource) => void = () => {}
    const source = () => new Promise<ByteSource>((resolve) => (give = resolve))
    const reading = readAll(source, 10, { signal: controller.signal })
    setTimeout(() => controller.abort(reason), 5)
    await expect(reading).rejects.toBe(reason)
    give(stream)
    await new Promise((resolve) => setTimeout(resolve))
    expect(cancelled).toEqual([reason])
  })

  test('leaves no listener behind, and neither does an end without one', async () => {
    const controller = new AbortController()
    const { signal } = controller
    let listeners = 0
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = ((...args: Parameters<typeof add>) => {
      listeners++
      add(...args)
    }) as typeof add
    signal.removeEventListener = ((...args: Parameters<typeof remove>) => {
      listeners--
      remove(...args)
    }) as typeof remove
    for (let i = 0; i < 5; i++) await readAll(iterate([encodeUtf8('abc')]), 10, { signal })
    expect(listeners).toBe(0)
  })
})

test('a stream that another reads already is refused', async () => {
  const stream = new ReadableStream<Uint8Array>()
  stream.getReader()
  await expect(readAll(stream, 10)).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' })
})

test('pump writes every chunk, waits where the sink asks, and ends it', async () => {
  const log: string[] = []
  await pump(iterate([encodeUtf8('a'), encodeUtf8('b')]), {
    async write(chunk) {
      const text = new TextDecoder().decode(chunk)
      log.push(text)
      if (text === 'a') await new Promise((resolve) => setTimeout(resolve, 2))
      log.push('written')
    },
    end() {
      log.push('end')
    },
  })
  expect(log).toEqual(['a', 'written', 'b', 'written', 'end'])
})

test('pump closes the source when the sink fails, and does not end the sink', async () => {
  const { stream, cancelled } = stalling([encodeUtf8('a')])
  let ended = false
  const failing = pump(stream, {
    write() {
      throw new Error('no more space')
    },
    end() {
      ended = true
    },
  })
  await expect(failing).rejects.toThrow('no more space')
  expect(cancelled).toHaveLength(1)
  expect(ended).toBe(false)
})

describe('observeChunks', () => {
  test('shows every chunk before giving it on, leaves out empty ones, and ends once', async () => {
    const log: string[] = []
    const chunks = observeChunks(iterate([encodeUtf8('a'), new Uint8Array(0), encodeUtf8('b')]), {
      write: (chunk) => void log.push(`write ${chunk.length}`),
      end: () => void log.push('end'),
    })
    for await (const chunk of chunks) log.push(`read ${chunk.length}`)
    await chunks.next()
    expect(log).toEqual(['write 1', 'read 1', 'write 1', 'read 1', 'end'])
  })

  test('gives the error of the sink and closes the source', async () => {
    const { stream, cancelled } = stalling([encodeUtf8('a')])
    const chunks = observeChunks(stream, {
      write() {
        throw new Error('not wanted')
      },
      end() {},
    })
    await expect(chunks.next()).rejects.toThrow('not wanted')
    expect(cancelled).toHaveLength(1)
    expect(await chunks.next()).toEqual({ done: true, value: undefined })
  })

  test('does not end the sink when it is left early', async () => {
    const end = vi.fn()
    const { stream, cancelled } = stalling([encodeUtf8('a')])
    const chunks = observeChunks(stream, { write() {}, end })
    for await (const _ of chunks) break
    expect(end).not.toHaveBeenCalled()
    expect(cancelled).toHaveLength(1)
  })
})

describe('streamOf', () => {
  test('reads nothing ahead of its reader', async () => {
    let made = 0
    async function* source() {
      for (;;) yield new Uint8Array(++made)
    }
    const reader = streamOf(source()).getReader()
    await reader.read()
    await reader.read()
    expect(made).toBe(2)
    await reader.cancel()
  })

  test('cancelled before it is read, or while a read stalls, closes the source', async () => {
    const unread = stalling([])
    await streamOf(readChunks(unread.stream)).cancel()
    expect(unread.cancelled).toHaveLength(1)
    const stalled = stalling([])
    const reader = streamOf(readChunks(stalled.stream)).getReader()
    const pending = reader.read()
    await reader.cancel()
    expect(stalled.cancelled).toHaveLength(1)
    expect(await pending).toEqual({ done: true, value: undefined })
  })

  test('errors where the iterator throws', async () => {
    async function* source(): AsyncGenerator<Uint8Array, void, undefined> {
      yield encodeUtf8('a')
      throw new Error('in the middle')
    }
    await expect(readAll(streamOf(source()), 10)).rejects.toThrow('in the middle')
  })
})

test('equalBytes compares lengths and bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
      expect(equalBytes(a, a.slice())).toBe(true)
      expect(equalBytes(a, b)).toBe(Buffer.compare(a, b) === 0)
    }),
  )
  expect(equalBytes(new Uint8Array([1, 2]), new Uint8Array([1, 2, 0]))).toBe(false)
  expect(equalBytes(new Uint8Array([1, 2]), new Uint8Array([1, 3]))).toBe(false)
})

test('what a source gives and uses again is not what was kept of it', async () => {
  // Where the source is a Buffer, its slice would share the memory.
  const memory = Buffer.from('first')
  async function* source(): AsyncGenerator<Uint8Array, void, undefined> {
    yield memory
    memory.write('other')
    yield memory
  }
  expect(new TextDecoder().decode(await readAll(source(), 100))).toBe('firstother')
})

/** Chunks that say what was given back of them, and how they were closed. */
function lending(
  count: number,
  failure?: Error,
): Chunks & { released: Uint8Array[]; returned: number; given: number } {
  const chunks = {
    released: [] as Uint8Array[],
    returned: 0,
    given: 0,
    [Symbol.asyncIterator]() {
      return chunks
    },
    async next(): Promise<IteratorResult<Uint8Array, void>> {
      if (chunks.given === count) {
        if (failure !== undefined) throw failure
        return { done: true, value: undefined }
      }
      return { done: false, value: Uint8Array.of(chunks.given++) }
    },
    async return(): Promise<IteratorResult<Uint8Array, void>> {
      chunks.returned++
      return { done: true, value: undefined }
    },
    [giveBack](chunk: Uint8Array) {
      chunks.released.push(chunk)
    },
  }
  return chunks
}

describe('chunks that are given back', () => {
  test.each([
    ['as they are', (chunks: Chunks) => chunks],
    ['behind a stream of ours', streamOf],
    ['behind a function and two observers', (chunks: Chunks) => () => observed(observed(chunks))],
    ['behind two streams of ours', (chunks: Chunks) => streamOf(observed(streamOf(chunks)))],
  ] as [string, (chunks: Chunks) => ByteSource][])(
    '%s: to who gave them, by who has used them',
    async (_, wrap) => {
      const chunks = lending(3)
      const atWrite: number[] = []
      const sink = {
        async write() {
          await Promise.resolve()
          atWrite.push(chunks.released.length)
        },
        end() {},
      }
      await pump(wrap(chunks), sink)
      // Never before the write is done.
      expect(atWrite).toEqual([0, 1, 2])
      expect(chunks.released.map(([byte]) => byte)).toEqual([0, 1, 2])
    },
  )

  test('not by who keeps them', async () => {
    const chunks = lending(3)
    expect(await readAll(streamOf(chunks), 10)).toEqual(Uint8Array.of(0, 1, 2))
    expect(chunks.released).toEqual([])
  })

  test('nor to a `release` of somebody else, which means something else', async () => {
    const release = vi.fn()
    const theirs = Object.assign(iterate([Uint8Array.of(1)]), { release })
    await pump(theirs, { write() {}, end() {} })
    expect(release).not.toHaveBeenCalled()
  })

  test('and sources that cannot take them back are read as ever', async () => {
    const reader = readChunks(new Blob([Uint8Array.of(1)]))
    const { value } = await reader.next()
    reader[giveBack]?.(value as Uint8Array)
    expect((await reader.next()).done).toBe(true)
  })
})

const observed = (source: ByteSource): Chunks => observeChunks(source, { write() {}, end() {} })

describe('a stream of ours', () => {
  test('that nobody has begun is read through what it stands on, locked meanwhile, and then has ended', async () => {
    const chunks = lending(2)
    const stream = streamOf(chunks)
    const reader = readChunks(stream)
    await reader.next()
    expect(reader.origin).toBe(chunks)
    expect(stream.locked).toBe(true)
    await expect(readAll(stream, 10)).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' })
    for await (const _ of reader);
    expect(stream.locked).toBe(false)
    expect(await stream.getReader().read()).toEqual({ done: true, value: undefined })
  })

  test('that was begun is read as a stream, from where it is', async () => {
    const chunks = lending(3)
    const stream = streamOf(chunks)
    const first = stream.getReader()
    expect((await first.read()).value).toEqual(Uint8Array.of(0))
    first.releaseLock()
    const reader = readChunks(stream)
    expect((await reader.next()).value).toEqual(Uint8Array.of(1))
    expect(reader.origin).toBe(stream)
  })

  test.each([
    ['a branch of it', (stream: ReadableStream<Uint8Array>) => stream.tee()[0]],
    [
      'what it was piped through',
      (stream: ReadableStream<Uint8Array>) => stream.pipeThrough(new TransformStream()),
    ],
    [
      'a response of it',
      (stream: ReadableStream<Uint8Array>) => new Response(stream.pipeThrough(new TransformStream())).body!,
    ],
  ])('is not what %s stands on', async (_, derive) => {
    const reader = readChunks(derive(streamOf(lending(2))) as ReadableStream<Uint8Array>)
    expect((await reader.next()).value).toEqual(Uint8Array.of(0))
    expect(reader.origin).not.toHaveProperty('released')
  })

  test('fails with what it stands on, for all who read it later too', async () => {
    const stream = streamOf(lending(1, new Error('in the middle')))
    await expect(readAll(stream, 10)).rejects.toThrow('in the middle')
    expect(stream.locked).toBe(false)
    await expect(stream.getReader().read()).rejects.toThrow('in the middle')
  })

  test('is closed once, whoever leaves it and when', async () => {
    for (const when of ['before', 'after'] as const) {
      const chunks = lending(3)
      const stream = streamOf(chunks)
      const reader = readChunks(stream)
      if (when === 'after') await reader.next()
      await reader.return()
      expect(chunks.returned).toBe(1)
      expect(stream.locked).toBe(false)
      expect((await reader.next()).done).toBe(true)
    }
    const cancelled = lending(3)
    const stream = streamOf(cancelled)
    await stream.cancel()
    expect(await readAll(stream, 10)).toHaveLength(0)
    expect(cancelled).toMatchObject({ returned: 1, given: 0 })
  })

  test('is closed at once by an abort, while what it stands on stalls', async () => {
    let returned = 0
    const stalled: AsyncIterableIterator<Uint8Array> = {
      [Symbol.asyncIterator]: () => stalled,
      next: () => new Promise(() => {}),
      async return() {
        returned++
        return { done: true, value: undefined }
      },
    }
    const stop = new AbortController()
    const stream = streamOf(stalled)
    const next = readChunks(stream, { signal: stop.signal }).next()
    await Promise.resolve()
    stop.abort(new Error('enough'))
    await expect(next).rejects.toThrow('enough')
    await vi.waitFor(() => expect(stream.locked).toBe(false))
    expect(returned).toBe(1)
  })
})

describe('freeBytes', () => {
  test('takes a large buffer away, and leaves small ones and shared memory', () => {
    const large = new Uint8Array(1 << 20)
    freeBytes(large.subarray(5, 9))
    expect(large.byteLength).toBe(0)
    // Twice is once.
    freeBytes(large)
    const small = new Uint8Array(1000)
    freeBytes(small)
    expect(small.byteLength).toBe(1000)
    const shared = new Uint8Array(new SharedArrayBuffer(1 << 20))
    freeBytes(shared)
    expect(shared.byteLength).toBe(1 << 20)
  })

  test('takes it away where buffers have no transfer, and leaves it where there are no ports either', () => {
    const transfer = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, 'transfer')
    try {
      if (transfer !== undefined) delete (ArrayBuffer.prototype as { transfer?: unknown }).transfer
      const large = new Uint8Array(1 << 20)
      vi.stubGlobal('MessageChannel', undefined)
      freeBytes(large)
      expect(large.byteLength).toBe(1 << 20)
      vi.unstubAllGlobals()
      freeBytes(large)
      expect(large.byteLength).toBe(0)
    } finally {
      vi.unstubAllGlobals()
      if (transfer !== undefined) Object.defineProperty(ArrayBuffer.prototype, 'transfer', transfer)
    }
  })
})
