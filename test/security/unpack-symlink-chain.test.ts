/** Chains of symlinks, each harmless by itself, and circles of them. */
import { expect, test } from 'vitest'
import { contained, refused, site } from './outside.ts'

test('a chain that climbs step by step stays inside', async () => {
  const at = site()
  const lines = await contained(at, [
    [
      { path: 'a/b/c/' },
      { path: 'a/b/c/up', type: 'symlink', linkPath: '..' },
      { path: 'a/b/up2', type: 'symlink', linkPath: 'c/up/..' },
      { path: 'a/up3', type: 'symlink', linkPath: 'b/up2/../..' },
      { path: 'a/up4', type: 'symlink', linkPath: 'up3/../../../outside' },
      { path: 'a/up4/secret', content: 'evil' },
    ],
  ])
  expect(lines).toContain('outside/secret file')
})

test.each([
  ['one that leads to itself', [['x', 'x']]],
  [
    'two that lead to each other',
    [
      ['x', 'y'],
      ['y', 'x'],
    ],
  ],
  ['one that leads below itself', [['x', 'x/x']]],
  ['a chain of a hundred', Array.from({ length: 100 }, (_, i) => [i === 0 ? 'x' : `x${i}`, `x${i + 1}`])],
])('%s', async (_, links) => {
  const at = site()
  const entries = links.map(([path, linkPath]) => ({
    path: path!,
    type: 'symlink' as const,
    linkPath: linkPath!,
  }))
  await refused(at, [[...entries, { path: 'x/file', content: 'evil' }]], {
    code: 'PATH_UNSAFE',
    entry: 'x/file',
  })
})
