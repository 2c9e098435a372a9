import { expect, test } from 'vitest'
import { digestBytes } from '../../src/digest/index.ts'
import type { Manifest } from '../../src/spec/index.ts'
import {
  artifactTypeOf,
  emptyContent,
  emptyDescriptor,
  isArtifact,
  mediaTypes,
} from '../../src/spec/index.ts'

test('the empty descriptor tells the truth of its content', () => {
  const descriptor = emptyDescriptor()
  expect(descriptor).toEqual({
    mediaType: 'application/vnd.oci.empty.v1+json',
    digest: digestBytes(emptyContent()),
    size: emptyContent().length,
    data: btoa(new TextDecoder().decode(emptyContent())),
  })
  expect(new TextDecoder().decode(emptyContent())).toBe('{}')
})

test('an artifact is told by its type or by a config that is no image’s', () => {
  const image: Manifest = {
    schemaVersion: 2,
    config: { ...emptyDescriptor(), mediaType: mediaTypes.config },
    layers: [],
  }
  const withConfig = (mediaType: string): Manifest => ({ ...image, config: { ...image.config, mediaType } })
  expect(isArtifact(image)).toBe(false)
  expect(isArtifact(withConfig(mediaTypes.dockerConfig))).toBe(false)
  expect(isArtifact({ ...image, artifactType: '' })).toBe(false)
  expect(isArtifact({ ...image, artifactType: 'application/x' })).toBe(true)
  expect(isArtifact(withConfig('application/vnd.cncf.helm.config.v1+json'))).toBe(true)
  expect(isArtifact(withConfig(mediaTypes.empty))).toBe(true)
})

test('a referrers response shows the artifact type, else the config’s type, for an index nothing', () => {
  const manifest: Manifest = { schemaVersion: 2, config: emptyDescriptor(), layers: [] }
  expect(artifactTypeOf({ ...manifest, artifactType: 'application/x' })).toBe('application/x')
  expect(artifactTypeOf(manifest)).toBe(mediaTypes.empty)
  expect(artifactTypeOf({ ...manifest, artifactType: '' })).toBe(mediaTypes.empty)
  expect(artifactTypeOf({ schemaVersion: 2, manifests: [], artifactType: 'application/y' })).toBe(
    'application/y',
  )
  expect(artifactTypeOf({ schemaVersion: 2, manifests: [] })).toBeUndefined()
})
