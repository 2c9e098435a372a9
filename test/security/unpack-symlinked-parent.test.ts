/** A symlink to the outside, then an entry below it: containerd and umoci stay inside the root, and so does this. */
import { expect, test } from 'vitest'
import { contained, refused, site } from './outside.ts'

test.each([
  ['in one layer', false],
  ['from a lower layer', true],
])('an absolute symlink, %s', async (_, apart) => {
  const at = site()
  const link = { path: 'x', type: 'symlink' as const, linkPath: at.outside }
  const file = { path: 'x/secret', content: 'evil' }
  const lines = await contained(at, apart ? [[link], [file]] : [[link, file]])
  expect(lines).toContain(`x symlink -> ${at.outside}`)
  expect(lines).toContain(`${at.outside.slice(1)}/secret file`)
})

test('a relative symlink with more ".." than there are parents', async () => {
  const at = site()
  const lines = await contained(at, [
    [
      { path: 'a/b/x', type: 'symlink', linkPath: '../../../outside' },
      { path: 'a/b/x/secret', content: 'evil' },
      { path: 'a/b/x/new/', mode: 0o777 },
    ],
  ])
  expect(lines).toContain('outside/secret file')
  expect(lines).toContain('outside/new directory')
})

test('a symlink to a file is no directory to write into', async () => {
  const at = site()
  await refused(
    at,
    [
      [
        { path: 'f', content: 'f' },
        { path: 'x', type: 'symlink', linkPath: 'f' },
        { path: 'x/y', content: 'evil' },
      ],
    ],
    { code: 'PATH_UNSAFE', entry: 'x/y' },
  )
})
