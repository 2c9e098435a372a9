/** A directory that is known to be one, then replaced by a symlink: node-tar's cache believed it still (CVE-2021-32803). */
import { expect, test } from 'vitest'
import { contained, site } from './outside.ts'

test.each([
  ['by the symlink alone', []],
  ['by a whiteout before', [{ path: '.wh.d' }]],
  ['by a file before', [{ path: 'd', content: '' }]],
])('replaced %s', async (_, before) => {
  const at = site()
  const lines = await contained(at, [
    [{ path: 'd/' }, { path: 'd/e/' }, { path: 'd/e/file', content: 'good' }],
    [
      { path: 'd/e/other', content: 'good' },
      ...before,
      { path: 'd', type: 'symlink', linkPath: at.outside },
      { path: 'd/secret', content: 'evil' },
      { path: 'd/e/file', content: 'evil' },
    ],
  ])
  expect(lines).toContain(`d symlink -> ${at.outside}`)
  expect(lines).toContain(`${at.outside.slice(1)}/secret file`)
})

test('the same with the parent asked for last', async () => {
  const at = site()
  await contained(at, [
    [
      { path: 'd/one', content: 'good' },
      { path: 'd', type: 'symlink', linkPath: `${at.outside}/directory` },
      { path: 'd/file', content: 'evil' },
      { path: 'd', type: 'symlink', linkPath: at.outside },
      { path: 'd/secret', content: 'evil' },
    ],
  ])
})

test('a directory below that was given attributes is not reached through the symlink', async () => {
  const at = site()
  await contained(at, [
    [{ path: 'd/' }, { path: 'd/directory/', mode: 0o777, mtime: 5 }],
    [{ path: 'd', type: 'symlink', linkPath: at.outside }],
  ])
})
