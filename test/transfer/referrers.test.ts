import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Digest } from '../../src/digest/index.ts'
import {
  createLayout,
  fromScratch,
  type Image,
  Layout,
  readIndex,
  readManifest,
  writeArtifact,
} from '../../src/image/index.ts'
import { type Descriptor, emptyDescriptor, mediaTypes, serializeJson } from '../../src/spec/index.ts'
import { type ImageStore, MemoryStore, readBlobBytes } from '../../src/store/index.ts'
import { attach, collectGarbage, copyImage, listReferrers, referrersTag } from '../../src/transfer/index.ts'
import { collect } from '../store/temporary-directory.ts'

const sbom = 'application/spdx+json'
const signature = 'application/vnd.example.signature'
const image = (store: ImageStore, name?: string, who = 'one'): Promise<Image> =>
  fromScratch({ platform: 'linux/amd64' }).copy({ 'etc/who': who }, '/').commit(store, name)
const blob = (text: string, mediaType = sbom) => ({ content: new TextEncoder().encode(text), mediaType })

/** A store that knows blobs and tags and nothing of referrers or of an index: a registry without their API. */
function plain(store: MemoryStore): ImageStore {
  return {
    has: store.has.bind(store),
    get: store.get.bind(store),
    put: store.put.bind(store),
    resolve: store.resolve.bind(store),
    tag: store.tag.bind(store),
    references: store.references.bind(store),
  }
}

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'oci-ts-referrers-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return join(path, 'layout')
}

describe('writing an artifact', () => {
  test('without config and blobs has the empty descriptor in their places', async () => {
    const store = new MemoryStore()
    const descriptor = await writeArtifact(store, { artifactType: sbom, annotations: { a: 'b' } })
    expect(descriptor).toMatchObject({
      mediaType: mediaTypes.manifest,
      artifactType: sbom,
      annotations: { a: 'b' },
    })
    expect(await readManifest(store, descriptor)).toEqual({
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      artifactType: sbom,
      config: emptyDescriptor(),
      layers: [emptyDescriptor()],
      annotations: { a: 'b' },
    })
    const { data: _, ...empty } = emptyDescriptor()
    expect(new TextDecoder().decode(await readBlobBytes(store, empty))).toBe('{}')
  })

  test('takes content, or descriptors of what is there', async () => {
    const store = new MemoryStore()
    const there = await store.put(serializeJson('there'), { mediaType: 'a/b' })
    const config = { ...blob('{}', 'c/config'), annotations: { x: 'y' } }
    const descriptor = await writeArtifact(store, { config, blobs: [there, { content: new Blob(['new']) }] })
    const manifest = await readManifest(store, descriptor)
    expect(descriptor.artifactType).toBe('c/config')
    expect(manifest.config).toMatchObject({ mediaType: 'c/config', size: 2, annotations: { x: 'y' } })
    expect(manifest.layers).toMatchObject([there, { mediaType: 'application/octet-stream', size: 3 }])
    expect(await store.has({ ...emptyDescriptor(), digest: manifest.config.digest })).toBe(true)
  })

  test('needs a type, and a valid one', async () => {
    const store = new MemoryStore()
    await expect(writeArtifact(store, { blobs: [blob('x')] })).rejects.toMatchObject({
      code: 'DOCUMENT_INVALID',
    })
    await expect(writeArtifact(store, { artifactType: 'sbom' })).rejects.toMatchObject({
      code: 'DOCUMENT_INVALID',
    })
  })
})

describe('attaching', () => {
  test.each([
    ['a store that lists referrers', () => new MemoryStore()],
    ['a store that knows only tags', () => plain(new MemoryStore())],
  ])('to %s: found by subject and type, with type and annotations', async (_, make) => {
    const store = make()
    const { descriptor: subject } = await image(store, 'app:1')
    expect(await collect(listReferrers(store, subject))).toEqual([])
    const first = await attach(store, subject, {
      artifactType: sbom,
      blobs: [blob('1')],
      annotations: { a: 'b' },
    })
    const second = await attach(store, subject, { artifactType: signature, blobs: [blob('2')] })
    const third = await attach(store, first, { artifactType: signature, blobs: [blob('3')] })
    expect(await attach(store, subject, { artifactType: signature, blobs: [blob('2')] })).toEqual(second)
    expect(await collect(listReferrers(store, subject))).toEqual([first, second])
    expect(await collect(listReferrers(store, subject, { artifactType: sbom }))).toEqual([first])
    expect(await collect(listReferrers(store, first))).toEqual([third])
    expect((await readManifest(store, first)).subject).toEqual({
      mediaType: subject.mediaType,
      digest: subject.digest,
      size: subject.size,
    })
  })

  test('by the tag schema: one index for each subject, under a tag of its digest, names of the store left out', async () => {
    const store = plain(new MemoryStore())
    const { descriptor: subject } = await image(store)
    const first = await attach(store, subject, { artifactType: sbom, blobs: [blob('1')] })
    const tag = `sha256-${subject.digest.slice('sha256:'.length)}`
    const tagged = await readIndex(store, await store.resolve(tag))
    expect(tagged).toEqual({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: [first] })
    const [reference, ...others] = await collect(store.references())
    expect([reference?.name, others]).toEqual([tag, []])
    expect(referrersTag(`${'a+'.repeat(20)}:${'Z'.repeat(100)}` as Digest)).toBe(
      `${'a-'.repeat(16)}-${'Z'.repeat(64)}`,
    )
  })

  test('in a layout it gets an entry without a name, once, and the image is still the only one', async () => {
    const path = directory()
    const { store } = await createLayout(path)
    const { descriptor } = await image(store, 'app')
    const attached = await attach(store, descriptor, { artifactType: sbom, blobs: [blob('1')] })
    await attach(store, descriptor, { artifactType: sbom, blobs: [blob('1')] })
    const { manifests } = JSON.parse(readFileSync(join(path, 'index.json'), 'utf8')) as {
      manifests: Descriptor[]
    }
    expect(manifests.map((entry) => entry.digest)).toEqual([descriptor.digest, attached.digest])
    expect(manifests[1]).toEqual(attached)
    const signed = await attach(store, descriptor, { artifactType: signature })
    await store.removeEntry?.(signed)
    await store.tag(signed, 'signature')
    await attach(store, descriptor, { artifactType: signature })
    expect((await store.index?.())?.manifests).toHaveLength(3)
    await store.untag?.('signature')
    const layout = await Layout.open(store)
    expect((await layout.image()).descriptor.digest).toBe(descriptor.digest)
    expect(layout.references.map((reference) => reference.name)).toEqual(['app'])
  })
})

describe('what is attached', () => {
  test('is copied along into any store, and found there', async () => {
    const source = new MemoryStore()
    const { descriptor: subject } = await image(source, 'app')
    const first = await attach(source, subject, { artifactType: sbom, blobs: [blob('1')] })
    const second = await attach(source, first, { artifactType: signature, blobs: [blob('2')] })
    const { store: layout } = await createLayout(directory())
    const tags = plain(new MemoryStore())
    for (const [from, to] of [
      [source, layout],
      [source, tags],
      [tags, new MemoryStore()],
    ] as const) {
      await copyImage(from, 'app', to, 'app', { referrers: true })
      expect(await collect(listReferrers(to, subject))).toEqual([first])
      expect(await collect(listReferrers(to, first))).toEqual([second])
    }
    expect((await layout.index?.())?.manifests.map((entry) => entry.digest)).toEqual([
      first.digest,
      second.digest,
      subject.digest,
    ])
  })

  test('stays as long as its subject, and goes with it, out of the index too', async () => {
    const { store } = await createLayout(directory())
    const { descriptor: subject } = await image(store, 'app')
    const { descriptor: other } = await image(store, 'other')
    expect(other.digest).toBe(subject.digest)
    const first = await attach(store, subject, { artifactType: sbom, blobs: [blob('1')] })
    const second = await attach(store, first, { artifactType: signature, blobs: [blob('2')] })
    const entries = async () => (await store.index?.())?.manifests.map((entry) => entry.digest)
    expect((await collectGarbage(store)).removed).toEqual([])
    await store.untag?.('other')
    expect((await collectGarbage(store)).removed).toEqual([])
    expect(await collect(listReferrers(store, first))).toEqual([second])
    await store.untag?.('app')
    const dry = await collectGarbage(store, { dryRun: true })
    expect(await entries()).toEqual([first.digest, second.digest])
    expect(await collectGarbage(store)).toEqual(dry)
    expect(dry.kept).toBe(0)
    expect(await entries()).toEqual([])
  })

  test('alone, its subject elsewhere, or under a name of its own, is no garbage', async () => {
    const store = new MemoryStore()
    const elsewhere = (await image(new MemoryStore(), undefined, 'elsewhere')).descriptor
    const lonely = await attach(store, elsewhere, { artifactType: sbom, blobs: [blob('1')] })
    const { descriptor: subject } = await image(store)
    const named = await attach(store, subject, { artifactType: sbom, blobs: [blob('2')] })
    await store.tag(named, 'sbom')
    expect((await collectGarbage(store)).removed).toEqual([])
    expect(await collect(listReferrers(store, elsewhere))).toEqual([lonely])
  })
})
