/** Owner, mode and times never go through a symlink, neither at once nor when all is done. */
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { contained, site } from './outside.ts'

test('a symlink to the outside with a mode, an owner and a time of its own', async () => {
  const at = site()
  await contained(at, [
    [
      {
        path: 'x',
        type: 'symlink',
        linkPath: join(at.outside, 'secret'),
        mode: 0o4777,
        mtime: 77,
        uid: 1,
        gid: 1,
      },
    ],
  ])
  expect(lstatSync(join(at.root, 'x')).mtimeMs).toBe(77_000)
})

test('a directory, then a symlink in its place: its attributes are forgotten', async () => {
  const at = site()
  const lines = await contained(at, [
    [
      { path: 'x/', mode: 0o777, mtime: 5, uid: 1 },
      { path: 'x', type: 'symlink', linkPath: at.outside },
    ],
  ])
  expect(lines).toEqual([`x symlink -> ${at.outside}`])
})

test('a hard link with a mode of its own to a symlink', async () => {
  const at = site()
  await contained(at, [
    [
      { path: 's', type: 'symlink', linkPath: join(at.outside, 'secret') },
      { path: 'x', type: 'link', linkPath: 's', mode: 0o777, mtime: 5, uid: 1 },
    ],
  ])
})
