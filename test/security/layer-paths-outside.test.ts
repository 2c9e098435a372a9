/** Names and links that lead outside of the root: of no tree, and where the view follows links, it stays inside. */
import { describe, expect, test } from 'vitest'
import { openFilesystem } from '../../src/filesystem/index.ts'
import { layersOf } from '../layer/layers.ts'

test.each([
  { path: '../x' },
  { path: 'a/../../x' },
  { path: '/../x' },
  { path: '..' },
  { path: '../.wh.x' },
  { path: '../.wh..wh..opq' },
  { path: 'x', type: 'link' as const, linkPath: '../x' },
  { path: 'x', type: 'link' as const, linkPath: '/a/../../x' },
  { path: '.', type: 'symlink' as const, linkPath: '/' },
  { path: './.', type: 'fifo' as const },
])('$path is refused by name', async (entry) => {
  const layers = await layersOf([[{ path: 'x', text: 'x' }], [entry]])
  await expect(openFilesystem(layers)).rejects.toMatchObject({ code: 'PATH_UNSAFE', path: entry.path })
})

describe('symlinks', () => {
  test.each(['/../../etc/passwd', '../../../../etc/passwd', '/etc/passwd', 'etc/../../etc/passwd'])(
    'to %s stay inside',
    async (linkPath) => {
      const layers = await layersOf([
        [
          { path: 'etc/passwd', text: 'inside' },
          { path: 'l', type: 'symlink', linkPath },
          { path: 'd/l', type: 'symlink', linkPath: '../..' },
        ],
      ])
      const files = await openFilesystem(layers)
      expect(await files.readTextFile('/l')).toBe('inside')
      expect(await files.readTextFile('/d/l/etc/passwd')).toBe('inside')
      expect(await files.readTextFile('../../d/l/../../etc/passwd')).toBe('inside')
    },
  )
})
