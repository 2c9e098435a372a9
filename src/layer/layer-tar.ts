/** A layer's uncompressed tar as chunks that the reader may keep. */
import type { ByteSink } from '../bytes.ts'
import type { Descriptor } from '../spec/index.ts'
import type { BlobStore } from '../store/index.ts'
import { type LayerOptions, readLayerBytes } from './layer-bytes.ts'
import { Relay } from './relay.ts'

/**
 * The uncompressed tar, verified at its end.
 * @throws OciError as `scanLayer`
 */
export async function* tarChunks(
  store: BlobStore,
  descriptor: Descriptor,
  options: LayerOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { signal } = options
  signal?.throwIfAborted()
  const stop = new AbortController()
  const relay = new Relay<Uint8Array>()
  const sink: ByteSink = { write: (chunk) => relay.give(chunk), end() {} }
  const reading = readLayerBytes(store, descriptor, sink, {
    ...options,
    signal: signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]),
  }).then(
    () => relay.end(),
    (error) => relay.fail(error),
  )
  try {
    for (;;) {
      const chunk = await relay.take()
      if (chunk === undefined) break
      // A copy: the chunk is the decompressor's again when the reader asks for more.
      yield chunk.slice()
    }
  } finally {
    stop.abort()
    relay.close(stop.signal.reason)
    await reading
  }
}
