import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { digestBytes } from '../../src/digest/index.ts'
import { checkDescriptor, lintDescriptor, parseDescriptor } from '../../src/spec/index.ts'
import { caseTest } from '../cases.ts'
import { changed, digestA, layer } from './sample.ts'

interface Case {
  readonly why: string
  readonly valid: boolean
  readonly document: string
}

caseTest('every descriptor of image-spec gets its verdict', (directory) => {
  const cases: Case[] = JSON.parse(readFileSync(`${directory}/image-spec/descriptor.json`, 'utf8'))
  expect(cases.length).toBeGreaterThan(30)
  for (const { why, valid, document } of cases) {
    const errors = lintDescriptor(document).filter(({ level }) => level === 'error')
    if (valid) {
      expect(parseDescriptor(document), why).toEqual(JSON.parse(document))
      expect(errors, why).toEqual([])
    } else {
      expect(() => parseDescriptor(document), why).toThrow(
        expect.objectContaining({ code: 'DOCUMENT_INVALID' }),
      )
      expect(errors.length, why).toBeGreaterThan(0)
    }
  }
})

describe('what a descriptor must not be', () => {
  test.each<[string, (string | number)[], unknown, string]>([
    ['no media type', ['mediaType'], undefined, 'member-missing'],
    ['a media type with parameters', ['mediaType'], 'text/plain; charset=utf-8', 'media-type-invalid'],
    ['an empty media type', ['mediaType'], '', 'media-type-invalid'],
    ['a null media type', ['mediaType'], null, 'member-type'],
    ['no digest', ['digest'], undefined, 'member-missing'],
    ['a digest that climbs', ['digest'], 'sha256:../../../etc/passwd', 'digest-invalid'],
    ['a digest of upper case', ['digest'], `sha256:${'A'.repeat(64)}`, 'digest-invalid'],
    ['a digest too short', ['digest'], `sha256:${'a'.repeat(63)}`, 'digest-invalid'],
    ['a BLAKE3 digest too long', ['digest'], `blake3:${'a'.repeat(128)}`, 'digest-invalid'],
    ['a digest that is a list', ['digest'], [digestA], 'member-type'],
    ['no size', ['size'], undefined, 'member-missing'],
    ['a negative size', ['size'], -1, 'size-invalid'],
    ['half a byte', ['size'], 0.5, 'size-invalid'],
    ['urls that are no list', ['urls'], 'https://example.com', 'member-type'],
    ['a relative url', ['urls'], ['https://a.example', '/blob'], 'uri-invalid'],
    ['null annotations', ['annotations'], null, 'member-type'],
    ['an annotation that is a number', ['annotations'], { 'a.b': 1 }, 'member-type'],
    ['an annotation that is null', ['annotations'], { 'a.b': null }, 'member-type'],
    ['data that is not base64', ['data'], 'a-b_', 'data-invalid'],
    ['an artifact type of one word', ['artifactType'], 'sbom', 'media-type-invalid'],
    ['a platform without an architecture', ['platform'], { os: 'linux' }, 'member-missing'],
    ['a platform that is text', ['platform'], 'linux/amd64', 'member-type'],
    [
      'a variant that is a number',
      ['platform'],
      { os: 'linux', architecture: 'arm', variant: 7 },
      'member-type',
    ],
  ])('%s', (_, path, value, code) => {
    const text = JSON.stringify(changed(layer, path, value))
    expect(() => parseDescriptor(text)).toThrow(
      expect.objectContaining({ code: 'DOCUMENT_INVALID', issues: [expect.objectContaining({ code })] }),
    )
    expect(lintDescriptor(text)).toEqual([expect.objectContaining({ level: 'error', code })])
  })

  test('a size beyond 2^53 - 1, whose digits a number would lose', () => {
    const text = JSON.stringify(layer).replace('148', '9007199254740993')
    expect(() => parseDescriptor(text)).toThrow('size must be an integer from 0 to 2^53 - 1')
    expect(parseDescriptor(text.replace('9007199254740993', '9007199254740991')).size).toBe(2 ** 53 - 1)
  })

  test('an annotation named __proto__ that is no string', () => {
    const text = JSON.stringify(layer).replace('"size"', '"annotations":{"__proto__":1},"size"')
    expect(() => parseDescriptor(text)).toThrow('annotations.__proto__ must be a string')
  })

  test('anything but an object', () => {
    for (const text of ['null', '[]', '"a"', '1']) {
      expect(() => parseDescriptor(text)).toThrow(/the document must be an object, not /)
    }
  })

  test('more than a message can name: it names three places and counts the rest', () => {
    expect(() => parseDescriptor('{"urls":[1,2],"size":-1}')).toThrow(
      expect.objectContaining({
        message:
          'The descriptor breaks its specification: mediaType is required, but missing; digest is required, but missing; ' +
          'size must be an integer from 0 to 2^53 - 1; and 2 more (see issues)',
        issues: expect.arrayContaining([
          { path: ['urls', 1], code: 'member-type', message: 'must be a string, not 2' },
        ]),
      }),
    )
  })
})

describe('what a descriptor may be', () => {
  test.each<[string, (string | number)[], unknown]>([
    ['of a registered algorithm of the main branch', ['digest'], `blake3:${'0'.repeat(64)}`],
    ['of an algorithm that nobody knows', ['digest'], 'sha3-256+b64u:abc_-='],
    ['with members that nobody knows', ['x-unknown'], { a: [null] }],
    ['of a media type that nobody knows', ['mediaType'], 'a/b'],
    ['with an annotation of no value', ['annotations'], { 'org.opencontainers.image.title': '' }],
    ['with empty annotations', ['annotations'], {}],
    ['with a url of another scheme', ['urls'], ['ipfs://bafy/x', 'urn:a:b']],
  ])('%s', (_, path, value) => {
    const document = changed(layer, path, value)
    expect(parseDescriptor(JSON.stringify(document))).toEqual(document)
  })
})

describe('embedded content', () => {
  const content = new TextEncoder().encode('{"a":1}')
  const embedding = (algorithm: string) => ({
    ...layer,
    size: content.length,
    digest: digestBytes(content, algorithm),
    data: btoa('{"a":1}'),
  })

  test.each(['sha256', 'sha512', 'blake3'])('is held against its %s digest', (algorithm) => {
    const good = embedding(algorithm)
    expect(parseDescriptor(JSON.stringify(good)).data).toBe(good.data)
    expect(lintDescriptor(good).filter(({ level }) => level === 'error')).toEqual([])
    // Linting says so; parsing leaves it to who uses the data, as the specification does.
    const forged = { ...good, data: btoa('{"a":2}') }
    expect(lintDescriptor(forged)).toContainEqual({
      level: 'error',
      code: 'data-invalid',
      path: ['data'],
      message: expect.stringMatching(/^has digest .*, not the one that digest says$/),
    })
    expect(() => checkDescriptor(forged)).toThrow(/data has digest/)
  })

  test('is held against its size', () => {
    const document = { ...embedding('sha256'), size: 8 }
    expect(() => parseDescriptor(JSON.stringify(document))).toThrow('data holds 7 bytes, but size says 8')
  })

  test('of an algorithm that cannot be computed is held against its size alone', () => {
    const document = { ...embedding('sha256'), digest: 'md5:00' }
    expect(parseDescriptor(JSON.stringify(document)).digest).toBe('md5:00')
    expect(() => parseDescriptor(JSON.stringify({ ...document, size: 1 }))).toThrow('data holds 7 bytes')
  })
})
