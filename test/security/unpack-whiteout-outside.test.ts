/** Whiteouts that would take away what is outside. */
import { expect, test } from 'vitest'
import { contained, refused, site } from './outside.ts'

test.each(['../.wh.outside', '../outside/.wh.secret', '../outside/.wh..wh..opq', 'a/../../.wh.outside'])(
  'named %j',
  async (path) => {
    await refused(site(), [[{ path: 'a/' }], [{ path }]], { code: 'PATH_UNSAFE', entry: path })
  },
)

test.each(['.wh.', 'a/.wh..', 'a/.wh...'])(
  'of nothing, of the directory, of the one above: %j',
  async (path) => {
    await refused(site(), [[{ path: 'a/' }], [{ path }]], { code: 'PATH_UNSAFE', entry: path })
  },
)

test.each(['.wh.secret', '.wh..wh..opq', '.wh.directory'])(
  '%s below a symlink to the outside',
  async (name) => {
    const at = site()
    const link = { path: 'x', type: 'symlink' as const, linkPath: at.outside }
    expect(await contained(at, [[link], [{ path: `x/${name}` }]])).toEqual([`x symlink -> ${at.outside}`])
  },
)

test('of a symlink takes the symlink, not what it leads to', async () => {
  const at = site()
  const link = { path: 'x', type: 'symlink' as const, linkPath: `${at.outside}/directory` }
  expect(await contained(at, [[link], [{ path: '.wh.x' }]])).toEqual([])
})

test('of a directory with a symlink in it', async () => {
  const at = site()
  const link = { path: 'd/x', type: 'symlink' as const, linkPath: `${at.outside}/directory` }
  expect(await contained(at, [[link], [{ path: '.wh.d' }]])).toEqual([])
})
