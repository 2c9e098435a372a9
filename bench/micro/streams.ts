import { Readable } from 'node:stream'
import { Bench } from 'tinybench'
import type { ByteSink } from '../../src/bytes.ts'
import { Counter } from './material.ts'
import { sampling } from './sampling.ts'

const COUNT = 10_000
const chunk = new Uint8Array(64)

/** What it costs to hand on 10 000 chunks, in each way there is. */
export function streams(): Bench {
  const sink: ByteSink = new Counter()
  const bench = new Bench({ ...sampling, name: `handing on ${COUNT} chunks` })
  bench.add('callback', async () => {
    for (let i = 0; i < COUNT; i++) {
      const waiting = sink.write(chunk)
      if (waiting !== undefined) await waiting
    }
  })
  bench.add('callback, always awaited', async () => {
    for (let i = 0; i < COUNT; i++) await sink.write(chunk)
  })
  bench.add('generator', () => {
    for (const chunk of generated()) sink.write(chunk)
  })
  bench.add('async generator', async () => {
    for await (const chunk of generatedLater()) sink.write(chunk)
  })
  bench.add('web stream, reader', async () => {
    const reader = webStream().getReader()
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
      sink.write(value!)
    }
  })
  bench.add('web stream, for await', async () => {
    for await (const chunk of webStream()) sink.write(chunk)
  })
  bench.add('web stream through a TransformStream', async () => {
    for await (const chunk of webStream().pipeThrough(new TransformStream<Uint8Array, Uint8Array>())) {
      sink.write(chunk)
    }
  })
  bench.add('Readable.toWeb', async () => {
    for await (const chunk of Readable.toWeb(Readable.from(generated(), { objectMode: false }))) {
      sink.write(chunk)
    }
  })
  return bench
}

function* generated(): Generator<Uint8Array> {
  for (let i = 0; i < COUNT; i++) yield chunk
}

async function* generatedLater(): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < COUNT; i++) yield chunk
}

function webStream(): ReadableStream<Uint8Array> {
  let left = COUNT
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (left-- > 0) controller.enqueue(chunk)
        else controller.close()
      },
    },
    { highWaterMark: 0 },
  )
}
