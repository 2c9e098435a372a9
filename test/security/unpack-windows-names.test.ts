/** Names that lead elsewhere on Windows alone (node-tar's CVE-2021-37713 and CVE-2026-31802). */
import * as fs from 'node:fs'
import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { SafeTree } from '../../src/filesystem/safe-tree.ts'
import { refuseWindowsName } from '../../src/filesystem/windows-name.ts'
import { site } from './outside.ts'

test.each([
  'C:..\\..\\secret',
  'C:/secret',
  'C:secret',
  'a\\..\\..\\secret',
  '\\\\host\\share',
  'file:stream',
  'NUL',
  'a/con.txt',
  'COM1',
  'lpt9.log',
  'dots./x',
  'space /x',
  'what?',
  'pipe|',
])('%j is refused', (path) => {
  expect(() => refuseWindowsName(path, `entry ${path}`)).toThrow(
    expect.objectContaining({ code: 'PATH_UNSAFE', path: `entry ${path}` }),
  )
})

test.each(['a/b', '.hidden', 'console', 'null', 'com10', 'a.con', 'x..y', 'ümlaut ß'])(
  '%j is taken',
  (path) => {
    expect(() => refuseWindowsName(path, path)).not.toThrow()
  },
)

test.each(['C:../outside', '..\\outside', 'C:/outside'])('a symlink to %j is not followed', (target) => {
  const at = site()
  mkdirSync(at.root, { mode: 0o700 })
  symlinkSync(target, join(at.root, 'x'))
  const tree = new SafeTree(fs, at.root, () => {}, true)
  expect(() => tree.resolve('x', 'x/secret', true)).toThrow(expect.objectContaining({ code: 'PATH_UNSAFE' }))
  at.untouched()
})
