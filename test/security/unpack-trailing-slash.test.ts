/** Names whose slashes and dots hide what they are (node-tar's CVE-2021-37701): `link/`, `link/.`, `./link//x`. */
import { expect, test } from 'vitest'
import { contained, refused, site } from './outside.ts'

test.each(['x/', 'x//', 'x/.', './x/./'])(
  'a directory named %j in the place of a symlink replaces it',
  async (path) => {
    const at = site()
    const lines = await contained(at, [
      [
        { path: 'x', type: 'symlink', linkPath: at.outside },
        { path, type: 'directory', mode: 0o777 },
        { path: 'x/secret', content: 'good' },
      ],
    ])
    expect(lines).toEqual(['x directory', 'x/secret file'])
  },
)

test.each(['x/.', 'x//.', './x/.//./'])('a symlink named %j, then what is below it', async (path) => {
  const at = site()
  const lines = await contained(at, [
    [
      { path: 'x/' },
      { path, type: 'symlink', linkPath: at.outside },
      { path: './x//secret', content: 'evil' },
    ],
  ])
  expect(lines).toContain(`x symlink -> ${at.outside}`)
})

test('a backslash is a character of a name', async () => {
  const at = site()
  const lines = await contained(at, [
    [
      { path: 'x', type: 'symlink', linkPath: at.outside },
      { path: 'x\\secret', content: 'good' },
      { path: '..\\outside\\secret', content: 'good' },
    ],
  ])
  expect(lines).toEqual([`..\\outside\\secret file`, `x symlink -> ${at.outside}`, 'x\\secret file'])
})

test('a symlink to itself by a dot is a circle', async () => {
  const at = site()
  await refused(
    at,
    [
      [
        { path: 'x', type: 'symlink', linkPath: './x/.' },
        { path: 'x/y', content: '' },
      ],
    ],
    {
      code: 'PATH_UNSAFE',
      entry: 'x/y',
    },
  )
})
