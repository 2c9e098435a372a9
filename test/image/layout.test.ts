import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { concatBytes, readAll } from '../../src/bytes.ts'
import { createLayout, Layout, readLayout } from '../../src/image/index.ts'
import type { Descriptor } from '../../src/spec/index.ts'
import { mediaTypes, serializeJson } from '../../src/spec/index.ts'
import { MemoryStore } from '../../src/store/index.ts'
import { writeTar } from '../../src/tar/index.ts'
import { copyGraph } from '../../src/transfer/index.ts'
import { multiPlatform, on, putIndex, smallImage, who } from './images.ts'

const fixture = fileURLToPath(new URL('../../spec-fixtures/my-image', import.meta.url))
const mysterious = fileURLToPath(new URL('../../spec-fixtures/mysterious-image', import.meta.url))

describe('an image by name', () => {
  test('is found by tag, by digest, and by both', async () => {
    const store = new MemoryStore()
    const one = await smallImage(store, 'one', 'linux/amd64', 'v1')
    await smallImage(store, 'two', 'linux/amd64', 'v2')
    const layout = await readLayout(store)
    expect(layout.references.map(({ name }) => name)).toEqual(['v1', 'v2'])
    expect(await who(await layout.image('v2'))).toBe('two')
    expect(await who(await layout.image(one.descriptor.digest))).toBe('one')
    expect(await who(await layout.image(`v1@${one.descriptor.digest}`))).toBe('one')
    await expect(layout.image(`v2@${one.descriptor.digest}`)).rejects.toMatchObject({
      code: 'REFERENCE_NOT_FOUND',
    })
  })

  test('may look like a digest of an unknown algorithm', async () => {
    const store = new MemoryStore()
    await smallImage(store, 'three', 'linux/amd64', 'alpine:3')
    expect(await who(await (await readLayout(store)).image('alpine:3'))).toBe('three')
  })

  test('that is absent names what there is', async () => {
    const store = new MemoryStore()
    await smallImage(store, 'one', 'linux/amd64', 'v1')
    const layout = await readLayout(store)
    await expect(layout.image('v9')).rejects.toThrow(/There is no "v9" .* it has v1/)
  })

  test('need not be given where there is just one, under however many names', async () => {
    const store = new MemoryStore()
    const one = await smallImage(store, 'one', 'linux/amd64', 'v1')
    await store.tag(one.descriptor, 'latest')
    expect(await who(await (await readLayout(store)).image())).toBe('one')
  })

  test('must be given where there are several; the message lists them', async () => {
    const store = new MemoryStore()
    await smallImage(store, 'one', 'linux/amd64', 'v1')
    await smallImage(store, 'two', 'linux/amd64', 'v2')
    const failed = (await readLayout(store)).image()
    await expect(failed).rejects.toMatchObject({ code: 'REFERENCE_AMBIGUOUS' })
    await expect(failed).rejects.toThrow(/say which: v1, v2$/)
  })

  test('of an empty layout is an error that says so', async () => {
    await expect((await readLayout(new MemoryStore())).image()).rejects.toThrow(/its index is empty/)
  })

  test('reload sees what was tagged since', async () => {
    const store = new MemoryStore()
    const layout = await readLayout(store)
    await smallImage(store, 'one', 'linux/amd64', 'v1')
    expect(layout.references).toEqual([])
    expect((await layout.reload()).references.map(({ name }) => name)).toEqual(['v1'])
  })
})

describe('an image by platform', () => {
  test('is the one that matches best, through nested indexes', async () => {
    const store = await multiPlatform('linux/amd64', 'linux/arm/v6', 'linux/arm/v7')
    const inner = await store.resolve('multi')
    await store.tag(await putIndex(store, [inner]), 'nested')
    const layout = await readLayout(store)
    expect(await who(await layout.image('multi', { platform: 'linux/arm/v7' }))).toBe('linux/arm/v7')
    expect(await who(await layout.image('nested', { platform: 'linux/arm/v6' }))).toBe('linux/arm/v6')
    expect(
      await who(await layout.image('nested', { platform: { os: 'linux', architecture: 'amd64' } })),
    ).toBe('linux/amd64')
    const index = await layout.imageIndex('multi')
    expect(index.platforms.map(({ architecture, variant }) => [architecture, variant])).toEqual([
      ['amd64', undefined],
      ['arm', 'v6'],
      ['arm', 'v7'],
    ])
    expect(await who(await index.image({ platform: 'linux/amd64' }))).toBe('linux/amd64')
    const all: string[] = []
    for await (const image of (await layout.imageIndex('nested')).images()) all.push(await who(image))
    expect(all).toEqual(['linux/amd64', 'linux/arm/v6', 'linux/arm/v7'])
  })

  test('that is absent names those there are', async () => {
    const layout = await readLayout(await multiPlatform('linux/amd64', 'linux/arm64'))
    const failed = layout.image('multi', { platform: 'linux/s390x' })
    await expect(failed).rejects.toMatchObject({ code: 'PLATFORM_NOT_FOUND' })
    await expect(failed).rejects.toThrow(/no image for linux\/s390x: it has linux\/amd64, linux\/arm64/)
  })

  test('is the only one there, when none is asked for, beside a build attestation', async () => {
    const store = new MemoryStore()
    const image = await smallImage(store, 's390x', 'linux/s390x')
    const attestation = await smallImage(store, 'attestation', 'linux/amd64')
    const entries = [on(image), on(attestation, { os: 'unknown', architecture: 'unknown' })]
    await store.tag(await putIndex(store, entries), 'built')
    expect(await who(await (await readLayout(store)).image('built'))).toBe('s390x')
  })

  test('is known from the config where the index does not say', async () => {
    const store = new MemoryStore()
    const entries: Descriptor[] = []
    for (const platform of ['linux/amd64', 'linux/arm64']) {
      entries.push((await smallImage(store, platform, platform)).descriptor)
    }
    await store.tag(await putIndex(store, entries), 'bare')
    const layout = await readLayout(store)
    expect(await who(await layout.image('bare', { platform: 'linux/arm64' }))).toBe('linux/arm64')
    await expect(layout.image('bare', { platform: 'linux/s390x' })).rejects.toThrow(
      /it has linux\/amd64, linux\/arm64/,
    )
  })

  test('is checked where the name leads to one image', async () => {
    const store = new MemoryStore()
    await smallImage(store, 'one', 'linux/amd64', 'v1')
    const layout = await readLayout(store)
    await expect(layout.image('v1', { platform: 'linux/arm64' })).rejects.toMatchObject({
      code: 'PLATFORM_NOT_FOUND',
    })
    expect(await who(await layout.image('v1', { platform: 'linux/amd64' }))).toBe('one')
  })

  test('is chosen in the layout itself where that lists one image for several', async () => {
    const store = await multiPlatform('linux/amd64', 'linux/arm64')
    const { manifests } = (await (await readLayout(store)).imageIndex('multi')).index
    const flat = Object.assign(Object.create(store) as MemoryStore, {
      index: async () => ({ schemaVersion: 2 as const, manifests }),
      references: async function* () {},
      get: store.get.bind(store),
      has: store.has.bind(store),
    })
    const layout = await Layout.open(flat)
    expect(await who(await layout.image(undefined, { platform: 'linux/arm64' }))).toBe('linux/arm64')
  })
})

describe('an image', () => {
  test('lists its layers by position, with the step that made each', async () => {
    const image = await (await readLayout(fixture)).image('1.0', { platform: 'linux/arm64' })
    const { diff_ids: diffIDs } = (await image.config()).rootfs
    expect(image.layers.map(({ diffID }) => diffID)).toEqual(diffIDs)
    expect(image.layers.map(({ position }) => position)).toEqual([0, 1, 2, 3])
    expect(image.id).toBe(image.manifest.config.digest)
    const history = await image.history()
    expect(history.map(({ layer }) => layer?.position ?? null)).toEqual([0, null, 1, 2, 3, null, null])
    expect(image.layers[1]!.history).toEqual(expect.objectContaining({ created_by: history[2]!.created_by }))
  })

  test('whose layers are elsewhere opens all the same; reading them says that they are missing', async () => {
    const image = await (await readLayout(mysterious)).image()
    expect(image.descriptor.digest).toBe(
      'sha256:703c711516a88a4ec99d742ce59e1a2f0802a51dac916975ab6f2b60212cd713',
    )
    expect((await image.history()).map(({ layer }) => layer?.position ?? null)).toEqual([0, null, null, 1])
    await expect(image.layers[1]!.entries().next()).rejects.toMatchObject({
      code: 'BLOB_NOT_FOUND',
      digest: image.layers[1]!.digest,
    })
  })

  test('whose config is elsewhere opens, and says so when the config is asked for', async () => {
    const store = new MemoryStore()
    const image = await smallImage(store, 'one', 'linux/amd64', 'v1')
    await store.delete(image.manifest.config)
    const opened = await (await readLayout(store)).image('v1')
    expect(opened.layers[0]!.diffID).toBeUndefined()
    expect(opened.platform).toBeUndefined()
    await expect(opened.config()).rejects.toMatchObject({ code: 'BLOB_NOT_FOUND' })
  })

  test('of an unknown config type is an artifact: no config, no platform, layers as they are', async () => {
    const store = new MemoryStore()
    const layer = await store.put(serializeJson({ sbom: true }), { mediaType: 'application/spdx+json' })
    const config = await store.put(serializeJson({}), { mediaType: mediaTypes.empty })
    const manifest = {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      artifactType: 'application/spdx',
      config,
      layers: [layer],
    }
    await store.tag(await store.put(serializeJson(manifest), { mediaType: mediaTypes.manifest }), 'sbom')
    const artifact = await (await readLayout(store)).image('sbom')
    expect(artifact.manifest.artifactType).toBe('application/spdx')
    await expect(artifact.config()).rejects.toMatchObject({ code: 'MEDIA_TYPE_UNSUPPORTED' })
    expect(new TextDecoder().decode(await readAll(await artifact.layers[0]!.blob(), 100))).toBe(
      '{"sbom":true}',
    )
  })

  test('whose config has another number of diff_ids than it has layers is refused', async () => {
    const store = new MemoryStore()
    const image = await smallImage(store, 'one')
    const manifest = { ...image.manifest, layers: [...image.manifest.layers, ...image.manifest.layers] }
    await store.tag(await store.put(serializeJson(manifest), { mediaType: mediaTypes.manifest }), 'odd')
    await expect((await readLayout(store)).image('odd')).rejects.toThrow(
      /has 2 layers, but config .* has 1 diff_ids/,
    )
  })

  test('whose descriptor contradicts the manifest it points to is refused', async () => {
    const store = new MemoryStore()
    const image = await smallImage(store, 'one')
    await store.tag({ ...image.descriptor, mediaType: mediaTypes.dockerManifest }, 'liar')
    await expect((await readLayout(store)).image('liar')).rejects.toMatchObject({ code: 'DOCUMENT_INVALID' })
  })
})

describe('readLayout and createLayout', () => {
  let directory: string
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'oci-ts-layout-'))
  })
  afterEach(() => rm(directory, { recursive: true, force: true }))

  test('a layout that was created takes images, and opens by path, by URL and as its store', async () => {
    await using created = await createLayout(join(directory, 'new'))
    const memory = new MemoryStore()
    const image = await smallImage(memory, 'one')
    await copyGraph(memory, image.descriptor, created.store)
    await created.store.tag(image.descriptor, 'v1')
    for (const source of [join(directory, 'new'), pathToFileURL(join(directory, 'new')), created.store]) {
      await using layout = await readLayout(source)
      expect(await who(await layout.image('v1'))).toBe('one')
    }
    await expect(createLayout(join(directory, 'new'))).rejects.toMatchObject({ code: 'LAYOUT_INVALID' })
  })

  test('an archive opens from a path, bytes, a Blob, a stream and a function, told apart by content', async () => {
    const memory = new MemoryStore()
    const image = await smallImage(memory, 'one')
    const blobs = [image.descriptor, image.manifest.config, ...image.manifest.layers]
    const entries = await Promise.all(
      blobs.map(async (blob) => ({
        path: `blobs/sha256/${blob.digest.slice(7)}`,
        content: await readAll(await memory.get(blob), 1 << 20),
      })),
    )
    const archive = await readAll(
      writeTar([
        { path: 'oci-layout', content: serializeJson({ imageLayoutVersion: '1.0.0' }) },
        { path: 'index.json', content: serializeJson({ schemaVersion: 2, manifests: [image.descriptor] }) },
        ...entries,
      ]),
      1 << 20,
    )
    const path = join(directory, 'image.bin')
    await writeFile(path, archive)
    const sources = [
      path,
      archive,
      new Blob([archive]),
      new Blob([archive]).stream(),
      () => new Blob([archive]).stream(),
    ]
    for (const source of sources) {
      await using layout = await readLayout(source)
      expect(await who(await layout.image())).toBe('one')
    }
    await writeFile(path, concatBytes([archive.subarray(0, 700)]))
    await expect(readLayout(path)).rejects.toMatchObject({ name: 'OciError' })
  })

  test('a path with nothing there, and a directory that is no layout, are told apart', async () => {
    await expect(readLayout(join(directory, 'absent'))).rejects.toMatchObject({ code: 'PATH_NOT_FOUND' })
    await expect(readLayout(directory)).rejects.toMatchObject({ code: 'LAYOUT_INVALID' })
    await expect(readLayout(new URL('https://example.com/x'))).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
    })
  })
})
