/** A file in the place of a symlink, or of a further name of another file: neither's other end is written to. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { contained, site } from './outside.ts'

test.each(['secret', 'new'])('a symlink to %j outside', async (name) => {
  const at = site()
  const lines = await contained(at, [
    [
      { path: 'x', type: 'symlink', linkPath: join(at.outside, name) },
      { path: 'x', content: 'evil' },
    ],
  ])
  expect(lines).toEqual(['x file'])
})

test('a hard link: the other name keeps content, mode and time', async () => {
  const at = site()
  await contained(at, [
    [
      { path: 'one', content: 'good', mode: 0o600, mtime: 1 },
      { path: 'two', type: 'link', linkPath: 'one' },
    ],
    [{ path: 'two', content: 'evil', mode: 0o777, mtime: 2 }],
  ])
  expect(readFileSync(join(at.root, 'one'), 'utf8')).toBe('good')
})
