import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { type Digest, digestBytes } from '../../src/digest/index.ts'
import {
  convertImage,
  type DroppedContent,
  type Image,
  ImageIndex,
  openImage,
  readManifest,
} from '../../src/image/index.ts'
import { type Descriptor, mediaTypes, serializeJson } from '../../src/spec/index.ts'
import { MemoryStore, readBlobBytes } from '../../src/store/index.ts'
import { TarWriter } from '../../src/tar/index.ts'
import { multiPlatform, on, putIndex, smallImage, who } from './images.ts'

const json = async (store: MemoryStore, descriptor: Descriptor) =>
  JSON.parse(new TextDecoder().decode(await readBlobBytes(store, descriptor)))

async function digests(store: MemoryStore): Promise<Set<Digest>> {
  const all = new Set<Digest>()
  for await (const digest of store.list()) all.add(digest)
  return all
}

/** Bytes of a tar with one file. */
function tarOf(path: string, content: string): Uint8Array {
  const chunks: Uint8Array[] = []
  const writer = new TarWriter({ write: (chunk) => void chunks.push(chunk.slice()), end() {} })
  void writer.entry({ path, content: new TextEncoder().encode(content) })
  void writer.finish()
  return Buffer.concat(chunks)
}

describe('schema 2 and OCI', () => {
  test('there and back again is the same image to the byte', async () => {
    const store = new MemoryStore()
    const image = await smallImage(store, 'one')
    const there = new MemoryStore()
    const docker = await convertImage(image, there, { to: 'docker' })
    expect(docker.mediaType).toBe(mediaTypes.dockerManifest)
    expect(await json(there, docker)).toMatchObject({
      mediaType: mediaTypes.dockerManifest,
      config: { mediaType: mediaTypes.dockerConfig, digest: image.id },
      layers: [{ mediaType: mediaTypes.dockerLayerGzip, digest: image.layers[0]!.digest }],
    })
    expect(await who(await openImage(there, docker))).toBe('one')
    const back = new MemoryStore()
    const oci = await convertImage({ store: there, descriptor: docker }, back, { to: 'oci' })
    expect(oci.digest).toBe(image.descriptor.digest)
    expect(await digests(back)).toEqual(await digests(store))
  })

  test('what is in the form asked for already is copied as it is, artifacts too', async () => {
    const store = new MemoryStore()
    const image = await smallImage(store, 'one')
    const empty = await store.put(serializeJson({}), { mediaType: mediaTypes.empty })
    const artifact = await store.put(
      serializeJson({
        schemaVersion: 2,
        mediaType: mediaTypes.manifest,
        artifactType: 'a/b',
        config: empty,
        layers: [{ ...empty, mediaType: 'c/d' }],
        subject: image.descriptor,
      }),
      { mediaType: mediaTypes.manifest },
    )
    const index = await putIndex(store, [on(image), artifact])
    const target = new MemoryStore()
    expect(await convertImage({ store, descriptor: index }, target, { to: 'oci' })).toEqual(index)
    expect(await digests(target)).toEqual(await digests(store))

    const docker = convertImage({ store, descriptor: index }, new MemoryStore(), { to: 'docker' })
    await expect(docker).rejects.toMatchObject({ code: 'MEDIA_TYPE_UNSUPPORTED', digest: artifact.digest })
    const dropped: DroppedContent[] = []
    const list = await convertImage({ store, descriptor: index }, target, {
      to: 'docker',
      artifacts: 'drop',
      onDropped: (each) => dropped.push(each),
    })
    expect(dropped).toEqual([{ digest: index.digest, path: ['manifests', 1] }])
    expect((await json(target, list)).manifests).toEqual([
      { ...(await convertImage(image, target, { to: 'docker' })), platform: image.platform },
    ])
  })

  test('an index is converted with all that is in it, and each shared image once', async () => {
    const store = await multiPlatform('linux/amd64', 'linux/arm64/v8')
    const multi = await store.resolve('multi')
    const target = new MemoryStore()
    const list = await convertImage({ store, descriptor: multi }, target, { to: 'docker' })
    expect(list.mediaType).toBe(mediaTypes.dockerManifestList)
    const opened = await ImageIndex.open(target, list)
    expect(opened.platforms).toEqual((await ImageIndex.open(store, multi)).platforms)
    expect(await who(await opened.image({ platform: 'linux/arm64' }))).toBe('linux/arm64/v8')
    const back = await convertImage({ store: target, descriptor: list }, target, { to: 'oci' })
    expect(back.digest).toBe(multi.digest)

    const nested = await putIndex(store, [multi])
    await expect(
      convertImage({ store, descriptor: nested }, new MemoryStore(), { to: 'docker' }),
    ).rejects.toMatchObject({ code: 'MEDIA_TYPE_UNSUPPORTED', digest: multi.digest })
    expect(await convertImage({ store, descriptor: nested }, target, { to: 'oci' })).toEqual(nested)
  })

  test('layers of zstd are refused before anything is stored, or compressed anew', async () => {
    const store = new MemoryStore()
    const plain = await smallImage(store, 'one')
    // The same tar in a frame of zstd that holds it raw, as any writer may.
    const tar = new Uint8Array(await new Response(plain.layers[0]!.tar()).arrayBuffer())
    const raw = (tar.length << 3) | 1
    const frame = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0xa0, tar.length & 255, (tar.length >> 8) & 255, 0, 0)
    const block = Uint8Array.of(raw & 255, (raw >> 8) & 255, (raw >> 16) & 255)
    const zstd = await store.put(Buffer.concat([frame, block, tar]), { mediaType: mediaTypes.layerZstd })
    const descriptor = await store.put(serializeJson({ ...plain.manifest, layers: [zstd, zstd] }), {
      mediaType: mediaTypes.manifest,
    })
    const target = new MemoryStore()
    await expect(convertImage({ store, descriptor }, target, { to: 'docker' })).rejects.toMatchObject({
      code: 'MEDIA_TYPE_UNSUPPORTED',
      message: expect.stringContaining('have the layer recompressed'),
      digest: descriptor.digest,
    })
    expect((await digests(target)).size).toBe(0)
    const docker = await convertImage({ store, descriptor }, target, { to: 'docker', recompress: 'none' })
    const layer = { mediaType: mediaTypes.dockerLayer, digest: digestBytes(tar), size: tar.length }
    expect((await json(target, docker)).layers).toEqual([layer, layer])
  })

  test('what Docker cannot say is told of, or refused before anything is stored', async () => {
    const store = new MemoryStore()
    const image = await (await smallImage(store, 'one')).edit().annotation('a', 'b').commit(store)
    const dropped: DroppedContent[] = []
    await convertImage(image, store, { to: 'docker', onDropped: (each) => dropped.push(each) })
    expect(dropped).toEqual([{ digest: image.descriptor.digest, path: ['annotations'] }])
    const target = new MemoryStore()
    await expect(convertImage(image, target, { to: 'docker', metadata: 'refuse' })).rejects.toMatchObject({
      code: 'MEDIA_TYPE_UNSUPPORTED',
      digest: image.descriptor.digest,
    })
    expect((await digests(target)).size).toBe(0)
  })

  test("a config with Docker's own members becomes OCI's, or stays if that is asked for", async () => {
    const store = new MemoryStore()
    const image = await (await smallImage(store, 'one'))
      .edit()
      .configField(['docker_version'], '20.10')
      .configField(['unknown'], [1])
      .commit(store)
    const docker = await convertImage(image, store, { to: 'docker' })
    const source = { store, descriptor: docker }
    const kept = await convertImage(source, store, { to: 'oci', config: 'keep' })
    expect(kept.digest).toBe(image.descriptor.digest)
    const oci = await convertImage(source, store, { to: 'oci' })
    const { config } = await readManifest(store, oci)
    expect(config.mediaType).toBe(mediaTypes.config)
    const { docker_version: _, ...rest } = await json(store, image.manifest.config)
    expect(await json(store, config)).toEqual(rest)
    expect(await who(await openImage(store, oci))).toBe('one')
  })

  test('what is no image is refused', async () => {
    const store = new MemoryStore()
    const blob = await store.put(serializeJson({}), { mediaType: 'a/b' })
    await expect(convertImage({ store, descriptor: blob }, store, { to: 'oci' })).rejects.toMatchObject({
      code: 'MEDIA_TYPE_UNSUPPORTED',
    })
  })
})

describe('schema 1', () => {
  const id = (character: string) => character.repeat(64)

  async function schema1(): Promise<{ store: MemoryStore; descriptor: Descriptor; tars: Uint8Array[] }> {
    const store = new MemoryStore()
    const tars = [tarOf('etc/who', 'first'), tarOf('etc/who', 'second')]
    const [bottom, top] = [await store.put(gzipSync(tars[0]!)), await store.put(gzipSync(tars[1]!))]
    const steps = [
      {
        id: id('c'),
        parent: id('b'),
        architecture: 'amd64',
        os: 'linux',
        config: { Cmd: ['sh'] },
        throwaway: true,
      },
      { id: id('b'), parent: id('a'), created: '2020-01-02T00:00:00Z', container_config: { Cmd: ['add'] } },
      { id: id('a'), created: '2020-01-01T00:00:00Z' },
    ]
    const bytes = serializeJson({
      schemaVersion: 1,
      name: 'a',
      tag: 'b',
      architecture: 'amd64',
      // The throwaway layer is nowhere: nobody needs it.
      fsLayers: [`sha256:${'9'.repeat(64)}`, top.digest, bottom.digest].map((blobSum) => ({ blobSum })),
      history: steps.map((step) => ({ v1Compatibility: JSON.stringify(step) })),
    })
    return { store, descriptor: await store.put(bytes, { mediaType: mediaTypes.dockerSchema1 }), tars }
  }

  test.each(['oci', 'docker'] as const)('becomes %s, sizes and diffIDs read from the layers', async (to) => {
    const { store, descriptor, tars } = await schema1()
    for (const target of [new MemoryStore(), store]) {
      const image: Image = await openImage(target, await convertImage({ store, descriptor }, target, { to }))
      expect(image.manifest.mediaType).toBe(to === 'oci' ? mediaTypes.manifest : mediaTypes.dockerManifest)
      expect((await image.config()).rootfs.diff_ids).toEqual(tars.map((tar) => digestBytes(tar)))
      expect((await image.history()).map((step) => [step.created_by, step.layer?.position])).toEqual([
        [undefined, 0],
        ['add', 1],
        [undefined, undefined],
      ])
      expect((await image.config()).config?.Cmd).toEqual(['sh'])
      expect(await who(image)).toBe('second')
    }
  })

  test('a layer that is missing, damaged or endless is refused, and no manifest is written', async () => {
    const { store, descriptor } = await schema1()
    const without = new MemoryStore()
    await without.put(await readBlobBytes(store, descriptor))
    const target = new MemoryStore()
    const convert = (from: MemoryStore, options = {}) =>
      convertImage({ store: from, descriptor }, target, { to: 'oci', ...options })
    await expect(convert(without)).rejects.toMatchObject({ code: 'BLOB_NOT_FOUND' })
    const altered = new MemoryStore()
    altered.has = store.has.bind(store)
    altered.get = async (blob, options) => {
      if (blob.digest === descriptor.digest) return store.get(blob, options)
      return new Blob([gzipSync(tarOf('etc/who', 'other'))]).stream()
    }
    await expect(convert(altered)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
    await expect(convert(store, { limits: { maxSize: 10 } })).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
    })
    expect((await digests(target)).size).toBe(0)
  })

  test('is named by all of its bytes, or as registries do by what is signed; anything else is refused', async () => {
    const { store, descriptor } = await schema1()
    const payload = new TextDecoder().decode(await readBlobBytes(store, descriptor))
    const base64 = (text: string) => Buffer.from(text).toString('base64url')
    const header = { formatLength: payload.length - 1, formatTail: base64('}') }
    const signature = JSON.stringify({ header: {}, signature: '', protected: base64(JSON.stringify(header)) })
    const signed = new TextEncoder().encode(`${payload.slice(0, -1)},"signatures":[${signature}]}`)
    const convert = (content: Uint8Array, named: Descriptor) => {
      const registry = new MemoryStore()
      registry.get = async (blob, options) =>
        blob.digest === named.digest ? new Blob([content.slice()]).stream() : store.get(blob, options)
      return convertImage({ store: registry, descriptor: named }, new MemoryStore(), { to: 'oci' })
    }
    const mediaType = mediaTypes.dockerSchema1Signed
    const plain = await convertImage({ store, descriptor }, new MemoryStore(), { to: 'oci' })
    for (const digest of [descriptor.digest, digestBytes(signed)]) {
      expect(await convert(signed, { mediaType, digest, size: signed.length })).toEqual(plain)
    }
    const other = digestBytes(new Uint8Array(1))
    await expect(convert(signed, { mediaType, digest: other, size: signed.length })).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    })
  })
})
