import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { DocumentType } from '../../src/spec/index.ts'
import {
  detectDocument,
  mediaTypes,
  parseConfig,
  parseIndex,
  parseManifest,
  parseSchema1,
} from '../../src/spec/index.ts'
import { caseTest } from '../cases.ts'
import { config, index, layer, manifest } from './sample.ts'

const schema1 = { schemaVersion: 1, name: 'a', tag: 'b', fsLayers: [], history: [] }
const bare = { mediaType: undefined }
const dockerConfig = { ...manifest.config, mediaType: mediaTypes.dockerConfig }

test.each<[string, object, DocumentType, string | undefined]>([
  ['a manifest', manifest, 'manifest', mediaTypes.manifest],
  ['a manifest without a media type', { ...manifest, ...bare }, 'manifest', mediaTypes.manifest],
  [
    "Docker's manifest",
    { ...manifest, mediaType: mediaTypes.dockerManifest },
    'docker-manifest',
    mediaTypes.dockerManifest,
  ],
  [
    "Docker's without a media type",
    { ...manifest, ...bare, config: dockerConfig },
    'docker-manifest',
    mediaTypes.dockerManifest,
  ],
  ['an index', index, 'index', mediaTypes.index],
  ['an index without a media type', { ...index, ...bare }, 'index', mediaTypes.index],
  ['an empty index of umoci', { schemaVersion: 2, manifests: null }, 'index', mediaTypes.index],
  [
    'a manifest list',
    { ...index, mediaType: mediaTypes.dockerManifestList },
    'docker-manifest-list',
    mediaTypes.dockerManifestList,
  ],
  [
    "an index of Docker's manifests without a media type",
    { schemaVersion: 2, manifests: [{ ...layer, mediaType: mediaTypes.dockerManifest }] },
    'index',
    mediaTypes.index,
  ],
  ['schema 1', schema1, 'docker-schema1', mediaTypes.dockerSchema1],
  [
    'schema 1 with signatures',
    { ...schema1, signatures: [] },
    'docker-schema1-signed',
    mediaTypes.dockerSchema1Signed,
  ],
  [
    'an artifact manifest',
    { mediaType: mediaTypes.artifactManifest, blobs: [layer] },
    'artifact-manifest',
    mediaTypes.artifactManifest,
  ],
  ['a config', config, 'config', mediaTypes.config],
  ["Docker's config", { ...config, docker_version: '1.12.1' }, 'config', mediaTypes.dockerConfig],
  ['the oci-layout file', { imageLayoutVersion: '1.0.0' }, 'layout', mediaTypes.layoutHeader],
  ['a descriptor', layer, 'descriptor', mediaTypes.descriptor],
  ['a descriptor of a manifest', index.manifests[0] as object, 'descriptor', mediaTypes.descriptor],
  ['version 3', { ...manifest, schemaVersion: 3 }, 'unknown', mediaTypes.manifest],
  ['a version that is text', { ...manifest, schemaVersion: '2' }, 'unknown', mediaTypes.manifest],
  ['a media type that nobody knows', { ...manifest, mediaType: 'a/b' }, 'unknown', 'a/b'],
  ['version 2 and nothing else', { schemaVersion: 2 }, 'unknown', undefined],
  ['an image of the first format', { id: 'a', os: 'linux', architecture: 'arm' }, 'unknown', undefined],
  ['nothing', {}, 'unknown', undefined],
  ['a list', [], 'unknown', undefined],
])('%s', (_, document, kind, mediaType) => {
  const detected = detectDocument(JSON.stringify(document))
  expect(detected).toMatchObject({ kind, ...(mediaType === undefined ? {} : { mediaType }) })
  expect(detected.problem === undefined).toBe(kind !== 'unknown')
})

test.each<[string, object, DocumentType]>([
  ['a manifest that is an index', { ...manifest, manifests: [] }, 'manifest'],
  ['an index that is a manifest', { ...index, layers: [], config: {} }, 'index'],
  ['schema 1 that is a manifest', { ...schema1, layers: [] }, 'docker-schema1'],
])('%s has a problem', (_, document, kind) => {
  expect(detectDocument(JSON.stringify(document))).toMatchObject({
    kind,
    problem: expect.stringMatching(/ambiguous/),
  })
})

test('what is no JSON is unknown, with the reason', () => {
  expect(detectDocument('../../internal/manifest')).toMatchObject({
    kind: 'unknown',
    problem: expect.stringMatching(/line 1, column 1/),
  })
  expect(detectDocument('{"a":1,"a":2}')).toMatchObject({
    kind: 'unknown',
    problem: expect.stringMatching(/twice/),
  })
  expect(detectDocument(new Uint8Array([0xff]))).toMatchObject({
    kind: 'unknown',
    problem: expect.stringMatching(/UTF-8/),
  })
  expect(detectDocument('[1,2,3]', { maxSize: 3 })).toMatchObject({
    kind: 'unknown',
    problem: expect.stringMatching(/longer than/),
  })
})

caseTest('documents of each kind are told apart, and parsed or refused for the right reason', (directory) => {
  // Where the kind is null, the file holds the target of a symbolic link, which is no JSON.
  const expected: Record<string, [DocumentType, ((bytes: Uint8Array) => unknown) | null, RegExp?]> = {
    'manifests/non-json.manifest.json': ['unknown', null],
    'manifests/ociv1.artifact.json': ['unknown', null],
    'manifests/ociv1.image.index.json': ['unknown', null],
    'manifests/ociv1.manifest.json': ['unknown', null],
    'manifests/unknown-version.manifest.json': ['unknown', null],
    'manifests/v2list.manifest.json': ['unknown', null],
    'manifests/v2s1.manifest.json': ['unknown', null],
    'manifests/v2s2.manifest.json': ['unknown', null],
    'manifests/ociv1.everything.json': ['manifest', parseManifest],
    'manifests/ociv1.nondistributable.gzip.manifest.json': ['manifest', parseManifest],
    'manifests/ociv1.zstd.manifest.json': ['manifest', parseManifest],
    'manifests/v2s1.everything.json': ['docker-schema1', parseSchema1],
    'manifests/v2s2.everything.json': ['docker-manifest', parseManifest],
    'schema1-to-schema2-config.json': ['config', parseConfig],
    // The converter did not know the size of the config.
    'schema1-to-schema2.json': ['docker-manifest', parseManifest, /config\.size must be an integer/],
    'schema1.json': ['docker-schema1-signed', parseSchema1],
    'schema2-config.json': ['config', parseConfig],
    'schema2-to-oci1-config.json': ['config', parseConfig],
    'schema2-to-oci1.json': ['manifest', parseManifest],
    'schema2.json': ['docker-manifest', parseManifest],
  }
  const files = readdirSync(`${directory}/conversions`, { recursive: true, encoding: 'utf8' })
  expect(files.filter((name) => name.endsWith('.json')).sort()).toEqual(Object.keys(expected).sort())
  for (const [name, [kind, parse, refusal]] of Object.entries(expected)) {
    const bytes = readFileSync(`${directory}/conversions/${name}`)
    const text = bytes.toString()
    // The targets of the links, if a later copy of the cases has them, are documents of their kind.
    if (parse === null && text.trimStart().startsWith('{')) continue
    expect(detectDocument(bytes).kind, name).toBe(kind)
    for (const other of [parseManifest, parseIndex, parseConfig, parseSchema1]) {
      if (other === parse && refusal === undefined) expect(() => other(bytes), name).not.toThrow()
      else
        expect(() => other(bytes), `${name} by ${other.name}`).toThrow(other === parse ? refusal : undefined)
    }
  }
})
