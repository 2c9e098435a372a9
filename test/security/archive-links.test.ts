/** Links in an image archive that lead outside of it, in circles, or to where tools disagree. */
import { expect, test } from 'vitest'
import { ArchiveStore } from '../../src/store/index.ts'
import type { TarEntryInput } from '../../src/tar/index.ts'
import { configOf, file, layerOf, layoutFiles, tarOf } from '../store/archives.ts'

const layer = await layerOf('a', 'b')

/** An archive whose layer is at `l/layer.tar`, made of these entries. */
function archiveOf(entries: readonly TarEntryInput[]): Promise<Uint8Array> {
  return tarOf([
    ...entries,
    file('real/layer.tar', layer),
    file('c', configOf([layer])),
    file('manifest.json', [{ Config: 'c', RepoTags: ['a:1'], Layers: ['l/layer.tar'] }]),
  ])
}

function symlink(path: string, linkPath: string): TarEntryInput {
  return { path, type: 'symlink', linkPath }
}

function hardLink(path: string, linkPath: string): TarEntryInput {
  return { path, type: 'link', linkPath }
}

const attacks: readonly (readonly [string, readonly TarEntryInput[], RegExp])[] = [
  [
    'a symlink to an absolute path',
    [symlink('l/layer.tar', '/etc/passwd')],
    /"\/etc\/passwd", which is outside/,
  ],
  ['a symlink above the root', [symlink('l/layer.tar', '../../real/layer.tar')], /outside of the archive/],
  ['a hard link to an absolute path', [hardLink('l/layer.tar', '/real/layer.tar')], /outside of the archive/],
  ['a hard link above the root', [hardLink('l/layer.tar', '../real/layer.tar')], /outside of the archive/],
  ['a directory that is a symlink outside', [symlink('l', '..')], /outside of the archive/],
  ['a symlink to itself', [symlink('l/layer.tar', 'layer.tar')], /circle/],
  ['two symlinks to each other', [symlink('l/layer.tar', '../m'), symlink('m', 'l/layer.tar')], /circle/],
  ['two hard links to each other', [hardLink('l/layer.tar', 'm'), hardLink('m', 'l/layer.tar')], /circle/],
  ['a directory that is a symlink into itself', [symlink('l', 'l/l')], /circle/],
  [
    'a symlink that leaves by a name it came in',
    [symlink('l/layer.tar', 'x/../../real/layer.tar')],
    /".." after a name/,
  ],
]
for (const [what, entries, message] of attacks) {
  test(`${what} is refused`, async () => {
    await expect(ArchiveStore.open(await archiveOf(entries))).rejects.toMatchObject({
      code: 'PATH_UNSAFE',
      message: expect.stringMatching(message),
    })
  })
}

test('a symlink inside, through a directory that is one, is followed', async () => {
  await using store = await ArchiveStore.open(
    await archiveOf([symlink('l', './m/'), symlink('m/layer.tar', '../real//layer.tar')]),
  )
  expect((await store.resolve('a:1')).size).toBeGreaterThan(0)
})

test('a symlink to nothing is a layer that is missing', async () => {
  await expect(ArchiveStore.open(await archiveOf([symlink('l/layer.tar', 'absent')]))).rejects.toMatchObject({
    code: 'ARCHIVE_INVALID',
    message: expect.stringMatching(/lacks "l\/layer.tar"/),
  })
})

test('a blob that is a symlink outside is refused', async () => {
  const name = `blobs/sha256/${'a'.repeat(64)}`
  await using store = await ArchiveStore.open(
    await tarOf([...layoutFiles([]), symlink(name, '../../../../etc/passwd')]),
  )
  const descriptor = { mediaType: 'a/b', digest: `sha256:${'a'.repeat(64)}` as never, size: 1 }
  await expect(store.get(descriptor)).rejects.toMatchObject({ code: 'PATH_UNSAFE' })
})
