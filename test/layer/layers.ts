/** Layers for tests: made of entries, in a store in memory, compressed in each way. */
import { execFileSync } from 'node:child_process'
import { gzipSync } from 'node:zlib'
import { readAll } from '../../src/bytes.ts'
import { digestBytes } from '../../src/digest/index.ts'
import { Layer } from '../../src/layer/index.ts'
import { type Descriptor, mediaTypes } from '../../src/spec/index.ts'
import { MemoryStore } from '../../src/store/index.ts'
import { type TarEntryInput, writeTar } from '../../src/tar/index.ts'

export type Entries = readonly (TarEntryInput & { readonly text?: string })[]

/** The tar of entries, just as they are: nothing is refused. */
export function tarOf(entries: Entries): Promise<Uint8Array<ArrayBuffer>> {
  return readAll(
    writeTar(
      entries.map(({ text, ...entry }) =>
        text === undefined ? entry : { ...entry, content: new TextEncoder().encode(text) },
      ),
    ),
    1 << 30,
  )
}

/** A blob put as a layer, whatever it holds. */
export async function putBlob(
  store: MemoryStore,
  bytes: Uint8Array,
  mediaType: string = mediaTypes.layerGzip,
): Promise<Descriptor> {
  return store.put(bytes, { mediaType })
}

/** Layers of an image, bottom to top, gzipped but where `compression` says otherwise. */
export async function layersOf(
  layers: readonly Entries[],
  compression: 'none' | 'gzip' = 'gzip',
  store: MemoryStore = new MemoryStore(),
): Promise<Layer[]> {
  const made: Layer[] = []
  for (const [position, entries] of layers.entries()) {
    const tar = await tarOf(entries)
    const descriptor = await putBlob(
      store,
      compression === 'gzip' ? gzipSync(tar) : tar,
      compression === 'gzip' ? mediaTypes.layerGzip : mediaTypes.layer,
    )
    made.push(new Layer(store, descriptor, { position, diffID: digestBytes(tar) }))
  }
  return made
}

/** Bytes compressed by the `zstd` program, or undefined where there is none. */
export function zstd(bytes: Uint8Array): Uint8Array | undefined {
  try {
    return execFileSync('zstd', ['-q', '-c'], { input: bytes, maxBuffer: 1 << 28 })
  } catch {
    return undefined
  }
}

/** A store that says which ranges of its blobs were read, and how far. */
export class CountingStore extends MemoryStore {
  bytesRead = 0

  override async get(...args: Parameters<MemoryStore['get']>): Promise<ReadableStream<Uint8Array>> {
    const stream = await super.get(...args)
    const reader = stream.getReader()
    return new ReadableStream(
      {
        pull: async (controller) => {
          const { done, value } = await reader.read()
          if (done) {
            controller.close()
            return
          }
          for (let at = 0; at < value.length; at += 1 << 16) {
            const piece = value.subarray(at, at + (1 << 16))
            this.bytesRead += piece.length
            controller.enqueue(piece)
          }
        },
        cancel: (reason) => reader.cancel(reason),
      },
      { highWaterMark: 0 },
    )
  }
}
