import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { isOciError, OciError } from '../src/errors.ts'

test('carries its code, its message and the details it was given, and no others', () => {
  const cause = new Error('below')
  const issues = [{ path: ['layers', 0], message: 'is no descriptor' }]
  const error = new OciError('SIZE_MISMATCH', 'Too long', {
    cause,
    expected: 1,
    actual: 2,
    path: undefined,
    issues,
  })
  expect(error).toBeInstanceOf(Error)
  expect(error).toMatchObject({
    name: 'OciError',
    code: 'SIZE_MISMATCH',
    message: 'Too long',
    expected: 1,
    actual: 2,
  })
  expect(error.issues).toBe(issues)
  expect(error.cause).toBe(cause)
  expect('path' in error).toBe(false)
  expect('digest' in error).toBe(false)
  expect('cause' in new OciError('SIZE_MISMATCH', 'Too long')).toBe(false)
})

test('prints without empty fields', () => {
  const text = inspect(new OciError('PATH_NOT_FOUND', 'Nothing is there', { path: '/a' }))
  expect(text).toContain('OciError: Nothing is there')
  expect(text).toContain("path: '/a'")
  expect(text).not.toContain('undefined')
})

test('isOciError asks for the class and, where one is given, the code', () => {
  const error: unknown = new OciError('BLOB_NOT_FOUND', 'Not here')
  expect(isOciError(error)).toBe(true)
  expect(isOciError(error, 'BLOB_NOT_FOUND')).toBe(true)
  expect(isOciError(error, 'DIGEST_INVALID')).toBe(false)
  expect(isOciError(Object.assign(new Error('x'), { code: 'BLOB_NOT_FOUND' }))).toBe(false)
  expect(isOciError(undefined)).toBe(false)
})
