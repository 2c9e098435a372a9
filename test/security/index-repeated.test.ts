/**
 * Indexes that list one another a hundred times each: a few kB that lead to 100^8 readings. An index is read once,
 * however often it is listed, and what all of them lead to is bounded.
 */
import { expect, test, vi } from 'vitest'
import { readLayout } from '../../src/image/index.ts'
import type { Descriptor } from '../../src/spec/index.ts'
import { MemoryStore } from '../../src/store/index.ts'
import { on, putIndex, smallImage, who } from '../image/images.ts'

const LEVELS = 7

test('an index is read once, however often it is listed', async () => {
  const store = new MemoryStore()
  const image = await smallImage(store, 'one', 'linux/amd64')
  let top = await putIndex(store, [on(image)])
  for (let level = 1; level < LEVELS; level++) top = await putIndex(store, new Array(100).fill(top))
  await store.tag(top, 'v1')
  const layout = await readLayout(store)
  const get = vi.spyOn(store, 'get')
  expect((await layout.image('v1', { platform: 'linux/amd64' })).descriptor.digest).toBe(
    image.descriptor.digest,
  )
  expect(get).toHaveBeenCalledTimes(LEVELS + 2)
  expect(await who(await layout.image(image.descriptor.digest))).toBe('one')
})

test('indexes that lead to too many manifests are refused, by platform and by digest', async () => {
  const store = new MemoryStore()
  const image = await smallImage(store, 'one', 'linux/amd64')
  const tops: Descriptor[] = []
  for (let i = 0; i < 6; i++) {
    const entries = new Array<Descriptor>(20_000).fill({ ...image.descriptor, size: 1000 + i })
    tops.push(await putIndex(store, entries))
  }
  await store.tag(await putIndex(store, tops), 'v1')
  const layout = await readLayout(store)
  const refused = { code: 'LIMIT_EXCEEDED', expected: 100_000 }
  await expect(layout.image('v1')).rejects.toMatchObject(refused)
  await expect(layout.resolve(`sha256:${'0'.repeat(64)}`)).rejects.toMatchObject(refused)
})
