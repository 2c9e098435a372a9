import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Digest, digestBytes } from '../../src/digest/index.ts'
import { isOciError } from '../../src/errors.ts'
import {
  convertIndex,
  convertManifest,
  detectDocument,
  mediaTypes,
  parseConfig,
  parseIndex,
  parseManifest,
  parseSchema1,
  schema1Steps,
  schema1ToSchema2,
  serializeJson,
  toOciConfig,
} from '../../src/spec/index.ts'
import { caseTest } from '../cases.ts'

const text = new TextDecoder()
const json = (bytes: Uint8Array): unknown => JSON.parse(text.decode(bytes))
const digest = (character: string): Digest => `sha256:${character.repeat(64)}` as Digest

describe('the pairs of containers/image', () => {
  caseTest('schema 2 to OCI: the config to the byte, the manifest in every member', (cases) => {
    const file = (name: string) => readFileSync(join(cases, 'conversions', name))
    const config = toOciConfig(file('schema2-config.json'))
    const expected = json(file('schema2-to-oci1.json')) as { config: { digest: string; size: number } }
    expect(json(config.bytes)).toEqual(json(file('schema2-to-oci1-config.json')))
    expect(config.bytes.length).toBe(expected.config.size)
    expect(digestBytes(config.bytes)).toBe(expected.config.digest)
    const replaced = { digest: digestBytes(config.bytes), size: config.bytes.length }
    const manifest = convertManifest(file('schema2.json'), 'oci', { config: replaced })
    expect(json(manifest.bytes)).toEqual(expected)
    // The indentation and the order of members are those of the manifest that it was made from.
    expect(text.decode(manifest.bytes).split('\n')[1]).toBe('   "schemaVersion": 2,')
  })

  caseTest('schema 1 to schema 2', (cases) => {
    const file = (name: string) => readFileSync(join(cases, 'conversions', name))
    const expected = json(file('schema1-to-schema2.json')) as {
      config: object
      layers: { digest: Digest; size: number; mediaType: string }[]
    }
    const expectedConfig = parseConfig(file('schema1-to-schema2-config.json'))
    const { manifest } = parseSchema1(file('schema1.json'))
    const made = schema1ToSchema2(
      manifest,
      expected.layers.map((descriptor, position) => ({
        descriptor,
        diffID: expectedConfig.rootfs.diff_ids[position]!,
      })),
    )
    expect(json(made.config)).toEqual(expectedConfig)
    const { config, ...rest } = json(made.manifest) as { config: object }
    const { config: placeholder, ...expectedRest } = expected
    expect(rest).toEqual(expectedRest)
    expect(config).toEqual({ ...placeholder, digest: digestBytes(made.config), size: made.config.length })
  })

  caseTest('one document of each kind is told apart, and parsed or refused for the right reason', (cases) => {
    const directory = join(cases, 'conversions', 'manifests')
    const told = Object.fromEntries(
      readdirSync(directory).map((name) => {
        const bytes = readFileSync(join(directory, name))
        const { kind, problem } = detectDocument(bytes)
        const parsed = [parseManifest, parseIndex, parseSchema1].map((parse) => {
          try {
            parse(bytes)
            return 'parsed'
          } catch (error) {
            if (isOciError(error)) return error.code
            throw error
          }
        })
        return [name, [kind, ...parsed, problem === undefined]]
      }),
    )
    const parsedAs = (kind: string, position: number) => [
      kind,
      ...[0, 1, 2].map((each) => (each === position ? 'parsed' : 'DOCUMENT_INVALID')),
      true,
    ]
    // Links that lead nowhere, as files: their content is a path, which is no JSON.
    const link = ['unknown', 'JSON_INVALID', 'JSON_INVALID', 'JSON_INVALID', false]
    expect(told).toEqual({
      'non-json.manifest.json': link,
      'ociv1.artifact.json': link,
      'ociv1.everything.json': parsedAs('manifest', 0),
      'ociv1.image.index.json': link,
      'ociv1.manifest.json': link,
      'ociv1.nondistributable.gzip.manifest.json': parsedAs('manifest', 0),
      'ociv1.zstd.manifest.json': parsedAs('manifest', 0),
      'unknown-version.manifest.json': link,
      'v2list.manifest.json': link,
      'v2s1.everything.json': parsedAs('docker-schema1', 2),
      'v2s1.manifest.json': link,
      'v2s2.everything.json': parsedAs('docker-manifest', 0),
      'v2s2.manifest.json': link,
    })
  })

  caseTest('what of them can be converted is, what cannot is refused by name', (cases) => {
    const file = (name: string) => readFileSync(join(cases, 'conversions', 'manifests', name))
    const everything = file('ociv1.everything.json')
    expect(convertManifest(everything, 'oci').bytes).toEqual(new Uint8Array(everything))
    expect(() => convertManifest(everything, 'docker')).toThrow(/An artifact cannot be converted/)
    expect(() => convertManifest(file('ociv1.zstd.manifest.json'), 'docker')).toThrow(
      /has no zstd; have the layer/,
    )
    const foreign = convertManifest(file('ociv1.nondistributable.gzip.manifest.json'), 'docker')
    expect(foreign.dropped).toEqual([['annotations']])
    expect(parseManifest(foreign.bytes)).toMatchObject({
      mediaType: mediaTypes.dockerManifest,
      config: { mediaType: mediaTypes.dockerConfig, size: 7023 },
      layers: [{ mediaType: mediaTypes.dockerForeignLayerGzip, size: 32654 }],
    })
    const docker = convertManifest(file('v2s2.everything.json'), 'oci')
    expect(json(docker.bytes)).toEqual({
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: {
        mediaType: mediaTypes.config,
        size: 1,
        digest: digest('a'),
        urls: ['https://some.example/config'],
      },
      layers: [
        {
          mediaType: mediaTypes.layerGzip,
          size: 2,
          digest: digest('b'),
          urls: ['https://some.example/layer'],
        },
      ],
    })
    expect(convertManifest(docker.bytes, 'docker').bytes).toEqual(
      new Uint8Array(file('v2s2.everything.json')),
    )
  })
})

describe('configs', () => {
  const bare = { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] } }
  const converted = (config: object) => json(toOciConfig(serializeJson(config)).bytes)

  test('one without members of Docker alone stays to the byte', () => {
    const bytes = new TextEncoder().encode(
      '{ "os":"linux", "architecture":"amd64", "x": 12345678901234567890, "config": null,\n "rootfs":{"diff_ids":[],"type":"layers"} }',
    )
    expect(toOciConfig(bytes)).toEqual({ bytes, dropped: [] })
  })

  test('members that nobody knows come through, to the digit', () => {
    const bytes = new TextEncoder().encode(
      '{"docker_version":"1","z":{ "9": 1, "2": [12345678901234567890, "a b"]},"os":"linux","architecture":"amd64","__proto__":{"a":1},' +
        '"config":{"Hostname":"h","y":1.50},"rootfs":{"type":"layers","diff_ids":[],"x":{}},"history":[{"comment":"c","w":null}]}',
    )
    expect(text.decode(toOciConfig(bytes).bytes)).toBe(
      '{"architecture":"amd64","os":"linux","config":{"y":1.50},"rootfs":{"type":"layers","diff_ids":[],"x":{}},' +
        '"history":[{"comment":"c","w":null}],"z":{"9":1,"2":[12345678901234567890,"a b"]},"__proto__":{"a":1}}',
    )
  })

  test('what a container is run by stays, what says nothing goes', () => {
    const healthcheck = { Test: ['CMD', 'true'], Interval: 1 }
    const config = { Image: 'x', Healthcheck: healthcheck, OnBuild: ['RUN true'], Shell: ['/bin/bash', '-c'] }
    expect(converted({ ...bare, config })).toEqual({
      ...bare,
      config: { Healthcheck: healthcheck, OnBuild: ['RUN true'], Shell: ['/bin/bash', '-c'] },
    })
    const silent = {
      Image: 'x',
      Healthcheck: null,
      OnBuild: [],
      Volumes: null,
      Labels: {},
      Cmd: null,
      Memory: 0,
    }
    expect(converted({ ...bare, config: silent })).toEqual({ ...bare, config: {} })
  })

  test('text and sets are written as Go writes them', () => {
    const config = {
      Image: '',
      Labels: { b: '<&>\u2028', a: 'ü', 9: '' },
      ExposedPorts: { 80: {}, '8/udp': {} },
    }
    expect(text.decode(toOciConfig(serializeJson({ ...bare, config })).bytes)).toContain(
      '"config":{"ExposedPorts":{"8/udp":{},"80":{}},"Labels":{"9":"","a":"ü","b":"\\u003c\\u0026\\u003e\\u2028"}}',
    )
  })
})

describe('manifests', () => {
  const config = { mediaType: mediaTypes.config, digest: digest('a'), size: 2, data: 'e30=' }
  const layer = {
    mediaType: mediaTypes.layerGzip,
    digest: digest('b'),
    size: 3,
    annotations: { a: 'b' },
    x: 1,
  }
  const image = {
    schemaVersion: 2,
    config,
    layers: [layer],
    subject: { mediaType: mediaTypes.manifest, digest: digest('c'), size: 4 },
    annotations: { '9': 'a', '1': 'b' },
    unknown: { '9': 1, '1': null },
  }

  test("Docker's form drops what it cannot say, and says what that was", () => {
    const { bytes, dropped } = convertManifest(serializeJson(image), 'docker')
    expect(json(bytes)).toEqual({
      schemaVersion: 2,
      config: { mediaType: mediaTypes.dockerConfig, digest: digest('a'), size: 2 },
      layers: [{ mediaType: mediaTypes.dockerLayerGzip, digest: digest('b'), size: 3, x: 1 }],
      unknown: { '9': 1, '1': null },
      mediaType: mediaTypes.dockerManifest,
    })
    expect(dropped).toEqual([['subject'], ['annotations'], ['config', 'data'], ['layers', 0, 'annotations']])
  })

  test('content that was replaced is pointed to anew, and no stale copy of it stays', () => {
    const replaced = { digest: digest('d'), size: 9 }
    const recompressed = { ...replaced, mediaType: mediaTypes.layer }
    const { bytes } = convertManifest(serializeJson(image), 'oci', {
      config: replaced,
      layers: new Map([[0, recompressed]]),
    })
    expect(json(bytes)).toEqual({
      ...image,
      config: { mediaType: mediaTypes.config, ...replaced },
      layers: [{ ...layer, ...recompressed }],
    })
  })

  test('of an index, entries and what is said of them follow the images', () => {
    const entry = (character: string, annotations?: Record<string, string>) => ({
      mediaType: mediaTypes.dockerManifest,
      digest: digest(character),
      size: 1,
      platform: { architecture: 'amd64', os: 'linux', features: ['sse4'] },
      ...(annotations === undefined ? {} : { annotations }),
    })
    const list = {
      schemaVersion: 2,
      mediaType: mediaTypes.dockerManifestList,
      manifests: [entry('a'), entry('b', { 'vnd.docker.reference.digest': digest('a') }), entry('c')],
    }
    const becomes = (character: string) => ({
      mediaType: mediaTypes.manifest,
      digest: digest(character),
      size: 2,
    })
    const { bytes, dropped } = convertIndex(serializeJson(list), 'oci', [
      becomes('1'),
      becomes('2'),
      undefined,
    ])
    expect(json(bytes)).toEqual({
      schemaVersion: 2,
      mediaType: mediaTypes.index,
      manifests: [
        { ...entry('a'), ...becomes('1') },
        { ...entry('b', { 'vnd.docker.reference.digest': digest('1') }), ...becomes('2') },
      ],
    })
    expect(dropped).toEqual([['manifests', 2]])
    expect(() => convertIndex(serializeJson(list), 'oci', [])).toThrow(/has 3 entries/)
  })
})

describe('schema 1', () => {
  const id = (character: string) => character.repeat(64)
  const manifest = (...history: object[]) =>
    parseSchema1(
      serializeJson({
        schemaVersion: 1,
        architecture: 'arm64',
        fsLayers: history.map((_, position) => ({ blobSum: digest(String(position)) })),
        history: history.map((entry) => ({ v1Compatibility: JSON.stringify(entry) })),
      }),
    ).manifest

  test('a step that comes twice is one, and each stands on the one below it', () => {
    const top = { id: id('b'), parent: id('a') }
    expect(schema1Steps(manifest(top, top, { id: id('a') })).map((step) => step.layer.blobSum)).toEqual([
      digest('2'),
      digest('1'),
    ])
    expect(() => schema1Steps(manifest(top, { id: id('c') }))).toThrow(/stands on ccc/)
    expect(() => schema1Steps(manifest({ id: id('a'), parent: id('b') }))).toThrow(/is the lowest/)
    expect(() => schema1Steps(manifest({ id: 'a/../b' }))).toThrow(/64 hexadecimal/)
    expect(() =>
      schema1Steps(
        manifest({ id: id('a'), parent: id('b') }, { id: id('b'), parent: id('a') }, { id: id('a') }),
      ),
    ).toThrow(/another step has/)
  })

  test('a throwaway step is history without a layer, and what a config must say is filled in', () => {
    const document = manifest(
      {
        id: id('b'),
        parent: id('a'),
        throwaway: true,
        container_config: { Cmd: ['/bin/sh', '-c', 'a <b>'] },
      },
      { id: id('a'), created: '2020-01-01T00:00:00Z', Size: 3 },
    )
    const layer = {
      descriptor: { mediaType: mediaTypes.dockerLayerGzip, digest: digest('1'), size: 5 },
      diffID: digest('d'),
    }
    const { config, manifest: made } = schema1ToSchema2(document, [layer])
    expect(text.decode(config)).toBe(
      '{"architecture":"arm64","container_config":{"Cmd":["/bin/sh","-c","a \\u003cb\\u003e"]},' +
        '"history":[{"created":"2020-01-01T00:00:00Z"},{"created_by":"/bin/sh -c a \\u003cb\\u003e","empty_layer":true}],' +
        `"os":"linux","rootfs":{"type":"layers","diff_ids":["${digest('d')}"]}}`,
    )
    expect(parseManifest(made).layers).toEqual([
      { mediaType: mediaTypes.dockerLayerGzip, digest: digest('1'), size: 5 },
    ])
    expect(() => schema1ToSchema2(document, [])).toThrow(/has 1 layers/)
  })
})
