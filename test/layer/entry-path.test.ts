import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { baseName, normalizePath, parentPath } from '../../src/layer/index.ts'

describe('normalizePath', () => {
  test.each([
    ['etc', 'etc'],
    ['etc/', 'etc'],
    ['./etc', 'etc'],
    ['./', ''],
    ['.', ''],
    ['', ''],
    ['/', ''],
    ['/.', ''],
    ['//', ''],
    ['/etc/passwd', 'etc/passwd'],
    ['.//./etc//passwd//', 'etc/passwd'],
    ['a/./b', 'a/b'],
    ['a/../b', 'b'],
    ['a/b/..', 'a'],
    ['a/..', ''],
    ['..a/b..', '..a/b..'],
    ['.../x', '.../x'],
    ['.a', '.a'],
    ['a/.b', 'a/.b'],
    ['./.wh.a', '.wh.a'],
  ])('%j is %j, inside of the root', (name, path) => {
    expect(normalizePath(name)).toEqual({ path, leavesRoot: false })
  })

  test.each([
    ['..', ''],
    ['../x', 'x'],
    ['/../x', 'x'],
    ['a/../../x', 'x'],
    ['./../x', 'x'],
    ['a/../..', ''],
  ])('%j leaves the root, and is %j inside of it', (name, path) => {
    expect(normalizePath(name)).toEqual({ path, leavesRoot: true })
  })

  test('any name gives the path that a walk over its components does', () => {
    const component = fc.constantFrom('', '.', '..', 'a', 'b', '...', '.c', 'd.')
    fc.assert(
      fc.property(fc.array(component), (components) => {
        const kept: string[] = []
        let leaves = false
        for (const part of components) {
          if (part === '..') leaves = kept.pop() === undefined || leaves
          else if (part !== '' && part !== '.') kept.push(part)
        }
        expect(normalizePath(components.join('/'))).toEqual({ path: kept.join('/'), leavesRoot: leaves })
      }),
      { numRuns: 2000 },
    )
  })
})

test('the directory and the name of a path', () => {
  expect([parentPath('a/b/c'), baseName('a/b/c')]).toEqual(['a/b', 'c'])
  expect([parentPath('a'), baseName('a')]).toEqual(['', 'a'])
  expect([parentPath(''), baseName('')]).toEqual(['', ''])
})
