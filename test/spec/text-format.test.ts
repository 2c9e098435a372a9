import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { dateTimeProblem, decodeBase64, uriProblem } from '../../src/spec/text-format.ts'

describe('dates', () => {
  test.each([
    '2015-10-31T22:22:56.015925234Z',
    '0001-01-01T00:00:00Z',
    '2020-02-29t23:59:60z',
    '2019-08-09T14:09:12.848554218+02:00',
    '2000-02-29T00:00:00-23:59',
  ])('%s is one', (text) => {
    expect(dateTimeProblem(text)).toBeUndefined()
  })

  test.each([
    '',
    '2020-01-01',
    '2020-01-01 00:00:00Z',
    '2020-01-01T00:00:00',
    '2020-01-01T24:00:00Z',
    '2020-01-01T00:60:00Z',
    '2020-01-01T00:00:61Z',
    '2020-13-01T00:00:00Z',
    '2020-00-01T00:00:00Z',
    '2019-02-29T00:00:00Z',
    '1900-02-29T00:00:00Z',
    '2020-04-31T00:00:00Z',
    '2020-01-01T00:00:00.Z',
    '2020-01-01T00:00:00+0200',
    '2020-01-01T00:00:00Z\n',
    '20200-01-01T00:00:00Z',
  ])('%j is none', (text) => {
    expect(dateTimeProblem(text)).toBeDefined()
  })

  test('every instant of JavaScript is one', () => {
    fc.assert(
      fc.property(
        fc.date({
          min: new Date('0000-01-01T00:00:00Z'),
          max: new Date('9999-12-31T23:59:59Z'),
          noInvalidDate: true,
        }),
        (date) => {
          expect(dateTimeProblem(date.toISOString())).toBeUndefined()
        },
      ),
    )
  })
})

describe('URIs', () => {
  test.each([
    'https://example.com/foo',
    'http://user:pass@[2001:db8::1]:8080/a%20b?c=d/e?f#g',
    'https://[v1.a:b]/',
    'urn:example:a',
    'mailto:a@b.example',
    'file:///etc/x',
    'a+b-c.d:',
    'https://example.com:/',
    "http://h/!$&'()*+,;=:@~._-",
  ])('%s is one', (text) => {
    expect(uriProblem(text)).toBeUndefined()
  })

  test.each([
    '',
    'value',
    '/path',
    '//host/path',
    '1http://x',
    'http://a b',
    'http://a/\u00e9',
    'http://a/%zz',
    'http://a/%2',
    'http://a/<x>',
    'http://a/[x]',
    'http://[::1/',
    'http://::1/',
    'http://a:80:80/',
    'http://a:x/',
    'http://a@b@c/',
    'http://a/#b#c',
    'http://a/\n',
  ])('%j is none', (text) => {
    expect(uriProblem(text)).toBeDefined()
  })

  test('every URL that a browser writes is one', () => {
    fc.assert(
      fc.property(fc.webUrl({ withFragments: true, withQueryParameters: true }), (url) => {
        expect(uriProblem(url)).toBeUndefined()
      }),
    )
  })
})

describe('base64', () => {
  test('is what Node writes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(decodeBase64(Buffer.from(bytes).toString('base64'))).toEqual(Uint8Array.from(bytes))
      }),
    )
  })

  test.each(['YQ', 'YQ=', 'YQ===', 'Y Q=', 'YQ==\n', 'Y-_=', '====', 'YQ==YQ=='])('is not %j', (text) => {
    expect(decodeBase64(text)).toBeUndefined()
  })

  test('of four megabytes is decoded', () => {
    const bytes = new Uint8Array(3 << 20).fill(0x61)
    expect(decodeBase64(Buffer.from(bytes).toString('base64'))).toHaveLength(3 << 20)
  })
})
