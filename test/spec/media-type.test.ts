import { describe, expect, test } from 'vitest'
import {
  isConfigType,
  isIndexType,
  isLayerType,
  isManifestType,
  isMediaType,
  isNondistributable,
  isSchema1Type,
  layerCompression,
  mediaTypes,
  toDockerMediaType,
  toOciMediaType,
  withLayerCompression,
} from '../../src/spec/index.ts'

const all = Object.values(mediaTypes)

/** The names in `mediaTypes` for which a predicate holds. */
function those(predicate: (mediaType: string) => boolean): string[] {
  return Object.entries(mediaTypes).flatMap(([name, mediaType]) => (predicate(mediaType) ? [name] : []))
}

describe('kinds', () => {
  test('each predicate holds for exactly its own types', () => {
    expect(those(isManifestType)).toEqual(['manifest', 'dockerManifest'])
    expect(those(isIndexType)).toEqual(['index', 'dockerManifestList'])
    expect(those(isSchema1Type)).toEqual(['dockerSchema1', 'dockerSchema1Signed'])
    expect(those(isConfigType)).toEqual(['config', 'dockerConfig'])
    expect(those(isNondistributable)).toEqual([
      'nondistributableLayer',
      'nondistributableLayerGzip',
      'nondistributableLayerZstd',
      'dockerForeignLayer',
      'dockerForeignLayerGzip',
    ])
    expect(those(isLayerType)).toEqual(Object.keys(mediaTypes).filter((name) => /layer/i.test(name)))
  })

  test('unknown types, and known ones in another case or with parameters, are none of them', () => {
    for (const mediaType of [
      '',
      'application/json',
      mediaTypes.layerGzip.toUpperCase(),
      `${mediaTypes.manifest}; charset=utf-8`,
      `${mediaTypes.layerGzip}+encrypted`,
    ]) {
      for (const predicate of [
        isManifestType,
        isIndexType,
        isSchema1Type,
        isConfigType,
        isLayerType,
        isNondistributable,
      ]) {
        expect(predicate(mediaType)).toBe(false)
      }
      expect(toOciMediaType(mediaType)).toBeUndefined()
      expect(toDockerMediaType(mediaType)).toBeUndefined()
    }
  })
})

describe('compression', () => {
  test('is read from the media type', () => {
    expect(layerCompression('application/vnd.oci.image.layer.v1.tar')).toBe('none')
    expect(layerCompression('application/vnd.oci.image.layer.v1.tar+gzip')).toBe('gzip')
    expect(layerCompression('application/vnd.oci.image.layer.v1.tar+zstd')).toBe('zstd')
    expect(layerCompression('application/vnd.oci.image.layer.nondistributable.v1.tar+zstd')).toBe('zstd')
    expect(layerCompression('application/vnd.docker.image.rootfs.diff.tar')).toBe('none')
    expect(layerCompression('application/vnd.docker.image.rootfs.diff.tar.gzip')).toBe('gzip')
    expect(layerCompression('application/vnd.docker.image.rootfs.diff.tar.zstd')).toBe('zstd')
    expect(layerCompression('application/vnd.docker.image.rootfs.foreign.diff.tar.gzip')).toBe('gzip')
    expect(layerCompression(mediaTypes.manifest)).toBeUndefined()
    expect(layerCompression('application/vnd.example+gzip')).toBeUndefined()
  })

  test('is changed within the family, and says so in the type again', () => {
    for (const mediaType of all.filter(isLayerType)) {
      for (const compression of ['none', 'gzip', 'zstd'] as const) {
        if (compression === 'zstd' && mediaType.includes('foreign')) continue
        const changed = withLayerCompression(mediaType, compression)
        expect(layerCompression(changed)).toBe(compression)
        expect(isNondistributable(changed)).toBe(isNondistributable(mediaType))
        expect(changed.split('.')[1]).toBe(mediaType.split('.')[1])
        expect(withLayerCompression(changed, layerCompression(mediaType)!)).toBe(mediaType)
      }
    }
  })

  test('is refused where there is no media type for it', () => {
    for (const mediaType of [mediaTypes.dockerForeignLayer, mediaTypes.dockerForeignLayerGzip]) {
      expect(() => withLayerCompression(mediaType, 'zstd')).toThrow(
        expect.objectContaining({ code: 'MEDIA_TYPE_UNSUPPORTED' }),
      )
    }
    expect(() => withLayerCompression(mediaTypes.config, 'gzip')).toThrow(
      expect.objectContaining({ code: 'MEDIA_TYPE_UNSUPPORTED', actual: mediaTypes.config }),
    )
  })
})

describe('the compatibility matrix', () => {
  test('goes both ways and is the identity on its own side', () => {
    const pairs = [
      [
        'application/vnd.oci.image.index.v1+json',
        'application/vnd.docker.distribution.manifest.list.v2+json',
      ],
      ['application/vnd.oci.image.manifest.v1+json', 'application/vnd.docker.distribution.manifest.v2+json'],
      ['application/vnd.oci.image.config.v1+json', 'application/vnd.docker.container.image.v1+json'],
      ['application/vnd.oci.image.layer.v1.tar', 'application/vnd.docker.image.rootfs.diff.tar'],
      ['application/vnd.oci.image.layer.v1.tar+gzip', 'application/vnd.docker.image.rootfs.diff.tar.gzip'],
      ['application/vnd.oci.image.layer.v1.tar+zstd', 'application/vnd.docker.image.rootfs.diff.tar.zstd'],
      [
        'application/vnd.oci.image.layer.nondistributable.v1.tar',
        'application/vnd.docker.image.rootfs.foreign.diff.tar',
      ],
      [
        'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
        'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
      ],
    ] as const
    for (const [oci, docker] of pairs) {
      expect(toDockerMediaType(oci)).toBe(docker)
      expect(toOciMediaType(docker)).toBe(oci)
      expect(toOciMediaType(oci)).toBe(oci)
      expect(toDockerMediaType(docker)).toBe(docker)
    }
  })

  test('has no answer where the other side has no such thing', () => {
    expect(toDockerMediaType(mediaTypes.empty)).toBeUndefined()
    expect(toDockerMediaType(mediaTypes.nondistributableLayerZstd)).toBeUndefined()
    expect(toOciMediaType(mediaTypes.dockerSchema1Signed)).toBeUndefined()
    expect(toOciMediaType(mediaTypes.dockerPluginConfig)).toBeUndefined()
    expect(toOciMediaType(mediaTypes.empty)).toBe(mediaTypes.empty)
    expect(toDockerMediaType(mediaTypes.dockerPluginConfig)).toBe(mediaTypes.dockerPluginConfig)
  })
})

describe('grammar', () => {
  test('every known type is one', () => {
    for (const mediaType of all) expect(isMediaType(mediaType)).toBe(true)
  })

  test.each([
    'a/b',
    'text/x.y-z+json',
    `${'a'.repeat(127)}/${'b'.repeat(127)}`,
    '1/2',
    'a!#$&-^_.+/b!#$&-^_.+',
  ])('%j is one', (text) => expect(isMediaType(text)).toBe(true))

  test.each([
    '',
    'a',
    '/',
    'a/',
    '/b',
    'a/b/c',
    'a/b;c=d',
    ' a/b',
    'a/b\n',
    'a /b',
    '.a/b',
    'a/+b',
    'é/b',
    `${'a'.repeat(128)}/b`,
    `a/${'b'.repeat(128)}`,
  ])('%j is none', (text) => expect(isMediaType(text)).toBe(false))
})
