// A label on every image of a layout: of those in indexes, too, which keep all else that they say.
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Descriptor, Image, ImageIndex, isIndexType, readLayout } from 'oci-ts'

const directory = await mkdtemp(join(tmpdir(), 'labelled-'))
await cp('spec-fixtures/my-image', directory, { recursive: true })

await using layout = await readLayout(directory)
const { store } = layout

/** A labelled image, or an index of labelled images; its layers stay the very same blobs. */
async function label(descriptor: Descriptor): Promise<Image | ImageIndex> {
  if (!isIndexType(descriptor.mediaType)) {
    const image = await Image.open(store, descriptor)
    return image.edit().label('com.example.audited', '2024-05-01').commit(store)
  }
  const index = await ImageIndex.open(store, descriptor)
  let edit = index.edit()
  for (const [position, entry] of index.index.manifests.entries()) {
    edit = edit.replace(position, await label(entry))
  }
  return edit.commit(store)
}

for (const { name, descriptor } of layout.references) {
  const labelled = await label(descriptor)
  await store.tag(labelled.descriptor, name)
  console.log(name, descriptor.digest.slice(0, 19), '->', labelled.descriptor.digest.slice(0, 19))
}

const { platforms } = await (await layout.reload()).imageIndex('1.0')
for (const platform of platforms) {
  const config = await (await (await layout.reload()).image('1.0', { platform })).config()
  console.log(platform.architecture, Object.keys(config.config?.Labels ?? {}).join(' '))
}
await rm(directory, { recursive: true })

// Prints:
// 1.0 sha256:b19e1133423c -> sha256:9b4125eabc3c
// amd64 org.opencontainers.image.licenses org.opencontainers.image.title com.example.audited
// arm64 org.opencontainers.image.licenses org.opencontainers.image.title com.example.audited
