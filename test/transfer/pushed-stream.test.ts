import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { ByteSink } from '../../src/bytes.ts'
import { pushedStream } from '../../src/transfer/pushed-stream.ts'
import { collect } from '../store/temporary-directory.ts'

/** Writes 0, 1, 2, … from one buffer that is used again and again. */
async function count(sink: ByteSink, to: number, wrote: (value: number) => void = () => {}): Promise<void> {
  const buffer = new Uint8Array(1)
  for (let value = 0; value < to; value++) {
    buffer[0] = value
    await sink.write(buffer)
    wrote(value)
  }
}

test('gives what is written, in chunks that the reader may keep', async () => {
  expect(await collect(pushedStream((sink) => count(sink, 3)))).toEqual(
    [0, 1, 2].map((value) => Uint8Array.of(value)),
  )
  expect(await collect(pushedStream(async () => {}))).toEqual([])
})

test('begins with the first read, and writes no further than is read', async () => {
  let written = -1
  let started = false
  const reader = pushedStream((sink) => {
    started = true
    return count(sink, 100, (value) => {
      written = value
    })
  }).getReader()
  await sleep(5)
  expect(started).toBe(false)
  for (const expected of [0, 1, 2]) {
    expect((await reader.read()).value).toEqual(Uint8Array.of(expected))
    await sleep(5)
    expect(written).toBe(expected)
  }
  await reader.cancel()
})

test('errors with what the writer throws, after what it wrote', async () => {
  const reader = pushedStream(async (sink) => {
    await count(sink, 1)
    throw new Error('broken')
  }).getReader()
  expect((await reader.read()).value).toEqual(Uint8Array.of(0))
  await expect(reader.read()).rejects.toThrow('broken')
})

test('stops the writer when it is cancelled or aborted, wherever that is', async () => {
  const stop = new AbortController()
  for (const end of ['cancel', 'abort'] as const) {
    let outcome: unknown
    const reader = pushedStream(async (sink) => {
      await count(sink, 100).catch((error) => {
        outcome = error
        throw error
      })
    }, stop.signal).getReader()
    await reader.read()
    if (end === 'cancel') await reader.cancel(new Error('cancel'))
    else {
      stop.abort(new Error('abort'))
      await expect(reader.read()).rejects.toThrow('abort')
    }
    await sleep(5)
    expect(outcome).toMatchObject({ message: end })
  }
})
