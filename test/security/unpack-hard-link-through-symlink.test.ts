/** Hard links whose target leads through symlinks (node-tar's CVE-2026-26960), or is one. */
import { lstatSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { contained, refused, site } from './outside.ts'

test('through a symlinked directory to the outside', async () => {
  const at = site()
  await refused(
    at,
    [
      [
        { path: 'd', type: 'symlink', linkPath: at.outside },
        { path: 'x', type: 'link', linkPath: 'd/secret' },
      ],
    ],
    { code: 'PATH_NOT_FOUND', entry: 'x' },
  )
})

test('through a chain of symlinks that climbs', async () => {
  const at = site()
  await refused(
    at,
    [
      [
        { path: 'a/b/up', type: 'symlink', linkPath: '../..' },
        { path: 'c', type: 'symlink', linkPath: 'a/b/up/../../outside' },
        { path: 'x', type: 'link', linkPath: 'c/secret' },
      ],
    ],
    { code: 'PATH_NOT_FOUND', entry: 'x' },
  )
})

test('to a symlink: the symlink itself gets a second name, what it leads to is not linked', async () => {
  const at = site()
  const names = statSync(join(at.outside, 'secret')).nlink
  const lines = await contained(at, [
    [
      { path: 's', type: 'symlink', linkPath: join(at.outside, 'secret') },
      { path: 'x', type: 'link', linkPath: 's' },
    ],
    [{ path: 'x', content: 'good' }],
  ])
  expect(lines).toEqual([`s symlink -> ${join(at.outside, 'secret')}`, 'x file'])
  expect(statSync(join(at.outside, 'secret')).nlink).toBe(names)
  expect(lstatSync(join(at.root, 'x')).isFile()).toBe(true)
})

test('to a directory, to itself, to nothing', async () => {
  await refused(site(), [[{ path: 'd/' }, { path: 'x', type: 'link', linkPath: 'd' }]], {
    code: 'PATH_UNSAFE',
    entry: 'x',
  })
  await refused(
    site(),
    [
      [
        { path: 'x', content: '' },
        { path: 'x', type: 'link', linkPath: './x' },
      ],
    ],
    {
      code: 'PATH_UNSAFE',
      entry: 'x',
    },
  )
  await refused(site(), [[{ path: 'x', type: 'link', linkPath: 'absent/file' }]], {
    code: 'PATH_NOT_FOUND',
    entry: 'x',
  })
})
