import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readLayout } from '../../src/index.ts'
import { oci, ok } from './captured.ts'
import { emptyDirectory, fixtures, myImage } from './images.ts'

/** A tree of an executable, a text, a link and a source map, all of a day in 2023. */
function tree(): string {
  const directory = join(emptyDirectory(), 'app')
  mkdirSync(join(directory, 'lib'), { recursive: true })
  writeFileSync(join(directory, 'serve'), '#!/bin/sh\n')
  chmodSync(join(directory, 'serve'), 0o755)
  writeFileSync(join(directory, 'lib/main.js'), 'console.log(1)\n')
  writeFileSync(join(directory, 'lib/main.js.map'), '{}')
  symlinkSync('lib/main.js', join(directory, 'entry'))
  for (const path of ['serve', 'lib/main.js', 'lib/main.js.map', 'lib', '.']) {
    utimesSync(join(directory, path), 1_700_000_000, 1_700_000_000)
  }
  return directory
}

async function rows(image: string, ...flags: string[]): Promise<Record<string, Record<string, unknown>>> {
  const list: { path: string }[] = JSON.parse(await ok('ls', image, '-r', '--json', ...flags))
  return Object.fromEntries(list.map(({ path, ...row }) => [path, row]))
}

describe('pack', () => {
  test('makes an image of a directory and nothing else', async () => {
    const layout = join(emptyDirectory(), 'images')
    const flags = ['--platform', 'linux/arm64', '--entrypoint', '/serve', '--env', 'A=b', '--port', '80']
    const printed = await ok('pack', tree(), `${layout}:v1`, ...flags, '--ignore', '**/*.map')
    expect(printed).toMatch(/^v1 {2}sha256:[0-9a-f]{64}\n$/)
    await using opened = await readLayout(layout)
    const image = await opened.image('v1')
    expect(await image.config()).toMatchObject({
      architecture: 'arm64',
      os: 'linux',
      config: { Entrypoint: ['/serve'], Env: ['A=b'], ExposedPorts: { '80': {} } },
      history: [{ created_by: 'ADD app /' }],
    })
    expect(image.layers).toHaveLength(1)
    const files = await rows(`${layout}:v1`)
    expect(Object.keys(files).sort()).toEqual(['/', '/entry', '/lib', '/lib/main.js', '/serve'])
    expect(files['/serve']).toMatchObject({ mode: 0o755, uid: 0, gid: 0, mtime: { seconds: 1_700_000_000 } })
    expect(files['/entry']).toMatchObject({ type: 'symlink', linkPath: 'lib/main.js' })
    expect(await ok('cat', `${layout}:v1`, '/entry')).toBe('console.log(1)\n')
    expect(await ok('verify', layout, '--deep')).toMatch(/is sound: .*0 warnings/)
  })

  test('without a platform it is for Linux on this architecture', async () => {
    const layout = join(emptyDirectory(), 'images')
    await ok('pack', tree(), `${layout}:v1`)
    const { platform } = JSON.parse(await ok('inspect', layout, '--json'))
    expect(platform.os).toBe('linux')
    expect(platform.architecture).toMatch(/^[a-z0-9]+$/)
  })

  test("on a base, below --dest and through its symlinks, files are root's or who --chown names", async () => {
    const path = myImage()
    const base = ['--base', `${path}:1.0`, '--platform', 'linux/amd64']
    await ok('pack', tree(), `oci:${path}:v2`, ...base, '--dest', '/bin', '--cmd', '')
    const files = await rows(`${path}:v2`)
    expect(files['/usr/bin/serve']).toMatchObject({ uid: 0, gid: 0, mode: 0o755, layer: 5 })
    expect(files['/bin']).toMatchObject({ type: 'symlink' })
    await ok('pack', tree(), `${path}:v3`, ...base, '--dest', '/srv', '--chown', 'app', '--chmod', '600')
    expect((await rows(`${path}:v3`))['/srv/lib/main.js']).toMatchObject({
      uid: 1000,
      gid: 1000,
      mode: 0o600,
    })
    await using layout = await readLayout(path)
    const config = await (await layout.image('v2')).config()
    expect(config.config).not.toHaveProperty('Cmd')
    expect(config.config?.Entrypoint).toEqual(['serve'])
    expect(config.history?.at(-1)?.created_by).toBe('COPY app /bin')
  })

  test('the same files give the same image, on any day, where SOURCE_DATE_EPOCH says so', async () => {
    const env = { SOURCE_DATE_EPOCH: '1000000' }
    const digests = []
    for (const time of [1_700_000_000, 1_800_000_000]) {
      const directory = tree()
      for (const path of ['serve', 'lib/main.js', 'lib/main.js.map', 'lib', '.']) {
        utimesSync(join(directory, path), time, time)
      }
      // A link's time is that of its making; it is later too.
      const { code, stdout } = await oci(['pack', directory, `${emptyDirectory()}/x:v1`], { env })
      expect(code).toBe(0)
      digests.push(stdout)
    }
    expect(digests[0]).toBe(digests[1])
  })

  test('what fails leaves no layout behind', async () => {
    const layout = join(emptyDirectory(), 'images')
    expect((await oci(['pack', 'no/such', `${layout}:v1`])).code).toBe(1)
    expect((await oci(['pack', '.', `${layout}:v1`, '--base', 'no/such'])).code).toBe(1)
    expect((await oci(['pack', '.', `${layout}:v1`, '--port', 'http'])).code).toBe(2)
    expect(existsSync(layout)).toBe(false)
  })
})

describe('unpack', () => {
  test('then pack --since gives the layer of what changed', async () => {
    const path = myImage()
    const directory = emptyDirectory()
    const [rootfs, snapshot] = [join(directory, 'rootfs'), join(directory, 'snapshot')]
    const platform = ['--platform', 'linux/amd64']
    const printed = await ok('unpack', path, rootfs, ...platform, '--snapshot', snapshot)
    expect(printed).toMatch(new RegExp(`^${rootfs}: \\d+ entries, .* of files\\n$`))
    writeFileSync(join(rootfs, 'etc/new'), 'new')
    await ok('pack', rootfs, `${path}:v2`, '--base', `${path}:1.0`, ...platform, '--since', snapshot)
    const layer = JSON.parse(await ok('ls', `${path}:v2`, '--layer', '5', '--json'))
    const changed = layer.map((row: { path: string }) => row.path)
    expect(changed).toContain('/etc/new')
    expect(changed.filter((name: string) => !['/', '/etc', '/etc/new'].includes(name))).toEqual([])
    expect(await ok('cat', `${path}:v2`, '/etc/new')).toBe('new')
  })

  test('--record writes what could not be kept, and pack --record puts it back', async () => {
    const path = myImage()
    const directory = emptyDirectory()
    const [rootfs, record] = [join(directory, 'rootfs'), join(directory, 'record')]
    const platform = ['--platform', 'linux/amd64']
    await ok('unpack', path, rootfs, ...platform, '--owner', 'current', '--record', record)
    expect(readFileSync(record, 'utf8')).toMatch(/^\{"oci-ts-record":1,.*\n.*"app"/)
    await ok('pack', rootfs, `${path}:again`, '--record', record)
    const [before, after] = [await rows(`${path}:1.0`, ...platform), await rows(`${path}:again`)]
    const owners = (files: Record<string, Record<string, unknown>>) =>
      Object.entries(files).map(([name, { uid, gid, mode }]) => [name, uid, gid, mode])
    expect(owners(after).sort()).toEqual(owners(before).sort())
  })

  test('into a directory that is not empty is refused, and touches nothing', async () => {
    const directory = tree()
    const { code, stderr } = await oci(['unpack', `${fixtures}my-image`, directory])
    expect(code).toBe(2)
    expect(stderr).toMatch(/not empty/)
    expect(existsSync(join(directory, 'etc'))).toBe(false)
  })

  test('bundle writes what an OCI runtime starts', async () => {
    const directory = join(emptyDirectory(), 'bundle')
    await ok('bundle', `${fixtures}my-image`, directory, '--platform', 'linux/amd64')
    const config = JSON.parse(readFileSync(join(directory, 'config.json'), 'utf8'))
    expect(config.process.args).toEqual(['serve', '--port', '8080'])
    expect(readFileSync(join(directory, 'rootfs/app/hello.txt'), 'utf8')).toBe('Hello again from the app.\n')
  })

  test('shows a bar on a terminal, and takes it away', async () => {
    const { stderr, stdout } = await oci(['unpack', `${fixtures}my-image`, join(emptyDirectory(), 'r')], {
      terminal: true,
      env: { NO_COLOR: '1' },
    })
    expect(stderr).toMatch(/^unpacking {2}\[=* *\] {2}[\d.]+ k?B of 1\.9 kB/)
    // Who is not root is told below which owners were not kept.
    expect(stderr).toMatch(/\r\u001b\[J(not kept .*\n)*$/)
    expect(stdout).not.toContain('unpacking')
  })
})

describe('ls and cat', () => {
  const image = `${fixtures}my-image`
  const platform = ['--platform', 'linux/amd64']

  test('long lines say who, what, when and from which layer', async () => {
    expect(await ok('ls', '-l', image, '/app', ...platform)).toMatchInlineSnapshot(`
      "lrwxrwxrwx   1000:1000          6 2024-01-01 00:00 layer 2  /app/current -> public
      -rw-r--r--   1000:1000          8 2024-01-01 00:00 layer 2  /app/grüezi.txt
      -rw-r--r--   1000:1000         26 2024-01-01 00:00 layer 3  /app/hello.txt
      drwxr-xr-x   1000:1000          0 2024-01-01 00:00 layer 2  /app/public
      "
    `)
  })

  test('a layer by itself, whiteouts too', async () => {
    expect(await ok('ls', image, '--layer', '4', ...platform)).toMatchInlineSnapshot(`
      "/usr
      /usr/share
      /usr/share/doc
      /usr/share/doc/base
      /usr/share/doc/base/.wh.changelog
      /var
      /var/cache
      /var/cache/setup
      /var/cache/setup/.wh..wh..opq
      /var/cache/setup/state
      "
    `)
    expect(await ok('ls', image, '/var/cache', '--layer', '4', ...platform)).not.toContain('/usr')
  })

  test('cat gives the bytes, through links of the image', async () => {
    expect(await ok('cat', image, 'app/hello.txt')).toBe('Hello again from the app.\n')
    const run = await oci(['cat', image, '/app'])
    expect(run).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/directory/) })
  })
})
