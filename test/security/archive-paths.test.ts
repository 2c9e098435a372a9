/** Paths in `manifest.json`, member names and digests that would lead elsewhere. */
import { expect, test } from 'vitest'
import { ArchiveStore } from '../../src/store/index.ts'
import { configOf, file, layerOf, layoutFiles, tarOf } from '../store/archives.ts'

const layer = await layerOf('a', 'b')

for (const path of ['../l', 'x/../l', '/../l', '..', './../../etc/passwd']) {
  test(`the layer path ${path} is refused`, async () => {
    const tar = await tarOf([
      file('l', layer),
      file('c', configOf([layer])),
      file('manifest.json', [{ Config: 'c', RepoTags: ['a:1'], Layers: [path] }]),
    ])
    await expect(ArchiveStore.open(tar)).rejects.toMatchObject({ code: 'PATH_UNSAFE' })
  })

  test(`the config path ${path} is refused`, async () => {
    const tar = await tarOf([file('manifest.json', [{ Config: path, RepoTags: ['a:1'], Layers: [] }])])
    await expect(ArchiveStore.open(tar)).rejects.toMatchObject({ code: 'PATH_UNSAFE' })
  })
}

test('a member named with ".." is refused: what unpacks the archive would put it elsewhere', async () => {
  const tar = await tarOf([...layoutFiles([]), file('blobs/../index.json', '{}')])
  await expect(ArchiveStore.open(tar)).rejects.toMatchObject({ code: 'PATH_UNSAFE' })
})

test('an absolute member is the one of the same name inside, so it cannot stand beside it', async () => {
  const tar = await tarOf([...layoutFiles([]), file('/index.json', '{}')])
  await expect(ArchiveStore.open(tar)).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' })
})

test('a path that is too long or too deep to be one is refused before it costs', async () => {
  for (const path of ['a/'.repeat(1 << 20), 'b'.repeat(5000)]) {
    const tar = await tarOf([file('manifest.json', [{ Config: path, RepoTags: null, Layers: [] }])])
    await expect(ArchiveStore.open(tar)).rejects.toMatchObject({ code: 'PATH_UNSAFE' })
  }
})

test('a digest that is a path is refused before it is looked for', async () => {
  await using store = await ArchiveStore.open(await tarOf([...layoutFiles([]), file('secret', 'x')]))
  for (const digest of ['sha256:../../secret', '../:secret', 'sha256:', `sha256:${'A'.repeat(64)}`]) {
    const descriptor = { mediaType: 'a/b', digest: digest as never, size: 1 }
    await expect(store.get(descriptor)).rejects.toMatchObject({ code: 'DIGEST_INVALID' })
    await expect(store.has(descriptor)).rejects.toMatchObject({ code: 'DIGEST_INVALID' })
  }
})
