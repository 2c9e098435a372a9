/** Symlinks that multiply: each lookup must stay bounded, whatever they say. */
import { expect, test } from 'vitest'
import { openFilesystem } from '../../src/filesystem/index.ts'
import { layersOf } from '../layer/layers.ts'

test('each link goes twice through the one before it', async () => {
  const links = Array.from({ length: 64 }, (_, i) => ({
    path: `l${i}`,
    type: 'symlink' as const,
    linkPath: i === 0 ? '.' : `l${i - 1}/l${i - 1}`,
  }))
  const files = await openFilesystem(await layersOf([links]))
  expect(await files.exists('/l5')).toBe(true)
  await expect(files.stat('/l63')).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
})

test('links whose targets are as long as they may be', async () => {
  const links = Array.from({ length: 10 }, (_, i) => ({
    path: `l${i}`,
    type: 'symlink' as const,
    linkPath: `${'./'.repeat(10_000)}${i === 0 ? '' : `l${i - 1}`}`,
  }))
  const files = await openFilesystem(await layersOf([links]))
  expect(await files.exists('/l1')).toBe(true)
  await expect(files.stat('/l9')).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
})

test('an entry below such links is refused by name', async () => {
  const layers = await layersOf([
    [
      { path: 'a', type: 'symlink', linkPath: 'b/x' },
      { path: 'b', type: 'symlink', linkPath: 'a/x' },
      { path: 'a/file' },
    ],
  ])
  await expect(openFilesystem(layers)).rejects.toMatchObject({ code: 'PATH_UNSAFE', path: 'a/file' })
})

test('paths deeper than the machine has stack are walked, hidden and removed', async () => {
  const deep = 'd/'.repeat(20_000)
  const layers = await layersOf([[{ path: `${deep}x` }], [{ path: '.wh.d' }, { path: 'e' }]])
  const lower = await openFilesystem(layers.slice(0, 1))
  let count = 0
  for (const _ of lower.tree.walk()) count++
  expect(count).toBe(20_002)
  expect((await openFilesystem(layers)).size).toBe(2)
}, 60_000)
