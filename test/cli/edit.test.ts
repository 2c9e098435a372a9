import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { type Descriptor, type ImageConfig, type Manifest, readLayout } from '../../src/index.ts'
import { writeTar } from '../../src/tar/index.ts'
import { oci, ok } from './captured.ts'
import { emptyDirectory, fixtures, myImage } from './images.ts'

/** What an image of a layout says. */
async function read(
  path: string,
  reference: string,
  platform = 'linux/amd64',
): Promise<{ readonly config: ImageConfig; readonly manifest: Manifest }> {
  await using layout = await readLayout(path)
  const image = await layout.image(reference, { platform })
  return { config: await image.config(), manifest: image.manifest }
}

/** What `ls -lr` says of an image, by path. */
async function listing(image: string, ...flags: string[]): Promise<Map<string, Record<string, unknown>>> {
  const rows = JSON.parse(await ok('ls', image, '-r', '--platform', 'linux/amd64', '--json', ...flags))
  return new Map(rows.map((row: Record<string, unknown>) => [row.path, row]))
}

describe('each flag changes its field, and nothing else', () => {
  const title = 'org.opencontainers.image.title'
  const config = (...steps: [path: (string | number)[], value: unknown][]) => ({
    config: steps,
    manifest: [],
  })
  const manifest = (...steps: [path: (string | number)[], value: unknown][]) => ({
    config: [],
    manifest: steps,
  })
  test.each([
    [
      ['--env', 'A=b=c', '--env', 'LANG'],
      config([
        ['config', 'Env'],
        ['PATH=/usr/bin', 'A=b=c'],
      ]),
    ],
    [
      ['--entrypoint', 'run it'],
      config([
        ['config', 'Entrypoint'],
        ['run', 'it'],
      ]),
    ],
    [['--entrypoint', ''], config([['config', 'Entrypoint'], undefined])],
    [
      ['--cmd', '["a b","$c"]'],
      config([
        ['config', 'Cmd'],
        ['a b', '$c'],
      ]),
    ],
    [['--user', '7:8'], config([['config', 'User'], '7:8'])],
    [['--user', ''], config([['config', 'User'], undefined])],
    [['--workdir', '/srv'], config([['config', 'WorkingDir'], '/srv'])],
    [['--stop-signal', 'SIGKILL'], config([['config', 'StopSignal'], 'SIGKILL'])],
    [
      ['--label', 'a=', '--label', title],
      config([['config', 'Labels', 'a'], ''], [['config', 'Labels', title], undefined]),
    ],
    [
      ['--port', '53/udp', '--remove-port', '8080/tcp'],
      config([['config', 'ExposedPorts'], { '53/udp': {} }]),
    ],
    [['--volume', '/v', '--remove-volume', '/var/lib/app'], config([['config', 'Volumes'], { '/v': {} }])],
    [['--author', 'me'], config([['author'], 'me'])],
    [['--author', ''], config([['author'], undefined])],
    [['--created', '86400'], config([['created'], '1970-01-02T00:00:00Z'])],
    [['--created', '2024-05-06T07:08:09.1234567Z'], config([['created'], '2024-05-06T07:08:09.1234567Z'])],
    [['--created', ''], config([['created'], undefined])],
    [['--set-platform', 'linux/riscv64'], config([['architecture'], 'riscv64'])],
    [['--history', 'LABEL x'], config([['history', 7], { created_by: 'LABEL x', empty_layer: true }])],
    [
      ['--set', 'config.Healthcheck={"Test":["NONE"]}'],
      config([['config', 'Healthcheck'], { Test: ['NONE'] }]),
    ],
    [['--set', 'history[0].comment="first"'], config([['history', 0, 'comment'], 'first'])],
    [['--set', 'config.StopSignal='], config([['config', 'StopSignal'], undefined])],
    [['--annotation', 'com.example.a=b'], manifest([['annotations'], { 'com.example.a': 'b' }])],
    [
      ['--set-manifest', 'annotations["com.example.a"]="b"'],
      manifest([['annotations'], { 'com.example.a': 'b' }]),
    ],
  ])('%j', async (flags, expected) => {
    const path = myImage()
    const before = await read(path, '1.0')
    const printed = await ok('edit', `${path}:1.0`, '--platform', 'linux/amd64', ...flags, '--as', 'v2')
    expect(printed).toMatch(/^v2 {2}sha256:[0-9a-f]{64}\n$/)
    await using layout = await readLayout(path)
    const image = await layout.image('v2')
    expect(await image.config()).toEqual(changed(before.config, expected.config))
    const { config: _, ...rest } = image.manifest
    const { config: __, ...old } = before.manifest
    expect(rest).toEqual(changed(old, expected.manifest))
    expect(await ok('verify', `${path}:v2`)).toContain('is sound')
  })

  /** A copy of a document with some places in it set, or removed where undefined is set. */
  function changed(document: object, steps: readonly [path: (string | number)[], value: unknown][]): unknown {
    const copy = structuredClone(document)
    for (const [path, value] of steps) {
      let place = copy as Record<string | number, unknown>
      for (const name of path.slice(0, -1)) place = place[name] as Record<string | number, unknown>
      if (value === undefined) delete place[path.at(-1)!]
      else place[path.at(-1)!] = value
    }
    return copy
  }
})

describe('what is changed', () => {
  test('is every image of an index, and the name moves to the result', async () => {
    const path = myImage()
    const untouched = readFileSync(join(path, 'index.json'), 'utf8')
    await ok('edit', path, '--label', 'a=b')
    expect(readFileSync(join(path, 'index.json'), 'utf8')).not.toBe(untouched)
    for (const platform of ['linux/amd64', 'linux/arm64']) {
      const { config } = await read(path, '1.0', platform)
      expect(config.config?.Labels).toMatchObject({ a: 'b', 'org.opencontainers.image.title': 'my-image' })
      expect(`linux/${config.architecture}`).toBe(platform)
    }
    const index = JSON.parse(await ok('inspect', path, '--raw'))
    expect(index.manifests.map((entry: Descriptor) => entry.platform?.architecture)).toEqual([
      'amd64',
      'arm64',
    ])
    expect(await ok('verify', path)).toContain('is sound')
  })

  test('one image of an index does not take the name of all', async () => {
    const path = myImage()
    const { code, stderr } = await oci(['edit', path, '--platform', 'linux/arm64', '--label', 'a=b'])
    expect(code).toBe(2)
    expect(stderr).toMatch(/leave --platform away .*--as or --to/)
    expect(await ok('inspect', path, '--raw')).toBe(await ok('inspect', `${fixtures}my-image`, '--raw'))
  })

  test('goes elsewhere by --to, whole; what it was made from stays as it was', async () => {
    const path = myImage()
    const before = readdirSync(join(path, 'blobs/sha256'))
    const target = join(emptyDirectory(), 'target')
    await ok('edit', path, '--label', 'a=b', '--to', `oci:${target}:there`)
    expect(await ok('verify', `${target}:there`)).toMatch(/is sound: 10 blobs/)
    expect(readdirSync(join(path, 'blobs/sha256'))).toEqual(before)
    expect(await ok('edit', path, '--label', 'a=b', '--to', target)).toMatch(/^1\.0 /)
  })

  test('goes into an archive by --to, with nothing left beside it', async () => {
    const directory = emptyDirectory()
    for (const kind of ['oci', 'docker']) {
      const archive = `${kind}-archive:${join(directory, kind)}.tar`
      const flags = ['--platform', 'linux/arm64', '--label', 'a=b', '--to', `${archive}:example.com/app:2`]
      await ok('edit', `${fixtures}my-image`, ...flags)
      const shown = JSON.parse(await ok('inspect', `${archive}:example.com/app:2`, '--json'))
      expect(shown.config.config.Labels.a).toBe('b')
      expect(shown.platform.architecture).toBe('arm64')
      expect(await ok('verify', archive)).toContain('is sound')
    }
    expect(readdirSync(directory).sort()).toEqual(['docker.tar', 'oci.tar'])
    const failed = ['edit', `${fixtures}mysterious-image`, '--squash', '1']
    expect((await oci([...failed, '--to', `oci-archive:${join(directory, 'no.tar')}`])).code).toBe(1)
    expect(readdirSync(directory).sort()).toEqual(['docker.tar', 'oci.tar'])
    expect(existsSync(join(directory, 'no.tar'))).toBe(false)
  })

  test('an image that has no name, or several, needs one for the result', async () => {
    const path = myImage()
    await using layout = await readLayout(path)
    await layout.store.tag(await layout.resolve('1.0'), 'again')
    const several = await oci(['edit', `${path}@${(await layout.resolve('1.0')).digest}`, '--label', 'a=b'])
    expect(several).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/several names \(1\.0, again\).*--as/),
    })
    await layout.store.untag!('1.0')
    await layout.store.untag!('again')
    const digest = JSON.parse(await ok('inspect', `${fixtures}my-image`, '--json')).descriptor.digest
    const none = await oci(['edit', `${path}@${digest}`, '--label', 'a=b'])
    expect(none.code).not.toBe(0)
  })

  test('an archive is not changed, and the message says what to do', async () => {
    const archive = join(emptyDirectory(), 'a.tar')
    await ok('copy', `${fixtures}my-image`, `oci-archive:${archive}`)
    const { code, stderr } = await oci(['edit', archive, '--label', 'a=b'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/is an archive, which is never changed: .* oci-ts copy .* oci:DIR:NAME/)
    const target = join(emptyDirectory(), 'target')
    await ok('edit', archive, '--label', 'a=b', '--to', `${target}:v2`)
    expect(await ok('verify', target)).toContain('is sound')
  })
})

describe('layers', () => {
  /** A tree to add: `a/b` and `a/c.map`. */
  function tree(): string {
    const directory = join(emptyDirectory(), 'tree')
    mkdirSync(join(directory, 'a'), { recursive: true })
    writeFileSync(join(directory, 'a/b'), 'content of b')
    writeFileSync(join(directory, 'a/c.map'), 'map')
    return directory
  }

  test('--copy with owner, mode and what is left out, whichever stands first', async () => {
    const path = myImage()
    const source = tree()
    const flags = ['--chown', 'app:1001', '--chmod', '640', '--ignore', '**/*.map']
    await ok('edit', `${path}:1.0`, '--copy', `${source}:/srv/x`, ...flags, '--as', 'v2')
    await ok('edit', `${path}:1.0`, ...flags, '--copy', `${source}:/srv/x`, '--as', 'v3')
    const files = await listing(`${path}:v2`)
    expect(files.get('/srv/x/a/b')).toMatchObject({ uid: 1000, gid: 1001, mode: 0o640, size: 12, layer: 5 })
    expect(files.has('/srv/x/a/c.map')).toBe(false)
    expect(files.get('/srv/x')).toMatchObject({ type: 'directory', layer: 5 })
    expect(await listing(`${path}:v3`)).toEqual(files)
    const { config } = await read(path, 'v2')
    // The history tells the directory's name, not where it lies on this machine.
    expect(config.history?.at(-1)?.created_by).toBe('COPY tree /srv/x')
  })

  test('--add-layer takes a directory, a tar, and a compressed one', async () => {
    const path = myImage()
    const directory = tree()
    const chunks: Uint8Array[] = []
    for await (const chunk of writeTar([{ path: 'from-tar', content: Buffer.from('t') }])) chunks.push(chunk)
    const tar = join(directory, '../x.tar')
    writeFileSync(tar, Buffer.concat(chunks))
    writeFileSync(`${tar}.gz`, gzipSync(Buffer.concat(chunks)))
    await ok('edit', `${path}:1.0`, '--add-layer', directory, '--ignore', '*/*.map', '--as', 'directory')
    await ok('edit', `${path}:1.0`, '--add-layer', tar, '--as', 'tar')
    await ok('edit', `${path}:1.0`, '--add-layer', `${tar}.gz`, '--as', 'gz')
    const files = await listing(`${path}:directory`)
    expect(files.get('/a/b')).toMatchObject({ size: 12, layer: 5 })
    expect(files.has('/a/c.map')).toBe(false)
    expect((await listing(`${path}:tar`)).get('/from-tar')).toMatchObject({ size: 1, layer: 5 })
    const [plain, gz] = [await read(path, 'tar'), await read(path, 'gz')]
    expect(gz.config.rootfs).toEqual(plain.config.rootfs)
    expect(plain.config.history?.at(-1)?.created_by).toBe('ADD x.tar /')
    // What a directory of this machine is like does not become what the image's root is like.
    expect(files.get('/')).toEqual((await listing(`${path}:1.0`)).get('/'))
  })

  test('--remove-layer, --replace-layer, --squash and flatten, numbered from 1', async () => {
    const path = myImage()
    const directory = tree()
    await ok('edit', `${path}:1.0`, '--remove-layer', '3', '--as', 'removed')
    expect((await read(path, 'removed')).manifest.layers).toHaveLength(3)
    await ok('edit', `${path}:1.0`, '--replace-layer', `3=${directory}`, '--as', 'replaced')
    const replaced = await listing(`${path}:replaced`)
    expect(replaced.get('/a/b')).toMatchObject({ layer: 3 })
    const before = await listing(`${path}:1.0`)
    const strip = (files: Map<string, Record<string, unknown>>) =>
      [...files].map(([name, { layer: _, ...file }]) => [name, file]).sort()
    await ok('edit', `${path}:1.0`, '--squash', '2', '--as', 'squashed')
    await ok('flatten', `${path}:1.0`, '--as', 'flat')
    for (const [name, layers] of [
      ['squashed', 2],
      ['flat', 1],
    ] as const) {
      expect((await read(path, name)).manifest.layers).toHaveLength(layers)
      expect(strip(await listing(`${path}:${name}`))).toEqual(strip(before))
      expect(await ok('verify', `${path}:${name}`)).toContain('is sound')
    }
  })

  test('changes are made in the order in which they stand', async () => {
    const path = myImage()
    const directory = tree()
    await ok('edit', `${path}:1.0`, '--remove-layer', '4', '--add-layer', directory, '--as', 'a')
    await ok('edit', `${path}:1.0`, '--add-layer', directory, '--remove-layer', '4', '--as', 'b')
    await ok('edit', `${path}:1.0`, '--add-layer', directory, '--remove-layer', '5', '--as', 'c')
    const paths = async (name: string) =>
      (await listing(`${path}:${name}`)).has('/usr/share/doc/base/changelog')
    // Layer 4 holds the whiteout of that file; the last removes what the flag before it has added.
    expect([await paths('a'), await paths('b'), await paths('c')]).toEqual([true, true, false])
    expect((await listing(`${path}:c`)).has('/a/b')).toBe(false)
  })

  test('--recompress keeps diffIDs, and --compression is for new layers', async () => {
    const path = myImage()
    const { config } = await read(path, '1.0')
    await ok('edit', `${path}:1.0`, '--recompress', 'none', '--as', 'none')
    const none = await read(path, 'none')
    expect(none.config).toEqual(config)
    expect(new Set(none.manifest.layers.map((layer) => layer.mediaType))).toEqual(
      new Set(['application/vnd.oci.image.layer.v1.tar']),
    )
    await ok('edit', `${path}:1.0`, '--copy', `${tree()}:/x`, '--compression', 'none', '--as', 'mixed')
    const { manifest } = await read(path, 'mixed')
    expect(manifest.layers.map((layer) => layer.mediaType.endsWith('.tar'))).toEqual([
      false,
      false,
      false,
      false,
      true,
    ])
  })

  test('SOURCE_DATE_EPOCH makes the same image of files of any age; --clamp-times of layers that are there', async () => {
    const path = myImage()
    const env = { SOURCE_DATE_EPOCH: '86400' }
    const directory = tree()
    const [first] = [await oci(['edit', `${path}:1.0`, '--copy', `${directory}:/x`, '--as', 'a'], { env })]
    writeFileSync(join(directory, 'a/b'), 'content of b')
    const second = await oci(['edit', `${path}:1.0`, '--copy', `${directory}:/x`, '--as', 'b'], { env })
    expect(second.stdout.slice(1)).toBe(first.stdout.slice(1))
    const files = await listing(`${path}:a`)
    expect(files.get('/x/a/b')).toMatchObject({ mtime: { seconds: 86400 } })
    const { config } = await read(path, 'a')
    expect(config.created).toBe('1970-01-02T00:00:00Z')
    expect(config.history?.at(-1)?.created).toBe('1970-01-02T00:00:00Z')

    expect((await oci(['edit', `${path}:1.0`, '--clamp-times', '--as', 'c'], { env })).code).toBe(0)
    await ok('edit', `${path}:1.0`, '--clamp-times', '86400', '--as', 'd')
    for (const name of ['c', 'd']) {
      const times = [...(await listing(`${path}:${name}`)).values()].map(
        (row) => (row.mtime as { seconds: number }).seconds,
      )
      expect(Math.max(...times)).toBe(86400)
    }
  })
})

describe('rebase', () => {
  test("puts the new base's layers under each image, for its own platform", async () => {
    const path = myImage()
    const directory = join(emptyDirectory(), 'new')
    mkdirSync(directory)
    writeFileSync(join(directory, 'new-base'), 'x')
    // The base of my-image is its first layer; the new base is that with one more.
    await ok('edit', `${path}:1.0`, '--squash', '2', '--as', 'two')
    await ok(
      'edit',
      `${path}:1.0`,
      '--remove-layer',
      '4',
      '--remove-layer',
      '3',
      '--remove-layer',
      '2',
      '--as',
      'old',
    )
    await ok('edit', `${path}:old`, '--add-layer', directory, '--as', 'new')
    await ok(
      'rebase',
      `${path}:1.0`,
      '--old-base',
      `${path}:old`,
      '--new-base',
      `${path}:new`,
      '--as',
      'rebased',
    )
    for (const platform of ['linux/amd64', 'linux/arm64']) {
      const { config, manifest } = await read(path, 'rebased', platform)
      expect(manifest.layers).toHaveLength(5)
      expect(`linux/${config.architecture}`).toBe(platform)
      expect(manifest.annotations?.['org.opencontainers.image.base.digest']).toMatch(/^sha256:/)
    }
    expect((await listing(`${path}:rebased`)).get('/new-base')).toMatchObject({ layer: 2 })
    expect(await ok('verify', `${path}:rebased`)).toContain('is sound')
    const wrong = await oci([
      'rebase',
      `${path}:1.0`,
      '--old-base',
      `${path}:two`,
      '--new-base',
      `${path}:new`,
    ])
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringMatching(/does not stand on the old base/) })
  })
})

test('without a sound image nothing is made', async () => {
  const { code } = await oci([
    'edit',
    `${fixtures}mysterious-image`,
    '--squash',
    '1',
    '--to',
    `${emptyDirectory()}/x`,
  ])
  expect(code).toBe(1)
})
