import { describe, expect, test } from 'vitest'
import { type RuntimeConfigOptions, toRuntimeConfig } from '../../src/runtime-spec/index.ts'
import type { ExecutionConfig, ImageConfig } from '../../src/spec/index.ts'

const passwd = [
  'root:x:0:0:root:/root:/bin/sh',
  '# a comment',
  'broken line',
  'app:x:1000:100:App:/home/app:/bin/sh',
  'app:x:1:1:the second does not count:/:/bin/sh',
  'nohome:x:1001:100:::/bin/sh',
  '',
].join('\n')
const group = [
  'root:x:0:',
  'users:x:100:',
  'audio:x:29:app,other',
  'wheel:x:10:root',
  'video:x:44: other , app ',
  'broken',
].join('\n')

function image(config: ExecutionConfig = {}, rest: Partial<ImageConfig> = {}): ImageConfig {
  return { architecture: 'arm64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] }, config, ...rest }
}

const convert = (config: ExecutionConfig, options: RuntimeConfigOptions = {}) =>
  toRuntimeConfig(image(config), { passwd, group, ...options })

describe('what is taken as it is', () => {
  test('working directory, environment, entrypoint and command', () => {
    const { process } = convert({
      WorkingDir: '/srv/app/',
      Env: ['PATH=/bin', 'EMPTY=', 'A=b=c', 'PATH=/again'],
      Entrypoint: ['/entry', '-x'],
      Cmd: ['one', ''],
    })
    expect(process.cwd).toBe('/srv/app')
    expect(process.args).toEqual(['/entry', '-x', 'one', ''])
    expect(process.env).toEqual(['PATH=/bin', 'EMPTY=', 'A=b=c', 'PATH=/again', 'HOME=/root'])
  })

  test('nothing but null and absent: the defaults', () => {
    const nulls = {
      WorkingDir: null,
      Env: null,
      Entrypoint: null,
      Cmd: null,
      User: null,
      Volumes: null,
      Labels: null,
      ExposedPorts: null,
      StopSignal: null,
    }
    for (const config of [
      convert(nulls),
      convert({}),
      toRuntimeConfig(image(undefined, { config: null }), { passwd, group }),
    ]) {
      expect(config.process.cwd).toBe('/')
      expect(config.process.args).toEqual(['sh'])
      expect(config.process.env?.[0]).toBe(
        'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      )
      expect(config.process.user).toEqual({ uid: 0, gid: 0, additionalGids: [10] })
      expect(config.mounts).toHaveLength(7)
    }
  })

  test('what the caller gives counts more', () => {
    const config = {
      Entrypoint: ['/entry'],
      Cmd: ['one'],
      Env: ['A=1', 'B=2'],
      User: 'app',
      WorkingDir: '/a',
    }
    expect(convert(config, { args: ['two'] }).process.args).toEqual(['/entry', 'two'])
    expect(convert(config, { entrypoint: ['/other'] }).process.args).toEqual(['/other'])
    expect(convert(config, { entrypoint: ['/other'], args: ['x'] }).process.args).toEqual(['/other', 'x'])
    expect(
      convert(config, {
        env: { A: null, B: '3', HOME: '/h', PATH: null },
        user: '5:6',
        cwd: '/b',
        terminal: true,
      }).process,
    ).toMatchObject({
      env: ['B=3', 'HOME=/h', 'TERM=xterm'],
      user: { uid: 5, gid: 6 },
      cwd: '/b',
      terminal: true,
    })
    expect(convert(config, { hostname: 'box', rootPath: '/elsewhere', readonly: true })).toMatchObject({
      hostname: 'box',
      root: { path: '/elsewhere', readonly: true },
    })
  })
})

describe('annotations', () => {
  test('each field that has no other place', () => {
    const config = toRuntimeConfig(
      image(
        {
          StopSignal: 'SIGKILL',
          ExposedPorts: { '8080': {}, '53/udp': {}, '22/tcp': {} },
          Labels: { a: 'b' },
        },
        {
          variant: 'v8',
          'os.version': '1.2',
          'os.features': ['x', 'y'],
          author: 'me',
          created: '2020-01-02T03:04:05.678Z',
        },
      ),
    )
    expect(config.annotations).toEqual({
      'org.opencontainers.image.os': 'linux',
      'org.opencontainers.image.architecture': 'arm64',
      'org.opencontainers.image.variant': 'v8',
      'org.opencontainers.image.os.version': '1.2',
      'org.opencontainers.image.os.features': 'x,y',
      'org.opencontainers.image.author': 'me',
      'org.opencontainers.image.created': '2020-01-02T03:04:05.678Z',
      'org.opencontainers.image.stopSignal': 'SIGKILL',
      'org.opencontainers.image.exposedPorts': '22/tcp,53/udp,8080',
      a: 'b',
    })
  })

  test('labels win, also over each other by nothing, and are kept whatever their name', () => {
    const labels = JSON.parse(
      '{"org.opencontainers.image.os":"mine","org.opencontainers.image.author":"","__proto__":"p","8":"n"}',
    )
    const { annotations } = toRuntimeConfig(image({ Labels: labels }, { author: 'me' }))
    expect(annotations).toMatchObject({
      'org.opencontainers.image.os': 'mine',
      'org.opencontainers.image.author': '',
      8: 'n',
    })
    expect(Object.hasOwn(annotations!, '__proto__')).toBe(true)
    expect(JSON.stringify(annotations)).toContain('"__proto__":"p"')
  })
})

describe('the user', () => {
  test.each([
    ['', { uid: 0, gid: 0, additionalGids: [10] }, '/root'],
    ['root', { uid: 0, gid: 0, additionalGids: [10] }, '/root'],
    ['app', { uid: 1000, gid: 100, additionalGids: [29, 44] }, '/home/app'],
    ['app:wheel', { uid: 1000, gid: 10 }, '/home/app'],
    ['app:7', { uid: 1000, gid: 7 }, '/home/app'],
    ['1000', { uid: 1000, gid: 100 }, '/home/app'],
    ['1000:audio', { uid: 1000, gid: 29 }, '/home/app'],
    ['77', { uid: 77, gid: 0 }, undefined],
    ['77:88', { uid: 77, gid: 88 }, undefined],
    ['nohome', { uid: 1001, gid: 100 }, undefined],
    [':users', { uid: 0, gid: 100 }, '/root'],
    ['4294967294:4294967294', { uid: 4294967294, gid: 4294967294 }, undefined],
  ])('%j', (user, expected, home) => {
    const { process } = convert({ User: user })
    expect(process.user).toEqual(expected)
    expect(process.env?.find((variable) => variable.startsWith('HOME='))).toBe(home && `HOME=${home}`)
  })

  test.each(['nobody', 'app:nogroup', 'APP', '4294967295', '0:99999999999', '-1', '1e3'])(
    '%j is an error that says so',
    (user) => {
      expect(() => convert({ User: user })).toThrow(
        expect.objectContaining({
          code: 'DOCUMENT_INVALID',
          message: expect.stringContaining(JSON.stringify(user)),
          issues: [expect.objectContaining({ path: ['config', 'User'] })],
        }),
      )
    },
  )

  test('by number needs no files, by name does', () => {
    expect(toRuntimeConfig(image({ User: '5' })).process.user).toEqual({ uid: 5, gid: 0 })
    expect(() => toRuntimeConfig(image({ User: 'app' }))).toThrow(/has no \/etc\/passwd/)
    expect(
      toRuntimeConfig(image({ User: 'app' }), { passwd: new TextEncoder().encode(passwd) }).process.user.uid,
    ).toBe(1000)
  })
})

describe('volumes', () => {
  test('are mounts, parents first, each once', () => {
    const { mounts } = convert({ Volumes: { '/data/': {}, 'var/lib/x': {}, '/data': {}, '/data/b': {} } })
    expect(mounts!.slice(7)).toEqual(
      ['/data', '/data/b', '/var/lib/x'].map((destination) => ({
        destination,
        type: 'tmpfs',
        source: 'tmpfs',
        options: ['rw', 'nosuid', 'nodev', 'relatime'],
      })),
    )
  })

  test('as the caller wants them', () => {
    const volume = (destination: string) =>
      destination === '/a' ? { destination, type: 'bind', source: '/host', options: ['bind'] } : undefined
    expect(convert({ Volumes: { '/a': {}, '/b': {} } }, { volume }).mounts!.slice(7)).toEqual([
      { destination: '/a', type: 'bind', source: '/host', options: ['bind'] },
    ])
  })
})

test('without root: a user namespace, and nothing that one may not do', () => {
  const config = convert({ User: 'app' }, { rootless: { uid: 1234, gid: 5678 } })
  expect(config.linux?.uidMappings).toEqual([{ containerID: 0, hostID: 1234, size: 1 }])
  expect(config.linux?.gidMappings).toEqual([{ containerID: 0, hostID: 5678, size: 1 }])
  expect(config.linux?.namespaces?.map(({ type }) => type)).toEqual([
    'pid',
    'ipc',
    'uts',
    'mount',
    'cgroup',
    'user',
  ])
  expect(config.linux?.resources).toBeUndefined()
  expect(config.process.user.additionalGids).toBeUndefined()
  expect(JSON.stringify(config.mounts)).not.toContain('gid=')
  expect(config.mounts?.find(({ destination }) => destination === '/sys')?.options).toContain('rbind')
})

test('an image for another system is refused', () => {
  expect(() => toRuntimeConfig(image({}, { os: 'windows' }))).toThrow(
    expect.objectContaining({ code: 'ARGUMENT_INVALID' }),
  )
})
