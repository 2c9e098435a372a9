import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { encodeUtf8, readAll } from '../../../src/bytes.ts'
import { digestBytes } from '../../../src/digest/index.ts'
import {
  fromImage,
  fromScratch,
  type Image,
  type ImageEdit,
  openImage,
  readLayout,
} from '../../../src/image/index.ts'
import type { Descriptor, ImageConfig } from '../../../src/spec/index.ts'
import { encodeBase64, mediaTypes, rawBytes, serializeJson } from '../../../src/spec/index.ts'
import { MemoryStore, readBlobBytes } from '../../../src/store/index.ts'
import { writeTar } from '../../../src/tar/index.ts'
import { validateImage } from '../../../src/transfer/index.ts'
import { caseTest } from '../../cases.ts'
import { smallImage } from '../images.ts'

/** Every path of the image with what it is, for comparisons. */
async function tree(image: Image): Promise<Record<string, string>> {
  const files = await image.filesystem()
  const all: Record<string, string> = {}
  for await (const { path, type, mode, uid, gid, linkPath } of files.walk()) {
    const content = type === 'file' ? new TextDecoder().decode(await files.readFile(path)) : linkPath
    all[path] = `${type} ${mode.toString(8)} ${uid}:${gid} ${content}`
  }
  return all
}

async function expectSound(image: Image): Promise<void> {
  const { findings } = await validateImage(image.store, image.descriptor)
  expect(findings.filter(({ level }) => level === 'error')).toEqual([])
}

/** An image of three layers: files, a change, a deletion. */
async function threeLayers(store: MemoryStore, name?: string): Promise<Image> {
  return fromScratch({ platform: 'linux/amd64' })
    .addLayer(
      [
        { path: 'a', content: encodeUtf8('a1') },
        { path: 'b', content: encodeUtf8('b1') },
        { path: 'd/' },
        { path: 'd/x', content: encodeUtf8('x') },
      ],
      { history: { created_by: 'one' } },
    )
    .history({ created_by: 'ENV' })
    .addLayer(
      [
        { path: 'a', content: encodeUtf8('a2') },
        { path: 'l', type: 'link', linkPath: 'a' },
      ],
      { history: { created_by: 'two' } },
    )
    .addLayer(
      [
        { path: '.wh.b' },
        { path: 'd/' },
        { path: 'd/.wh..wh..opq' },
        { path: 'd/y', content: encodeUtf8('y') },
      ],
      { history: { created_by: 'three' } },
    )
    .commit(store, name)
}

describe('the config', () => {
  test('is changed by each call, in the order of the calls', async () => {
    const store = new MemoryStore()
    const base = await smallImage(store, 'one')
    const image = await base
      .edit()
      .env({ A: '1', PATH: '/usr/bin:/bin', B: '2' })
      .env({ A: undefined, B: '3' })
      .entrypoint(['serve'])
      .command(['--port', '80'])
      .user('1000:1000')
      .workingDirectory('/app')
      .stopSignal('SIGINT')
      .labels({ a: 'b', c: 'd' })
      .label('a', undefined)
      .exposePort(80)
      .exposePort('53/udp')
      .unexposePort(80)
      .volume('/data')
      .author('somebody')
      .created(1_700_000_000)
      .platform('linux/arm64/v8')
      .configField(['config', 'Healthcheck'], { Test: ['NONE'] })
      .annotation('org.example.a', 'b')
      .commit(store)
    expect(await image.config()).toEqual({
      architecture: 'arm64',
      os: 'linux',
      variant: 'v8',
      author: 'somebody',
      created: '2023-11-14T22:13:20Z',
      config: {
        Env: ['PATH=/usr/bin:/bin', 'B=3'],
        Entrypoint: ['serve'],
        Cmd: ['--port', '80'],
        User: '1000:1000',
        WorkingDir: '/app',
        StopSignal: 'SIGINT',
        Labels: { c: 'd' },
        ExposedPorts: { '53/udp': {} },
        Volumes: { '/data': {} },
        Healthcheck: { Test: ['NONE'] },
      },
      rootfs: (await base.config()).rootfs,
      history: (await base.config()).history,
    })
    expect(image.annotations).toEqual({ 'org.example.a': 'b' })
    expect((await base.config()).config?.Env).toEqual(['PATH=/bin'])
    await expectSound(image)
  })

  test('keeps every byte that no call was about: order, integer-like names, big numbers, nulls, __proto__', async () => {
    const store = new MemoryStore()
    const config = encodeUtf8(
      '{\n  "x-first": 12345678901234567890, "__proto__": {"polluted": 1e400},\n  "architecture":"amd64","os":"linux",' +
        '"config":{"ExposedPorts":{"9":{},"10/tcp":{},"2":{}},"Env":null,"Labels":{"z":"1","10":"ten","9":"nine","keep":"\\u00e9"},"x":[1.0,-0,1E3]},' +
        '"rootfs":{"type":"layers","diff_ids":[]},"history":null}\n',
    )
    const configDescriptor = await store.put(config, { mediaType: mediaTypes.config })
    const manifest = encodeUtf8(
      `{"x-unknown":{"7":1,"3":2},"schemaVersion":2,"mediaType":"${mediaTypes.manifest}","config":{"x":1,"size":${config.length},"digest":"${configDescriptor.digest}","mediaType":"${mediaTypes.config}"},"layers":[], "z":null}`,
    )
    const descriptor = await store.put(manifest, { mediaType: mediaTypes.manifest })
    const image = await openImage(store, descriptor)
    const edited = await image.edit().label('keep', 'new').commit(store)
    const newConfig = new TextDecoder().decode(await readBlobBytes(store, edited.manifest.config))
    expect(newConfig).toBe(new TextDecoder().decode(config).replace('"keep":"\\u00e9"', '"keep":"new"'))
    const newManifest = new TextDecoder().decode(await readBlobBytes(store, edited.descriptor))
    expect(newManifest).toBe(
      new TextDecoder()
        .decode(manifest)
        .replace(configDescriptor.digest, edited.manifest.config.digest)
        .replace(`"size":${config.length}`, `"size":${edited.manifest.config.size}`),
    )
    // No change at all gives the same image.
    expect((await image.edit().commit(store)).descriptor).toEqual(image.descriptor)
    expect((await image.edit().label('keep', 'é').commit(store)).descriptor.digest).not.toBe(
      image.descriptor.digest,
    )
  })

  test('embedded in the manifest is made anew with it', async () => {
    const store = new MemoryStore()
    const base = await smallImage(store, 'one')
    const config = await readBlobBytes(store, base.manifest.config)
    const manifest = { ...base.manifest, config: { ...base.manifest.config, data: encodeBase64(config) } }
    const image = await openImage(
      store,
      await store.put(serializeJson(manifest), { mediaType: mediaTypes.manifest }),
    )
    const edited = await image.edit().label('a', 'b').commit(store)
    const { data, digest } = edited.manifest.config
    expect(digestBytes(new Uint8Array(Buffer.from(data!, 'base64')))).toBe(digest)
    expect((await edited.config()).config?.Labels).toEqual({ a: 'b' })
  })

  test('of an artifact is never touched, while its annotations are', async () => {
    const store = new MemoryStore()
    const config = await store.put(serializeJson({ mine: 1 }), {
      mediaType: 'application/vnd.example.config+json',
    })
    const manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers: [config] }
    const artifact = await openImage(
      store,
      await store.put(serializeJson(manifest), { mediaType: mediaTypes.manifest }),
    )
    await expect(artifact.edit().label('a', 'b').commit(store)).rejects.toMatchObject({
      code: 'MEDIA_TYPE_UNSUPPORTED',
    })
    const other = new MemoryStore()
    const edited = await artifact.edit().annotation('a', 'b').commit(other, 'v1')
    expect(edited.manifest).toEqual({ ...manifest, annotations: { a: 'b' } })
    expect(await readBlobBytes(other, config)).toEqual(encodeUtf8('{"mine":1}'))
  })

  test.each([
    ['a variable without a name', (image: Image) => image.edit().env({ '': 'x' })],
    ['a variable with = in its name', (image: Image) => image.edit().env({ 'A=B': 'x' })],
    ['a port that is none', (image: Image) => image.edit().exposePort('http')],
    ['a date that is none', (image: Image) => image.edit().created('yesterday')],
  ])('%s is refused', async (_, edit) => {
    const image = await smallImage(new MemoryStore(), 'one')
    expect(() => edit(image)).toThrow(expect.objectContaining({ code: 'ARGUMENT_INVALID' }))
  })
})

describe('layers', () => {
  test('are added, replaced and removed with their diffIDs and history entries', async () => {
    const store = new MemoryStore()
    const base = await threeLayers(store)
    expect((await base.history()).map(({ created_by, layer }) => [created_by, layer?.position])).toEqual([
      ['one', 0],
      ['ENV', undefined],
      ['two', 1],
      ['three', 2],
    ])
    const changed = await base
      .edit()
      .removeLayer(1)
      .addLayer([{ path: 'first' }], { position: 0, history: { created_by: 'zero' } })
      .replaceLayer(2, [{ path: 'other' }], { history: { created_by: 'replaced' } })
      .commit(store)
    expect((await changed.history()).map(({ created_by, layer }) => [created_by, layer?.position])).toEqual([
      ['zero', 0],
      ['one', 1],
      ['ENV', undefined],
      ['replaced', 2],
    ])
    expect(Object.keys(await tree(changed))).toEqual(['/', '/a', '/b', '/d', '/d/x', '/first', '/other'])
    await expectSound(changed)
    await expect(base.edit().removeLayer(3).commit(store)).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' })
  })

  test('are taken over from another image as they are', async () => {
    const [one, two] = [new MemoryStore(), new MemoryStore()]
    const base = await smallImage(one, 'one')
    const other = await threeLayers(two)
    const target = new MemoryStore()
    const image = await fromImage(base).appendLayer(other.layers[0]!).commit(target, 'v1')
    expect(image.layers.map(({ digest }) => digest)).toEqual([
      base.layers[0]!.digest,
      other.layers[0]!.digest,
    ])
    expect((await image.history()).at(-1)).toMatchObject({ created_by: 'one' })
    await expectSound(image)
  })

  test('of an image without history keep their places in it', async () => {
    const store = new MemoryStore()
    const base = await threeLayers(store)
    const { history: _, ...config } = await base.config()
    const bare = await store.put(serializeJson(config), { mediaType: mediaTypes.config })
    const manifest = await store.put(serializeJson({ ...base.manifest, config: bare }), {
      mediaType: mediaTypes.manifest,
    })
    const edited = await (await openImage(store, manifest))
      .edit()
      .addLayer([{ path: 'n' }], { history: { created_by: 'new' } })
      .commit(store)
    expect((await edited.history()).map(({ created_by, layer }) => [created_by, layer?.position])).toEqual([
      [undefined, 0],
      [undefined, 1],
      [undefined, 2],
      ['new', 3],
    ])
  })

  test('flatten to one that holds what is left to see', async () => {
    const store = new MemoryStore()
    const base = await threeLayers(store)
    const flat = await base
      .edit()
      .flatten({ history: { created_by: 'flat' } })
      .commit(store)
    expect(flat.layers).toHaveLength(1)
    expect(await tree(flat)).toEqual(await tree(base))
    expect((await (await flat.filesystem()).stat('/l')).nlink).toBe(2)
    expect((await flat.history()).map(({ created_by }) => created_by)).toEqual(['flat'])
    for await (const entry of flat.layers[0]!.entries()) expect(entry.whiteout).toBeNull()
    await expectSound(flat)
  })

  test('flatten with a step before the first layer leave one entry all the same', async () => {
    const store = new MemoryStore()
    const base = await fromScratch({ platform: 'linux/amd64' })
      .history({ created_by: 'ARG' })
      .addLayer([{ path: 'a' }], { history: { created_by: 'one' } })
      .commit(store)
    const flat = await base
      .edit()
      .flatten({ history: { created_by: 'flat' } })
      .commit(store)
    expect((await flat.history()).map(({ created_by }) => created_by)).toEqual(['flat'])
  })

  test('squash from one up to the difference that they made, whiteouts among it', async () => {
    const store = new MemoryStore()
    const base = await threeLayers(store)
    const squashed = await base
      .edit()
      .squash(1, { history: { created_by: 'squashed' } })
      .commit(store)
    expect(squashed.layers.map(({ digest }) => digest)[0]).toBe(base.layers[0]!.digest)
    expect(squashed.layers).toHaveLength(2)
    expect(await tree(squashed)).toEqual(await tree(base))
    const whiteouts: string[] = []
    for await (const { whiteout } of squashed.layers[1]!.entries())
      if (whiteout) whiteouts.push(whiteout.path)
    expect(whiteouts).toEqual(['b', 'd/x'])
    expect((await squashed.history()).map(({ created_by, layer }) => [created_by, layer?.position])).toEqual([
      ['one', 0],
      ['ENV', undefined],
      ['squashed', 1],
    ])
    await expectSound(squashed)
    await expect(base.edit().squash(3).commit(store)).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' })
  })

  test('are put onto another base, whose own steps come with it', async () => {
    const store = new MemoryStore()
    const oldBase = await fromScratch({ platform: 'linux/amd64' })
      .copy({ 'etc/os': 'old' }, '/', { history: { created_by: 'old base' } })
      .history({ created_by: 'old step' })
      .commit(store)
    const newBase = await fromScratch({ platform: 'linux/amd64' })
      .copy({ 'etc/os': 'new' }, '/', { history: { created_by: 'new base' } })
      .copy({ more: '' }, '/', { history: { created_by: 'more' } })
      .commit(store)
    const app = await oldBase
      .edit()
      .env({ APP: '1' })
      .copy({ 'app/run': 'run' }, '/', { history: { created_by: 'app' } })
      .commit(store)
    const rebased = await app.edit().rebase(oldBase, newBase).commit(store)
    expect(rebased.layers.map(({ digest }) => digest)).toEqual([
      ...newBase.layers.map(({ digest }) => digest),
      app.layers[1]!.digest,
    ])
    expect((await rebased.history()).map(({ created_by, layer }) => [created_by, layer?.position])).toEqual([
      ['new base', 0],
      ['more', 1],
      ['app', 2],
    ])
    expect((await rebased.config()).config?.Env).toEqual(['APP=1'])
    expect(rebased.annotations).toEqual({ 'org.opencontainers.image.base.digest': newBase.descriptor.digest })
    expect((await tree(rebased))['/etc/os']).toContain('new')
    await expectSound(rebased)
    await expect(app.edit().rebase(newBase, oldBase).commit(store)).rejects.toThrow(
      /does not stand on the old base/,
    )
  })

  test('keep their own steps on another base, whichever of the images has a history', async () => {
    const store = new MemoryStore()
    const comment = 'this layer came without history'
    const base = async (name: string, told: boolean) => {
      const edit = fromScratch({ platform: 'linux/amd64' })
        .addLayer([{ path: name }], { history: { created_by: name } })
        .history({ created_by: `ENV ${name}` })
      return (told ? edit : edit.configField(['history'], undefined)).commit(store)
    }
    const onto = (image: Image) =>
      image
        .edit()
        .addLayer([{ path: 'own' }], { history: { created_by: 'own' } })
        .commit(store)
    const steps = async (edit: ImageEdit) => {
      const image = await edit.commit(store)
      const { findings } = await validateImage(store, image.descriptor)
      expect(findings).toEqual([])
      return (await image.history()).map((entry) => [
        entry.created_by ?? entry.comment,
        entry.layer?.position,
      ])
    }
    const [one, two] = [await base('one', true), await base('two', true)]
    const [oneUntold, twoUntold] = [await base('one', false), await base('two', false)]
    const app = await onto(one)
    const told = [
      ['two', 0],
      ['ENV two', undefined],
      ['own', 1],
    ]
    const untold = [
      [comment, 0],
      ['own', 1],
    ]
    expect(await steps(app.edit().rebase(one, two))).toEqual(told)
    expect(await steps(app.edit().rebase(one, twoUntold))).toEqual(untold)
    expect(await steps((await onto(oneUntold)).edit().rebase(oneUntold, two))).toEqual(told)
    expect(await steps((await onto(oneUntold)).edit().rebase(oneUntold, twoUntold))).toEqual(untold)
    // Squashing has left the base's last step out.
    expect(
      await steps(
        app
          .edit()
          .squash(1, { history: { created_by: 'own' } })
          .rebase(one, two),
      ),
    ).toEqual(told)
    const bare = await app.edit().configField(['history'], undefined).commit(store)
    expect(await steps(bare.edit().rebase(one, two))).toEqual([...told.slice(0, 2), [comment, 1]])
    expect(await steps(bare.edit().rebase(one, twoUntold))).toEqual([])
    expect(
      await steps(bare.edit().replaceLayer(1, [{ path: 'x' }], { history: { created_by: 'new' } })),
    ).toEqual([
      [comment, 0],
      ['new', 1],
    ])
  })

  test('are compressed anew without a change to config or content', async () => {
    const store = new MemoryStore()
    const base = await threeLayers(store)
    const plain = await base.edit().recompress('none').commit(store)
    expect(plain.id).toBe(base.id)
    expect(plain.layers.map(({ mediaType }) => mediaType)).toEqual([
      mediaTypes.layer,
      mediaTypes.layer,
      mediaTypes.layer,
    ])
    expect(plain.layers.map(({ digest }) => digest)).toEqual(base.layers.map(({ diffID }) => diffID))
    const back = await plain.edit().recompress('gzip', { mode: 'reproducible' }).commit(store)
    expect(back.layers.map(({ diffID }) => diffID)).toEqual(base.layers.map(({ diffID }) => diffID))
    await expectSound(plain)
    await expectSound(back)
  })

  test('in which a path comes twice can be compressed anew and have their times brought down', async () => {
    const store = new MemoryStore()
    const tar = await readAll(
      writeTar([
        { path: 'a', content: encodeUtf8('first'), mtime: 2_000_000_000 },
        { path: './a', content: encodeUtf8('last'), mtime: 2_000_000_000 },
      ]),
      1 << 20,
    )
    const base = await fromScratch({ platform: 'linux/amd64' }).addLayer({ tar }).commit(store)
    const plain = await base.edit().recompress('none').commit(store)
    expect(plain.layers[0]!.digest).toBe(digestBytes(tar))
    const clamped = await plain.edit().clampTimes(1_000_000_000).commit(store)
    const files = await clamped.filesystem()
    expect(await files.readTextFile('/a')).toBe('last')
    expect((await files.stat('/a')).mtime.seconds).toBe(1_000_000_000)
    await expectSound(clamped)
  })

  test('and history and config are made no later than a moment', async () => {
    const store = new MemoryStore()
    const late = await fromScratch({ platform: 'linux/amd64' })
      .created('2030-01-01T00:00:00Z')
      .addLayer([{ path: 'old', mtime: 10 }], { history: { created_by: 'old' } })
      .addLayer(
        [
          { path: 'new', mtime: 2_000_000_000 },
          { path: 'past', mtime: 5 },
        ],
        { history: { created_by: 'new' } },
      )
      .commit(store)
    const clamped = await late.edit().clampTimes(1_000_000_000).commit(store)
    expect(clamped.layers[0]!.digest).toBe(late.layers[0]!.digest)
    const files = await clamped.filesystem()
    expect((await files.stat('/new')).mtime.seconds).toBe(1_000_000_000)
    expect((await files.stat('/past')).mtime.seconds).toBe(5)
    const { created, history } = await clamped.config()
    expect([created, ...history!.map((entry) => entry.created)]).toEqual(
      Array(3).fill('2001-09-09T01:46:40Z'),
    )
    await expectSound(clamped)
  })
})

describe('files', () => {
  let directory: string
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'oci-ts-copy-'))
  })
  afterEach(() => rm(directory, { recursive: true, force: true }))

  test('from memory come to lie below the destination, directories that are missing with them', async () => {
    const image = await fromScratch({ platform: 'linux/amd64' })
      .copy({ 'sub/dir/file': 'text', 'empty/': '', bytes: new Uint8Array([65]) }, '/opt/app', {
        chown: '1000:1001',
        chmod: '640',
      })
      .commit(new MemoryStore())
    expect(await tree(image)).toEqual({
      '/': 'directory 755 0:0 ',
      '/opt': 'directory 755 1000:1001 ',
      '/opt/app': 'directory 755 1000:1001 ',
      '/opt/app/bytes': 'file 640 1000:1001 A',
      '/opt/app/empty': 'directory 755 1000:1001 ',
      '/opt/app/sub': 'directory 755 1000:1001 ',
      '/opt/app/sub/dir': 'directory 755 1000:1001 ',
      '/opt/app/sub/dir/file': 'file 640 1000:1001 text',
    })
  })

  test('go where the links of the image lead, and leave directories that are there as they are', async () => {
    const image = await fromScratch({ platform: 'linux/amd64' })
      .addLayer([
        { path: 'usr/' },
        { path: 'usr/bin/', mode: 0o711 },
        { path: 'bin', type: 'symlink', linkPath: 'usr/bin' },
      ])
      .copy({ tool: 'x' }, '/bin')
      .commit(new MemoryStore())
    const all = await tree(image)
    expect(all['/usr/bin/tool']).toBe('file 644 0:0 x')
    expect(all['/bin']).toBe('symlink 777 0:0 usr/bin')
    expect(all['/usr/bin']).toBe('directory 711 0:0 ')
  })

  test('are made where a link to nothing leads, as in a container', async () => {
    const links = [
      { path: 'var/lock', type: 'symlink' as const, linkPath: '../run/./lock' },
      { path: 'run', type: 'symlink' as const, linkPath: '/data/run' },
      { path: 'loop', type: 'symlink' as const, linkPath: 'loop' },
    ]
    const base = fromScratch({ platform: 'linux/amd64' }).addLayer(links)
    const image = await base.copy({ 'x/pid': '1', y: '2' }, '/var/lock').commit(new MemoryStore())
    expect(Object.keys(await tree(image))).toEqual([
      '/',
      '/data',
      '/data/run',
      '/data/run/lock',
      '/data/run/lock/x',
      '/data/run/lock/x/pid',
      '/data/run/lock/y',
      '/loop',
      '/run',
      '/var',
      '/var/lock',
    ])
    await expect(image.edit().copy({ x: '1' }, '/loop').commit(image.store)).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
    })
  })

  test('from a directory and from a file of this machine', async () => {
    await mkdir(join(directory, 'dist/lib'), { recursive: true })
    await writeFile(join(directory, 'dist/index.js'), 'main')
    await writeFile(join(directory, 'dist/lib/a.js.map'), 'map')
    await writeFile(join(directory, 'dist/lib/a.js'), 'a')
    await symlink('index.js', join(directory, 'dist/link.js'))
    const image = await fromScratch({ platform: 'linux/amd64' })
      .copy(join(directory, 'dist'), '/app', { ignore: ['**/*.map'] })
      .copy(join(directory, 'dist/index.js'), '/app/')
      .copy(join(directory, 'dist/index.js'), '/start')
      .commit(new MemoryStore())
    const all = await tree(image)
    expect(Object.keys(all)).toEqual([
      '/',
      '/app',
      '/app/index.js',
      '/app/lib',
      '/app/lib/a.js',
      '/app/link.js',
      '/start',
    ])
    expect(all['/start']).toMatch(/^file \d+ 0:0 main$/)
    expect((await image.history()).map(({ created_by }) => created_by)[2]).toBe(
      `COPY ${join(directory, 'dist/index.js')} /start`,
    )
  })

  test('belong to users by the names that the image knows', async () => {
    const edit = fromScratch({ platform: 'linux/amd64' }).copy(
      { passwd: 'app:x:123:45::/:/bin/sh\n', group: 'web:x:77:\n' },
      '/etc',
    )
    const image = await edit.copy({ file: '' }, '/', { chown: 'app:web' }).commit(new MemoryStore())
    expect((await tree(image))['/file']).toBe('file 644 123:77 ')
    await expect(edit.copy({ file: '' }, '/', { chown: 'nobody' }).commit(new MemoryStore())).rejects.toThrow(
      /nobody/,
    )
  })

  test.each([
    [
      'a destination that leads out',
      (edit: ReturnType<Image['edit']>) => edit.copy({ a: '' }, '/../..'),
      'ARGUMENT_INVALID',
    ],
    [
      'a name that leads out',
      (edit: ReturnType<Image['edit']>) => edit.copy({ '../a': '' }, '/x'),
      'ARGUMENT_INVALID',
    ],
    [
      'a destination below a file',
      (edit: ReturnType<Image['edit']>) => edit.copy({ a: '' }, '/etc/who/x'),
      'ARGUMENT_INVALID',
    ],
    [
      'a file over a directory',
      (edit: ReturnType<Image['edit']>) => edit.copy({ etc: '' }, '/'),
      'ARGUMENT_INVALID',
    ],
    [
      'a mode that is none',
      (edit: ReturnType<Image['edit']>) => edit.copy({ a: '' }, '/', { chmod: 'rwx' }),
      'ARGUMENT_INVALID',
    ],
    [
      'nothing to copy',
      (edit: ReturnType<Image['edit']>) => edit.copy('/absent/really', '/'),
      'PATH_NOT_FOUND',
    ],
  ])('%s is refused', async (_, change, code) => {
    const store = new MemoryStore()
    const image = await smallImage(store, 'one')
    await expect(change(image.edit()).commit(store)).rejects.toMatchObject({ code })
  })
})

test('an edit can be committed twice, and gives the same: no clock is read', async () => {
  const [one, two] = [new MemoryStore(), new MemoryStore()]
  const edit = () =>
    fromScratch({ platform: 'linux/amd64' })
      .created('2024-05-06T07:08:09Z')
      .copy({ a: 'a' }, '/', { mode: 'reproducible' })
      .label('x', 'y')
  const same = edit()
  const first = await same.commit(one)
  const digests = [first, await same.commit(two), await edit().commit(two)].map(
    (image) => image.descriptor.digest,
  )
  expect(new Set(digests).size).toBe(1)
  expect((await first.history())[0]!.created).toBe('2024-05-06T07:08:09Z')
})

test('a commit under a name tags it, with the platform of the old descriptor put right', async () => {
  const store = new MemoryStore()
  const base = await smallImage(store, 'one')
  const listed: Descriptor = { ...base.descriptor, platform: base.platform }
  const image = await openImage(store, listed)
  await image.edit().platform('linux/riscv64').commit(store, 'v2')
  expect((await store.resolve('v2')).platform).toEqual({ os: 'linux', architecture: 'riscv64' })
  expect((await (await readLayout(store)).image('v2')).platform?.architecture).toBe('riscv64')
})

test('a commit into another store takes along what that lacks', async () => {
  const base = await threeLayers(new MemoryStore())
  const target = new MemoryStore()
  const image = await base.edit().label('a', 'b').commit(target, 'v1')
  expect(await tree(image)).toEqual(await tree(base))
  await expectSound(image)
})

caseTest(
  'FROM base, RUN echo Hello, RUN touch my-file: the mysterious image, by calls',
  async (directory) => {
    const expected = JSON.parse(
      readFileSync(`${directory}/mysterious-image/config.json`, 'utf8'),
    ) as ImageConfig
    const store = new MemoryStore()
    const [add, command, echo, touch] = expected.history!
    // The base's own blob is nowhere: a stand-in of our own takes its place.
    const base = await fromScratch({ platform: 'linux/amd64' })
      .addLayer([{ path: 'bin/' }, { path: 'bin/sh', mode: 0o755, content: encodeUtf8('#!') }], {
        history: add,
      })
      .env({ PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' })
      .command(['/bin/sh'])
      .history({ created: command!.created, created_by: command!.created_by })
      .commit(store)
    const image = await fromImage(base)
      .history({ created: echo!.created, created_by: echo!.created_by })
      .addLayer(
        [
          {
            path: 'my-file',
            modeExtra: 0o100000,
            mode: 0o644,
            mtime: 0o13523261150,
            uname: 'root',
            gname: 'root',
          },
        ],
        { history: touch },
      )
      .created(expected.created!)
      .commit(store, 'mysterious')
    const config = await image.config()
    expect(config.history).toEqual(expected.history)
    expect(config.config).toEqual(expected.config)
    expect(config.created).toBe(expected.created)
    expect(config.rootfs.diff_ids[1]).toBe(
      'sha256:56e2c46a3576a8c1a222f9a263dc57ae3c6b8baf6a68d03065f4b3ea6c0ae8d1',
    )
    expect((await image.history()).map(({ layer }) => layer?.position ?? null)).toEqual([0, null, null, 1])
    expect(image.layers[1]!.diffID).toBe(
      digestBytes(new Uint8Array(readFileSync(`${directory}/mysterious-image/my-file.tar`))),
    )
    expect(rawBytes(image.manifest)?.length).toBe(image.descriptor.size)
    await expectSound(image)
  },
)
