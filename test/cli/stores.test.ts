import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { oci, ok } from './captured.ts'
import { emptyDirectory, fixtures, myImage } from './images.ts'

const blobs = (layout: string): string[] => readdirSync(join(layout, 'blobs/sha256')).sort()

describe('copy', () => {
  test('to a new layout, byte for byte, under the name it has or another', async () => {
    const target = join(emptyDirectory(), 'target')
    const printed = await ok('copy', `${fixtures}my-image`, target)
    expect(printed).toMatch(
      /^1\.0 {2}sha256:b19e1133[0-9a-f]+: 10 blobs copied \(8\.1 kB\), 0 there already\n$/,
    )
    expect(await ok('copy', `${fixtures}my-image:1.0`, `oci:${target}:docker.io/library/mine:2`)).toMatch(
      /^docker\.io\/library\/mine:2 {2}sha256:.*: 0 blobs copied \(0 B\), 10 there already\n$/,
    )
    expect(blobs(target)).toEqual(blobs(join(fixtures, 'my-image')))
    expect(await ok('verify', target)).toContain('is sound')
  })

  test('one platform of an index', async () => {
    const target = join(emptyDirectory(), 'target')
    await ok('copy', `${fixtures}my-image`, `${target}:arm`, '--platform', 'linux/arm64')
    const { kind, platform } = JSON.parse(await ok('inspect', target, '--json'))
    expect([kind, platform.architecture]).toEqual(['image', 'arm64'])
    expect(blobs(target)).toHaveLength(6)
  })

  test('every reference, each with its name', async () => {
    const path = myImage()
    await ok('edit', `${path}:1.0`, '--label', 'a=b', '--as', '2.0')
    const target = join(emptyDirectory(), 'target')
    expect((await ok('copy', path, target, '--all')).match(/^\d\.0(?= {2})/gm)).toEqual(['1.0', '2.0'])
    expect(blobs(target)).toEqual(blobs(path))
  })

  test('with what refers to it, when asked', async () => {
    const path = myImage()
    const sbom = join(emptyDirectory(), 'sbom.json')
    writeFileSync(sbom, '{}')
    await ok('attach', `${path}:1.0`, sbom, '--artifact-type', 'application/spdx+json')
    for (const [flags, found] of [
      [[], '0 referrers'],
      [['--referrers'], '1 referrer'],
    ] as const) {
      const target = join(emptyDirectory(), 'target')
      await ok('copy', `${path}:1.0`, target, ...flags)
      expect(await ok('referrers', `${target}:1.0`)).toContain(found)
    }
  })

  test('to archives of both kinds, straight from the source, and back', async () => {
    const directory = emptyDirectory()
    const [plain, named] = [join(directory, 'plain.tar'), join(directory, 'named.tar')]
    expect(await ok('copy', `${fixtures}my-image`, `oci-archive:${plain}`)).toBe(`${plain}: 20.0 kB\n`)
    await ok('copy', plain, join(directory, 'back'))
    expect(blobs(join(directory, 'back'))).toEqual(blobs(join(fixtures, 'my-image')))
    await ok('copy', `${fixtures}my-image`, `oci-archive:${named}:2.0`, '--platform', 'linux/arm64')
    const image = JSON.parse(await ok('inspect', `oci-archive:${named}:2.0`, '--json'))
    expect([image.kind, image.platform.architecture]).toEqual(['image', 'arm64'])

    const docker = join(directory, 'docker.tar')
    const flags = ['--platform', 'linux/arm64']
    await ok('copy', `${fixtures}my-image`, `docker-archive:${docker}:example.com/app:1.0`, ...flags)
    const saved = JSON.parse(await ok('inspect', `docker-archive:${docker}:example.com/app:1.0`, '--json'))
    expect(saved.imageID).toBe(image.imageID)
    // What was there before is replaced, at once and whole.
    await ok('copy', `${fixtures}my-image`, `docker-archive:${docker}`, ...flags)
    expect(await ok('verify', docker)).toContain('is sound')
    const before = readFileSync(docker)
    const gone = await oci(['copy', `${fixtures}mysterious-image`, `docker-archive:${docker}`])
    expect(gone.code).toBe(1)
    expect(readFileSync(docker)).toEqual(before)
    expect(readdirSync(directory).sort()).toEqual(['back', 'docker.tar', 'named.tar', 'plain.tar'])
  })

  test('all of a layout into one archive', async () => {
    const path = myImage()
    await ok('edit', `${path}:1.0`, '--label', 'a=b', '--as', '2.0')
    const archive = join(emptyDirectory(), 'all.tar')
    await ok('copy', path, `oci-archive:${archive}`, '--all')
    expect(await ok('inspect', archive, '--raw')).toBe(await ok('inspect', path, '--raw'))
  })

  test.each([
    [['docker-archive:x.tar', '--referrers'], /no place for referrers/],
    [['docker-archive:x.tar', '--platform', 'linux/amd64', 'linux/arm64'], /one platform/],
    [['oci-archive:.'], /it is a directory/],
  ])('%j is refused', async (args, message) => {
    const { code, stderr } = await oci(['copy', `${fixtures}my-image`, ...args])
    expect(stderr).toMatch(message)
    expect(code).toBe(2)
  })

  test('what is missing in the source leaves no name in the target', async () => {
    const target = join(emptyDirectory(), 'target')
    const { code, stderr } = await oci(['copy', `${fixtures}mysterious-image`, target])
    expect(code).toBe(1)
    expect(stderr).toMatch(/sha256:(0503825856|6d8c9f2df9)/)
    expect(await ok('inspect', target)).toContain('The layout is empty.')
  })

  test('a bar for each blob on a terminal, nothing of it elsewhere', async () => {
    const run = (terminal: boolean) =>
      oci(['copy', `${fixtures}my-image`, join(emptyDirectory(), 't')], { terminal, env: { NO_COLOR: '1' } })
    expect((await run(true)).stderr).toMatch(/all {2}\[ *\] {2}0 B of 8\.1 kB/)
    expect((await run(false)).stderr).toBe('')
  })
})

describe('gc', () => {
  test('removes what no name leads to, and says beforehand what it would', async () => {
    const path = myImage()
    const before = blobs(path)
    await ok('edit', path, '--label', 'a=b')
    const would = await ok('gc', path, '--dry-run')
    expect(would).toMatch(/\n5 blobs would be removed, 10 kept\n$/)
    expect(blobs(path)).toHaveLength(15)
    expect(await ok('gc', path)).toBe(would.replace('would be removed', 'removed'))
    expect(blobs(path)).toHaveLength(10)
    expect(blobs(path)).not.toEqual(before)
    expect(await ok('verify', path)).toContain('is sound')
    expect(await ok('gc', path)).toBe('0 blobs removed, 10 kept\n')
  })
})

describe('index', () => {
  /** A layout with an image for each of two platforms beside the index. */
  async function parts(): Promise<string> {
    const path = myImage()
    for (const architecture of ['amd64', 'arm64']) {
      await ok('copy', `${path}:1.0`, `${path}:${architecture}`, '--platform', `linux/${architecture}`)
    }
    return path
  }
  const platforms = async (name: string): Promise<string[]> => {
    const { index } = JSON.parse(await ok('inspect', name, '--json'))
    return index.manifests.map(
      ({ platform: { os, architecture } }: { platform: { os: string; architecture: string } }) =>
        `${os}/${architecture}`,
    )
  }

  test('create lists images with their platforms, also from other layouts', async () => {
    const path = await parts()
    const target = join(emptyDirectory(), 'target')
    await ok(
      'index',
      'create',
      `${target}:all`,
      `${path}:arm64`,
      `${path}:amd64`,
      '--annotation',
      'com.example.a=b',
    )
    expect(await platforms(`${target}:all`)).toEqual(['linux/arm64', 'linux/amd64'])
    const { index } = JSON.parse(await ok('inspect', `${target}:all`, '--json'))
    expect(index.annotations).toEqual({ 'com.example.a': 'b' })
    expect(await ok('verify', target)).toMatch(/is sound: 10 blobs/)
  })

  test('remove takes platforms, digests and numbers; add puts back', async () => {
    const path = await parts()
    await ok('index', 'remove', `${path}:1.0`, 'linux/amd64', '--as', 'a')
    await ok('index', 'remove', `${path}:1.0`, '1', '--as', 'b')
    const digest = JSON.parse(await ok('inspect', `${path}:amd64`, '--json')).descriptor.digest
    await ok('index', 'remove', `${path}:1.0`, digest, '--as', 'c')
    for (const name of ['a', 'b', 'c']) expect(await platforms(`${path}:${name}`)).toEqual(['linux/arm64'])
    await ok('index', 'remove', `${path}:1.0`, '1', '2', '--as', 'none')
    expect(await platforms(`${path}:none`)).toEqual([])
    await ok('index', 'add', `${path}:a`, `${path}:amd64`)
    expect(await platforms(`${path}:a`)).toEqual(['linux/arm64', 'linux/amd64'])
    await ok('index', 'add', `${path}:b`, `${path}:amd64`, '--platform', 'linux/riscv64')
    expect(await platforms(`${path}:b`)).toEqual(['linux/arm64', 'linux/riscv64'])
  })

  test.each([
    [['remove', ':1.0', 'linux/s390x'], 1, /no entry for linux\/s390x: it has linux\/amd64, linux\/arm64/],
    [['remove', ':1.0', '3'], 2, /no entry at position/],
    [['remove', ':1.0', '0'], 2, /numbered from 1/],
    [['remove', ':amd64', '1'], 1, /is not an image index/],
    [['add', ':1.0', ':amd64', ':arm64', '--platform', 'linux/386'], 2, /one by one/],
    [['create', '', ':amd64'], 2, /Say what the index is to be called/],
  ] as [string[], number, RegExp][])(
    '%j fails and changes nothing',
    async ([verb, ...rest], code, message) => {
      const path = await parts()
      const before = readFileSync(join(path, 'index.json'), 'utf8')
      const args = rest.map((text) => (text === '' || text.startsWith(':') ? path + text : text))
      const run = await oci(['index', verb!, ...args])
      expect(run.stderr).toMatch(message)
      expect(run.code).toBe(code)
      expect(readFileSync(join(path, 'index.json'), 'utf8')).toBe(before)
    },
  )
})

describe('attach and referrers', () => {
  test('what is attached is found again, by type and platform, and is kept by gc', async () => {
    const path = myImage()
    const file = join(emptyDirectory(), 'sbom.spdx.json')
    writeFileSync(file, '{"spdxVersion":"SPDX-2.3"}')
    const type = ['--artifact-type', 'application/spdx+json']
    const attached = await ok('attach', path, file, ...type, '--annotation', 'com.example.made-by=test')
    const [digest, subject] = attached.match(/sha256:[0-9a-f]{64}/g)!
    await ok(
      'attach',
      `${path}:1.0`,
      file,
      '--platform',
      'linux/arm64',
      '--artifact-type',
      'application/x-report',
    )
    const found = await ok('referrers', `${path}:1.0`)
    expect(found).toMatch(
      new RegExp(
        `^${digest} {2}application/spdx\\+json {2}\\d+ B\\n {2}com\\.example\\.made-by {2}test\\n1 referrer of ${subject}\\n$`,
      ),
    )
    expect(await ok('referrers', `${path}:1.0`, '--artifact-type', 'application/other')).toMatch(
      /^0 referrers/,
    )
    expect(await ok('referrers', `${path}:1.0`, '--platform', 'linux/arm64')).toMatch(/application\/x-report/)
    expect(await ok('referrers', `${path}:1.0`, '--platform', 'linux/amd64')).toMatch(/^0 referrers/)
    const [listed] = JSON.parse(await ok('referrers', `${path}:1.0`, '--json'))
    expect(listed).toMatchObject({ digest, artifactType: 'application/spdx+json' })
    expect(await ok('gc', path)).toMatch(/^0 blobs removed/)
    const shown = await ok('inspect', `${path}@${digest}`)
    expect(shown).toMatch(/^Artifact .*\n.*\nType {7}application\/spdx\+json\nSubject/)
    expect(shown).toContain('sbom.spdx.json')
    expect(await ok('verify', path)).toContain('is sound')
  })

  test('a file that is not there is no artifact', async () => {
    const path = myImage()
    const before = blobs(path)
    const run = await oci(['attach', path, 'no/such/file', '--artifact-type', 'a/b'])
    expect(run).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('There is no file at "no/such/file"'),
    })
    expect(blobs(path)).toEqual(before)
  })
})

describe('convert', () => {
  test("to Docker's form and back: the blobs of layers stay", async () => {
    const path = myImage()
    await ok('convert', path, `${path}:docker`, '--to', 'docker')
    const { index } = JSON.parse(await ok('inspect', `${path}:docker`, '--json'))
    expect(index.mediaType).toBe('application/vnd.docker.distribution.manifest.list.v2+json')
    await ok('convert', `${path}:docker`, `${path}:back`, '--to', 'oci', '--keep-config')
    const layers = async (name: string) => {
      const image = JSON.parse(await ok('inspect', `${path}:${name}`, '--platform', 'linux/amd64', '--json'))
      return { imageID: image.imageID, layers: image.layers.map((layer: { digest: string }) => layer.digest) }
    }
    expect(await layers('back')).toEqual(await layers('1.0'))
    expect(await layers('docker')).toEqual(await layers('1.0'))
    expect(await ok('verify', path)).toContain('is sound')
  })

  test('what has no place in the other form is named, or refused', async () => {
    const path = myImage()
    await ok('edit', `${path}:1.0`, '--annotation', 'com.example.a=b', '--as', 'annotated')
    const dropped = await oci(['convert', `${path}:annotated`, `${path}:d`, '--to', 'docker'])
    expect(dropped).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^left out {2}annotations of sha256:/),
    })
    const refused = await oci([
      'convert',
      `${path}:annotated`,
      `${path}:e`,
      '--to',
      'docker',
      '--refuse-loss',
    ])
    expect(refused.code).toBe(1)
    expect((await oci(['inspect', `${path}:e`])).code).toBe(1)
    expect((await oci(['convert', path, `${path}:f`])).stderr).toMatch(/required option '--to <form>'/)
  })
})
