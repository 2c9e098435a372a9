import { expect, test } from 'vitest'
import { parsePatterns } from '../../src/filesystem/index.ts'

// What Docker's own matcher says of each: its documentation and the behaviour of `docker build`.
test.each([
  ['**', 'file', true],
  ['**', 'dir/file', true],
  ['**/', 'file', true],
  ['**/', 'dir/file', true],
  ['**/**', 'dir/file', true],
  ['dir/**', 'dir/file', true],
  ['dir/**', 'dir/dir2/file', true],
  ['dir/**', 'dir', false],
  ['**/dir', 'dir', true],
  ['**/dir', 'a/b/dir', true],
  ['**/dir2/*', 'dir/dir2/file', true],
  ['**/dir2/**', 'dir/dir2/dir2/file', true],
  ['**file', 'file', true],
  ['**file', 'dir/file', true],
  ['**file', 'dir/dir/file', true],
  ['**/file', 'dir/file', true],
  ['**/file*', 'dir/dir/file.txt', true],
  ['**/file*txt', 'dir/dir/file.txt', true],
  ['**/file*.txt*', 'dir/dir/file.txt', true],
  ['**/**/*.txt', 'dir/dir/file.txt', true],
  ['**/*.txt2', 'dir/dir/file.txt', false],
  ['a**', 'abc/d', true],
  ['a**b', 'axb', true],
  ['a**b', 'a/x/b', true],
  ['a**b', 'a/x/c', false],
  ['*', 'dir/file', true],
  ['*.md', 'dir/a.md', false],
  ['/a/b', 'a/b', true],
  ['a/b/', 'a/b/c', true],
  ['./a', 'a', true],
  ['a/../b', 'b', true],
  ['abc.def', 'abcdef', false],
  ['abc.def', 'abc.def', true],
  ['abc?def', 'abcZdef', true],
  ['abc?def', 'abc/def', false],
  ['[a-c]d', 'bd', true],
  ['[^a-c]d', 'bd', false],
  ['[^a-c]d', 'xd', true],
  ['a\\*b', 'a*b', true],
  ['a\\*b', 'axb', false],
  ['a(b)', 'a(b)', true],
  ['a(b|c)', 'ab', false],
  ['{a,b}', 'a', false],
  ['{a,b}', '{a,b}', true],
  ['+(a)', 'aa', false],
  ['@(a)', '@(a)', true],
  ['a$', 'a$', true],
  ['^a', '^a', true],
  ['.hidden', '.hidden', true],
  ['*', '.hidden', true],
  ['dir', 'directory', false],
  ['', 'x', false],
  ['# x', '# x', false],
  ['.', 'x', false],
  ['/', 'x', false],
])('%j and %j: %s', (pattern, path, expected) => {
  expect(parsePatterns([pattern]).matches(path)).toBe(expected)
})

test.each([
  [['**', '!util/docker/web'], 'util/docker/web/foo', false],
  [['**', '!util/docker/web', 'util/docker/web/foo'], 'util/docker/web/foo', true],
  [['*', '!x', 'x/y'], 'x/z', false],
  [['*', '!x', 'x/y'], 'x/y', true],
  [['!x'], 'x', false],
])('%j and %j: %s', (patterns, path, expected) => {
  expect(parsePatterns(patterns).matches(path)).toBe(expected)
})

test('a pattern that would take forever is refused', () => {
  expect(() => parsePatterns(['a**b**c**d**e**f**g**h'])).toThrow(
    expect.objectContaining({ code: 'ARGUMENT_INVALID' }),
  )
})
