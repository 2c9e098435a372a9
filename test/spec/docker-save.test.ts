import { describe, expect, test } from 'vitest'
import { parseDockerRepositories, parseDockerSaveManifest } from '../../src/spec/index.ts'
import { digestA, layer } from './sample.ts'

const image = { Config: 'a.json', RepoTags: ['a:1'], Layers: ['a/layer.tar'] }

test('manifest.json parses, of any Docker', () => {
  const images = [
    image,
    { Config: `blobs/sha256/${'a'.repeat(64)}`, RepoTags: null, Layers: null },
    { Config: 'b', Parent: digestA, LayerSources: { [digestA]: layer }, Unknown: 1 },
  ]
  expect(parseDockerSaveManifest(JSON.stringify(images))).toEqual(images)
  expect(parseDockerSaveManifest('[]')).toEqual([])
})

test.each([
  ['null'],
  ['{}'],
  ['[null]'],
  ['[{}]'],
  [JSON.stringify([{ ...image, Config: 1 }])],
  [JSON.stringify([{ ...image, RepoTags: 'a:1' }])],
  [JSON.stringify([{ ...image, Layers: [1] }])],
  [JSON.stringify([{ ...image, LayerSources: { [digestA]: { ...layer, size: -1 } } }])],
])('%s is no manifest.json', (text) => {
  expect(() => parseDockerSaveManifest(text)).toThrow(expect.objectContaining({ code: 'DOCUMENT_INVALID' }))
})

test('another spelling of its names is refused', () => {
  expect(() => parseDockerSaveManifest('[{"Config":"a","layers":[]}]')).toThrow(
    expect.objectContaining({ code: 'JSON_INVALID' }),
  )
})

describe('repositories', () => {
  test('parses', () => {
    const repositories = { 'bazel/v1/tarball': { test_image_1: 'abc' }, empty: {} }
    expect(parseDockerRepositories(JSON.stringify(repositories))).toEqual(repositories)
  })

  test.each([['null'], ['[]'], ['{"a":"b"}'], ['{"a":{"b":1}}'], ['{"__proto__":1}']])(
    '%s is none',
    (text) => {
      expect(() => parseDockerRepositories(text)).toThrow(
        expect.objectContaining({ code: 'DOCUMENT_INVALID' }),
      )
    },
  )
})
