/** A web stream at the edge around sinks within: pulls, waits and cancels all the way to the source. */
import type { ByteSink, ByteSource } from '../bytes.ts'
import { isReadableStream, readChunks } from '../bytes.ts'

/**
 * What a sink makes of a source, as a stream. The source is read only while someone reads the stream; an error of either
 * side, a cancelled stream and an aborted signal stop both.
 * @param create Makes the sink, given the one it writes to. Its `abort`, where there is one, frees what it holds.
 */
export function streamThrough(
  source: ByteSource,
  create: (output: ByteSink) => ByteSink & { abort?(reason: unknown): void },
  signal?: AbortSignal | undefined,
): ReadableStream<Uint8Array> {
  const stop = new AbortController()
  let started = false
  let wanted = false
  let wake: (() => void) | undefined
  const goOn = (): void => {
    const waiting = wake
    wake = undefined
    waiting?.()
  }

  const run = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    const onAbort = (): void => stop.abort(signal?.reason)
    let sink: (ByteSink & { abort?(reason: unknown): void }) | undefined
    // At once, also when the source never gives another chunk.
    stop.signal.addEventListener('abort', () => {
      sink?.abort?.(stop.signal.reason)
      controller.error(stop.signal.reason)
      goOn()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
    if (signal?.aborted) onAbort()
    try {
      stop.signal.throwIfAborted()
      sink = create({
        write(chunk) {
          stop.signal.throwIfAborted()
          if (chunk.length === 0) return
          wanted = false
          // A copy: the chunk is the sink's again when the reader asks for more.
          controller.enqueue(chunk.slice())
          // Who has asked twice already wants the next one: enqueue has then called pull.
          if (wanted) return
          return new Promise((resolve) => {
            wake = resolve
          })
        },
        end() {},
      })
      for await (const chunk of readChunks(source, { signal: stop.signal })) {
        const wait = sink.write(chunk)
        if (wait !== undefined) await wait
      }
      await sink.end()
      controller.close()
    } catch (error) {
      sink?.abort?.(error)
      controller.error(error)
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        wanted = true
        goOn()
        if (!started) {
          started = true
          void run(controller)
        }
      },
      async cancel(reason) {
        stop.abort(reason)
        if (started) return
        // What was never begun is not begun now: a function is not called.
        if (isReadableStream(source)) await source.cancel(reason)
        else await readChunks(source).return()
      },
    },
    { highWaterMark: 0 },
  )
}
