/** Hard links to the outside, to read it or to write into it (oras-go's CVE-2021-21272, node-tar's CVE-2026-23745 and CVE-2026-24842). */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'vitest'
import { refused, site } from './outside.ts'

test.each(['../outside/secret', 'a/../../outside/secret', '../../../../../../etc/passwd'])(
  'to %j: refused',
  async (linkPath) => {
    const at = site()
    await refused(at, [[{ path: 'a/x', type: 'link', linkPath }]], { code: 'PATH_UNSAFE', entry: 'a/x' })
  },
)

test('a target is taken from the root of the image, whatever directory the link is in', async () => {
  const at = site()
  // Where the check goes from the entry's directory and the link from the root, one ".." too few is seen.
  await refused(
    at,
    [[{ path: 'a/b/c/' }, { path: 'a/b/c/x', type: 'link', linkPath: '../../../outside/secret' }]],
    {
      code: 'PATH_UNSAFE',
      entry: 'a/b/c/x',
    },
  )
})

test('an absolute target is inside', async () => {
  const at = site()
  await refused(at, [[{ path: 'x', type: 'link', linkPath: join(at.outside, 'secret') }]], {
    code: 'PATH_NOT_FOUND',
    entry: 'x',
  })
})

test('writing to a name that was to be linked does not write outside', async () => {
  const at = site()
  const links = statSync(join(at.outside, 'secret')).nlink
  await refused(
    at,
    [
      [
        { path: 'x', type: 'link', linkPath: '../outside/secret' },
        { path: 'x', content: 'evil' },
      ],
    ],
    { code: 'PATH_UNSAFE', entry: 'x' },
  )
  if (statSync(join(at.outside, 'secret')).nlink !== links) throw new Error('A link to the outside was made')
})
