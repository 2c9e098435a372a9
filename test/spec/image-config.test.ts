import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { lintConfig, mediaTypes, parseConfig, rawBytes } from '../../src/spec/index.ts'
import { caseTest } from '../cases.ts'
import { changed, config } from './sample.ts'

describe('what a config must not be', () => {
  test.each<[string, (string | number)[], unknown, string]>([
    ['without an architecture', ['architecture'], undefined, 'member-missing'],
    ['of a null architecture', ['architecture'], null, 'member-type'],
    ['without a system', ['os'], undefined, 'member-missing'],
    ['of a system that is a number', ['os'], 123, 'member-type'],
    ['of a variant that is a number', ['variant'], 123, 'member-type'],
    ['without rootfs', ['rootfs'], undefined, 'member-missing'],
    ['of another rootfs', ['rootfs', 'type'], 'overlay', 'member-value'],
    ['of a rootfs without a type', ['rootfs', 'type'], undefined, 'member-missing'],
    ['without diffIDs', ['rootfs', 'diff_ids'], undefined, 'member-missing'],
    ['of diffIDs that are none', ['rootfs', 'diff_ids'], ['abc'], 'digest-invalid'],
    ['of no date', ['created'], 'yesterday', 'date-invalid'],
    ['of an empty date', ['created'], '', 'date-invalid'],
    ['of a date without a zone', ['created'], '2020-01-01T00:00:00', 'date-invalid'],
    ['of the 30th of February', ['created'], '2020-02-30T00:00:00Z', 'date-invalid'],
    ['of history that is text', ['history'], 'should be an array', 'member-type'],
    ['of a history entry that is null', ['history', 0], null, 'member-type'],
    ['of history of no date', ['history', 0, 'created'], '0', 'date-invalid'],
    ['of an empty_layer that is text', ['history', 0, 'empty_layer'], 'true', 'member-type'],
    ['of a config that is a list', ['config'], [], 'member-type'],
    ['of a user that is a number', ['config', 'User'], 1234, 'member-type'],
    ['of numbers in Env', ['config', 'Env'], [7], 'member-type'],
    ['of an Entrypoint that is text', ['config', 'Entrypoint'], '/bin/sh', 'member-type'],
    ['of Volumes that are a list', ['config', 'Volumes'], ['/var'], 'member-type'],
    ['of Volumes that hold text', ['config', 'Volumes'], { '/var': 'x' }, 'member-type'],
    ['of Labels that hold numbers', ['config', 'Labels'], { a: 1 }, 'member-type'],
    ['of a Healthcheck that is text', ['config', 'Healthcheck'], 'curl', 'member-type'],
    ['of half a nanosecond', ['config', 'Healthcheck'], { Interval: 0.5 }, 'integer-invalid'],
    ['of an ArgsEscaped that is text', ['config', 'ArgsEscaped'], 'yes', 'member-type'],
  ])('%s', (_, path, value, code) => {
    const text = JSON.stringify(changed(config, path, value))
    expect(() => parseConfig(text)).toThrow(
      expect.objectContaining({ code: 'DOCUMENT_INVALID', issues: [expect.objectContaining({ code })] }),
    )
    expect(lintConfig(text)).toEqual([expect.objectContaining({ level: 'error', code })])
  })
})

describe('what a config may be', () => {
  const optional = [
    ...['created', 'author', 'os.version', 'os.features', 'variant', 'config', 'history'].map((name) => [
      name,
    ]),
    ...[
      ...[
        'User',
        'ExposedPorts',
        'Env',
        'Entrypoint',
        'Cmd',
        'Volumes',
        'WorkingDir',
        'Labels',
        'StopSignal',
      ],
      ...[
        'ArgsEscaped',
        'Memory',
        'MemorySwap',
        'CpuShares',
        'Healthcheck',
        'OnBuild',
        'Shell',
        'MacAddress',
      ],
    ].map((name) => ['config', name]),
    ...['created', 'author', 'created_by', 'comment', 'empty_layer'].map((name) => ['history', 0, name]),
    ...['Test', 'Interval', 'Timeout', 'StartPeriod', 'StartInterval', 'Retries'].map((name) => [
      'config',
      'Healthcheck',
      name,
    ]),
  ]

  test.each(optional.map((path) => [path]))('null at %j', (path) => {
    const document = changed(config, path, null)
    expect(parseConfig(JSON.stringify(document))).toEqual(document)
  })

  test('minimal', () => {
    const document = { architecture: 'amd64', os: 'linux', rootfs: { diff_ids: [], type: 'layers' } }
    expect(parseConfig(JSON.stringify(document))).toEqual(document)
  })

  test('full of what Docker adds, and of what nobody knows', () => {
    const document = {
      ...config,
      created: '2015-10-31T22:22:56.015925234+02:00',
      docker_version: '1.12.1',
      container_config: { Cmd: 'not looked at' },
      config: {
        Hostname: 'x',
        Healthcheck: { Test: ['CMD-SHELL', 'true'], Interval: 30_000_000_000, Retries: 3 },
        OnBuild: ['RUN true'],
        Shell: ['/bin/bash', '-c'],
        ArgsEscaped: true,
        MacAddress: '',
        Memory: -1,
        ExposedPorts: { '8080': {}, '443/tcp': {} },
        Volumes: { '/data': {} },
        Labels: { Env: 'no other spelling of a name in a map is a mistake' },
      },
      history: [{}, { created: '0001-01-01T00:00:00Z', other: [1] }],
    }
    const text = JSON.stringify(document, null, '\t')
    const parsed = parseConfig(text, { mediaType: mediaTypes.dockerConfig })
    expect(parsed).toEqual(document)
    expect(new TextDecoder().decode(rawBytes(parsed))).toBe(text)
  })
})

test('content of a type that is not known must not be parsed', () => {
  const text = JSON.stringify(config)
  expect(parseConfig(text, { mediaType: mediaTypes.config })).toEqual(config)
  for (const mediaType of [
    'application/vnd.cncf.helm.config.v1+json',
    mediaTypes.manifest,
    mediaTypes.empty,
  ]) {
    expect(() => parseConfig(text, { mediaType })).toThrow(
      expect.objectContaining({ code: 'MEDIA_TYPE_UNSUPPORTED', actual: mediaType }),
    )
  }
})

test('a second spelling of what runs is refused', () => {
  const text = JSON.stringify(config).replace('"Env"', '"entrypoint":["/bin/evil"],"Env"')
  expect(() => parseConfig(text)).toThrow(/"entrypoint" differs only in case from "Entrypoint"/)
})

caseTest('configs of real images parse', (directory) => {
  for (const name of ['schema1-to-schema2-config', 'schema2-config', 'schema2-to-oci1-config']) {
    const bytes = readFileSync(`${directory}/conversions/${name}.json`)
    const parsed = parseConfig(bytes)
    expect(parsed).toEqual(JSON.parse(bytes.toString()))
    expect(Buffer.from(rawBytes(parsed) as Uint8Array).equals(bytes)).toBe(true)
  }
})
