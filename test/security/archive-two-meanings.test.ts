/** Archives that show one thing to one tool and another to the next: members twice, and names said differently. */
import { expect, test } from 'vitest'
import { ArchiveStore, readBlobBytes } from '../../src/store/index.ts'
import type { TarEntryInput } from '../../src/tar/index.ts'
import {
  blob,
  collect,
  configOf,
  descriptorOf,
  dockerEntries,
  file,
  hex,
  layerOf,
  layoutFiles,
  ociBlobs,
  tarOf,
  utf8,
} from '../store/archives.ts'

const good = await layerOf('etc/motd', 'good')
const evil = await layerOf('etc/motd', 'evil')
const { entries, record } = dockerEntries([good], ['a:1'])
const bad = dockerEntries([evil], ['a:1'])

const twice: readonly (readonly [string, readonly TarEntryInput[]])[] = [
  ['index.json', [...layoutFiles([]), file('index.json', { schemaVersion: 2, manifests: null })]],
  ['oci-layout', [...layoutFiles([]), file('./oci-layout', '{"imageLayoutVersion": "1.0.0"}')]],
  [
    'manifest.json',
    [...entries, ...bad.entries, file('manifest.json', [record]), file('.//manifest.json', [bad.record])],
  ],
  ['a config', [...entries, file(record.Config, '{}'), file('manifest.json', [record])]],
  ['a layer', [...entries, file(record.Layers[0] as string, evil), file('manifest.json', [record])]],
  [
    'a layer, once as a link',
    [
      ...entries,
      { path: record.Layers[0] as string, type: 'symlink', linkPath: '../x' },
      file('x', evil),
      file('manifest.json', [record]),
    ],
  ],
  [
    'a list, first as a directory',
    [{ path: 'manifest.json/', type: 'directory' }, ...entries, file('manifest.json', [record])],
  ],
  [
    'a layer, once as an empty file and once as a directory',
    [
      { path: 'l/', type: 'directory' },
      file('l', ''),
      file('c', configOf([utf8('')])),
      file('manifest.json', [{ Config: 'c', RepoTags: null, Layers: ['l'] }]),
    ],
  ],
  [
    'a layer that is a link to two places',
    [
      { path: 'l', type: 'symlink', linkPath: 'one' },
      { path: 'l', type: 'symlink', linkPath: 'two' },
      file('one', good),
      file('two', evil),
      file('c', configOf([good])),
      file('manifest.json', [{ Config: 'c', RepoTags: null, Layers: ['l'] }]),
    ],
  ],
]
for (const [what, content] of twice) {
  test(`${what} that is there twice with different content is refused`, async () => {
    await expect(ArchiveStore.open(await tarOf(content))).rejects.toMatchObject({
      code: 'ARCHIVE_INVALID',
      message: expect.stringMatching(/twice with different content/),
    })
  })
}

test('a blob that is there twice is refused when it is read or listed', async () => {
  const name = `blobs/sha256/${hex(good)}`
  await using store = await ArchiveStore.open(
    await tarOf([...layoutFiles([]), file(name, good), file(name, evil)]),
  )
  const refused = { code: 'ARCHIVE_INVALID', message: expect.stringMatching(/twice/) }
  await expect(store.get(descriptorOf(good))).rejects.toMatchObject(refused)
  await expect(store.has(descriptorOf(good))).rejects.toMatchObject(refused)
  await expect(collect(store.list())).rejects.toMatchObject(refused)
})

test('the same content twice is no attack: some tools write shared layers so', async () => {
  const tar = await tarOf([
    ...entries,
    ...entries,
    file('manifest.json', [record]),
    file('manifest.json', [record]),
  ])
  await using store = await ArchiveStore.open(tar)
  expect(await readBlobBytes(store, descriptorOf(good))).toEqual(good)
  expect((await store.index()).manifests).toHaveLength(1)
})

test('a name that manifest.json and index.json give to different images is refused', async () => {
  const one = ociBlobs([good])
  const config = utf8(JSON.stringify(configOf([evil])))
  const tar = await tarOf([
    ...one.entries,
    blob(evil),
    blob(config),
    ...layoutFiles([
      { ...one.manifest, annotations: { 'io.containerd.image.name': 'docker.io/library/a:1' } },
    ]),
    file('manifest.json', [
      { Config: `blobs/sha256/${hex(config)}`, RepoTags: ['a:1'], Layers: [`blobs/sha256/${hex(evil)}`] },
    ]),
  ])
  await using store = await ArchiveStore.open(tar)
  const refused = { code: 'ARCHIVE_INVALID', message: expect.stringMatching(/two things of "a:1"/) }
  await expect(store.resolve('a:1')).rejects.toMatchObject(refused)
  await expect(store.resolve('docker.io/library/a:1')).rejects.toMatchObject(refused)
  await expect(collect(store.references())).rejects.toMatchObject(refused)
  await using layout = await ArchiveStore.open(tar, { format: 'oci' })
  expect((await layout.resolve('docker.io/library/a:1')).digest).toBe(one.manifest.digest)
  await using docker = await ArchiveStore.open(tar, { format: 'docker' })
  expect((await docker.resolve('a:1')).digest).not.toBe(one.manifest.digest)
})
