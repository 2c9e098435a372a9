import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { digestBytes } from '../../src/digest/index.ts'
import {
  lintManifest,
  mediaTypes,
  parseConfig,
  parseManifest,
  rawBytes,
  serializeJson,
} from '../../src/spec/index.ts'
import { caseTest } from '../cases.ts'
import { changed, manifest } from './sample.ts'

interface Case {
  readonly why: string
  readonly valid: boolean
  readonly document: string
}

/** What the JSON Schema refuses and the prose says SHOULD of: parsing lets it pass, linting reports it. */
const shouldOnly: Readonly<Record<string, string>> = { 'empty layer, expected at least one': 'layers-empty' }

caseTest('every manifest of image-spec gets its verdict', (directory) => {
  const cases: Case[] = JSON.parse(readFileSync(`${directory}/image-spec/manifest.json`, 'utf8'))
  expect(cases.length).toBeGreaterThan(11)
  for (const { why, valid, document } of cases) {
    const findings = lintManifest(document)
    const lenient = Object.entries(shouldOnly).find(([reason]) => why.includes(reason))?.[1]
    if (valid || lenient !== undefined) {
      expect(parseManifest(document), why).toEqual(JSON.parse(document))
      expect(
        findings.filter(({ level }) => level === 'error'),
        why,
      ).toEqual([])
      if (lenient !== undefined) expect(findings.map(({ code }) => code)).toContain(lenient)
    } else {
      expect(() => parseManifest(document), why).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^(DOCUMENT|JSON)_INVALID$/) }),
      )
      expect(findings[0], why).toMatchObject({ level: 'error' })
    }
  }
})

caseTest('the mysterious image writes back to its digests', (directory) => {
  const bytes = readFileSync(`${directory}/mysterious-image/manifest.json`)
  const parsed = parseManifest(bytes, { mediaType: mediaTypes.manifest })
  const written = serializeJson(parsed)
  expect(written).toHaveLength(502)
  expect(digestBytes(written)).toBe('sha256:703c711516a88a4ec99d742ce59e1a2f0802a51dac916975ab6f2b60212cd713')

  const config = parseConfig(readFileSync(`${directory}/mysterious-image/config.json`), {
    mediaType: parsed.config.mediaType,
  })
  expect(serializeJson(config)).toHaveLength(850)
  expect(digestBytes(serializeJson(config))).toBe(
    'sha256:8b2633baa7e149fe92e6d74b95e33d61b53ba129021ba251ac0c7ab7eafea825',
  )
})

describe('what a manifest must not be', () => {
  test.each<[string, (string | number)[], unknown, string]>([
    ['of another version', ['schemaVersion'], 1, 'member-value'],
    ['of no version', ['schemaVersion'], undefined, 'member-missing'],
    ['of a version that is text', ['schemaVersion'], '2', 'member-value'],
    ['without a config', ['config'], undefined, 'member-missing'],
    ['of a null config', ['config'], null, 'member-type'],
    ['without layers', ['layers'], undefined, 'member-missing'],
    ['of layers that are no list', ['layers'], {}, 'member-type'],
    ['of a null layer', ['layers', 0], null, 'member-type'],
    ['of the media type of an index', ['mediaType'], mediaTypes.index, 'media-type-wrong'],
    ['of a media type of its own', ['mediaType'], 'application/vnd.example+json', 'media-type-wrong'],
    ['of a media type that is none', ['mediaType'], 'manifest', 'media-type-invalid'],
    ['of an artifact type that is none', ['artifactType'], 'x', 'media-type-invalid'],
    ['of a subject that is none', ['subject'], {}, 'member-missing'],
    ['of null annotations', ['annotations'], null, 'member-type'],
    ['an index as well', ['manifests'], [], 'document-ambiguous'],
    ['schema 1 as well', ['fsLayers'], [{ blobSum: 'x' }], 'document-ambiguous'],
    ['an artifact without a type', ['config', 'mediaType'], mediaTypes.empty, 'artifact-type-missing'],
  ])('%s', (_, path, value, code) => {
    const text = JSON.stringify(changed(manifest, path, value))
    expect(() => parseManifest(text)).toThrow(
      expect.objectContaining({
        code: 'DOCUMENT_INVALID',
        issues: expect.arrayContaining([expect.objectContaining({ code })]),
      }),
    )
    expect(lintManifest(text)).toContainEqual(expect.objectContaining({ level: 'error', code }))
  })
})

describe('what a manifest may be', () => {
  test.each<[string, (string | number)[], unknown]>([
    ['without a media type', ['mediaType'], undefined],
    ["of Docker's media type", ['mediaType'], mediaTypes.dockerManifest],
    ['without layers in its list', ['layers'], []],
    ['of a config that nobody knows', ['config', 'mediaType'], 'application/vnd.example.config.v1+json'],
    ['of a layer that nobody knows', ['layers', 0, 'mediaType'], 'application/vnd.example.model'],
    ['with members that nobody knows', ['x'], { schemaversion: 1, manifests: [] }],
    ['with a null where an index has manifests', ['manifests'], null],
  ])('%s', (_, path, value) => {
    const document = changed(manifest, path, value)
    expect(parseManifest(JSON.stringify(document))).toEqual(document)
  })

  test('of null layers, as Go writes an empty list: they read as none, and are written as they were', () => {
    const text = JSON.stringify(changed(manifest, ['layers'], null))
    const parsed = parseManifest(text)
    expect(parsed.layers).toEqual([])
    expect(Object.isFrozen(parsed)).toBe(true)
    expect(new TextDecoder().decode(rawBytes(parsed))).toBe(text)
    expect(new TextDecoder().decode(serializeJson({ ...parsed, annotations: {} }))).toContain('"layers":[]')
  })
})

describe('what points to a manifest', () => {
  const text = JSON.stringify(manifest)

  test('says the same, or what is not known here', () => {
    expect(parseManifest(text, { mediaType: mediaTypes.manifest })).toEqual(manifest)
    const untyped = JSON.stringify(changed(manifest, ['mediaType'], undefined))
    expect(parseManifest(untyped, { mediaType: 'application/vnd.example+json' }).schemaVersion).toBe(2)
  })

  test('must not say another kind of manifest', () => {
    expect(() => parseManifest(text, { mediaType: mediaTypes.dockerManifest })).toThrow(
      expect.objectContaining({
        code: 'DOCUMENT_INVALID',
        message: expect.stringContaining('but what points here says'),
      }),
    )
  })

  test('must not say that it is no manifest at all', () => {
    for (const mediaType of [mediaTypes.index, mediaTypes.config, mediaTypes.layer]) {
      expect(() => parseManifest(text, { mediaType })).toThrow(
        expect.objectContaining({ code: 'MEDIA_TYPE_UNSUPPORTED' }),
      )
    }
  })
})

test('what was parsed cannot be changed', () => {
  const parsed = parseManifest(JSON.stringify(manifest))
  expect(() => {
    ;(parsed.layers as unknown[]).push(1)
  }).toThrow(TypeError)
  expect(Object.isFrozen(parsed.layers[0])).toBe(true)
})
