import { describe, expect, test } from 'vitest'
import { opaquePath, parseWhiteout, whiteoutPath } from '../../src/layer/index.ts'

describe('parseWhiteout', () => {
  test.each([
    ['.wh.a', { kind: 'file', path: 'a' }],
    ['a/b/.wh.c', { kind: 'file', path: 'a/b/c' }],
    ['.wh..hidden', { kind: 'file', path: '.hidden' }],
    ['.wh..wh..opq', { kind: 'opaque', path: '' }],
    ['a/.wh..wh..opq', { kind: 'opaque', path: 'a' }],
    ['a/.wh..wh.x', { kind: 'file', path: 'a/.wh.x' }],
    ['.wh.a.wh.b', { kind: 'file', path: 'a.wh.b' }],
    ['.wh....', { kind: 'file', path: '...' }],
  ])('%j hides', (path, whiteout) => expect(parseWhiteout(path)).toEqual(whiteout))

  test.each(['a', '', 'a.wh.b', 'wh.a', '.wh', '.wha', '.wh.dir/file', 'x/a.wh.'])(
    '%j is an ordinary name',
    (path) => expect(parseWhiteout(path)).toBeNull(),
  )

  test.each(['.wh.', 'a/.wh.', '.wh..', 'a/.wh...'])('%j stands for nothing', (path) => {
    expect(parseWhiteout(path)).toBe('invalid')
  })
})

test('the names of whiteouts parse to what they hide', () => {
  for (const path of ['a', 'a/b', '.x', 'a/.x']) {
    expect(parseWhiteout(whiteoutPath(path))).toEqual({ kind: 'file', path })
  }
  for (const path of ['', 'a', 'a/b'])
    expect(parseWhiteout(opaquePath(path))).toEqual({ kind: 'opaque', path })
})
