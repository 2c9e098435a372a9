/** Whiteouts again and again over a large directory: each costs a look at itself, not at all that is there. */
import * as fs from 'node:fs'
import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { MadePaths } from '../../src/filesystem/made-paths.ts'
import { SafeTree } from '../../src/filesystem/safe-tree.ts'
import { site } from './outside.ts'

test('a directory is read once for a layer, however often it is hidden', () => {
  const at = site()
  fs.mkdirSync(at.root, { mode: 0o700 })
  let reads = 0
  const counting = new Proxy(fs, {
    get(target, property) {
      if (property === 'readdirSync') {
        return (...args: Parameters<typeof readdirSync>) => {
          reads++
          return readdirSync(...args)
        }
      }
      return target[property as keyof typeof fs]
    },
  })
  const tree = new SafeTree(counting, at.root, () => {}, false)
  const top = tree.resolve('', 'x', true)
  let parent = top
  for (let depth = 0; depth < 20; depth++)
    parent = tree.makeDirectory(parent, `${parent.path}/d`.replace(/^\//, ''), 'd')
  tree.layer = 1
  tree.touch(parent)
  const made = new MadePaths()
  for (let i = 0; i < 1000; i++) {
    // From the deepest to the highest, over and over: each level hides all levels below it.
    let path = parent.path
    while (path !== '') {
      tree.hide(path, made, 'x')
      path = path.slice(0, Math.max(0, path.lastIndexOf('/')))
    }
    tree.hideChildren(top, made, 'x')
  }
  expect(reads).toBeLessThanOrEqual(21)
})
