/** Stopping: by a signal, by leaving a loop, by cancelling a stream; and what a runtime without a disk says. */
import { encodeUtf8 } from '../../src/bytes.ts'
import { compress, decompress } from '../../src/compression/index.ts'
import { unpackImage } from '../../src/filesystem/index.ts'
import { createLayout, readLayout } from '../../src/image/index.ts'
import { builtin } from '../../src/runtime.ts'
import type { BlobStore } from '../../src/store/index.ts'
import { MemoryStore } from '../../src/store/index.ts'
import { validateImage } from '../../src/transfer/index.ts'
import { type Check, codeOf, reasonOf, same } from './check.ts'
import { onBothPaths } from './decoder-checks.ts'
import { makeImage } from './image-checks.ts'
import { gather, member, sampleBytes } from './inputs.ts'

/** A stream that gives its bytes again and again, and says when it was cancelled. */
function endless(bytes: Uint8Array): { stream: ReadableStream<Uint8Array>; cancelled: () => boolean } {
  let cancelled = false
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      await pause()
      controller.enqueue(bytes.slice())
    },
    cancel() {
      cancelled = true
    },
  })
  return { stream, cancelled: () => cancelled }
}

function pause(milliseconds = 0): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

/** Waits until something holds; cancelling may take a turn or two. */
async function eventually(holds: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (holds()) return
    await pause(5)
  }
  throw new Error(`${what}: never came`)
}

/** A store whose layers stall: each gives one chunk and then nothing any more. */
function stalling(store: BlobStore): { store: BlobStore; asked: () => boolean } {
  let asked = false
  return {
    asked: () => asked,
    store: {
      has: (descriptor) => store.has(descriptor),
      put: (content, expected) => store.put(content, expected),
      async get(descriptor, options) {
        if (!descriptor.mediaType.includes('layer')) return store.get(descriptor, options)
        const whole = await gather(await store.get(descriptor))
        return new ReadableStream({
          start(controller) {
            asked = true
            controller.enqueue(whole.slice(0, 10))
          },
        })
      },
    },
  }
}

export const abortChecks: readonly Check[] = [
  {
    name: 'abort: decompressing and compressing stop with the signal’s reason and cancel the source',
    run: () =>
      onBothPaths(async () => {
        const one = await member(sampleBytes(50_000))
        for (const stop of ['decompress', 'compress'] as const) {
          const reason = new Error('enough')
          const abort = new AbortController()
          const { stream, cancelled } = endless(one)
          const output =
            stop === 'decompress'
              ? decompress(stream, { signal: abort.signal, maxSize: Number.POSITIVE_INFINITY })
              : compress(stream, 'gzip', { signal: abort.signal })
          const reading = reasonOf(drain(output))
          await pause(20)
          abort.abort(reason)
          same((await reading) === reason, true, `${stop}: the reason itself`)
          await eventually(cancelled, `${stop}: cancelled`)
        }
      }),
  },
  {
    name: 'abort: cancelling a stream cancels its source',
    run: () =>
      onBothPaths(async () => {
        const one = await member(sampleBytes(200_000))
        const { stream, cancelled } = endless(one)
        const reader = decompress(stream).getReader()
        same((await reader.read()).done, false, 'a chunk')
        await reader.cancel()
        await eventually(cancelled, 'cancelled')
      }),
  },
  {
    name: 'abort: a store that stalls is given up',
    run: () =>
      onBothPaths(async () => {
        const memory = new MemoryStore()
        const image = await makeImage(memory)
        for (const what of ['validate', 'entries', 'filesystem'] as const) {
          const { store, asked } = stalling(memory)
          const opened = await (await readLayout(withNames(store, memory))).image('made:1')
          const abort = new AbortController()
          const { signal } = abort
          const work =
            what === 'validate'
              ? validateImage(store, image.descriptor, { signal })
              : what === 'entries'
                ? opened.layers[0]!.entries({ signal }).next()
                : opened.filesystem({ signal })
          const failed = reasonOf(work)
          await eventually(asked, `${what}: the layer was asked for`)
          const reason = { why: what }
          abort.abort(reason)
          same((await failed) === reason, true, `${what}: the reason itself`)
        }
      }),
  },
  {
    name: 'abort: what is aborted beforehand does nothing, a timeout is a TimeoutError',
    run: async () => {
      const store = new MemoryStore()
      const signal = AbortSignal.abort('no')
      same(await reasonOf(store.put(encodeUtf8('x'), {}, { signal })), 'no', 'put')
      for await (const digest of store.list()) throw new Error(`${digest} was put`)
      const { stream } = endless(new Uint8Array(10))
      const reason = await reasonOf(store.put(stream, {}, { signal: AbortSignal.timeout(20) }))
      same((reason as { name?: string }).name, 'TimeoutError', 'timeout')
      for await (const digest of store.list()) throw new Error(`${digest} was put`)
    },
  },
  {
    name: 'abort: leaving the loop over entries early closes the blob',
    run: () =>
      onBothPaths(async () => {
        const memory = new MemoryStore()
        const image = await makeImage(memory)
        let closed = 0
        const store: BlobStore = {
          has: (descriptor) => memory.has(descriptor),
          put: (content) => memory.put(content),
          async get(descriptor) {
            const bytes = await gather(await memory.get(descriptor))
            let at = 0
            return new ReadableStream({
              async pull(controller) {
                await pause()
                if (at >= bytes.length) controller.close()
                else controller.enqueue(bytes.slice(at, at + 4096))
                at += 4096
              },
              cancel() {
                closed++
              },
            })
          },
        }
        const opened = await (await readLayout(withNames(store, memory))).image('made:1')
        for await (const entry of opened.layers[0]!.entries()) {
          same(entry.path, 'app', 'the first entry')
          break
        }
        await eventually(() => closed === 1, 'the blob was closed')
        same(image.layers.length, 3, 'layers')
      }),
  },
  {
    name: 'what needs a disk says so where there is none',
    run: async () => {
      if (builtin('node:fs') !== undefined) return
      const image = await makeImage(new MemoryStore())
      same(await codeOf(readLayout('./layout')), 'RUNTIME_UNSUPPORTED', 'readLayout')
      same(await codeOf(createLayout('./layout')), 'RUNTIME_UNSUPPORTED', 'createLayout')
      same(await codeOf(unpackImage(image, './tree')), 'RUNTIME_UNSUPPORTED', 'unpackImage')
    },
  },
]

async function drain(stream: ReadableStream<Uint8Array>): Promise<void> {
  const reader = stream.getReader()
  while (!(await reader.read()).done);
}

/** The blobs of one store under the names of another. */
function withNames(blobs: BlobStore, names: MemoryStore): BlobStore & MemoryStore {
  return {
    has: blobs.has.bind(blobs),
    get: blobs.get.bind(blobs),
    put: blobs.put.bind(blobs),
    resolve: names.resolve.bind(names),
    tag: names.tag.bind(names),
    references: names.references.bind(names),
    index: names.index.bind(names),
  } as unknown as BlobStore & MemoryStore
}
