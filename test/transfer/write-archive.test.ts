import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readAll } from '../../src/bytes.ts'
import type { Digest } from '../../src/digest/index.ts'
import {
  createIndex,
  fromScratch,
  type Image,
  Layout,
  readLayout,
  writeArtifact,
} from '../../src/image/index.ts'
import { Layer } from '../../src/layer/index.ts'
import { type Descriptor, mediaTypes, serializeJson } from '../../src/spec/index.ts'
import { ArchiveStore, type ImageStore, MemoryStore } from '../../src/store/index.ts'
import { readTar, type TarEntry } from '../../src/tar/index.ts'
import {
  type ArchiveProgress,
  attach,
  type ImageSource,
  listReferrers,
  type WriteArchiveOptions,
  writeArchive,
  writeArchiveFile,
  writeLayout,
} from '../../src/transfer/index.ts'
import { expectLayerSize } from '../../src/transfer/write-docker-archive.ts'
import { casesDirectory, caseTest } from '../cases.ts'
import { collect } from '../store/temporary-directory.ts'

const image = (store: ImageStore, who: string, name?: string, platform = 'linux/amd64'): Promise<Image> =>
  fromScratch({ platform })
    .copy({ 'etc/base': 'shared by all' }, '/')
    .copy({ 'etc/who': who }, '/')
    .commit(store, name)

const bytesOf = (source: ImageSource, options: WriteArchiveOptions) =>
  readAll(writeArchive(source, options), 1 << 26)

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'oci-ts-archive-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

async function entriesOf(bytes: Uint8Array): Promise<TarEntry[]> {
  const entries: TarEntry[] = []
  for await (const entry of readTar(bytes)) entries.push(entry)
  return entries
}

/** What is in a member of an archive, as JSON. */
async function member(bytes: Uint8Array, path: string): Promise<unknown> {
  for await (const entry of readTar(bytes)) {
    if (entry.path === path) return JSON.parse(new TextDecoder().decode(await entry.bytes()))
  }
  return undefined
}

/** Every image of a layout under its names: its ID and the diffIDs of its layers. */
async function summary(layout: Layout, platform?: string): Promise<Record<string, unknown>> {
  const images: Record<string, unknown> = {}
  for (const { name } of layout.references) {
    const image = await layout.image(name, { platform })
    const diffIDs = []
    for (const layer of image.layers) {
      // To their ends, so that they are what they are called.
      diffIDs.push((await layer.scan({ entry() {} })).diffID)
    }
    images[name] = [image.id, diffIDs]
  }
  return images
}

describe.each(['oci', 'docker'] as const)('an archive of format %s', (format) => {
  test('is read again with the same images, under the same names', async () => {
    const store = new MemoryStore()
    await image(store, 'one', 'example.com/one:1')
    await image(store, 'two', 'example.com/two:2')
    const read = await readLayout(await bytesOf(store, { format }))
    expect((read.store as ArchiveStore).format).toBe(format)
    expect(read.references).toHaveLength(2)
    expect(await summary(read)).toEqual(await summary(await Layout.open(store)))
  })

  test('is the same to the byte whenever it is written, as a stream or a file, from any store', async () => {
    const store = new MemoryStore()
    await image(store, 'one', 'one:1')
    const bytes = await bytesOf(store, { format })
    expect(await bytesOf(store, { format })).toEqual(bytes)
    const path = join(directory(), 'a.tar')
    await writeArchiveFile(path, store, { format })
    expect(new Uint8Array(readFileSync(path))).toEqual(bytes)
    const copy = await writeLayout(join(directory(), 'layout'), store)
    // Blobs come in another order there, and in other pieces.
    expect(await bytesOf(copy, { format, references: ['one:1'] })).toEqual(
      await bytesOf(store, { format, references: ['one:1'] }),
    )
    for (const { mtime, uid, gid, uname, gname } of await entriesOf(bytes)) {
      expect([mtime, uid, gid, uname, gname]).toEqual([{ seconds: 0, nanoseconds: 0 }, 0, 0, '', ''])
    }
  })

  test('has what is asked for, called as is asked for', async () => {
    const store = new MemoryStore()
    await image(store, 'one', 'one:1')
    await image(store, 'two', 'two:2')
    const names = async (source: ImageSource, options: object = {}) =>
      (await readLayout(await bytesOf(source, { format, ...options }))).references.map(({ name }) => name)
    expect(await names(store, { references: ['two:2'] })).toEqual(['two:2'])
    expect(await names(store, { references: { 'two:2': 'example.com/x:3', 'one:1': 'y:4' } })).toEqual([
      'example.com/x:3',
      'y:4',
    ])
    const layout = await Layout.open(store)
    const [one, two] = [await layout.image('one:1'), await layout.image('two:2')]
    expect(await names(one)).toEqual(['one:1'])
    expect(await names([one, { ...two, store, descriptor: two.descriptor, name: 'z:5' }])).toEqual([
      'one:1',
      'z:5',
    ])
    await expect(bytesOf(store, { format, references: ['three'] })).rejects.toMatchObject({
      code: 'REFERENCE_NOT_FOUND',
    })
    await expect(bytesOf(one, { format, references: ['one:1'] })).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
    })
  })

  test('has each blob once', async () => {
    const store = new MemoryStore()
    await image(store, 'one', 'one:1')
    await image(store, 'two', 'two:2')
    await image(store, 'one', 'again:1')
    const paths = (await entriesOf(await bytesOf(store, { format }))).map((entry) => entry.path)
    expect(new Set(paths).size).toBe(paths.length)
  })

  test('tells how far it is', async () => {
    const store = new MemoryStore()
    const { manifest } = await image(store, 'one', 'one:1')
    const seen: ArchiveProgress[] = []
    await bytesOf(store, { format, onProgress: (progress) => seen.push(progress) })
    const done = seen.filter(({ state }) => state === 'done')
    expect(done.map(({ descriptor }) => descriptor.digest)).toEqual(
      expect.arrayContaining([...manifest.layers, manifest.config].map(({ digest }) => digest)),
    )
    expect(done).toHaveLength(seen[0]!.totalBlobs)
    expect(done.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(seen[0]!.totalBytes)
  })

  test.each(['altered', 'missing', 'cut short'])(
    'whose blob is %s errors, and leaves the old file',
    async (how) => {
      const store = new MemoryStore()
      const { layers } = await image(store, 'one', 'one:1')
      const { get } = store
      store.get = async (descriptor, options) => {
        const content = await get.call(store, descriptor, options)
        if (descriptor.digest !== layers[1]!.digest || options?.range !== undefined) return content
        if (how === 'missing') return get.call(new MemoryStore(), descriptor)
        const bytes = await readAll(content, 1 << 20)
        if (how === 'altered') bytes[bytes.length >> 1]! ^= 1
        return new Blob([how === 'altered' ? bytes : bytes.subarray(0, -1)]).stream()
      }
      const code =
        how === 'altered' ? 'DIGEST_MISMATCH' : how === 'missing' ? 'BLOB_NOT_FOUND' : 'SIZE_MISMATCH'
      await expect(bytesOf(store, { format })).rejects.toMatchObject({ code })
      const path = directory()
      writeFileSync(join(path, 'a.tar'), 'old')
      await expect(writeArchiveFile(join(path, 'a.tar'), store, { format })).rejects.toMatchObject({ code })
      expect(readdirSync(path)).toEqual(['a.tar'])
      expect(readFileSync(join(path, 'a.tar'), 'utf8')).toBe('old')
    },
  )

  test('goes where a symlink leads, with the mode of what was there, and takes the place of no pipe', async () => {
    const store = new MemoryStore()
    await image(store, 'one', 'one:1')
    const path = directory()
    const target = join(path, 'target')
    writeFileSync(target, 'old', { mode: 0o600 })
    symlinkSync('target', join(path, 'link'))
    await writeArchiveFile(join(path, 'link'), store, { format })
    expect(new Uint8Array(readFileSync(target))).toEqual(await bytesOf(store, { format }))
    expect(lstatSync(target).mode & 0o777).toBe(0o600)
    expect(readdirSync(path).sort()).toEqual(['link', 'target'])
    symlinkSync('/dev/null', join(path, 'null'))
    execFileSync('mkfifo', [join(path, 'pipe')])
    for (const name of ['null', 'pipe', '.']) {
      const refused = writeArchiveFile(join(path, name), store, { format })
      await expect(refused).rejects.toMatchObject({ code: 'STORE_FAILED', path: join(path, name) })
    }
    expect(lstatSync(join(path, 'pipe')).isFIFO()).toBe(true)
    expect(lstatSync(join(path, 'null')).isSymbolicLink()).toBe(true)
    for (const name of ['x'.repeat(300), 'none/a.tar', 'a\0b']) {
      const refused = writeArchiveFile(join(path, name), store, { format })
      await expect(refused).rejects.toMatchObject({ code: 'STORE_FAILED' })
    }
    expect(readdirSync(path).sort()).toEqual(['link', 'null', 'pipe', 'target'])
  })

  test('stops when its reader does, or when it is told to', async () => {
    const store = new MemoryStore()
    await image(store, 'one', 'one:1')
    const opened = writeArchive(store, { format }).getReader()
    expect((await opened.read()).done).toBe(false)
    await opened.cancel()
    const unread = writeArchive(store, { format })
    await unread.cancel()
    const stop = new AbortController()
    const path = directory()
    const onProgress = () => stop.abort(new Error('enough'))
    const options = { format, signal: stop.signal, onProgress }
    await expect(writeArchiveFile(join(path, 'a.tar'), store, options)).rejects.toThrow('enough')
    expect(readdirSync(path)).toEqual([])
    await expect(bytesOf(store, { format, signal: stop.signal })).rejects.toThrow('enough')
  })
})

describe('an OCI archive', () => {
  test('holds the index as it was written, whatever is in it', async () => {
    const layout = join(directory(), 'layout')
    const { store } = await writeLayout(layout, new MemoryStore())
    const one = await image(store, 'one', 'one')
    await attach(store, one.descriptor, { artifactType: 'a/b' })
    const text = readFileSync(join(layout, 'index.json'), 'utf8').replace(
      '{',
      '{ "9": 1,\n"1":12345678901234567890,',
    )
    writeFileSync(join(layout, 'index.json'), text)
    const bytes = await bytesOf(await readLayout(layout), { format: 'oci' })
    for (const entry of await entriesOf(bytes)) {
      if (entry.path === 'index.json') expect(entry.size).toBe(text.length)
    }
    const read = await readLayout(bytes)
    expect(await collect(listReferrers(read.store, one.descriptor))).toHaveLength(1)
  })

  test('holds the chosen platforms of an index, and referrers when asked', async () => {
    const store = new MemoryStore()
    const images = [
      await image(store, 'a', undefined, 'linux/amd64'),
      await image(store, 'b', undefined, 'linux/arm64'),
    ]
    const index = await createIndex([...images, await image(store, 'c', undefined, 'linux/386')]).commit(
      store,
      'all',
    )
    await attach(store, images[1]!.descriptor, { artifactType: 'a/b' })
    const options = { format: 'oci', references: ['all'], platforms: ['linux/arm64', 'linux/amd64'] } as const
    const read = await readLayout(await bytesOf(store, options))
    expect((await read.imageIndex('all')).platforms.map(({ architecture }) => architecture)).toEqual([
      'amd64',
      'arm64',
    ])
    const one = await readLayout(
      await bytesOf(index, { format: 'oci', platforms: ['linux/arm64'], referrers: true }),
    )
    const { descriptor } = await one.image(undefined, { platform: 'linux/arm64' })
    expect(descriptor.digest).toBe(images[1]!.descriptor.digest)
    expect(await collect(listReferrers(one.store, descriptor))).toHaveLength(1)
  })

  test('goes without nondistributable layers that are elsewhere', async () => {
    const store = new MemoryStore()
    const { manifest } = await image(store, 'one')
    const foreign = { ...manifest.layers[0]!, mediaType: mediaTypes.nondistributableLayerGzip }
    const elsewhere: Descriptor = { ...foreign, digest: `sha256:${'a'.repeat(64)}` as Descriptor['digest'] }
    const bytes = serializeJson({ ...manifest, layers: [elsewhere, manifest.layers[1]] })
    const descriptor = await store.put(bytes, { mediaType: mediaTypes.manifest })
    const paths = (await entriesOf(await bytesOf({ store, descriptor }, { format: 'oci' }))).map(
      ({ path }) => path,
    )
    expect(paths.filter((path) => /[0-9a-f]{64}$/.test(path))).toHaveLength(3)
    expect(paths).not.toContain(`blobs/sha256/${'a'.repeat(64)}`)
  })
})

describe('an archive as of docker save', () => {
  const docker = { format: 'docker' } as const

  test('names images as Docker can: no tag alone, unless it is given a repository', async () => {
    const store = new MemoryStore()
    await image(store, 'one', 'v1')
    await image(store, 'two', 'localhost:5000/two')
    await image(store, 'two', 'two:2')
    const saved = (await member(await bytesOf(store, docker), 'manifest.json')) as { RepoTags: string[] }[]
    expect(saved.map(({ RepoTags }) => RepoTags)).toEqual([[], ['localhost:5000/two:latest', 'two:2']])
    const renamed = await bytesOf(store, { ...docker, references: { v1: 'app', 'two:2': 'two:2' } })
    expect(await member(renamed, 'repositories')).toEqual({
      app: { latest: expect.stringMatching(/^[0-9a-f]{64}$/) },
      two: { 2: expect.stringMatching(/^[0-9a-f]{64}$/) },
    })
    const clash = bytesOf(store, { ...docker, references: { v1: 'x:1', 'two:2': 'x:1' } })
    await expect(clash).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
      message: expect.stringContaining('"x:1"'),
    })
    await expect(bytesOf(store, { ...docker, references: { v1: 'UPPER/case:1' } })).rejects.toMatchObject({
      code: 'REFERENCE_INVALID',
    })
  })

  test('has one image of each index, and nothing that is attached', async () => {
    const store = new MemoryStore()
    const arm64 = await image(store, 'b', undefined, 'linux/arm64')
    await createIndex([await image(store, 'a'), arm64]).commit(store, 'all:1')
    await attach(store, arm64.descriptor, { artifactType: 'a/b' })
    const platforms = ['linux/arm64']
    const saved = await member(await bytesOf(store, { ...docker, platforms }), 'manifest.json')
    expect(saved).toMatchObject([{ RepoTags: ['all:1'], Config: `${arm64.id.slice('sha256:'.length)}.json` }])
    await expect(bytesOf(store, { ...docker, platforms: ['linux/386'] })).rejects.toMatchObject({
      code: 'PLATFORM_NOT_FOUND',
    })
    await expect(
      bytesOf(store, { ...docker, platforms: ['linux/386', 'linux/arm64'] }),
    ).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
    })
    const artifact = { store, descriptor: await writeArtifact(store, { artifactType: 'a/b' }) }
    await expect(bytesOf(artifact, docker)).rejects.toMatchObject({ code: 'MEDIA_TYPE_UNSUPPORTED' })
  })

  test('holds images without a name', async () => {
    const store = new MemoryStore()
    const images = [await image(store, 'one'), await image(store, 'two')]
    for (const { descriptor } of images) await store.addEntry(descriptor)
    const saved = (await member(await bytesOf(store, docker), 'manifest.json')) as { Config: string }[]
    expect(saved.map(({ Config }) => `sha256:${Config}`)).toEqual(images.map(({ id }) => `${id}.json`))
  })

  test('has plain layers whatever they were, also where they say something else of their length', async () => {
    const store = new MemoryStore()
    const { manifest } = await image(store, 'one')
    const gzip = await readAll(await store.get(manifest.layers[0]!), 1 << 20)
    const tar = (await import('node:zlib')).gunzipSync(gzip)
    const members = Buffer.concat([gzipSync(tar.subarray(0, 600)), gzipSync(tar.subarray(600))])
    const plain = await store.put(tar, { mediaType: mediaTypes.layer })
    const called = await store.put(gzip, { mediaType: mediaTypes.layer, digest: manifest.layers[0]!.digest })
    const several = await store.put(members, { mediaType: mediaTypes.layerGzip })
    const expected = await bytesOf({ store, descriptor: await of(manifest.layers[0]!) }, docker)
    const path = join(directory(), 'a.tar')
    for (const layer of [plain, called, several]) {
      const source = { store, descriptor: await of(layer) }
      expect(await bytesOf(source, docker)).toEqual(expected)
      await writeArchiveFile(path, source, docker)
      expect(new Uint8Array(readFileSync(path))).toEqual(expected)
    }
    expect(readdirSync(join(path, '..'))).toEqual(['a.tar'])

    async function of(layer: Descriptor): Promise<Descriptor> {
      const bytes = serializeJson({ ...manifest, layers: [layer, manifest.layers[1]] })
      return store.put(bytes, { mediaType: mediaTypes.manifest })
    }
  })

  describe('whose layers are larger than a gzip trailer can say', () => {
    const GiB = 2 ** 30
    /** A layer of which only the end of the blob is there. */
    function layerEnding(size: number, trailer: number): Layer {
      const store = new MemoryStore()
      store.get = async (_, options) => {
        expect(options?.range).toEqual({ offset: size - 4, length: 4 })
        const bytes = new Uint8Array(4)
        new DataView(bytes.buffer).setUint32(0, trailer, true)
        return new Blob([bytes]).stream()
      }
      const digest = `sha256:${'0'.repeat(64)}` as Digest
      return new Layer(store, { mediaType: mediaTypes.layerGzip, digest, size }, { position: 0 })
    }

    test.each([
      ['a tar of 4 GiB and some', 1.3 * GiB, 10_240, 4 * GiB + 10_240],
      ['one that fits', 1.3 * GiB, 3 * GiB, 3 * GiB],
      ['one of 9 GiB that does not compress', 9 * GiB + 3 * 2 ** 20, GiB, 9 * GiB],
      ['one that grew by as much as it can', 10_240 + 18 + 5, 10_240, 10_240],
      [
        'one of 100 MiB that grew',
        Math.ceil(100 * 2 ** 20 * (1 + 5 / 16_383)) + 18,
        100 * 2 ** 20,
        100 * 2 ** 20,
      ],
    ])('%s', async (_, size, trailer, expected) => {
      expect(await expectLayerSize(layerEnding(Math.floor(size), trailer), {})).toBe(expected)
    })
  })

  describe('whose layers are written beside each other', () => {
    /** Sizes around those of blocks, of what is gathered, and of what is written as it is. */
    const sizes = [0, 1, 511, 512, 513, (1 << 16) - 1, (1 << 18) + 7, 1 << 20, (1 << 20) + 1, 3_000_000]

    async function many(store: ImageStore): Promise<Image> {
      let made = fromScratch({ platform: 'linux/amd64' })
      for (const size of sizes) {
        const content = Uint8Array.from({ length: size }, (_, at) => (at * 31 + (at >> 9) + size) & 255)
        made = made.copy({ [`of-${size}`]: content }, '/')
      }
      return made.commit(store, 'example.com/many:1')
    }

    test.each([1, 2, 3, 64, undefined])('%s at once, to the byte as the stream', async (concurrency) => {
      const store = new MemoryStore()
      await many(store)
      const path = join(directory(), 'a.tar')
      await writeArchiveFile(path, store, { ...docker, concurrency })
      const written = new Uint8Array(readFileSync(path))
      expect(Buffer.compare(written, await bytesOf(store, docker))).toBe(0)
      await using layout = await readLayout(path)
      expect(Object.keys(await summary(layout))).toEqual(['example.com/many:1'])
    })

    test('no more at once than is said, and as many', async () => {
      const store = new MemoryStore()
      const { layers } = await many(store)
      const blobs = new Set<string>(layers.map(({ digest }) => digest))
      for (const concurrency of [1, 2, 5]) {
        let now = 0
        let most = 0
        const counted = new Proxy(store, {
          get(target, name) {
            const value = Reflect.get(target, name, target) as unknown
            if (name !== 'get') return typeof value === 'function' ? value.bind(target) : value
            return async (...given: Parameters<typeof store.get>) => {
              const content = await target.get(...given)
              if (!blobs.has(given[0].digest) || given[1]?.range !== undefined) return content
              most = Math.max(most, ++now)
              return new Blob([await readAll(content, 1 << 26)]).stream().pipeThrough(
                new TransformStream({
                  async flush() {
                    await new Promise((resolve) => setTimeout(resolve, 5))
                    now--
                  },
                }),
              )
            }
          },
        })
        await writeArchiveFile(join(directory(), 'a.tar'), counted, { ...docker, concurrency })
        expect(most).toBe(concurrency)
      }
    })

    test('ends whole when one of them is damaged while others are under way', async () => {
      const store = new MemoryStore()
      const { layers } = await many(store)
      const { get } = store
      store.get = async (descriptor, options) => {
        const content = await get.call(store, descriptor, options)
        if (options?.range !== undefined || !layers.some(({ digest }) => digest === descriptor.digest)) {
          return content
        }
        const bytes = await readAll(content, 1 << 26)
        // The smallest but one comes last: by then others have been written, and some are still.
        if (descriptor.digest === layers[1]!.digest) bytes[bytes.length - 1]! ^= 1
        return new Blob([bytes]).stream()
      }
      const path = directory()
      const progress: ArchiveProgress[] = []
      await expect(
        writeArchiveFile(join(path, 'a.tar'), store, {
          ...docker,
          concurrency: 4,
          onProgress: (step) => progress.push(step),
        }),
      ).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
      expect(readdirSync(path)).toEqual([])
      const told = progress.length
      await new Promise((resolve) => setTimeout(resolve, 50))
      // Nothing goes on behind the caller's back.
      expect(progress).toHaveLength(told)
    })
  })

  test('no room is left for a layer that is shorter than it says', async () => {
    const store = new MemoryStore()
    const { manifest } = await image(store, 'one')
    const tar = await store.put(new Uint8Array(1024), { mediaType: mediaTypes.layer })
    const path = directory()
    // By one byte and by four the end that is asked for is there in part, or empty.
    for (const size of [1025, 1028, 2 ** 45, Number.MAX_SAFE_INTEGER - 1023]) {
      for (const lying of [tar, { ...tar, mediaType: mediaTypes.layerGzip }]) {
        const layers = [{ ...lying, size }, manifest.layers[1]]
        const descriptor = await store.put(serializeJson({ ...manifest, layers }), {
          mediaType: mediaTypes.manifest,
        })
        await expect(
          writeArchiveFile(join(path, 'a.tar'), { store, descriptor }, docker),
        ).rejects.toMatchObject({ code: 'SIZE_MISMATCH' })
      }
    }
    expect(readdirSync(path)).toEqual([])
  })

  test('a stream gives a layer before it has read those behind it', async () => {
    const store = new MemoryStore()
    let made = fromScratch({ platform: 'linux/amd64' })
    for (const name of ['a', 'b', 'c']) made = made.copy({ [name]: randomBytes(1 << 20) }, '/')
    const { layers } = await made.commit(store, 'example.com/three:1')
    const asked = new Set<string>()
    const { get } = store
    store.get = (descriptor, options) => {
      asked.add(descriptor.digest)
      return get.call(store, descriptor, options)
    }
    const reader = writeArchive(store, docker).getReader()
    let read = 0
    while (read < 1 << 19) read += (await reader.read()).value!.length
    expect(layers.map(({ digest }) => asked.has(digest))).toEqual([true, false, false])
    await reader.cancel()
  })

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])(
    'refuses %s layers at once',
    async (concurrency) => {
      const store = new MemoryStore()
      await image(store, 'one', 'example.com/one:1')
      const options = { ...docker, concurrency }
      const path = directory()
      await expect(writeArchiveFile(join(path, 'a.tar'), store, options)).rejects.toMatchObject({
        code: 'ARGUMENT_INVALID',
      })
      expect(readdirSync(path)).toEqual([])
    },
  )
})

describe('the archives of others', () => {
  const names =
    casesDirectory === undefined
      ? []
      : readdirSync(join(casesDirectory, 'archives')).filter((name) => !/_manifest/.test(name))

  caseTest('are all here', () => {
    expect(names.length).toBeGreaterThan(8)
  })

  for (const name of names) {
    for (const format of ['docker', 'oci'] as const) {
      caseTest(`${name} read, written as ${format} and read again has the same images`, async (cases) => {
        await using layout = await readLayout(join(cases, 'archives', name))
        // This one's index lists images for nine platforms, of which one is there.
        const platform = name.startsWith('oras') ? 'linux/amd64' : undefined
        const platforms = platform === undefined ? undefined : [platform]
        const again = await readLayout(await bytesOf(layout, { format, platforms }))
        if (format === 'oci' && platform === undefined) {
          expect(again.index.manifests).toEqual(layout.index.manifests)
        }
        const images = Object.entries(await summary(layout, platform))
        // A tag alone has no place in Docker's archives.
        const kept = format === 'oci' ? images : images.filter(([tag]) => /[:/]/.test(tag))
        expect(await summary(again, platform)).toEqual(Object.fromEntries(kept))
        if (images.length > 1) return
        expect((await again.image()).id).toBe((await layout.image(undefined, { platform })).id)
      })
    }
  }
})

describe('a layout written from a source', () => {
  test('has all of it, its entries as they were, names and all', async () => {
    const store = new MemoryStore()
    const one = await image(store, 'one', 'one')
    await store.tag(one.descriptor, 'again')
    const { descriptor } = await image(store, 'two')
    await store.addEntry({
      ...descriptor,
      annotations: { 'io.containerd.image.name': 'docker.io/library/two:1' },
    })
    await store.addEntry({ ...descriptor, platform: { os: 'linux', architecture: 'amd64' } })
    const path = join(directory(), 'layout')
    const layout = await writeLayout(path, store)
    expect(layout.index.manifests).toEqual((await store.index()).manifests)
    const written = await readLayout(path)
    expect(written.references.map(({ name }) => name)).toEqual(['one', 'again', 'docker.io/library/two:1'])
    expect((await written.image('docker.io/library/two:1')).layers).toHaveLength(2)
    await expect(writeLayout(path, store)).rejects.toMatchObject({ code: 'LAYOUT_INVALID' })
  })

  test('has what is asked for', async () => {
    const store = new MemoryStore()
    const images = [await image(store, 'a'), await image(store, 'b', undefined, 'linux/arm64')]
    await createIndex(images).commit(store, 'all')
    await image(store, 'other', 'other')
    const options = { references: { all: 'mine' }, platforms: ['linux/arm64'] }
    const layout = await writeLayout(join(directory(), 'layout'), store, options)
    expect(layout.references.map(({ name }) => name)).toEqual(['mine'])
    expect((await layout.image('mine')).descriptor.digest).toBe(images[1]!.descriptor.digest)
    const broken = join(directory(), 'layout')
    await expect(writeLayout(broken, store, { references: ['none'] })).rejects.toMatchObject({
      code: 'REFERENCE_NOT_FOUND',
    })
    expect(existsSync(broken)).toBe(false)
  })

  test('from an archive, as from any store', async () => {
    const store = new MemoryStore()
    await image(store, 'one', 'one:1')
    await using archive = await ArchiveStore.open(await bytesOf(store, { format: 'docker' }))
    const layout = await writeLayout(join(directory(), 'layout'), archive)
    expect(await summary(layout)).toEqual(await summary(await Layout.open(store)))
  })
})
