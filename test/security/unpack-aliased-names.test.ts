/**
 * File systems that know one thing by several names: they ignore case (Windows, macOS) or normalise Unicode (macOS).
 * Two names that differ as text are one directory there, and a cache by text believes in one that is gone
 * (node-tar's CVE-2021-37712 and CVE-2026-23950). The file system of this test folds names itself, so that it runs
 * everywhere.
 */
import * as nodeFs from 'node:fs'
import { mkdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { MadePaths } from '../../src/filesystem/made-paths.ts'
import { SafeTree } from '../../src/filesystem/safe-tree.ts'
import { site } from './outside.ts'

/** Node's `fs`, where names below a root that fold to the same are the same; names are kept as first written. */
function foldingFileSystem(root: string): typeof nodeFs {
  const fold = (name: string): string => name.normalize('NFKD').toLowerCase().replaceAll('ß', 'ss')
  const real = (path: string): string => {
    if (path === root || !path.startsWith(`${root}/`)) return path
    const directory = real(dirname(path))
    const name = basename(path)
    const same = nodeFs.existsSync(directory)
      ? nodeFs.readdirSync(directory).find((candidate) => fold(candidate) === fold(name))
      : undefined
    return join(directory, same ?? name)
  }
  return new Proxy(nodeFs, {
    get(target, property) {
      const value = target[property as keyof typeof nodeFs] as unknown
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        const at = property === 'symlinkSync' ? 1 : 0
        const mapped = args.map((arg, i) => (i === at && typeof arg === 'string' ? real(arg) : arg))
        return (value as (...rest: unknown[]) => unknown)(...mapped)
      }
    },
  })
}

const pairs = [
  ['dir', 'DIR'],
  ['caf\u00e9', 'cafe\u0301'],
  ['straße', 'STRASSE'],
] as const

function treeAt(root: string): { tree: SafeTree; fs: typeof nodeFs } {
  mkdirSync(root, { mode: 0o700 })
  const fs = foldingFileSystem(root)
  return { tree: new SafeTree(fs, root, () => {}, false), fs }
}

test.each(pairs)('%j replaced by a symlink named %j: what follows stays inside', (first, second) => {
  const at = site()
  const { tree, fs } = treeAt(at.root)
  const top = tree.resolve('', 'x', true)
  tree.makeDirectory(top, first, first)
  // What unpacking does for a symlink: the name is taken, so what is there goes first.
  expect(() => fs.symlinkSync(at.outside, tree.onDisk(second))).toThrow('EEXIST')
  tree.remove(second, second)
  fs.symlinkSync(at.outside, tree.onDisk(second))
  const parent = tree.resolve(first, `${first}/secret`, true)
  expect(parent.path).toBe(at.outside.slice(1))
  at.untouched()
})

test.each(pairs)('%j and %j are one directory, not two', (first, second) => {
  const at = site()
  const { tree } = treeAt(at.root)
  const top = tree.resolve('', 'x', true)
  const made = tree.makeDirectory(top, first, first)
  expect(tree.makeDirectory(top, second, second)).toBe(made)
  expect(tree.resolve(second, `${second}/file`, true)).toBe(made)
  tree.layer = 1
  tree.hide(second, new MadePaths(), `.wh.${second}`)
  expect(tree.directory(first)).toBeUndefined()
  at.untouched()
})

test('a directory that something else made there meanwhile is not gone into', () => {
  const at = site()
  const { tree } = treeAt(at.root)
  mkdirSync(join(at.root, 'foreign'))
  expect(() => tree.resolve('foreign', 'foreign/x', true)).toThrow(
    expect.objectContaining({ code: 'PATH_UNSAFE', path: 'foreign/x' }),
  )
})
