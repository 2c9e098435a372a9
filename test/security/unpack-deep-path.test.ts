/** Paths of endless depth (node-tar's CVE-2024-28863): they end at what the system takes, soon, and nothing is left. */
import { test } from 'vitest'
import { refused, site } from './outside.ts'

test('a path of 30 000 directories', async () => {
  const path = `${'d/'.repeat(30_000)}file`
  await refused(site(), [[{ path, content: '' }]], { code: 'FILESYSTEM_FAILED', entry: path })
})

test('a name with a NUL is refused before it is cut there', async () => {
  const at = site()
  const { layerOf, tarOf } = await import('../filesystem/layers.ts')
  // A PAX record can say what a ustar field cannot.
  const tar = await tarOf([{ path: `${'x'.repeat(120)}/etcQpasswd`, content: '' }])
  const q = tar.indexOf('Q'.charCodeAt(0))
  const altered = tar.slice()
  altered[q] = 0
  const { unpackLayers } = await import('../../src/filesystem/index.ts')
  const { expect } = await import('vitest')
  const error = await unpackLayers([await layerOf(altered)], at.root).catch((thrown) => thrown)
  expect(['TAR_INVALID', 'PATH_UNSAFE']).toContain(error.code)
  at.untouched()
})
