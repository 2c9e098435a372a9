import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  createLayout,
  fromScratch,
  parseDigest,
  readLayout,
  writeIndex,
  writeManifest,
} from '../../src/index.ts'
import { oci, ok } from './captured.ts'
import { emptyDirectory, fixtures, myImage } from './images.ts'

const mysterious = `${fixtures}mysterious-image`

describe('the mysterious image', () => {
  test('is shown whole, with its history, though its layers are elsewhere', async () => {
    expect((await ok('inspect', mysterious)).replace(fixtures, '')).toMatchInlineSnapshot(`
      "Image      mysterious-image
      Digest     sha256:703c711516a88a4ec99d742ce59e1a2f0802a51dac916975ab6f2b60212cd713
      Image ID   sha256:8b2633baa7e149fe92e6d74b95e33d61b53ba129021ba251ac0c7ab7eafea825
      Platform   linux/amd64
      Created    2019-08-09T12:09:13.129872299Z
      Size       2.8 MB in 2 layers, as stored

      Layers, bottom to top
          1    2.8 MB  sha256:050382585609  elsewhere  /bin/sh -c #(nop) ADD file:0eb5ea35741d23fe39cbac245b3a5d84856ed6384f4…
                    -                       /bin/sh -c #(nop) CMD ["/bin/sh"]
                    -                       /bin/sh -c echo Hello
          2     120 B  sha256:6d8c9f2df98b  elsewhere  /bin/sh -c touch my-file
        2 layer blobs are not in this layout (they may be elsewhere)

      Configuration
        Cmd           ["/bin/sh"]
        Env           PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
      "
    `)
  })

  test('its documents come out byte for byte', async () => {
    const blob = (hex: string) => readFileSync(`${mysterious}/blobs/sha256/${hex}`)
    const manifest = await oci(['inspect', mysterious, '--raw'])
    expect(Buffer.from(manifest.bytes)).toEqual(
      blob('703c711516a88a4ec99d742ce59e1a2f0802a51dac916975ab6f2b60212cd713'),
    )
    const config = await oci(['inspect', mysterious, '--config'])
    expect(Buffer.from(config.bytes)).toEqual(
      blob('8b2633baa7e149fe92e6d74b95e33d61b53ba129021ba251ac0c7ab7eafea825'),
    )
  })

  test('as JSON it says which layers are not there', async () => {
    const image = JSON.parse(await ok('inspect', mysterious, '--json'))
    expect(image.kind).toBe('image')
    expect(image.imageID).toBe('sha256:8b2633baa7e149fe92e6d74b95e33d61b53ba129021ba251ac0c7ab7eafea825')
    expect(image.layers.map((layer: { present: boolean }) => layer.present)).toEqual([false, false])
    expect(image.layers[1].diffID).toBe(
      'sha256:56e2c46a3576a8c1a222f9a263dc57ae3c6b8baf6a68d03065f4b3ea6c0ae8d1',
    )
  })

  test('off a terminal lines are 120 columns wide, on one as wide as it is', async () => {
    const layout = await readLayout(mysterious)
    const [step] = (await (await layout.image()).history()).toSorted(
      (a, b) => (b.created_by ?? '').length - (a.created_by ?? '').length,
    )
    expect(step!.created_by!.length).toBeGreaterThan(40)
    const widths = (text: string) => Math.max(...text.split('\n').map((line) => line.length))
    expect(widths(await ok('inspect', mysterious))).toBeLessThanOrEqual(120)
    const narrow = await oci(['inspect', mysterious], { terminal: true, env: { NO_COLOR: '1' } })
    expect(narrow.stdout).toContain('…')
  })
})

describe('a layout of several', () => {
  test('is listed, and one that is broken does not hide the others', async () => {
    const path = myImage()
    await ok('edit', `${path}:1.0`, '--platform', 'linux/arm64', '--label', 'a=b', '--as', 'single')
    await using layout = await readLayout(path)
    await layout.store.tag(
      {
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        digest: parseDigest(`sha256:${'0'.repeat(64)}`),
        size: 2,
      },
      'gone',
    )
    const broken = await layout.store.put(new TextEncoder().encode('{"schemaVersion":1}'), {
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
    })
    await layout.store.tag(broken, 'broken')
    const lines = (await ok('inspect', path)).split('\n')
    expect(lines[0]).toBe(`${path}  4 entries, 4 references`)
    expect(lines[1]).toMatch(/^ {2}1\.0 +sha256:[0-9a-f]{12} {2}index of linux\/amd64, linux\/arm64$/)
    expect(lines[2]).toMatch(/^ {2}single +sha256:[0-9a-f]{12} {2}linux\/arm64, 4 layers, 3\.\d kB$/)
    expect(lines[3]).toMatch(/^ {2}gone +sha256:000000000000 {2}not in this layout$/)
    expect(lines[4]).toMatch(/^ {2}broken +sha256:[0-9a-f]{12} {2}broken: .*schemaVersion/)
    expect(lines[6]).toBe(`Say which to see more: oci-ts inspect ${path}:1.0`)
  })

  test('an empty one says so', async () => {
    const path = `${emptyDirectory()}/empty`
    await createLayout(path)
    expect(await ok('inspect', path)).toContain('The layout is empty.')
  })
})

test('an index of images for other machines is shown, unless one of them is asked for', async () => {
  const path = `${emptyDirectory()}/foreign`
  await using layout = await createLayout(path)
  const entries = []
  for (const platform of ['plan9/mips', 'plan9/riscv64']) {
    const image = await fromScratch({ platform }).copy({ a: platform }, '/').commit(layout.store)
    entries.push({ ...image.descriptor, platform: { os: 'plan9', architecture: platform.slice(6) } })
  }
  await layout.store.tag(await writeIndex(layout.store, { schemaVersion: 2, manifests: entries }), 'v1')
  const shown = await ok('inspect', path)
  expect(shown).toMatch(
    /plan9\/mips .*\n.*plan9\/riscv64 .*\n\nNone of them is for this machine: say by --platform/,
  )
  expect((await oci(['inspect', path, '--platform', 'plan9/arm'])).code).toBe(1)
  expect(await ok('inspect', path, '--platform', 'plan9/mips')).toContain('Platform   plan9/mips')
})

test('what an image says cannot take over the terminal', async () => {
  const path = `${emptyDirectory()}/hostile`
  await using layout = await createLayout(path)
  const evil = 'x\u001b[2J\u001b]0;title\u0007\r\u202egnp.exe\u009b1A\ny'
  const image = await fromScratch({ platform: 'linux/amd64' })
    .author(evil)
    .env({ [`E${evil}`]: evil })
    .entrypoint([evil])
    .command([evil])
    .user(evil)
    .workingDirectory(`/${evil}`)
    .volume(`/${evil}`)
    .label(evil, evil)
    .stopSignal(evil)
    .history({ created_by: evil })
    .addLayer([{ path: `d/${evil}`, content: new TextEncoder().encode('x') }], {
      history: { created_by: evil },
    })
    .commit(layout.store)
  const manifest = { ...image.manifest, annotations: { [evil]: evil } }
  await layout.store.tag(await writeManifest(layout.store, manifest), 'v1')
  const runs = [
    ['inspect', path],
    ['inspect', path, '--json'],
    ['verify', path, '--deep'],
    ['ls', path, '-r'],
    ['ls', path, '-lr'],
    ['ls', path, '-lr', '--json'],
    ['ls', path, '--layer', '1'],
    ['cat', path, `/no/${evil}`],
    ['inspect', path, '--platform', evil],
    ['inspect', `${path}:${evil}`],
  ]
  for (const args of runs) {
    const { stdout, stderr } = await oci(args)
    for (const text of [stdout, stderr]) {
      const bad = text.match(
        /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/,
      )
      expect([args, bad?.[0].codePointAt(0)]).toEqual([args, undefined])
    }
    expect((stdout + stderr).length).toBeGreaterThan(0)
  }
  const [row] = JSON.parse(await ok('ls', path, '/d', '--json'))
  expect(row.path).toBe(`/d/${evil}`)
})
