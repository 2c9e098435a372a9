import { describe, expect, test } from 'vitest'
import { lintIndex, mediaTypes, parseIndex, rawBytes, serializeJson } from '../../src/spec/index.ts'
import { changed, digestA, index } from './sample.ts'

describe('what an index must not be', () => {
  test.each<[string, (string | number)[], unknown, string]>([
    ['of another version', ['schemaVersion'], 3, 'member-value'],
    ['without manifests', ['manifests'], undefined, 'member-missing'],
    ['of manifests by name', ['manifests'], { a: 1 }, 'member-type'],
    ['of a manifest of no media type', ['manifests', 0, 'mediaType'], 'invalid', 'media-type-invalid'],
    ['of a manifest of an empty media type', ['manifests', 0, 'mediaType'], '', 'media-type-invalid'],
    ['of a manifest whose size is text', ['manifests', 0, 'size'], '7682', 'member-type'],
    ['of a manifest of negative size', ['manifests', 0, 'size'], -7682, 'size-invalid'],
    ['of a manifest without a digest', ['manifests', 0, 'digest'], undefined, 'member-missing'],
    [
      'of a platform without an architecture',
      ['manifests', 0, 'platform'],
      { os: 'linux' },
      'member-missing',
    ],
    [
      'of a platform without a system',
      ['manifests', 0, 'platform'],
      { architecture: 'arm' },
      'member-missing',
    ],
    ['of features that are text', ['manifests', 0, 'platform', 'os.features'], 'win32k', 'member-type'],
    ['of the media type of a manifest', ['mediaType'], mediaTypes.manifest, 'media-type-wrong'],
    ['of a subject that is text', ['subject'], '.nope', 'member-type'],
    ['of an artifact type that is none', ['artifactType'], 'foo/.bar', 'media-type-invalid'],
    ['a manifest as well', ['layers'], [], 'document-ambiguous'],
    ['of a config', ['config'], {}, 'document-ambiguous'],
    ['schema 1 as well', ['fsLayers'], [], 'document-ambiguous'],
  ])('%s', (_, path, value, code) => {
    const text = JSON.stringify(changed(index, path, value))
    expect(() => parseIndex(text)).toThrow(
      expect.objectContaining({
        code: 'DOCUMENT_INVALID',
        issues: expect.arrayContaining([expect.objectContaining({ code })]),
      }),
    )
    expect(lintIndex(text)).toContainEqual(expect.objectContaining({ level: 'error', code }))
  })
})

describe('what an index may be', () => {
  test.each<[string, (string | number)[], unknown]>([
    ['without a media type', ['mediaType'], undefined],
    ["Docker's manifest list", ['mediaType'], mediaTypes.dockerManifestList],
    ['empty', ['manifests'], []],
    ['of an index', ['manifests', 0, 'mediaType'], mediaTypes.index],
    ['of what nobody knows', ['manifests', 0, 'mediaType'], 'application/xml'],
    ['of an empty system', ['manifests', 0, 'platform', 'os'], ''],
    ['of a subject', ['subject'], { mediaType: mediaTypes.manifest, digest: digestA, size: 1 }],
    ['with members that nobody knows', ['LAYERS!'], []],
  ])('%s', (_, path, value) => {
    const document = changed(index, path, value)
    expect(parseIndex(JSON.stringify(document))).toEqual(document)
  })

  test('of null manifests, which umoci writes into a new layout', () => {
    const text = '{"schemaVersion":2,"manifests":null}\n'
    const parsed = parseIndex(text)
    expect(parsed.manifests).toEqual([])
    expect(new TextDecoder().decode(rawBytes(parsed))).toBe(text)
    expect(new TextDecoder().decode(serializeJson({ ...parsed, manifests: [] }))).toBe(
      '{"schemaVersion":2,"manifests":[]}',
    )
  })
})

test('what points to an index must not say a manifest list', () => {
  const text = JSON.stringify(index)
  expect(parseIndex(text, { mediaType: mediaTypes.index })).toEqual(index)
  expect(() => parseIndex(text, { mediaType: mediaTypes.dockerManifestList })).toThrow(
    expect.objectContaining({ code: 'DOCUMENT_INVALID' }),
  )
  expect(() => parseIndex(text, { mediaType: mediaTypes.manifest })).toThrow(
    expect.objectContaining({ code: 'MEDIA_TYPE_UNSUPPORTED' }),
  )
})

test('ten thousand manifests parse, and one that is broken is named', () => {
  const manifests = Array.from({ length: 10_000 }, (_, i) => ({ ...index.manifests[0], size: i }))
  const text = JSON.stringify({ ...index, manifests })
  expect(parseIndex(text).manifests[9999]?.size).toBe(9999)
  expect(() => parseIndex(text.replace('"size":7777', '"size":-1'))).toThrow('manifests[7777].size must be')
})
