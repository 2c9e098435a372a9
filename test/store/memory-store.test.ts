import { describe, expect, test } from 'vitest'
import { MemoryStore } from '../../src/store/index.ts'
import { describeImageStore } from '../../src/testing/index.ts'

describeImageStore('MemoryStore', () => new MemoryStore(), { describe, test })

test('the index is one as a layout has it', async () => {
  const store = new MemoryStore()
  const descriptor = await store.put(Uint8Array.of(1))
  await store.tag(descriptor, 'v1')
  const annotations = { 'org.opencontainers.image.ref.name': 'v1' }
  expect(await store.index()).toEqual({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [{ ...descriptor, annotations }],
  })
})
