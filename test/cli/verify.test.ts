import { readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  createLayout,
  digestBytes,
  fromScratch,
  mediaTypes,
  type TarEntryInput,
  writeConfig,
  writeManifest,
} from '../../src/index.ts'
import { writeTar } from '../../src/tar/index.ts'
import { oci, ok } from './captured.ts'
import { emptyDirectory, fixtures, myImage } from './images.ts'

const missingLayers = [
  'sha256:0503825856099e6adb39c8297af09547f69684b7016b7f3680ed801aa310baaa',
  'sha256:6d8c9f2df98ba6c290b652ac57151eab8bcd6fb7574902fbd16ad9e2912a6753',
]

test("the mysterious image's layers are missing, each by name, and nothing is corrupt", async () => {
  for (const flags of [[], ['--deep']]) {
    const { code, stdout, stderr } = await oci(['verify', `${fixtures}mysterious-image`, ...flags])
    expect(code).toBe(1)
    expect(stderr).toBe('')
    for (const digest of missingLayers)
      expect(stdout).toMatch(new RegExp(`The blob is missing.*\\n +${digest}`))
    expect(stdout).toMatch(/not sound: 2 blobs verified \(1\.4 kB\), 2 missing, 0 corrupt; 2 errors/)
    expect(stdout).not.toMatch(/corrupt [^;]|mismatch/)
  }
  const { stdout } = await oci(['verify', `${fixtures}mysterious-image`, '--json'])
  const result = JSON.parse(stdout)
  expect(result.valid).toBe(false)
  expect(result.missing.map((blob: { digest: string }) => blob.digest)).toEqual(missingLayers)
  expect(result.corrupt).toEqual([])
})

test('a sound image is sound, wherever it is', async () => {
  const path = myImage()
  expect(await ok('verify', path)).toMatch(/ is sound: 10 blobs verified/)
  expect(await ok('verify', `oci:${path}:1.0`)).toMatch(/ is sound: 10 blobs verified/)
  expect(await ok('verify', path, '--deep')).toMatch(/ is sound: 10 blobs verified/)
})

describe('a blob that is not what it should be', () => {
  const largest = (path: string): string => {
    const blobs = readdirSync(join(path, 'blobs/sha256')).map((name) => join(path, 'blobs/sha256', name))
    return blobs.sort((a, b) => statSync(b).size - statSync(a).size)[0]!
  }
  test.each([
    ['missing', (file: string) => rmSync(file), /1 missing, 0 corrupt/],
    ['cut short', (file: string) => truncateSync(file, 100), /0 missing, 1 corrupt/],
    [
      'altered',
      (file: string) => writeFileSync(file, Buffer.alloc(statSync(file).size)),
      /0 missing, 1 corrupt/,
    ],
  ])('%s', async (_, damage, summary) => {
    const path = myImage()
    damage(largest(path))
    for (const flags of [[], ['--deep'], ['--shallow']]) {
      const { code, stdout } = await oci(['verify', path, ...flags])
      expect(stdout).toMatch(summary)
      expect(code).toBe(1)
    }
  })
})

test('--shallow goes by digests alone, and says so of nothing else', async () => {
  const path = `${emptyDirectory()}/no-tar`
  await using layout = await createLayout(path)
  const { store } = layout
  const layer = await store.put(new Uint8Array(1024).fill(1), {
    mediaType: 'application/vnd.oci.image.layer.v1.tar',
  })
  const rootfs = { type: 'layers' as const, diff_ids: [digestBytes(new Uint8Array(1))] }
  const config = await writeConfig(store, { architecture: 'amd64', os: 'linux', rootfs })
  const manifest = { schemaVersion: 2 as const, mediaType: mediaTypes.manifest, config, layers: [layer] }
  await store.tag(await writeManifest(store, manifest), 'v1')
  expect((await oci(['verify', path])).stdout).toMatch(/tar-invalid/)
  expect(await ok('verify', path, '--shallow')).toMatch(/ is sound: 3 blobs verified/)
  expect(await oci(['verify', path, '--shallow', '--deep'])).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/--shallow.*cannot be used with.*--deep/),
  })
})

describe('--deep', () => {
  /** An image of one layer whose tar is as given, however odd. */
  async function imageOf(...layers: TarEntryInput[][]): Promise<string> {
    const path = `${emptyDirectory()}/odd`
    await using layout = await createLayout(path)
    const { store } = layout
    const descriptors = []
    const diffIDs = []
    for (const entries of layers) {
      const chunks: Uint8Array[] = []
      for await (const chunk of writeTar(entries)) chunks.push(chunk)
      const tar = Buffer.concat(chunks)
      descriptors.push(await store.put(tar, { mediaType: 'application/vnd.oci.image.layer.v1.tar' }))
      diffIDs.push(digestBytes(tar))
    }
    const config = await writeConfig(store, {
      architecture: 'amd64',
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: diffIDs },
    })
    const manifest = await writeManifest(store, {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config,
      layers: descriptors,
    })
    await store.tag(manifest, 'v1')
    return path
  }

  const content = new TextEncoder().encode('x')
  const odd: [string, TarEntryInput[][]][] = [
    [
      'duplicate-path',
      [
        [
          { path: 'a', content },
          { path: 'a', content },
        ],
      ],
    ],
    ['whiteout-content', [[{ path: '.wh.a', content }]]],
    ['reserved-name', [[{ path: '.wh.d/' }, { path: '.wh.d/a', content }]]],
    ['aufs-metadata', [[{ path: '.wh..wh.plnk/' }]]],
  ]
  test.each(odd)('tells of %s, which plain verification passes over', async (code, layers) => {
    const path = await imageOf(...layers)
    const plain = await oci(['verify', path])
    expect(plain.stdout).not.toContain(code)
    expect(plain.stdout).toMatch(/is sound: .*0 warnings/)
    const deep = await oci(['verify', path, '--deep'])
    expect(deep.stdout.match(new RegExp(`  ${code}$`, 'gm'))).toHaveLength(1)
    expect(deep.code).toBe(0)
  })

  test('finds what only the merged tree shows, and names image and layer', async () => {
    const path = await imageOf(
      [{ path: 'd', content }],
      [
        { path: 'd/below-a-file', content },
        { path: 'l', type: 'link', linkPath: 'nowhere' },
      ],
    )
    expect((await oci(['verify', path])).code).toBe(0)
    const { code, stdout } = await oci(['verify', path, '--deep'])
    expect(stdout).toMatch(/manifest linux\/amd64 › layer 2: d\/below-a-file .*\n.*parent-not-directory/)
    expect(stdout).toMatch(/manifest linux\/amd64 › layer 2: l .*\n.*link-target-unusable/)
    expect(code).toBe(1)
  })

  test('a name that leads outside is an error with it and without', async () => {
    const path = await imageOf([{ path: '../outside', content }])
    for (const flags of [[], ['--deep']]) {
      const { code, stdout } = await oci(['verify', path, ...flags])
      expect(stdout).toContain('path-unsafe')
      expect(stdout).toMatch(/not sound: .* 1 error/)
      expect(code).toBe(1)
    }
  })

  test('history that tells of more layers than there are is told of by both', async () => {
    const path = `${emptyDirectory()}/history`
    await using layout = await createLayout(path)
    const image = await fromScratch({ platform: 'linux/amd64' }).copy({ a: 'a' }, '/').commit(layout.store)
    const config = await writeConfig(
      layout.store,
      {
        ...(await image.config()),
        history: [{ created_by: 'one' }, { created_by: 'two' }],
      },
      { allow: ['history-layers'] },
    )
    await layout.store.tag(await writeManifest(layout.store, { ...image.manifest, config }), 'v1')
    for (const flags of [[], ['--deep']]) {
      expect((await oci(['verify', path, ...flags])).stdout).toMatch(/tells of 2 layers, but rootfs has 1/)
    }
  })
})
