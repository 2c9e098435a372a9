import { expect, test } from 'vitest'
import { lintLayout, parseLayout } from '../../src/spec/index.ts'

test('the oci-layout file parses, with members that nobody knows', () => {
  expect(parseLayout('{"imageLayoutVersion": "1.0.0", "x": 1}')).toEqual({
    imageLayoutVersion: '1.0.0',
    x: 1,
  })
  expect(lintLayout('{"imageLayoutVersion": "1.0.0"}')).toEqual([])
})

test.each([['{}'], ['{"imageLayoutVersion": 1}'], ['{"imageLayoutVersion": null}'], ['[]'], ['null']])(
  '%s is no oci-layout file',
  (text) => {
    expect(() => parseLayout(text)).toThrow(expect.objectContaining({ code: 'DOCUMENT_INVALID' }))
    expect(lintLayout(text)).toEqual([expect.objectContaining({ level: 'error' })])
  },
)

test.each([['{"imageLayoutVersion": 1.0.0}'], ['{"imagelayoutversion": "1.0.0"}'], ['']])(
  '%s is refused',
  (text) => {
    expect(() => parseLayout(text)).toThrow(expect.objectContaining({ code: 'JSON_INVALID' }))
    expect(lintLayout(text)).toEqual([expect.objectContaining({ level: 'error', code: 'json-invalid' })])
  },
)

test('a version that does not exist parses, and is an error to linting', () => {
  const text = '{"imageLayoutVersion": "2.0.0"}'
  expect(parseLayout(text).imageLayoutVersion).toBe('2.0.0')
  expect(lintLayout(text)).toEqual([
    expect.objectContaining({ level: 'error', code: 'layout-version-unknown', path: ['imageLayoutVersion'] }),
  ])
})
