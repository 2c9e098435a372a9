import * as fs from 'node:fs'
import { afterEach, expect, test, vi } from 'vitest'
import { accelerator, builtin, filePath, requireBuiltin, setAccelerated } from '../src/runtime.ts'

afterEach(() => {
  setAccelerated(true)
  vi.unstubAllGlobals()
})

test('gives the modules that Node has', () => {
  expect(builtin('node:fs')?.readFileSync).toBe(fs.readFileSync)
  expect(requireBuiltin('node:fs', 'Reading')).toBe(builtin('node:fs'))
  expect(accelerator('node:zlib')).toBe(builtin('node:zlib'))
})

test('gives no accelerator when acceleration is off, but the file system still', () => {
  setAccelerated(false)
  expect(accelerator('node:crypto')).toBeUndefined()
  expect(accelerator('node:zlib')).toBeUndefined()
  expect(accelerator('node:worker_threads')).toBeUndefined()
  expect(builtin('node:fs')).toBeDefined()
})

test.each([
  ['no process', undefined],
  ["a bundler's process", { env: {} }],
  ['a runtime that lacks the module', { getBuiltinModule: () => undefined }],
])('with %s there are none, and what needs one says so', (_, process) => {
  vi.stubGlobal('process', process)
  const found = builtin('node:fs')
  const crypto = accelerator('node:crypto')
  let error: unknown
  try {
    requireBuiltin('node:fs', 'Opening a directory')
  } catch (thrown) {
    error = thrown
  }
  vi.unstubAllGlobals()
  expect(found).toBeUndefined()
  expect(crypto).toBeUndefined()
  expect(error).toMatchObject({
    code: 'RUNTIME_UNSUPPORTED',
    message: expect.stringMatching(/^Opening a directory needs node:fs/),
  })
})

test('a path is a path, a file: URL names one, and any other URL is refused', () => {
  expect(filePath('a b', 'A layout')).toBe('a b')
  expect(filePath('file:///a%20b', 'A layout')).toContain('a b')
  expect(filePath(new URL('file:///a%20b'), 'A layout')).toContain('a b')
  for (const source of [new URL('https://host/x'), 'file://host/x', 'file:///a%2Fb', 'file://[x']) {
    if (process.platform === 'win32' && source === 'file://host/x') continue
    expect(() => filePath(source, 'A layout')).toThrow(expect.objectContaining({ code: 'ARGUMENT_INVALID' }))
  }
})
