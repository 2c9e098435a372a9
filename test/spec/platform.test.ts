import os from 'node:os'
import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Platform } from '../../src/spec/index.ts'
import {
  choosePlatform,
  formatPlatform,
  hostPlatform,
  matchPlatform,
  normalizePlatform,
  parsePlatform,
} from '../../src/spec/index.ts'

afterEach(() => vi.restoreAllMocks())

describe('reading and writing', () => {
  test.each([
    ['linux/amd64', { os: 'linux', architecture: 'amd64' }],
    ['linux/arm64/v8', { os: 'linux', architecture: 'arm64', variant: 'v8' }],
    ['linux/arm/v6', { os: 'linux', architecture: 'arm', variant: 'v6' }],
    ['unknown/unknown', { os: 'unknown', architecture: 'unknown' }],
    ['windows(10.0.17763)/amd64', { os: 'windows', architecture: 'amd64', 'os.version': '10.0.17763' }],
    [
      'windows(10.0.17763+win32k+b%2Bc)/amd64',
      {
        os: 'windows',
        architecture: 'amd64',
        'os.version': '10.0.17763',
        'os.features': ['win32k', 'b+c'],
      },
    ],
    ['windows(+win32k)/amd64', { os: 'windows', architecture: 'amd64', 'os.features': ['win32k'] }],
  ] as const)('%s, both ways', (text, platform) => {
    expect(parsePlatform(text)).toEqual(platform)
    expect(formatPlatform(platform)).toBe(text)
  })

  test.each([
    ['Linux/x86_64', 'linux/amd64'],
    ['linux/x86-64/V2', 'linux/amd64/v2'],
    ['linux/aarch64', 'linux/arm64'],
    ['linux/i386', 'linux/386'],
    ['linux/armhf', 'linux/arm/v7'],
    ['linux/armel', 'linux/arm/v6'],
    ['linux/arm/7', 'linux/arm/v7'],
    ['linux/arm64/8', 'linux/arm64/v8'],
    ['macos/arm64', 'darwin/arm64'],
    ['arm64', 'linux/arm64'],
    ['x86_64', 'linux/amd64'],
    ['armhf', 'linux/arm/v7'],
    ['windows()/amd64', 'windows/amd64'],
  ])('%s is %s', (alias, text) => expect(formatPlatform(parsePlatform(alias))).toBe(text))

  test('a system alone is that of this host’s architecture', () => {
    expect(parsePlatform('linux').architecture).toBe(hostPlatform()?.architecture)
    expect(parsePlatform('windows(10.0.1)')).toMatchObject({ os: 'windows', 'os.version': '10.0.1' })
  })

  test('a system alone is refused where the runtime does not tell its architecture', () => {
    vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined as never)
    expect(() => parsePlatform('linux')).toThrow(/does not tell/)
    expect(parsePlatform('arm64')).toEqual({ os: 'linux', architecture: 'arm64' })
  })

  test.each([
    '',
    '/',
    'linux/',
    '/amd64',
    'linux/amd64/v1/x',
    'linux//v8',
    'linux/amd 64',
    'linux/*',
    '*',
    'nonsense',
    'linux(/amd64',
    'linux(a)b/amd64',
    'linux((a))/amd64',
    'windows(%zz)/amd64',
    'linux/amd64\n',
    `linux/${'a'.repeat(600)}`,
    'arm64(1)',
  ])('%j is refused', (text) => {
    expect(() => parsePlatform(text)).toThrow(expect.objectContaining({ code: 'PLATFORM_INVALID' }))
  })

  test('what is written is read the same', () => {
    const word = fc.stringMatching(/^[a-z0-9_-]{1,8}$/)
    const option = fc.string({ minLength: 1, maxLength: 6, unit: 'binary-ascii' })
    fc.assert(
      fc.property(
        word,
        word,
        fc.option(word),
        fc.option(option),
        fc.array(option, { maxLength: 3 }),
        (...given) => {
          const [os, architecture, variant, version, features] = given
          const platform: Platform = {
            os,
            architecture,
            ...(variant === null ? {} : { variant }),
            ...(version === null ? {} : { 'os.version': version }),
            ...(features.length === 0 ? {} : { 'os.features': features }),
          }
          expect(normalizePlatform(parsePlatform(formatPlatform(platform)))).toEqual(
            normalizePlatform(platform),
          )
        },
      ),
    )
  })
})

test('the canonical form leaves defaults out, spells arm’s, and sorts features', () => {
  const canonical = (text: string) => formatPlatform(normalizePlatform(parsePlatform(text)))
  expect(canonical('linux/arm64/v8')).toBe('linux/arm64')
  expect(canonical('linux/amd64/v1')).toBe('linux/amd64')
  expect(canonical('linux/arm')).toBe('linux/arm/v7')
  expect(canonical('linux/386/x')).toBe('linux/386/x')
  expect(
    normalizePlatform({
      os: 'Windows',
      architecture: 'AMD64',
      variant: '',
      'os.version': '',
      'os.features': ['b', 'a', 'b'],
      features: ['sse4'],
    }),
  ).toEqual({ os: 'windows', architecture: 'amd64', 'os.features': ['a', 'b'] })
})

describe('what runs where', () => {
  const cases: [wanted: string, runs: string[], not: string[]][] = [
    [
      'linux/amd64',
      ['linux/amd64', 'linux/amd64/v1', 'linux/x86_64'],
      ['linux/amd64/v2', 'linux/386', 'windows/amd64'],
    ],
    [
      'linux/amd64/v3',
      ['linux/amd64', 'linux/amd64/v1', 'linux/amd64/v2', 'linux/amd64/v3'],
      ['linux/amd64/v4'],
    ],
    ['linux/amd64/v2', ['linux/amd64'], ['linux/amd64/v3', 'linux/amd64/odd']],
    [
      'linux/arm64',
      ['linux/arm64', 'linux/arm64/v8', 'linux/aarch64'],
      ['linux/arm64/v9', 'linux/arm64/v8.1', 'linux/arm/v7'],
    ],
    ['linux/arm64/v8', ['linux/arm64', 'linux/arm64/8'], ['linux/arm/v8']],
    [
      'linux/arm64/v8.2',
      ['linux/arm64', 'linux/arm64/v8.1', 'linux/arm64/v8.2'],
      ['linux/arm64/v8.3', 'linux/arm64/v9'],
    ],
    [
      'linux/arm64/v9',
      ['linux/arm64', 'linux/arm64/v8.5', 'linux/arm64/v9'],
      ['linux/arm64/v8.6', 'linux/arm64/v9.1'],
    ],
    [
      'linux/arm64/v9.2',
      ['linux/arm64/v8.7', 'linux/arm64/v9.1', 'linux/arm64/v9'],
      ['linux/arm64/v8.8', 'linux/arm64/v9.3'],
    ],
    [
      'linux/arm',
      ['linux/arm', 'linux/arm/v7', 'linux/arm/v6', 'linux/arm/v5', 'linux/armhf'],
      ['linux/arm/v8', 'linux/arm64'],
    ],
    ['linux/arm/v7', ['linux/arm', 'linux/arm/v6', 'linux/arm/v5'], ['linux/arm/v8']],
    ['linux/arm/v6', ['linux/arm/v6', 'linux/arm/v5', 'linux/armel'], ['linux/arm/v7', 'linux/arm']],
    ['linux/arm/v8', ['linux/arm/v8', 'linux/arm/v7', 'linux/arm'], ['linux/arm64', 'linux/arm64/v8']],
    ['linux/arm/odd', ['linux/arm/odd'], ['linux/arm/v7', 'linux/arm/v5']],
    ['linux/ppc64le/power9', ['linux/ppc64le/power9', 'linux/ppc64le'], ['linux/ppc64le/power8']],
    ['linux/ppc64le', ['linux/ppc64le'], ['linux/ppc64le/power9', 'linux/ppc64']],
    ['unknown/unknown', ['unknown/unknown'], ['linux/amd64']],
    ['macos/arm64', ['darwin/arm64/v8'], ['linux/arm64']],
    [
      'windows(10.0.17763)/amd64',
      ['windows(10.0.17763)/amd64', 'windows(10.0.17763.5576)/amd64', 'windows/amd64'],
      ['windows(10.0.177630)/amd64', 'windows(10.0.20348.1)/amd64', 'windows(10.0.14393.1)/amd64'],
    ],
    [
      'windows(10.0.17763.1)/amd64',
      ['windows(10.0.17763.5576)/amd64'],
      ['windows(6.3.17763.1)/amd64', 'windows(x)/amd64'],
    ],
    [
      'windows(10.0.22631)/amd64',
      ['windows(10.0.20348.1)/amd64', 'windows(10.0.22621)/amd64'],
      ['windows(10.0.17763.1)/amd64', 'windows(10.0.26100.1)/amd64'],
    ],
    ['windows/amd64', ['windows(10.0.17763)/amd64'], ['windows(+win32k)/amd64']],
    [
      'windows(+a+win32k)/amd64',
      ['windows(+win32k)/amd64', 'windows/amd64', 'windows(+win32k+a)/amd64'],
      ['windows(+b)/amd64'],
    ],
    [
      'freebsd(14)/amd64',
      ['freebsd(14.1)/amd64', 'freebsd/amd64', 'freebsd(14)/amd64'],
      ['freebsd(13)/amd64', 'freebsd(140)/amd64'],
    ],
  ]
  test.each(cases)('%s', (wanted, runs, not) => {
    for (const text of runs)
      expect([text, matchPlatform(parsePlatform(wanted), parsePlatform(text))]).toEqual([text, true])
    for (const text of not)
      expect([text, matchPlatform(parsePlatform(wanted), parsePlatform(text))]).toEqual([text, false])
  })
})

describe('choosing', () => {
  const choose = (wanted: string, ...available: string[]) => {
    const descriptors = available.map((text, position) => ({ text, position, platform: parsePlatform(text) }))
    const chosen = choosePlatform(parsePlatform(wanted), descriptors)
    return chosen && `${chosen.position} ${chosen.text}`
  }

  test('the first in the list wins among equals', () => {
    expect(choose('linux/amd64', 'linux/arm64', 'linux/amd64', 'linux/amd64')).toBe('1 linux/amd64')
    expect(choose('linux/arm64', 'linux/arm64/v8', 'linux/arm64')).toBe('0 linux/arm64/v8')
    expect(choose('linux/arm64', 'linux/arm64', 'linux/arm64/v8')).toBe('0 linux/arm64')
    expect(choose('windows/amd64', 'windows(10.0.17763.1)/amd64', 'windows(10.0.20348.1)/amd64')).toBe(
      '0 windows(10.0.17763.1)/amd64',
    )
  })

  test('the nearest variant beats a lower one, wherever it stands', () => {
    expect(choose('linux/arm/v7', 'linux/arm/v5', 'linux/arm/v6', 'linux/arm/v7')).toBe('2 linux/arm/v7')
    expect(choose('linux/arm/v7', 'linux/arm/v5', 'linux/arm/v6')).toBe('1 linux/arm/v6')
    expect(choose('linux/amd64/v4', 'linux/amd64', 'linux/amd64/v3', 'linux/amd64/v2')).toBe(
      '1 linux/amd64/v3',
    )
    expect(choose('linux/arm64/v9.1', 'linux/arm64', 'linux/arm64/v8.6', 'linux/arm64/v9')).toBe(
      '2 linux/arm64/v9',
    )
    expect(choose('linux/arm64/v9.1', 'linux/arm64', 'linux/arm64/v8.6')).toBe('1 linux/arm64/v8.6')
    expect(choose('linux/ppc64le/power9', 'linux/ppc64le', 'linux/ppc64le/power9')).toBe(
      '1 linux/ppc64le/power9',
    )
  })

  test('the variant counts before the version', () => {
    expect(choose('windows(10.0.20348)/amd64/v3', 'windows(10.0.20348)/amd64/v2', 'windows/amd64/v3')).toBe(
      '1 windows/amd64/v3',
    )
  })

  test('the nearest version of Windows beats an older one and one that says nothing', () => {
    expect(
      choose(
        'windows(10.0.26100.9)/amd64',
        'windows/amd64',
        'windows(10.0.20348.1)/amd64',
        'windows(10.0.25398.1)/amd64',
      ),
    ).toBe('2 windows(10.0.25398.1)/amd64')
    expect(
      choose(
        'windows(10.0.20348)/amd64',
        'windows/amd64',
        'windows(10.0.20348.1)/amd64',
        'windows(10.0.20348)/amd64',
      ),
    ).toBe('2 windows(10.0.20348)/amd64')
    expect(choose('windows(10.0.20348)/amd64', 'windows/amd64')).toBe('0 windows/amd64')
  })

  test('descriptors without a platform are passed over, and nothing is nothing', () => {
    expect(choosePlatform(parsePlatform('linux/amd64'), [{}, { platform: undefined }])).toBeUndefined()
    expect(choose('linux/amd64')).toBeUndefined()
    expect(choose('linux/amd64', 'unknown/unknown')).toBeUndefined()
  })
})

describe('this host', () => {
  test('is told in Go’s names', () => {
    const host = hostPlatform()
    expect(host).toBeDefined()
    expect(matchPlatform(host!, host!)).toBe(true)
    expect(parsePlatform(formatPlatform(host!))).toEqual(host)
    expect(host!.os).toBe(os.platform() === 'win32' ? 'windows' : os.platform())
  })

  test.each([
    ['win32', 'x64', 'windows/amd64'],
    ['linux', 'ia32', 'linux/386'],
    ['linux', 'ppc64', 'linux/ppc64le'],
    ['linux', 's390x', 'linux/s390x'],
    ['sunos', 'x64', 'solaris/amd64'],
    ['darwin', 'arm64', 'darwin/arm64'],
    ['linux', 'mipsel', 'linux/mipsle'],
  ])('%s %s is %s', (system, machine, text) => {
    const fake = { platform: () => system, arch: () => machine, endianness: () => 'LE', release: () => '' }
    vi.spyOn(process, 'getBuiltinModule').mockReturnValue(fake as never)
    expect(formatPlatform(hostPlatform()!)).toBe(text)
  })

  test('tells the build on Windows', () => {
    const fake = {
      platform: () => 'win32',
      arch: () => 'x64',
      endianness: () => 'LE',
      release: () => '10.0.20348',
    }
    vi.spyOn(process, 'getBuiltinModule').mockReturnValue(fake as never)
    expect(hostPlatform()).toEqual({ os: 'windows', architecture: 'amd64', 'os.version': '10.0.20348' })
  })

  test('is undefined where the runtime does not tell', () => {
    vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined as never)
    expect(hostPlatform()).toBeUndefined()
  })
})
