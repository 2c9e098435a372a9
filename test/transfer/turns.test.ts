/**
 * Work on many small files goes on without waiting for anything, so it has to let others of the process have their
 * turn: a signal that stops it, a server beside it.
 */
import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { packChanges, snapshotDirectory, unpackImage } from '../../src/filesystem/index.ts'
import { fromScratch } from '../../src/image/index.ts'
import { setAccelerated } from '../../src/runtime.ts'
import { DirectoryStore, MemoryStore } from '../../src/store/index.ts'
import { collectGarbage, copyImage, validateImage } from '../../src/transfer/index.ts'
import { scratch } from '../filesystem/layers.ts'

let now = performance.now()

/** A clock on which each look takes a second. */
beforeEach(() => {
  vi.spyOn(performance, 'now').mockImplementation(() => {
    now += 1000
    return now
  })
})

afterEach(() => {
  vi.restoreAllMocks()
})

/** How often a timer came while something was done. */
async function timersDuring(work: () => Promise<unknown>): Promise<number> {
  let count = 0
  let done = false
  const again = () => {
    count++
    if (!done) setTimeout(again)
  }
  setTimeout(again)
  try {
    await work()
  } finally {
    done = true
  }
  return count
}

async function stored(): Promise<DirectoryStore> {
  const store = await DirectoryStore.create(`${scratch()}/layout`, { sync: false })
  for (const name of ['a', 'b', 'c', 'd']) {
    await fromScratch({ platform: 'linux/amd64' })
      .copy({ [name]: name }, '/')
      .commit(store, name)
  }
  return store
}

test('each blob that is validated, copied or looked at for garbage', async () => {
  const store = await stored()
  const root = await store.resolve('a')
  // A manifest, its config and its layer.
  expect(await timersDuring(() => validateImage(store, root))).toBeGreaterThanOrEqual(2)
  const copied = () => copyImage(store, 'a', new MemoryStore())
  expect(await timersDuring(copied)).toBeGreaterThanOrEqual(3)
  expect(await timersDuring(() => collectGarbage(store, { dryRun: true }))).toBeGreaterThanOrEqual(12)
})

test('each blob of a copy that is there already', async () => {
  const store = new MemoryStore()
  let many = fromScratch({ platform: 'linux/amd64' })
  for (let i = 0; i < 40; i++) many = many.copy({ [`${i}`]: `${i}` }, '/')
  await many.commit(store, 'many')
  const to = new MemoryStore()
  await copyImage(store, 'many', to)
  // Four at once have their turn together; of the manifest alone there would be one.
  expect(await timersDuring(() => copyImage(store, 'many', to))).toBeGreaterThanOrEqual(5)
})

test('each file of a tree that is compared, each directory that is finished', async () => {
  const store = new MemoryStore()
  const files = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`directory-${i}/file`, '']))
  const image = await fromScratch({ platform: 'linux/amd64' }).copy(files, '/').commit(store)
  const root = `${scratch()}/root`
  expect(await timersDuring(() => unpackImage(image, root))).toBeGreaterThanOrEqual(20)
  const options = { xattrs: false }
  const before = await snapshotDirectory(root, options)
  const compared = async () => {
    for await (const _ of packChanges(root, before, options));
  }
  expect(await timersDuring(compared)).toBeGreaterThanOrEqual(40)
})

test('each mebibyte of a layer', async () => {
  const store = new MemoryStore()
  const content = new Uint8Array(randomBytes(5 << 20))
  const { layers } = await fromScratch({ platform: 'linux/amd64' }).copy({ content }, '/').commit(store)
  setAccelerated(false)
  onTestFinished(() => setAccelerated(true))
  const [layer] = layers
  expect(layer!.size).toBeGreaterThan(4 << 20)
  expect(await timersDuring(() => layer!.scan({ entry() {} }))).toBeGreaterThanOrEqual(4)
})

test('so a timer can stop it', async () => {
  const store = await stored()
  for (const work of [
    async (signal: AbortSignal) => validateImage(store, await store.resolve('a'), { signal }),
    (signal: AbortSignal) => collectGarbage(store, { signal, dryRun: true }),
    (signal: AbortSignal) => copyImage(store, 'a', new MemoryStore(), 'a', { signal }),
  ]) {
    const stop = new AbortController()
    setTimeout(() => stop.abort(new Error('enough')))
    await expect(work(stop.signal)).rejects.toThrow('enough')
  }
})
