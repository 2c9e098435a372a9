/**
 * One document, two meanings: a registry, a scanner and a runtime that read a manifest each in its own way can be
 * made to see three images under one digest (CVE-2021-41190 and its kin). None of these documents parses.
 * @see https://github.com/opencontainers/image-spec/security/advisories/GHSA-77vh-xpmg-72qh
 */
import { describe, expect, test } from 'vitest'
import type { ParseOptions } from '../../src/spec/index.ts'
import {
  checkIndex,
  checkManifest,
  lintManifest,
  mediaTypes,
  parseIndex,
  parseManifest,
} from '../../src/spec/index.ts'
import { index, manifest } from '../spec/sample.ts'

const untyped = { mediaType: undefined }
const both = { ...manifest, ...index, ...untyped }

function refused(text: string, options: ParseOptions = {}): void {
  for (const parse of [parseManifest, parseIndex]) {
    expect(() => parse(text, options)).toThrow(
      expect.objectContaining({
        code: expect.stringMatching(/^(JSON_INVALID|DOCUMENT_INVALID|MEDIA_TYPE_UNSUPPORTED)$/),
      }),
    )
  }
}

describe('is refused, by whatever name it comes', () => {
  test.each<[string, object]>([
    ['a manifest and an index', both],
    ['a manifest with an empty index', { ...manifest, manifests: [] }],
    ['a manifest with an index that is no list', { ...manifest, ...untyped, manifests: {} }],
    ['an index with layers', { ...index, layers: manifest.layers }],
    ['an index with a config', { ...index, config: manifest.config }],
    ['a manifest with layers of schema 1', { ...manifest, fsLayers: [] }],
    ['an index with layers of schema 1', { ...index, fsLayers: [] }],
  ])('%s', (_, document) => {
    const text = JSON.stringify(document)
    refused(text)
    for (const mediaType of [mediaTypes.manifest, mediaTypes.index, mediaTypes.dockerManifest]) {
      refused(text, { mediaType })
    }
  })

  test('a manifest that calls itself an index, and an index that calls itself a manifest', () => {
    refused(JSON.stringify({ ...manifest, mediaType: mediaTypes.index }))
    refused(JSON.stringify({ ...index, mediaType: mediaTypes.manifest }))
  })

  test('a document that contradicts what points to it', () => {
    refused(JSON.stringify(manifest), { mediaType: mediaTypes.dockerManifest })
    refused(JSON.stringify(manifest), { mediaType: mediaTypes.index })
    refused(JSON.stringify(index), { mediaType: mediaTypes.manifest })
  })

  test.each([
    ['"layers":', '"layers":[],"layers":'],
    ['"layers":', '"Layers":[],"layers":'],
    ['"layers":', '"layers":[],"layer\\u0073":'],
    ['"layers":', '"layer\u017f":[],"layers":'],
    ['"config":', '"manifestS":[],"config":'],
    ['"config":', '"FsLayers":[],"config":'],
    ['"mediaType":', '"mediatype":"application/vnd.oci.image.index.v1+json","mediaType":'],
    ['"digest":', '"Digest":"sha256:b","digest":'],
    ['"size":', '"size":1,"size":'],
  ])('%s written %s', (from, to) => {
    for (const document of [manifest, index]) {
      const text = JSON.stringify(document)
      if (text.includes(from)) refused(text.replace(from, to))
      else expect(document).toBe(index)
    }
  })
})

test('is an error to linting, and is not written', () => {
  expect(lintManifest(both)).toContainEqual(
    expect.objectContaining({ level: 'error', code: 'document-ambiguous', path: ['manifests'] }),
  )
  for (const write of [checkManifest, checkIndex]) {
    for (const document of [both, { ...manifest, Layers: [] }, { ...index, Manifests: [] }]) {
      expect(() => write(document)).toThrow(expect.objectContaining({ code: 'DOCUMENT_INVALID' }))
    }
  }
})
