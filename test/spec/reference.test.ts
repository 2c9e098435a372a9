import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatReference, isRepositoryName, isTag, parseReference } from '../../src/spec/index.ts'

const digest = `sha256:${'a'.repeat(64)}`

describe('taking apart', () => {
  test.each([
    ['app', { repository: 'app' }],
    ['app:1', { repository: 'app', tag: '1' }],
    ['owner/app', { repository: 'owner/app' }],
    ['ghcr.io/owner/app:1.2', { registry: 'ghcr.io', repository: 'owner/app', tag: '1.2' }],
    ['localhost/app', { registry: 'localhost', repository: 'app' }],
    ['localhost:5000/app:x', { registry: 'localhost:5000', repository: 'app', tag: 'x' }],
    ['localhost:5000', { repository: 'localhost', tag: '5000' }],
    ['host:80/a/b/c', { registry: 'host:80', repository: 'a/b/c' }],
    ['127.0.0.1:5000/a', { registry: '127.0.0.1:5000', repository: 'a' }],
    ['[::1]/a', { registry: '[::1]', repository: 'a' }],
    ['[2001:db8::1]:5000/a/b:t', { registry: '[2001:db8::1]:5000', repository: 'a/b', tag: 't' }],
    ['[1:2:3:4:5:6:7:8]/a', { registry: '[1:2:3:4:5:6:7:8]', repository: 'a' }],
    ['EXAMPLE.com/a', { registry: 'EXAMPLE.com', repository: 'a' }],
    [`a@${digest}`, { repository: 'a', digest }],
    [`r.io/a:t@${digest}`, { registry: 'r.io', repository: 'a', tag: 't', digest }],
    ['a@other+x:AbC_=-', { repository: 'a', digest: 'other+x:AbC_=-' }],
    ['docker.io/alpine', { registry: 'docker.io', repository: 'alpine' }],
    ['a.b__c-d---e/f', { registry: undefined, error: 'registry' }],
    ['x/a.b__c-d---e/f', { repository: 'x/a.b__c-d---e/f' }],
    ['a:_under', { repository: 'a', tag: '_under' }],
  ] as const)('%j', (text, parts) => {
    if ('error' in parts) {
      expect(() => parseReference(text)).toThrow(
        expect.objectContaining({ code: 'REFERENCE_INVALID', message: expect.stringContaining(parts.error) }),
      )
      return
    }
    expect(parseReference(text)).toEqual(parts)
    expect(formatReference(parseReference(text))).toBe(text)
  })

  test('Docker Hub is filled in only when asked for', () => {
    const hub = (text: string) => formatReference(parseReference(text, { dockerHub: true }))
    expect(hub('alpine')).toBe('docker.io/library/alpine:latest')
    expect(hub('alpine:3')).toBe('docker.io/library/alpine:3')
    expect(hub('owner/app')).toBe('docker.io/owner/app:latest')
    expect(hub(`owner/app@${digest}`)).toBe(`docker.io/owner/app@${digest}`)
    expect(hub(`app:1@${digest}`)).toBe(`docker.io/library/app:1@${digest}`)
    expect(hub('index.docker.io/alpine')).toBe('docker.io/library/alpine:latest')
    expect(hub('docker.io/alpine')).toBe('docker.io/library/alpine:latest')
    expect(hub('ghcr.io/app')).toBe('ghcr.io/app:latest')
    expect(hub('localhost/app:1')).toBe('localhost/app:1')
    expect(parseReference('alpine', { dockerHub: false })).toEqual({ repository: 'alpine' })
    expect(parseReference('index.docker.io/alpine').registry).toBe('index.docker.io')
    const imageID = 'ab'.repeat(32)
    expect(() => hub(imageID)).toThrow(/looks like an image ID/)
    expect(parseReference(imageID).repository).toBe(imageID)
  })
})

describe('what is refused, and why', () => {
  test.each([
    ['', 'is empty'],
    [' a', 'white space'],
    ['a\n', 'white space'],
    ['https://ghcr.io/a', 'without a scheme'],
    ['docker://alpine', 'without a scheme'],
    ['App', 'upper case'],
    ['Owner/app', 'upper case'],
    ['ghcr.io/Owner/app', 'upper case'],
    ['ghcr.io/', 'is empty'],
    ['/a', 'empty name between slashes'],
    ['a//b', 'empty name between slashes'],
    ['a/', 'empty name between slashes'],
    ['ghcr.io//a', 'empty name between slashes'],
    ['-a', 'separator'],
    ['a-', 'separator'],
    ['x/a..b', 'separator'],
    ['x/a___b', 'separator'],
    ['x/a._b', 'separator'],
    ['../a', 'no host name'],
    ['x/../a', 'separator'],
    ['x/é', '"é"'],
    ['x/a%2f', '"%"'],
    ['a:', 'is empty'],
    ['a:.b', 'dot or dash'],
    ['a:-b', 'dot or dash'],
    ['a:b+c', '"+"'],
    [`a:${'t'.repeat(129)}`, '129 characters'],
    ['r'.repeat(256), '256 characters'],
    ['a@', 'digest'],
    ['a@sha256:abc', 'digest'],
    [`a@sha256:${'A'.repeat(64)}`, 'digest'],
    [`a@${digest}@${digest}`, 'digest'],
    [`@${digest}`, 'is empty'],
    [':tag', 'is empty'],
    ['host:99999/a', 'port'],
    ['host:0/a', 'port'],
    ['host:/a', 'port'],
    ['host:123456/a', 'port'],
    ['host:x/a', 'port'],
    ['::1/a', 'brackets'],
    ['[::1/a', 'brackets'],
    ['[]/a', 'IPv6'],
    ['[1::2::3]/a', 'IPv6'],
    ['[12345::]/a', 'IPv6'],
    ['[1:2:3:4:5:6:7:8:9]/a', 'IPv6'],
    ['[1:2:3:4:5:6:7]/a', 'IPv6'],
    ['[1:2:3:4::5:6:7:8]/a', 'IPv6'],
    ['[fe80::1%eth0]/a', 'brackets'],
    ['[::1]x/a', 'brackets'],
    ['a_b.c/d', 'no host name'],
    ['-a.b/c', 'no host name'],
    ['a..b/c', 'no host name'],
    ['user:pass@host/a', 'digest'],
  ])('%j: %s', (text, why) => {
    expect(() => parseReference(text)).toThrow(
      expect.objectContaining({ code: 'REFERENCE_INVALID', message: expect.stringContaining(why) }),
    )
  })

  test('lengths are counted to the last character', () => {
    expect(parseReference(`${'r'.repeat(255)}:${'t'.repeat(128)}`).tag).toHaveLength(128)
    expect(() => parseReference(`${'r'.repeat(248)}:t`, { dockerHub: true })).toThrow(/256 characters/)
  })

  test('names that fail at their end are refused in linear time', () => {
    for (const text of [`x/${'a-'.repeat(100_000)}`, `a:${'t'.repeat(1e6)}`, `[${':'.repeat(1e6)}]/a`]) {
      expect(() => parseReference(text)).toThrow(expect.objectContaining({ code: 'REFERENCE_INVALID' }))
    }
  })

  test('parts whose text would be read otherwise are not written', () => {
    for (const parts of [
      { repository: 'a.b/c' },
      { repository: 'localhost/c' },
      { registry: 'host', repository: 'c' },
      { registry: '', repository: 'c' },
      { registry: 'r.io', repository: 'a:b' },
      { registry: 'r.io', repository: 'a', tag: '' },
    ]) {
      expect(() => formatReference(parts)).toThrow(expect.objectContaining({ code: 'REFERENCE_INVALID' }))
    }
  })
})

test('names and tags alone', () => {
  expect(isRepositoryName('a/b')).toBe(true)
  expect(isRepositoryName('a/B')).toBe(false)
  expect(isRepositoryName('r'.repeat(256))).toBe(false)
  expect(isTag('V1.0_-')).toBe(true)
  expect(isTag('a/b')).toBe(false)
  expect(isTag('')).toBe(false)
  expect(isTag('a\n')).toBe(false)
})

test('any text is parsed to parts that write it again, or refused with the one code', () => {
  const piece = fc.constantFrom(
    'a',
    'b9',
    'A',
    '.',
    ':',
    '/',
    '@',
    '-',
    '_',
    '[',
    ']',
    '::1',
    '80',
    digest,
    ' ',
    '%',
  )
  const text = fc.array(piece, { maxLength: 9 }).map((pieces) => pieces.join(''))
  fc.assert(
    fc.property(text, (given) => {
      try {
        const parts = parseReference(given)
        expect(formatReference(parts)).toBe(given)
      } catch (error) {
        expect(error).toMatchObject({ code: 'REFERENCE_INVALID' })
      }
    }),
    { numRuns: 3000 },
  )
})
