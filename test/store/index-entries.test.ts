import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { digestBytes } from '../../src/digest/index.ts'
import { annotationKeys, type Descriptor, mediaTypes } from '../../src/spec/index.ts'
import { DirectoryStore, type ImageStore, MemoryStore } from '../../src/store/index.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const entry = (content: number, members: object = {}): Descriptor => ({
  mediaType: mediaTypes.manifest,
  digest: digestBytes(Uint8Array.of(content)),
  size: 1,
  ...members,
})

describe.each([
  ['memory', async (): Promise<ImageStore> => new MemoryStore()],
  [
    'a directory',
    async (): Promise<ImageStore> => DirectoryStore.create(join(temporaryDirectory(), 'layout')),
  ],
])('entries of an index in %s', (_, open) => {
  test('are added as they are, equal ones once, and taken out again', async () => {
    const store = await open()
    const entries = async () => (await store.index?.())?.manifests
    const named = entry(2, { annotations: { [annotationKeys.containerdImageName]: 'docker.io/library/a:1' } })
    const [first, second] = [entry(1), entry(1, { platform: { os: 'linux', architecture: 'arm64' } })]
    for (const each of [first, second, named]) await store.addEntry?.(each)
    expect(await entries()).toEqual([first, second, named])
    const { platform, ...rest } = second
    await store.addEntry?.({ platform, ...rest } as Descriptor)
    await store.addEntry?.({ ...named, annotations: { ...named.annotations } })
    expect(await entries()).toEqual([first, second, named])
    expect((await store.resolve('docker.io/library/a:1')).digest).toBe(named.digest)
    await store.removeEntry?.(second)
    await store.removeEntry?.(entry(3))
    expect(await entries()).toEqual([first, named])
    await expect(store.addEntry?.({ ...first, size: -1 })).rejects.toMatchObject({ code: 'DOCUMENT_INVALID' })
    expect(await entries()).toEqual([first, named])
  })
})

test('a layout that is only read takes none', async () => {
  const path = join(temporaryDirectory(), 'layout')
  await DirectoryStore.create(path)
  const before = readFileSync(join(path, 'index.json'))
  const store = await DirectoryStore.open(path, { readOnly: true })
  await expect(store.addEntry(entry(1))).rejects.toMatchObject({ code: 'STORE_UNSUPPORTED' })
  await expect(store.removeEntry(entry(1))).rejects.toMatchObject({ code: 'STORE_UNSUPPORTED' })
  expect(readFileSync(join(path, 'index.json'))).toEqual(before)
})
