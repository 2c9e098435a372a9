import fs from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { writeManifest } from '../../src/image/index.ts'
import { type Descriptor, mediaTypes, serializeJson } from '../../src/spec/index.ts'
import { MemoryStore } from '../../src/store/index.ts'
import { writeLayout } from '../../src/transfer/write-layout.ts'

/** What else a manifest needs that has no content of its own. */
const artifact = (empty: Descriptor) => ({
  artifactType: 'application/vnd.example',
  config: empty,
  layers: [empty],
})

test('the index of a new layout is written once for all images, in their order', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'oci-ts-layout-'))
  const rename = vi.spyOn(fs, 'renameSync')
  try {
    const store = new MemoryStore()
    const config = await store.put(serializeJson({}), { mediaType: mediaTypes.empty })
    for (let i = 0; i < 20; i++) {
      const annotations = { number: `${i}` }
      await store.tag(
        await writeManifest(store, { schemaVersion: 2, ...artifact(config), annotations }),
        `v${i}`,
      )
    }
    const layout = await writeLayout(join(directory, 'layout'), store, { sync: false })
    expect(layout.references.map(({ name }) => name)).toEqual(Array.from({ length: 20 }, (_, i) => `v${i}`))
    // The empty one of a layout that is begun, and the one with all entries.
    expect(rename.mock.calls.filter(([, to]) => String(to).endsWith('index.json'))).toHaveLength(2)
  } finally {
    rename.mockRestore()
    await rm(directory, { recursive: true })
  }
})
