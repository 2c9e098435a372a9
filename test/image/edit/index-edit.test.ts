import { describe, expect, test } from 'vitest'
import { convertImage, createIndex, ImageIndex, openImage } from '../../../src/image/index.ts'
import { annotationKeys, type Descriptor, mediaTypes, serializeJson } from '../../../src/spec/index.ts'
import { MemoryStore, readBlobBytes } from '../../../src/store/index.ts'
import { multiPlatform, on, putIndex, smallImage, who } from '../images.ts'

const text = async (store: MemoryStore, descriptor: Descriptor) =>
  new TextDecoder().decode(await readBlobBytes(store, descriptor))
const bare = ({ mediaType, digest, size }: Descriptor) => ({ mediaType, digest, size })

async function index(...platforms: string[]): Promise<{ store: MemoryStore; index: ImageIndex }> {
  const store = await multiPlatform(...platforms)
  return { store, index: await ImageIndex.open(store, await store.resolve('multi')) }
}

/** An artifact of a type in a store. */
async function artifact(
  store: MemoryStore,
  subject?: Descriptor,
): Promise<{ store: MemoryStore; descriptor: Descriptor }> {
  const empty = await store.put(serializeJson({}), { mediaType: mediaTypes.empty })
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    artifactType: 'a/b',
    config: empty,
    layers: [empty],
  }
  const bytes = serializeJson(subject === undefined ? manifest : { ...manifest, subject: bare(subject) })
  return { store, descriptor: await store.put(bytes, { mediaType: mediaTypes.manifest }) }
}

describe('making an index', () => {
  test('of images in several stores: their platforms come from their configs, their blobs along', async () => {
    const stores = [new MemoryStore(), new MemoryStore()] as const
    const amd64 = await smallImage(stores[0], 'one', 'linux/amd64', 'one')
    const arm64 = await smallImage(stores[1], 'two', 'linux/arm64/v8')
    const target = new MemoryStore()
    const made = await createIndex([amd64, arm64]).annotation('a.b', 'c').commit(target, 'app:1')
    expect(made.index).toEqual({
      schemaVersion: 2,
      mediaType: mediaTypes.index,
      manifests: [
        { ...bare(amd64.descriptor), platform: { os: 'linux', architecture: 'amd64' } },
        { ...bare(arm64.descriptor), platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } },
      ],
      annotations: { 'a.b': 'c' },
    })
    expect((await target.resolve('app:1')).digest).toBe(made.descriptor.digest)
    expect(await who(await made.image({ platform: 'linux/arm64' }))).toBe('two')
    expect(await who(await made.image({ platform: 'linux/amd64' }))).toBe('one')
  })

  test('names stay behind, other annotations and what is said of the entry come along', async () => {
    const store = new MemoryStore()
    const image = await smallImage(store, 'one')
    const annotations = {
      [annotationKeys.refName]: 'x',
      [annotationKeys.containerdImageName]: 'y',
      'a.b': 'c',
    }
    const descriptor = { ...image.descriptor, annotations, data: 'e30=' }
    const member = { store, descriptor: { ...descriptor, data: undefined } }
    const options = { platform: 'linux/arm/v7', annotations: { 'd.e': 'f' } }
    const made = await createIndex().add(member, options).commit(store)
    expect(made.index.manifests).toEqual([
      {
        ...bare(image.descriptor),
        platform: { os: 'linux', architecture: 'arm', variant: 'v7' },
        annotations: { 'a.b': 'c', 'd.e': 'f' },
      },
    ])
  })

  test('of artifacts and of indexes', async () => {
    const { store, index: inner } = await index('linux/amd64', 'linux/arm64')
    const made = await createIndex([inner, await artifact(store)])
      .artifactType('x/y')
      .commit(new MemoryStore())
    expect(made.index.manifests).toEqual([
      bare(inner.descriptor),
      { ...bare((await artifact(store)).descriptor), artifactType: 'a/b' },
    ])
    expect(made.descriptor.artifactType).toBe('x/y')
    expect(await who(await made.image({ platform: 'linux/arm64' }))).toBe('linux/arm64')
    const blob = await store.put(serializeJson({}), { mediaType: 'a/b' })
    await expect(createIndex([{ store, descriptor: blob }]).commit(store)).rejects.toMatchObject({
      code: 'MEDIA_TYPE_UNSUPPORTED',
    })
  })

  test("is Docker's list where all in it is Docker's", async () => {
    const store = new MemoryStore()
    const image = await smallImage(store, 'one')
    const docker = { store, descriptor: await convertImage(image, store, { to: 'docker' }) }
    const list = await createIndex([docker]).commit(store)
    expect(list.descriptor.mediaType).toBe(mediaTypes.dockerManifestList)
    expect(list.index.mediaType).toBe(mediaTypes.dockerManifestList)
    const mediaTypeOf = async (edit: ReturnType<typeof createIndex>) =>
      (await edit.commit(store)).index.mediaType
    expect(await mediaTypeOf(list.edit().entryPlatform(0, 'linux/386'))).toBe(mediaTypes.dockerManifestList)
    expect(await mediaTypeOf(list.edit().add(image))).toBe(mediaTypes.index)
    expect(await mediaTypeOf(createIndex([docker, image]))).toBe(mediaTypes.index)
    expect(await mediaTypeOf(createIndex([docker]).annotation('a.b', 'c'))).toBe(mediaTypes.index)
    expect(await mediaTypeOf(createIndex([docker], { format: 'oci' }))).toBe(mediaTypes.index)
    expect(await mediaTypeOf(createIndex())).toBe(mediaTypes.index)
    expect(await mediaTypeOf(createIndex([], { format: 'docker' }))).toBe(mediaTypes.dockerManifestList)
    await expect(createIndex([image], { format: 'docker' }).commit(store)).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
    })
  })
})

describe('changing an index', () => {
  test('touches nothing else: order, white space, unknown members, big numbers', async () => {
    const store = new MemoryStore()
    const image = await smallImage(store, 'one')
    const entry = JSON.stringify(on(image))
    const written = (added: string) =>
      `{ "manifests" : [ ${entry.slice(0, -1)}, "z":12345678901234567890} ],\n  "9": null, "1": {"b":1,"a":2},"schemaVersion":2${added}}\n`
    const descriptor = await store.put(new TextEncoder().encode(written('')), { mediaType: mediaTypes.index })
    const opened = await ImageIndex.open(store, descriptor)
    expect((await opened.edit().commit(store)).descriptor.digest).toBe(descriptor.digest)
    const labelled = await opened.edit().annotation('a.b', 'c').commit(store)
    expect(await text(store, labelled.descriptor)).toBe(written(',\n  "annotations" : {"a.b" : "c"}'))
    expect((await labelled.edit().annotation('a.b', undefined).commit(store)).index.annotations).toEqual({})
  })

  test('entries come, go and change, by position, digest, platform or choice', async () => {
    const { store, index: base } = await index('linux/amd64', 'linux/arm64', 'linux/386')
    const [amd64, arm64, x86] = base.index.manifests as [Descriptor, Descriptor, Descriptor]
    const entries = async (edit: ReturnType<typeof createIndex>) => (await edit.commit(store)).index.manifests
    expect(await entries(base.edit().remove(0))).toEqual([arm64, x86])
    expect(await entries(base.edit().remove('linux/arm64/v8'))).toEqual([amd64, x86])
    expect(await entries(base.edit().remove(x86.digest))).toEqual([amd64, arm64])
    expect(await entries(base.edit().remove((_, position) => position > 0))).toEqual([amd64])
    expect(await entries(base.edit().remove(() => false))).toEqual([amd64, arm64, x86])
    expect(await entries(base.edit().filter((entry) => entry.platform?.architecture === '386'))).toEqual([
      x86,
    ])
    expect(await entries(base.edit().platforms(['linux/386', 'linux/arm64/v8']))).toEqual([arm64, x86])
    expect(await entries(base.edit().annotateEntries('linux/386', { a: 'b' }))).toEqual([
      amd64,
      arm64,
      { ...x86, annotations: { a: 'b' } },
    ])
    const other = await smallImage(store, 'other', 'linux/riscv64')
    expect(await entries(base.edit().add(other, { position: 1 }))).toEqual([amd64, on(other), arm64, x86])
    expect(await entries(base.edit().remove(0).remove(0).entryPlatform(0, undefined))).toEqual([bare(x86)])
  })

  test('what is not there is an error that says what is', async () => {
    const { store, index: base } = await index('linux/amd64', 'linux/arm64')
    const failing = (edit: ReturnType<typeof createIndex>) => expect(edit.commit(store)).rejects
    await failing(base.edit().remove(2)).toMatchObject({ code: 'ARGUMENT_INVALID' })
    await failing(base.edit().remove('linux/386')).toMatchObject({
      code: 'PLATFORM_NOT_FOUND',
      message: expect.stringContaining('linux/amd64, linux/arm64'),
    })
    await failing(base.edit().remove(`sha256:${'a'.repeat(64)}`)).toMatchObject({ code: 'ARGUMENT_INVALID' })
    await failing(base.edit().remove('what')).toMatchObject({ code: 'PLATFORM_INVALID' })
    await failing(base.edit().platforms(['linux/386'])).toMatchObject({ code: 'PLATFORM_NOT_FOUND' })
    await failing(base.edit().replace(() => true, base)).toMatchObject({ code: 'ARGUMENT_INVALID' })
    await failing(base.edit().annotation('a.b', 1 as never)).toMatchObject({ code: 'DOCUMENT_INVALID' })
  })

  test('a replaced entry keeps what was said of it, but no stale copy of its content', async () => {
    const store = new MemoryStore()
    const [one, two] = [await smallImage(store, 'one'), await smallImage(store, 'two', 'linux/arm64')]
    const data = btoa(await text(store, one.descriptor))
    const entry = { ...on(one), data, annotations: { a: 'b' }, unknown: [1] }
    const base = await ImageIndex.open(store, await putIndex(store, [entry]))
    const { index: changed } = await base.edit().replace('linux/amd64', two).commit(store)
    expect(changed.manifests).toEqual([
      { ...bare(two.descriptor), platform: two.platform, annotations: { a: 'b' }, unknown: [1] },
    ])
    const kept = await base.edit().add(two).commit(store)
    expect(kept.index.manifests[0]).toEqual(entry)
    // One that is stale already is not written on.
    const stale = { ...entry, data: btoa('x'.repeat(entry.size)) }
    const wrong = await ImageIndex.open(store, await putIndex(store, [stale]))
    await expect(wrong.edit().add(two).commit(store)).rejects.toMatchObject({ code: 'DOCUMENT_INVALID' })
  })

  test("a build's attestations go with their images", async () => {
    const store = new MemoryStore()
    const images = [await smallImage(store, 'one'), await smallImage(store, 'two', 'linux/arm64')]
    const attestation = (about: Descriptor): Descriptor => ({
      ...images[0]!.descriptor,
      platform: { os: 'unknown', architecture: 'unknown' },
      annotations: {
        'vnd.docker.reference.digest': about.digest,
        'vnd.docker.reference.type': 'attestation-manifest',
      },
    })
    const entries = [
      ...images.map((image) => on(image)),
      ...images.map((image) => attestation(image.descriptor)),
    ]
    const base = await ImageIndex.open(store, await putIndex(store, entries))
    const left = async (edit: ReturnType<typeof createIndex>) =>
      (await edit.commit(store)).index.manifests.map((entry) =>
        entries.findIndex((one) => JSON.stringify(one) === JSON.stringify(entry)),
      )
    expect(await left(base.edit().remove('linux/arm64'))).toEqual([0, 2])
    expect(await left(base.edit().platforms(['linux/arm64']))).toEqual([1, 3])
    expect(await left(base.edit().filter((entry) => entry.platform?.architecture === 'amd64'))).toEqual([
      0, 2,
    ])
    expect(
      await left(base.edit().replace('linux/arm64', await smallImage(store, 'new', 'linux/arm64'))),
    ).toEqual([0, -1, 2])
  })

  test('platforms are chosen within nested indexes, in another store too', async () => {
    const { store, index: inner } = await index('linux/amd64', 'linux/arm64')
    const extra = await smallImage(store, '386', 'linux/386')
    const outer = await ImageIndex.open(store, await putIndex(store, [bare(inner.descriptor), on(extra)]))
    const target = new MemoryStore()
    const chosen = await outer.edit().platforms(['linux/arm64', 'linux/386']).commit(target)
    expect(chosen.index.manifests.map((entry) => entry.mediaType)).toEqual([
      mediaTypes.index,
      mediaTypes.manifest,
    ])
    const all = []
    for await (const image of chosen.images()) all.push(await who(image))
    expect(all).toEqual(['linux/arm64', '386'])
    await expect(openImage(target, chosen.descriptor, { platform: 'linux/amd64' })).rejects.toMatchObject({
      code: 'PLATFORM_NOT_FOUND',
    })
  })

  test('a store without references takes no name', async () => {
    const { has, get, put } = new MemoryStore()
    await expect(createIndex().commit({ has, get, put }, 'x')).rejects.toMatchObject({
      code: 'STORE_UNSUPPORTED',
    })
  })
})

test('an index that lists another a thousand times, levels deep, is worked on once each', async () => {
  const { store, index: inner } = await index('linux/amd64', 'linux/arm64')
  let descriptor = bare(inner.descriptor)
  for (let level = 0; level < 6; level++) {
    descriptor = bare(
      await putIndex(
        store,
        Array.from({ length: 1000 }, () => descriptor),
      ),
    )
  }
  const target = new MemoryStore()
  const outer = await createIndex([{ store, descriptor }]).commit(target)
  const chosen = await outer.edit().platforms(['linux/arm64', 'linux/arm64']).commit(target)
  expect(await who(await chosen.image())).toBe('linux/arm64')
  const deep = await putIndex(store, [await putIndex(store, [await putIndex(store, [descriptor])])])
  await expect(createIndex([{ store, descriptor: deep }]).commit(target)).rejects.toMatchObject({
    code: 'LIMIT_EXCEEDED',
  })
})
