/** Does one thing with a large layer, and prints the most memory in MiB that this process had in use. */
import { readFileSync } from 'node:fs'
import { createHasher } from '../../src/digest/index.ts'
import { fromScratch } from '../../src/image/index.ts'
import { readLayer, scanLayer } from '../../src/layer/index.ts'
import { type Descriptor, mediaTypes } from '../../src/spec/index.ts'
import { type BlobStore, MemoryStore } from '../../src/store/index.ts'
import { type TarEntryInput, writeTar } from '../../src/tar/index.ts'

function* manyFiles(count: number): Generator<TarEntryInput, void, undefined> {
  const content = new Uint8Array(100).fill(0x61)
  for (let i = 0; i < count; i++) {
    yield { path: `usr/lib/group-${i % 100}/file-number-${i}.js`, content, mtime: i }
  }
}

/** A layer of one file, made anew each time that it is read. */
function largeFile(size: number): ReadableStream<Uint8Array> {
  async function* content(): AsyncGenerator<Uint8Array, void, undefined> {
    for (let made = 0; made < size; made += 1 << 20) yield new Uint8Array(1 << 20)
  }
  return writeTar([{ path: 'large', size, content: content() }])
}

async function storeOf(size: number): Promise<{ store: BlobStore; descriptor: Descriptor }> {
  const hasher = createHasher()
  let length = 0
  for await (const chunk of largeFile(size)) {
    hasher.update(chunk)
    length += chunk.length
  }
  const store: BlobStore = {
    has: async () => true,
    get: async () => largeFile(size),
    put: () => Promise.reject(new Error('Nothing is put here')),
  }
  return { store, descriptor: { mediaType: mediaTypes.layer, digest: hasher.digest(), size: length } }
}

const [task, count] = process.argv.slice(2)
if (task === 'flatten') {
  const edit = fromScratch({ platform: 'linux/amd64' }).addLayer(manyFiles(Number(count)))
  await edit.flatten().commit(new MemoryStore())
} else if (task === 'scan') {
  const { store, descriptor } = await storeOf(Number(count))
  await scanLayer(store, descriptor, { entry() {} })
} else if (task === 'list') {
  const { store, descriptor } = await storeOf(Number(count))
  for await (const _ of readLayer(store, descriptor));
} else throw new Error(`There is no task ${task}`)

// What getrusage says begins with the memory of the parent, so the kernel is asked for this program's own.
const status = readFileSync('/proc/self/status', 'utf8')
process.stdout.write(String(Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1]) / 1024))
