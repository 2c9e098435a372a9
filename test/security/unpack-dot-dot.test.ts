/** Names with `..` that would lead out of the root: the oldest of them all. */
import { expect, test } from 'vitest'
import { contained, refused, site } from './outside.ts'

test.each([
  '../outside/new',
  '../../x',
  'a/../../outside/secret',
  './../outside/secret',
  '..',
  'a/../..',
  '/../x',
])('a file named %j is refused', async (path) => {
  const at = site()
  await refused(at, [[{ path: 'a/' }, { path, type: 'file', content: 'evil' }]], {
    code: 'PATH_UNSAFE',
    entry: path,
  })
})

test.each(['directory', 'symlink', 'link', 'fifo'] as const)('so is a %s', async (type) => {
  const at = site()
  const linkPath = type === 'symlink' || type === 'link' ? 'a' : undefined
  await refused(
    at,
    [
      [
        { path: 'a', content: '' },
        { path: '../outside/new', type, ...(linkPath && { linkPath }) },
      ],
    ],
    {
      code: 'PATH_UNSAFE',
      entry: '../outside/new',
    },
  )
})

test('a ".." that stays inside is a plain name', async () => {
  const at = site()
  expect(await contained(at, [[{ path: 'a/b/' }, { path: 'a/b/../../c', content: 'c' }]])).toEqual([
    'a directory',
    'a/b directory',
    'c file',
  ])
})
