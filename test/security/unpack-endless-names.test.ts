/**
 * Names that no disk takes: what would be made by them is refused, and what is hidden or linked to by them is not
 * there, as in the merged tree. Found by `npm run fuzz`: the system's own error came through.
 */
import { expect, test } from 'vitest'
import { openFilesystem } from '../../src/filesystem/index.ts'
import { makeLayers, type TestEntry } from '../filesystem/layers.ts'
import { contained, refused, site } from './outside.ts'

const long = 'x'.repeat(300)
const file: TestEntry = { path: 'file', content: '' }

test.each(['file', 'directory', 'symlink', 'fifo', 'character-device'] as const)('of a %s', async (type) => {
  const linkPath = type === 'symlink' ? { linkPath: 'file' } : {}
  const entry: TestEntry = { path: type === 'directory' ? `${long}/` : long, type, ...linkPath }
  await refused(site(), [[file, entry]], { code: 'FILESYSTEM_FAILED', entry: entry.path })
})

test.each([`${long}/file`, `${long}/a/b`])('of a parent: %#', async (path) => {
  await refused(site(), [[{ path, content: '' }]], { code: 'FILESYSTEM_FAILED', entry: path })
})

test('of a parent that a symlink leads to', async () => {
  const link: TestEntry = { path: 'x', type: 'symlink', linkPath: `${long}/y` }
  const below: TestEntry = { path: 'x/file', content: '' }
  await refused(site(), [[link, below]], { code: 'FILESYSTEM_FAILED', entry: 'x/file' })
})

test.each([long, `${long}/file`, `a/${long}`])('of what a hard link links to: %#', async (linkPath) => {
  const entries: TestEntry[] = [
    { path: 'a/', type: 'directory' },
    { path: 'link', type: 'link', linkPath },
  ]
  await refused(site(), [entries], { code: 'PATH_NOT_FOUND', entry: 'link' })
  const [layer] = await makeLayers(entries)
  await expect(openFilesystem([layer!])).rejects.toMatchObject({ code: 'PATH_NOT_FOUND' })
})

test('of the hard link', async () => {
  await refused(site(), [[file, { path: long, type: 'link', linkPath: 'file' }]], {
    code: 'FILESYSTEM_FAILED',
    entry: long,
  })
})

test.each([`.wh.${long}`, `${long}/.wh.file`, `${long}/.wh..wh..opq`])(
  'of what a whiteout hides: %#',
  async (path) => {
    expect(await contained(site(), [[file], [{ path }]])).toEqual(['file file'])
    const { tree } = await openFilesystem(await makeLayers([file], [{ path }]))
    expect([...tree.walk()].map((node) => node.path)).toEqual(['', 'file'])
  },
)
