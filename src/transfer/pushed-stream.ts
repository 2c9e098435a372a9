/** From what writes to what is read: a stream whose bytes are pushed by a writer that waits for the reader. */
import type { ByteSink } from '../bytes.ts'

/**
 * A stream of what a writer writes into the sink that it is given. It begins with the first read, and goes on only
 * as far as is read; a reader that cancels aborts the writer's signal. What the writer throws, the reader gets.
 */
export function pushedStream(
  write: (sink: ByteSink, signal: AbortSignal) => Promise<void>,
  signal?: AbortSignal,
): ReadableStream<Uint8Array> {
  const stop = new AbortController()
  const either = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal])
  let started = false
  let demand: (() => void) | undefined
  let answered: (() => void) | undefined
  let demanded = new Promise<void>((resolve) => {
    demand = resolve
  })
  const run = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    const sink: ByteSink = {
      async write(chunk) {
        await demanded
        either.throwIfAborted()
        demanded = new Promise((resolve) => {
          demand = resolve
        })
        // A copy: the chunk is the writer's again when this is done.
        controller.enqueue(chunk.slice())
        answered?.()
      },
      end() {},
    }
    try {
      await write(sink, either)
      if (!stop.signal.aborted) controller.close()
    } catch (error) {
      if (!stop.signal.aborted) controller.error(error)
    }
    answered?.()
  }
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const answer = new Promise<void>((resolve) => {
          answered = resolve
        })
        demand?.()
        if (!started) {
          started = true
          void run(controller)
        }
        return answer
      },
      cancel(reason) {
        stop.abort(reason)
        demand?.()
      },
    },
    { highWaterMark: 0 },
  )
}
