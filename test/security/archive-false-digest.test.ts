/** Members whose name or place claims a digest that their content does not have. */
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { parseManifest } from '../../src/spec/index.ts'
import { ArchiveStore, readBlobBytes } from '../../src/store/index.ts'
import { configOf, descriptorOf, file, hex, layerOf, layoutFiles, tarOf, utf8 } from '../store/archives.ts'

const good = await layerOf('etc/motd', 'good')
const evil = await layerOf('etc/motd', 'evil')
const config = utf8(JSON.stringify(configOf([good])))

test('a blob of a layout is refused when it is read', async () => {
  await using store = await ArchiveStore.open(
    await tarOf([...layoutFiles([]), file(`blobs/sha256/${hex(good)}`, evil)]),
  )
  await expect(readBlobBytes(store, descriptorOf(good))).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
})

for (const name of [
  `${hex(utf8('other'))}.json`,
  `sha256:${hex(utf8('other'))}`,
  `blobs/sha256/${hex(utf8('other'))}`,
]) {
  test(`a config named ${name.slice(0, 20)}… is refused at once`, async () => {
    const tar = await tarOf([
      file('l', good),
      file(name, config),
      file('manifest.json', [{ Config: name, RepoTags: null, Layers: ['l'] }]),
    ])
    await expect(ArchiveStore.open(tar)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
  })
}

test('a config that a link leads to is held to the name of the file', async () => {
  const name = `${hex(utf8('other'))}.json`
  const tar = await tarOf([
    file('l', good),
    file(name, config),
    { path: 'c', type: 'symlink', linkPath: name },
    file('manifest.json', [{ Config: 'c', RepoTags: null, Layers: ['l'] }]),
  ])
  await expect(ArchiveStore.open(tar)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
})

test('a plain layer that is not what the config says is refused when it is read', async () => {
  const tar = await tarOf([
    file('l', evil),
    file('c', config),
    file('manifest.json', [{ Config: 'c', RepoTags: ['a:1'], Layers: ['l'] }]),
  ])
  await using store = await ArchiveStore.open(tar)
  const { layers } = parseManifest(await readBlobBytes(store, await store.resolve('a:1')))
  await expect(readBlobBytes(store, layers[0] as never)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
})

test('a plain layer in a blob of another name than its diffID is refused at once', async () => {
  const path = `blobs/sha256/${hex(evil)}`
  const tar = await tarOf([
    file(path, evil),
    file('c', config),
    file('manifest.json', [{ Config: 'c', RepoTags: ['a:1'], Layers: [path] }]),
  ])
  await using store = await ArchiveStore.open(tar)
  await expect(store.resolve('a:1')).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
})

test('a compressed layer in a blob of another name is refused when it is read', async () => {
  const path = `blobs/sha256/${hex(good)}`
  const tar = await tarOf([
    file(path, new Uint8Array(gzipSync(evil))),
    file('c', config),
    file('manifest.json', [{ Config: 'c', RepoTags: ['a:1'], Layers: [path] }]),
  ])
  await using store = await ArchiveStore.open(tar)
  const { layers } = parseManifest(await readBlobBytes(store, await store.resolve('a:1')))
  await expect(readBlobBytes(store, layers[0] as never)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
})
