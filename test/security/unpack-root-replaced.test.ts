/** An entry for the root that is no directory (umoci's CVE-2021-29136): a symlink there would move all that follows. */
import { test } from 'vitest'
import { refused, site } from './outside.ts'

test.each(['.', './', '/', '/.', './/./', 'a/..'])('a symlink named %j', async (path) => {
  const at = site()
  await refused(
    at,
    [
      [
        { path, type: 'symlink', linkPath: at.outside },
        { path: 'secret', content: 'evil' },
      ],
    ],
    { code: 'PATH_UNSAFE', entry: path },
  )
})

test.each(['file', 'link', 'fifo', 'character-device'] as const)('a %s named "."', async (type) => {
  const at = site()
  await refused(at, [[{ path: '.', type, ...(type === 'link' && { linkPath: 'x' }) }]], {
    code: 'PATH_UNSAFE',
    entry: '.',
  })
})
