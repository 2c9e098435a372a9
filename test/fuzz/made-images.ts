/** Small images that archives begin with: an index of two platforms, layers in each compression, whiteouts, links. */
import { gzipSync } from 'node:zlib'
import { concatBytes } from '../../src/bytes.ts'
import { digestBytes } from '../../src/digest/index.ts'
import { mediaTypes, serializeJson } from '../../src/spec/index.ts'
import { MemoryStore } from '../../src/store/index.ts'
import { type TarEntryInput, tarChunks } from '../../src/tar/index.ts'

const layers: readonly (readonly (TarEntryInput & { readonly text?: string })[])[] = [
  [
    { path: 'etc/', mode: 0o755 },
    { path: 'etc/os-release', text: 'ID=test\n' },
    { path: 'etc/gone', text: 'gone' },
    { path: 'link', type: 'symlink', linkPath: 'etc' },
  ],
  [
    { path: 'etc/.wh.gone' },
    { path: 'link/hostname', text: 'box\n' },
    { path: 'hard', type: 'link', linkPath: 'etc/os-release' },
  ],
]

/** A store in memory with one image under a name, and an index of two under another. */
export async function createLayoutIn(): Promise<MemoryStore> {
  const store = new MemoryStore()
  const images = []
  for (const architecture of ['amd64', 'arm64']) {
    const diffIDs: string[] = []
    const descriptors = []
    for (const [position, entries] of layers.entries()) {
      const chunks: Uint8Array[] = []
      const inputs = [...entries, { path: architecture, text: architecture }]
      for await (const chunk of tarChunks(
        inputs.map(({ text, ...entry }: TarEntryInput & { readonly text?: string }) =>
          text === undefined ? entry : { ...entry, content: Buffer.from(text) },
        ),
      )) {
        chunks.push(chunk)
      }
      const tar = concatBytes(chunks)
      diffIDs.push(digestBytes(tar))
      descriptors.push(
        position === 0
          ? await store.put(gzipSync(tar), { mediaType: mediaTypes.layerGzip })
          : await store.put(tar, { mediaType: mediaTypes.layer }),
      )
    }
    const config = await store.put(
      serializeJson({
        architecture,
        os: 'linux',
        config: { Env: ['PATH=/bin'], Cmd: ['/bin/sh'], Labels: { a: 'b' } },
        rootfs: { type: 'layers', diff_ids: diffIDs },
        history: [{ created_by: 'one' }, { created_by: 'empty', empty_layer: true }, { created_by: 'two' }],
      }),
      { mediaType: mediaTypes.config },
    )
    const manifest = await store.put(
      serializeJson({ schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers: descriptors }),
      { mediaType: mediaTypes.manifest },
    )
    images.push({ ...manifest, platform: { os: 'linux', architecture } })
  }
  const index = await store.put(
    serializeJson({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: images }),
    { mediaType: mediaTypes.index },
  )
  await store.tag(images[0]!, 'example.com/app:v1')
  await store.tag(index, 'example.com/app:all')
  return store
}
