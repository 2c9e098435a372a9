import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeUtf8 } from '../../src/bytes.ts'
import { OciError } from '../../src/errors.ts'
import type { LintCode, LintFinding } from '../../src/spec/index.ts'
import {
  checkConfig,
  checkDescriptor,
  checkIndex,
  checkLayout,
  checkManifest,
  detectDocument,
  lintConfig,
  lintDescriptor,
  lintIndex,
  lintManifest,
  mediaTypes,
  parseConfig,
  parseDescriptor,
  parseIndex,
  parseManifest,
} from '../../src/spec/index.ts'
import { changed, config, digestA, index, layer, manifest } from './sample.ts'

type Path = (string | number)[]

function codes(findings: readonly LintFinding[]): string[] {
  return findings.map(({ level, code }) => `${level} ${code}`)
}

test('documents as they should be have no findings', () => {
  expect(lintDescriptor(layer)).toEqual([])
  expect(lintManifest(manifest)).toEqual([])
  expect(lintIndex(index)).toEqual([])
  expect(lintConfig(config)).toEqual([])
})

describe('a manifest', () => {
  test.each<[LintCode, Path, unknown, Path]>([
    ['media-type-missing', ['mediaType'], undefined, ['mediaType']],
    ['layers-empty', ['layers'], [], ['layers']],
    ['list-null', ['layers'], null, ['layers']],
    ['layer-type-unknown', ['layers', 0, 'mediaType'], 'a/b', ['layers', 0, 'mediaType']],
    ['media-type-mixed', ['layers', 0, 'mediaType'], mediaTypes.dockerLayerGzip, ['layers', 0, 'mediaType']],
    [
      'media-type-deprecated',
      ['layers', 0, 'mediaType'],
      mediaTypes.nondistributableLayerGzip,
      ['layers', 0, 'mediaType'],
    ],
    ['digest-unregistered', ['config', 'digest'], 'sha256+b64:abc', ['config', 'digest']],
    [
      'url-scheme',
      ['layers', 0, 'urls'],
      ['https://a.example/', 'ftp://a.example/'],
      ['layers', 0, 'urls', 1],
    ],
    ['annotation-name', ['annotations'], { key1: '' }, ['annotations', 'key1']],
    [
      'annotation-reserved',
      ['annotations'],
      { 'org.opencontainers.image.nme': '' },
      ['annotations', 'org.opencontainers.image.nme'],
    ],
    [
      'annotation-value',
      ['annotations'],
      { 'org.opencontainers.image.created': 'today' },
      ['annotations', 'org.opencontainers.image.created'],
    ],
    [
      'annotation-value',
      ['layers', 0, 'annotations'],
      { 'org.opencontainers.image.base.digest': 'abc' },
      ['layers', 0, 'annotations', 'org.opencontainers.image.base.digest'],
    ],
    [
      'annotation-value',
      ['annotations'],
      { 'org.opencontainers.image.source': 'example.com' },
      ['annotations', 'org.opencontainers.image.source'],
    ],
  ])('%s at %j', (code, path, value, at) => {
    const document = changed(manifest, path, value)
    expect(lintManifest(document)).toEqual([expect.objectContaining({ level: 'warning', code, path: at })])
    expect(parseManifest(JSON.stringify(document))).toBeTruthy()
  })

  test("of Docker's types throughout is no mixture", () => {
    const docker = {
      ...manifest,
      mediaType: mediaTypes.dockerManifest,
      config: { ...manifest.config, mediaType: mediaTypes.dockerConfig },
      layers: [{ ...layer, mediaType: mediaTypes.dockerLayerGzip }],
    }
    expect(lintManifest(docker)).toEqual([])
    expect(codes(lintManifest({ ...docker, config: manifest.config }))).toEqual(['warning media-type-mixed'])
  })

  test('of an artifact may have any layers', () => {
    const artifact = {
      ...manifest,
      artifactType: 'application/vnd.example',
      config: { ...manifest.config, mediaType: 'application/vnd.example.config+json' },
      layers: [{ ...layer, mediaType: 'text/plain' }],
    }
    expect(lintManifest(artifact)).toEqual([])
  })

  test('whose empty descriptor is not empty', () => {
    const artifact = {
      ...manifest,
      artifactType: 'application/vnd.example',
      config: { ...manifest.config, mediaType: mediaTypes.empty },
    }
    expect(codes(lintManifest(artifact))).toContain('warning empty-descriptor')
  })

  test('with much embedded', () => {
    const size = (16 << 10) + 1
    const data = btoa('x'.repeat(size))
    const digest = 'sha3+b:x'
    const findings = lintManifest(changed(manifest, ['layers', 0], { ...layer, size, data, digest }))
    expect(codes(findings)).toEqual(['warning digest-unregistered', 'warning data-large'])
  })
})

describe('an index', () => {
  const entry = index.manifests[0]
  test.each<[LintCode, Path, unknown, Path]>([
    ['media-type-missing', ['mediaType'], undefined, ['mediaType']],
    ['list-null', ['manifests'], null, ['manifests']],
    [
      'manifest-type-unknown',
      ['manifests', 0, 'mediaType'],
      'application/xml',
      ['manifests', 0, 'mediaType'],
    ],
    [
      'media-type-mixed',
      ['manifests', 0, 'mediaType'],
      mediaTypes.dockerManifest,
      ['manifests', 0, 'mediaType'],
    ],
    ['platform-os', ['manifests', 0, 'platform', 'os'], 'Linux', ['manifests', 0, 'platform', 'os']],
    [
      'platform-architecture',
      ['manifests', 0, 'platform', 'architecture'],
      'x86_64',
      ['manifests', 0, 'platform', 'architecture'],
    ],
    ['platform-variant', ['manifests', 0, 'platform', 'architecture'], 'arm', ['manifests', 0, 'platform']],
    [
      'platform-variant',
      ['manifests', 0, 'platform', 'variant'],
      'v8',
      ['manifests', 0, 'platform', 'variant'],
    ],
    [
      'reserved-member',
      ['manifests', 0, 'platform', 'features'],
      ['sse4'],
      ['manifests', 0, 'platform', 'features'],
    ],
    ['platform-missing', ['manifests'], [entry, { ...entry, platform: undefined }], ['manifests', 1]],
    [
      'ref-name',
      ['manifests', 0, 'annotations'],
      { 'org.opencontainers.image.ref.name': 'a//b' },
      ['manifests', 0, 'annotations', 'org.opencontainers.image.ref.name'],
    ],
    ['digest-unregistered', ['subject'], { ...layer, digest: 'md5:00' }, ['subject', 'digest']],
  ])('%s at %j', (code, path, value, at) => {
    const document = changed(index, path, value)
    expect(lintIndex(document)).toEqual([expect.objectContaining({ level: 'warning', code, path: at })])
    expect(parseIndex(JSON.stringify(document))).toBeTruthy()
  })

  test('with a feature of Windows that is none', () => {
    const platform = { architecture: 'amd64', os: 'windows', 'os.features': ['win32k', 'gui'] }
    expect(lintIndex(changed(index, ['manifests', 0, 'platform'], platform))).toEqual([
      expect.objectContaining({
        code: 'platform-feature',
        path: ['manifests', 0, 'platform', 'os.features', 1],
      }),
    ])
  })

  test("of BuildKit's attestations has nothing to report", () => {
    const attestation = {
      ...entry,
      platform: { os: 'unknown', architecture: 'unknown' },
      annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
    }
    expect(lintIndex({ ...index, manifests: [entry, attestation] })).toEqual([])
  })

  test('of several names needs no platforms', () => {
    const named = (name: string) => ({
      ...layer,
      mediaType: mediaTypes.manifest,
      annotations: { 'org.opencontainers.image.ref.name': name },
    })
    expect(lintIndex({ ...index, manifests: [named('a'), named('b')] })).toEqual([])
  })
})

describe('a config', () => {
  test.each<[LintCode, Path, unknown, Path]>([
    ['platform-os', ['os'], 'gnu', ['os']],
    ['platform-architecture', ['architecture'], '', ['architecture']],
    ['platform-variant', ['variant'], 'v9', ['variant']],
    ['digest-unregistered', ['rootfs', 'diff_ids'], ['md5:00'], ['rootfs', 'diff_ids', 0]],
    ['history-layers', ['history'], [], ['history']],
    ['history-layers', ['history', 1, 'empty_layer'], false, ['history']],
    ['env-duplicate', ['config', 'Env'], ['A=1', 'B=', 'A=2'], ['config', 'Env', 2]],
    [
      'exposed-port',
      ['config', 'ExposedPorts'],
      { '80': {}, '80/udp': {}, '0': {} },
      ['config', 'ExposedPorts', '0'],
    ],
    ['exposed-port', ['config', 'ExposedPorts'], { '80/http': {} }, ['config', 'ExposedPorts', '80/http']],
    ['volume-path', ['config', 'Volumes'], { '/a/../b': {} }, ['config', 'Volumes', '/a/../b']],
    ['volume-path', ['config', 'Volumes'], { data: {} }, ['config', 'Volumes', 'data']],
    ['working-dir', ['config', 'WorkingDir'], '/a/..', ['config', 'WorkingDir']],
    ['working-dir', ['config', 'WorkingDir'], 'app', ['config', 'WorkingDir']],
    ['stop-signal', ['config', 'StopSignal'], 'TERM!', ['config', 'StopSignal']],
    ['user-malformed', ['config', 'User'], 'a:b:c', ['config', 'User']],
    ['args-escaped', ['config', 'ArgsEscaped'], true, ['config', 'ArgsEscaped']],
    [
      'annotation-reserved',
      ['config', 'Labels'],
      { maintainer: 'a', 'org.opencontainers.x': '' },
      ['config', 'Labels', 'org.opencontainers.x'],
    ],
  ])('%s at %j', (code, path, value, at) => {
    const document = changed(config, path, value)
    expect(lintConfig(document)).toEqual([expect.objectContaining({ level: 'warning', code, path: at })])
    expect(parseConfig(JSON.stringify(document))).toBeTruthy()
  })

  test.each(['foo', '=x', ''])('Env %j is an error, and parses', (entry) => {
    const document = changed(config, ['config', 'Env'], [entry])
    expect(lintConfig(document)).toEqual([
      expect.objectContaining({ level: 'error', code: 'env-malformed', path: ['config', 'Env', 0] }),
    ])
    expect(parseConfig(JSON.stringify(document)).config?.Env).toEqual([entry])
  })

  test('of Windows has its own paths and names', () => {
    const windows = {
      ...config,
      os: 'windows',
      config: { WorkingDir: 'C:\\app', Volumes: { 'C:\\data': {} }, Env: ['=C:=C:\\', 'Path=a', 'PATH=b'] },
    }
    expect(codes(lintConfig(windows))).toEqual(['warning env-duplicate'])
    expect(codes(lintConfig(changed(windows, ['config', 'WorkingDir'], 'C:\\a\\..\\..')))).toContain(
      'warning working-dir',
    )
  })

  test.each(['SIGTERM', 'SIGRTMIN+3', '9', 'SIGRTMAX-1', ''])('signal %j is one', (StopSignal) => {
    expect(lintConfig(changed(config, ['config', 'StopSignal'], StopSignal))).toEqual([])
  })
})

describe('never throws for content', () => {
  test.each([
    ['broken JSON', '{', 'json-invalid'],
    ['a name twice', '{"a":1,"a":1}', 'json-invalid'],
    [
      'another spelling',
      JSON.stringify(manifest).replace('"layers"', '"Layers":[],"layers"'),
      'json-invalid',
    ],
    ['a value that spells otherwise', { ...manifest, Layers: [] }, 'json-invalid'],
    ['a value that JSON cannot say', { a: Number.NaN }, 'json-invalid'],
    ['undefined', undefined, 'json-invalid'],
    ['too much', ' '.repeat(5 << 20), 'document-too-large'],
    ['another kind', index, 'member-missing'],
  ])('%s', (_, document, code) => {
    expect(lintManifest(document)[0]).toMatchObject({ level: 'error', code })
  })

  test('bytes changed anywhere: parsing throws OciError alone, linting nothing', () => {
    const kinds: [object, (document: unknown) => readonly LintFinding[], (bytes: Uint8Array) => unknown][] = [
      [manifest, lintManifest, parseManifest],
      [index, lintIndex, parseIndex],
      [config, lintConfig, parseConfig],
      [layer, lintDescriptor, parseDescriptor],
    ]
    const change = fc.tuple(
      fc.nat(),
      fc.nat(3),
      fc.oneof(fc.uint8Array({ maxLength: 3 }), fc.json().map(encodeUtf8)),
    )
    fc.assert(
      fc.property(
        fc.constantFrom(...kinds),
        fc.array(change, { maxLength: 3 }),
        ([document, lint, parse], changes) => {
          let bytes = [...encodeUtf8(JSON.stringify(document))]
          for (const [at, removed, put] of changes)
            bytes = bytes.toSpliced(at % bytes.length, removed, ...put)
          const content = Uint8Array.from(bytes)
          const errors = lint(content).filter(
            ({ level, code }) => level === 'error' && code !== 'env-malformed',
          )
          detectDocument(content)
          try {
            parse(content)
          } catch (error) {
            expect(error).toBeInstanceOf(OciError)
            expect(errors).not.toEqual([])
            return
          }
          expect(errors).toEqual([])
        },
      ),
      { numRuns: 2000 },
    )
  })

  test('a conflict with what points here is an error', () => {
    expect(codes(lintManifest(manifest, { mediaType: mediaTypes.dockerManifest }))).toEqual([
      'error media-type-conflict',
    ])
  })
})

describe('what is written', () => {
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

  test('is valid, and its bytes come back', () => {
    expect(text(checkManifest(manifest))).toBe(JSON.stringify(manifest))
    expect(text(checkIndex(index))).toBe(JSON.stringify(index))
    expect(text(checkConfig(config))).toBe(JSON.stringify(config))
    expect(text(checkDescriptor(layer))).toBe(JSON.stringify(layer))
    expect(text(checkLayout({ imageLayoutVersion: '1.0.0' }))).toBe('{"imageLayoutVersion":"1.0.0"}')
  })

  test('keeps the bytes of what was parsed, whatever it SHOULD be', () => {
    const source = `${JSON.stringify({ ...manifest, mediaType: undefined }, null, 3)}\n`
    expect(text(checkManifest(parseManifest(source)))).toBe(source)
  })

  test.each<[string, () => unknown]>([
    ['an empty list of layers', () => checkManifest({ ...manifest, layers: [] })],
    ['a null list', () => checkIndex({ ...index, manifests: null })],
    ['a size that is negative', () => checkDescriptor({ ...layer, size: -1 })],
    ['Env without a name', () => checkConfig(changed(config, ['config', 'Env'], ['x']))],
    ['a layout of another version', () => checkLayout({ imageLayoutVersion: '1.1.0' })],
    ['bytes with a name twice', () => checkLayout(new TextEncoder().encode('{"a":1,"a":2}'))],
  ])('%s is refused', (_, write) => {
    expect(write).toThrow(expect.objectContaining({ code: 'DOCUMENT_INVALID', issues: [expect.anything()] }))
  })

  test('may break a rule that is named', () => {
    const bare = { ...manifest, layers: [] }
    expect(text(checkManifest(bare, { allow: ['layers-empty'] }))).toBe(JSON.stringify(bare))
    expect(() =>
      checkManifest({ ...bare, config: { ...layer, size: -1 } }, { allow: ['layers-empty'] }),
    ).toThrow()
  })

  test('of what JSON cannot say is a mistake of the caller', () => {
    expect(() => checkManifest({ ...manifest, annotations: { a: () => digestA } })).toThrow(
      expect.objectContaining({ code: 'ARGUMENT_INVALID' }),
    )
  })
})
