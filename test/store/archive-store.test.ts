import { existsSync, mkdtempSync, promises, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { readAll } from '../../src/bytes.ts'
import type { Digest } from '../../src/digest/index.ts'
import { parseManifest } from '../../src/spec/index.ts'
import { ArchiveStore, readBlob, readBlobBytes } from '../../src/store/index.ts'
import type { TarEntryInput } from '../../src/tar/index.ts'
import {
  blob,
  collect,
  configOf,
  descriptorOf,
  dockerArchive,
  dockerEntries,
  file,
  hex,
  layerOf,
  layoutFiles,
  ociBlobs,
  sha256,
  tarOf,
  utf8,
} from './archives.ts'

const directory = mkdtempSync(join(tmpdir(), 'archive-store-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const layers = await Promise.all([layerOf('etc/hostname', 'box\n'), layerOf('etc/motd', 'hello\n')])
const [firstLayer, secondLayer] = layers as [Uint8Array, Uint8Array]

async function names(store: ArchiveStore): Promise<string[]> {
  return (await collect(store.references())).map((reference) => reference.name)
}

/** The layers of the image of a name, as the digests in its manifest. */
async function layersOf(store: ArchiveStore, name: string): Promise<Digest[]> {
  const manifest = parseManifest(await readBlobBytes(store, await store.resolve(name)))
  return manifest.layers.map((layer) => layer.digest)
}

/** The code of the error that opening ends with, and its message. */
async function failure(work: Promise<unknown>): Promise<{ code: string; message: string }> {
  return work.then(
    () => ({ code: 'no error', message: '' }),
    (error) => ({ code: error.code, message: error.message }),
  )
}

describe('docker save', () => {
  test('an image gets a manifest of its config and layers, the same each time', async () => {
    const archive = await dockerArchive(layers, ['app:1.0'])
    await using store = await ArchiveStore.open(archive)
    await using again = await ArchiveStore.open(archive)
    const descriptor = await store.resolve('app:1.0')
    expect(await again.resolve('app:1.0')).toEqual(descriptor)
    const config = utf8(JSON.stringify(configOf(layers)))
    expect(JSON.parse(new TextDecoder().decode(await readBlobBytes(store, descriptor)))).toEqual({
      schemaVersion: 2,
      mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
      config: descriptorOf(config, 'application/vnd.docker.container.image.v1+json'),
      layers: layers.map((layer) => descriptorOf(layer, 'application/vnd.docker.image.rootfs.diff.tar')),
    })
    expect(descriptor.platform).toEqual({ architecture: 'amd64', os: 'linux' })
    expect(await readBlobBytes(store, descriptorOf(secondLayer))).toEqual(new Uint8Array(secondLayer))
  })

  test('a name answers as written, in full, without its tag where that is latest, and by its tag', async () => {
    await using store = await ArchiveStore.open(await dockerArchive(layers, ['app:latest', 'ghcr.io/a/b:2']))
    const { digest } = await store.resolve('app:latest')
    expect(await names(store)).toEqual(['app:latest', 'ghcr.io/a/b:2'])
    for (const name of [
      'app',
      'docker.io/library/app',
      'docker.io/library/app:latest',
      'latest',
      'ghcr.io/a/b:2',
      '2',
    ]) {
      expect((await store.resolve(name)).digest, name).toBe(digest)
    }
    const { code, message } = await failure(store.resolve('other'))
    expect(code).toBe('REFERENCE_NOT_FOUND')
    expect(message).toContain('app:latest, ghcr.io/a/b:2')
  })

  test('the index carries full names and tags as annotations, one entry for each name', async () => {
    await using store = await ArchiveStore.open(await dockerArchive(layers, ['app:1', 'app:2']))
    const index = await store.index()
    expect(index.manifests.map((entry) => entry.annotations)).toEqual([
      { 'io.containerd.image.name': 'app:1', 'org.opencontainers.image.ref.name': '1' },
      { 'io.containerd.image.name': 'app:2', 'org.opencontainers.image.ref.name': '2' },
    ])
    expect(new Set(index.manifests.map((entry) => entry.digest)).size).toBe(1)
  })

  test('images without a name are found by the digest of their config and of their manifest', async () => {
    const one = dockerEntries([firstLayer], null)
    const two = dockerEntries([secondLayer], [])
    await using store = await ArchiveStore.open(
      await tarOf([...one.entries, ...two.entries, file('manifest.json', [one.record, two.record])]),
    )
    expect(await names(store)).toEqual([])
    const { manifests } = await store.index()
    expect(manifests).toHaveLength(2)
    for (const [position, layer] of [firstLayer, secondLayer].entries()) {
      const imageID = sha256(utf8(JSON.stringify(configOf([layer]))))
      expect(await layersOf(store, imageID)).toEqual([sha256(layer)])
      expect((await store.resolve(imageID)).digest).toBe(manifests[position]?.digest)
      expect(await layersOf(store, manifests[position]?.digest as string)).toEqual([sha256(layer)])
    }
    expect((await failure(store.resolve(sha256(firstLayer)))).code).toBe('REFERENCE_NOT_FOUND')
  })

  test('two images of one name, or of one tag, are ambiguous', async () => {
    const one = dockerEntries([firstLayer], ['app:1', 'other:1'])
    const two = dockerEntries([secondLayer], ['app:1'])
    await using store = await ArchiveStore.open(
      await tarOf([...one.entries, ...two.entries, file('manifest.json', [one.record, two.record])]),
    )
    expect((await failure(store.resolve('app:1'))).code).toBe('REFERENCE_AMBIGUOUS')
    expect((await failure(store.resolve('docker.io/library/app:1'))).code).toBe('REFERENCE_AMBIGUOUS')
    expect((await failure(store.resolve('1'))).code).toBe('REFERENCE_AMBIGUOUS')
    expect(await layersOf(store, 'other:1')).toEqual([sha256(firstLayer)])
  })

  test('compressed layers are named by their own bytes, with the media type of their content', async () => {
    const gzip = new Uint8Array(gzipSync(firstLayer))
    // A zstd frame of one raw block (RFC 8878), which needs no encoder: magic, single segment of 2 bytes' size.
    const zstd = zstdRaw(secondLayer)
    const config = utf8(JSON.stringify(configOf(layers)))
    await using store = await ArchiveStore.open(
      await tarOf([
        file('one.tar.gz', gzip),
        file('two', zstd),
        file('config.json', config),
        file('manifest.json', [
          { Config: 'config.json', RepoTags: ['app:1'], Layers: ['one.tar.gz', 'two'] },
        ]),
      ]),
    )
    const manifest = parseManifest(await readBlobBytes(store, await store.resolve('app:1')))
    expect(manifest.layers).toEqual([
      descriptorOf(gzip, 'application/vnd.docker.image.rootfs.diff.tar.gzip'),
      descriptorOf(zstd, 'application/vnd.docker.image.rootfs.diff.tar.zstd'),
    ])
    for (const layer of manifest.layers) expect((await readBlobBytes(store, layer)).length).toBe(layer.size)
  })

  test('a layer that two images share is one blob, and one that links lead to is read where it is', async () => {
    const one = dockerEntries([firstLayer], ['app:1'])
    const config = utf8(JSON.stringify(configOf([firstLayer, firstLayer])))
    const target = one.record.Layers[0] as string
    await using store = await ArchiveStore.open(
      await tarOf([
        { path: 'abc/layer.tar', type: 'symlink', linkPath: `../${target}` },
        { path: 'hard.tar', type: 'link', linkPath: 'abc/layer.tar' },
        ...one.entries,
        file('two.json', config),
        file('manifest.json', [
          one.record,
          { Config: 'two.json', RepoTags: ['app:2'], Layers: ['abc/layer.tar', './hard.tar'] },
        ]),
      ]),
    )
    expect(await layersOf(store, 'app:2')).toEqual([sha256(firstLayer), sha256(firstLayer)])
    expect(await readBlobBytes(store, descriptorOf(firstLayer))).toEqual(new Uint8Array(firstLayer))
    const listed = await collect(store.list())
    expect(listed.length).toBe(new Set(listed).size)
    expect(listed.filter((digest) => digest === sha256(firstLayer))).toHaveLength(1)
  })

  const { entries, record } = dockerEntries(layers, ['app:1'])
  const wrong: readonly (readonly [string, readonly TarEntryInput[], string, RegExp])[] = [
    [
      'fewer layers than diff_ids',
      [...entries, file('manifest.json', [{ ...record, Layers: record.Layers.slice(1) }])],
      'ARCHIVE_INVALID',
      /lists 1 layers.*has 2 diff_ids/,
    ],
    [
      'more layers than diff_ids',
      [...entries, file('manifest.json', [{ ...record, Layers: [...record.Layers, record.Layers[0]] }])],
      'ARCHIVE_INVALID',
      /lists 3 layers.*has 2 diff_ids/,
    ],
    [
      'no layers at all',
      [...entries, file('manifest.json', [{ ...record, Layers: null }])],
      'ARCHIVE_INVALID',
      /lists 0 layers.*has 2 diff_ids/,
    ],
    [
      'a layer that is missing',
      [...entries.slice(1), file('manifest.json', [record])],
      'ARCHIVE_INVALID',
      /lacks ".*layer\.tar", layer 0 of manifest\.json\[0\]/,
    ],
    [
      'a config that is missing',
      [...entries.slice(0, -1), file('manifest.json', [record])],
      'ARCHIVE_INVALID',
      /lacks ".*\.json", the config of manifest\.json\[0\]/,
    ],
    [
      'a layer that is a directory',
      [
        ...entries,
        { path: 'dir/', type: 'directory' },
        file('manifest.json', [{ ...record, Layers: ['dir', record.Layers[0]] }]),
      ],
      'ARCHIVE_INVALID',
      /"dir" in the archive is no file but a directory/,
    ],
    ['an empty list', [file('manifest.json', [])], 'ARCHIVE_INVALID', /its manifest\.json is an empty list/],
    ['no list', [file('manifest.json', {})], 'DOCUMENT_INVALID', /must be an array/],
    ['no JSON', [file('manifest.json', '[')], 'JSON_INVALID', /manifest\.json/],
    [
      'a config that is none',
      [file('c.json', '{}'), file('manifest.json', [{ Config: 'c.json', Layers: [] }])],
      'DOCUMENT_INVALID',
      /config/,
    ],
    [
      'a member of another kind for a list',
      [{ path: 'manifest.json', type: 'fifo' }],
      'ARCHIVE_INVALID',
      /no file but a fifo/,
    ],
  ]
  for (const [what, content, code, message] of wrong) {
    test(`${what} is refused with ${code}`, async () => {
      const error = await failure(ArchiveStore.open(await tarOf(content)))
      expect(error.code).toBe(code)
      expect(error.message).toMatch(message)
    })
  }

  test('a layer compressed with what no layer may be is refused by name', async () => {
    const xz = new Uint8Array([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 4, 0xe6, 0xd6, 0xb4, 0x46])
    const config = utf8(JSON.stringify(configOf([xz])))
    const archive = await tarOf([
      file('l', xz),
      file('c', config),
      file('manifest.json', [{ Config: 'c', RepoTags: ['a:1'], Layers: ['l'] }]),
    ])
    await using store = await ArchiveStore.open(archive)
    const error = await failure(store.resolve('a:1'))
    expect(error).toMatchObject({ code: 'COMPRESSION_UNSUPPORTED' })
    expect(error.message).toContain('xz')
  })

  test('an image without layers has a manifest without layers', async () => {
    await using store = await ArchiveStore.open(await dockerArchive([], ['empty:1']))
    expect(await layersOf(store, 'empty:1')).toEqual([])
  })

  test('a platform is given as far as the config has one', async () => {
    const open = async (platform: object): Promise<unknown> => {
      const config = { ...configOf([]), ...platform }
      await using store = await ArchiveStore.open(
        await tarOf([
          file('c', config),
          file('manifest.json', [{ Config: 'c', RepoTags: ['a:1'], Layers: [] }]),
        ]),
      )
      return (await store.resolve('a:1')).platform
    }
    expect(await open({ architecture: 'arm', variant: 'v7', os: 'linux' })).toEqual({
      architecture: 'arm',
      os: 'linux',
      variant: 'v7',
    })
    expect(await open({ os: 'windows', 'os.version': '10.0.1', 'os.features': ['win32k'] })).toEqual({
      architecture: 'amd64',
      os: 'windows',
      'os.version': '10.0.1',
      'os.features': ['win32k'],
    })
    expect(await open({ os: '', variant: null })).toBeUndefined()
  })
})

describe('OCI archive', () => {
  test('blobs and names are those of the layout', async () => {
    const { entries, manifest } = ociBlobs(layers)
    const named = { ...manifest, annotations: { 'org.opencontainers.image.ref.name': 'v1' } }
    await using store = await ArchiveStore.open(await tarOf([...entries, ...layoutFiles([named])]))
    expect(store.format).toBe('oci')
    expect(await store.resolve('v1')).toEqual(named)
    expect((await store.index()).manifests).toEqual([named])
    expect((await collect(store.list())).sort()).toEqual(
      entries.map((entry) => entry.path.replace('blobs/', '').replace('/', ':')).sort(),
    )
    expect(await layersOf(store, 'v1')).toEqual(layers.map(sha256))
    expect(await store.has(descriptorOf(utf8('absent')))).toBe(false)
    expect((await failure(store.get(descriptorOf(utf8('absent'))))).code).toBe('BLOB_NOT_FOUND')
  })

  test('members may be written with ./ and with slashes too many, and without directories', async () => {
    const { entries, manifest } = ociBlobs(layers)
    const dotted = [...layoutFiles([manifest]), ...entries].map((entry) => ({
      ...entry,
      path: `.//${entry.path.replace('/', '/./')}`,
    }))
    const tar = await tarOf([{ path: './', type: 'directory' }, ...dotted])
    await using store = await ArchiveStore.open(tar)
    expect(await layersOf(store, manifest.digest)).toEqual(layers.map(sha256))
    expect(await collect(store.list())).toHaveLength(entries.length)
  })

  test('referrers are the documents with a subject that are what their name says', async () => {
    const { entries, manifest } = ociBlobs(layers)
    const empty = utf8('{}')
    const artifact = utf8(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        artifactType: 'application/x-sbom',
        config: descriptorOf(empty, 'application/vnd.oci.empty.v1+json'),
        layers: [descriptorOf(empty, 'application/vnd.oci.empty.v1+json')],
        subject: manifest,
      }),
    )
    const forged = file(`blobs/sha256/${'a'.repeat(64)}`, artifact)
    await using store = await ArchiveStore.open(
      await tarOf([...entries, blob(empty), blob(artifact), forged, ...layoutFiles([manifest])]),
    )
    expect(await collect(store.referrers(manifest))).toEqual([
      {
        ...descriptorOf(artifact, 'application/vnd.oci.image.manifest.v1+json'),
        artifactType: 'application/x-sbom',
      },
    ])
    expect(await collect(store.referrers(manifest, { artifactType: 'other/type' }))).toEqual([])
  })

  test('a layout of an unknown version is refused', async () => {
    const tar = await tarOf([
      file('oci-layout', { imageLayoutVersion: '2.0.0' }),
      file('index.json', { schemaVersion: 2, manifests: [] }),
    ])
    expect(await failure(ArchiveStore.open(tar))).toMatchObject({ code: 'LAYOUT_INVALID' })
  })
})

describe('both in one', () => {
  const docker = dockerEntries(layers, ['app:1'])

  /** As Docker 25 writes it: `manifest.json` names blobs. */
  function hybridRecord(config: Uint8Array, tags: readonly string[] | null): object {
    return {
      Config: `blobs/sha256/${hex(config)}`,
      RepoTags: tags,
      Layers: layers.map((layer) => `blobs/sha256/${hex(layer)}`),
    }
  }

  test('the layout counts, and a name that only manifest.json has leads to the same manifest', async () => {
    const { entries, manifest, config } = ociBlobs(layers)
    const named = { ...manifest, annotations: { 'io.containerd.image.name': 'docker.io/library/app:1' } }
    await using store = await ArchiveStore.open(
      await tarOf([
        ...entries,
        ...layoutFiles([named]),
        file('manifest.json', [hybridRecord(config, ['app:1', 'also:7'])]),
      ]),
    )
    expect(store.format).toBe('oci')
    expect(await names(store)).toEqual(['docker.io/library/app:1', 'also:7'])
    for (const name of ['app:1', 'docker.io/library/app:1', 'also:7', 'docker.io/library/also:7', '7', '1']) {
      expect((await store.resolve(name)).digest, name).toBe(manifest.digest)
    }
    expect((await store.index()).manifests).toEqual([named])
  })

  test('an empty index beside images is none', async () => {
    const { entries, config } = ociBlobs(layers)
    const tar = await tarOf([
      ...entries,
      ...layoutFiles(null),
      file('manifest.json', [hybridRecord(config, null)]),
    ])
    await using store = await ArchiveStore.open(tar)
    expect(store.format).toBe('docker')
    const { manifests } = await store.index()
    expect(await layersOf(store, manifests[0]?.digest as string)).toEqual(layers.map(sha256))
    const listed = await collect(store.list())
    // The blobs of the layout and the manifest that was made.
    expect(new Set(listed).size).toBe(entries.length + 1)
    expect(listed).toHaveLength(entries.length + 1)
    await using layout = await ArchiveStore.open(tar, { format: 'oci' })
    expect((await layout.index()).manifests).toEqual([])
  })

  test('an image that only manifest.json has is there too', async () => {
    const other = ociBlobs([firstLayer])
    const tar = await tarOf([
      ...docker.entries,
      ...other.entries,
      ...layoutFiles([other.manifest]),
      file('manifest.json', [docker.record]),
    ])
    await using store = await ArchiveStore.open(tar)
    expect(await layersOf(store, 'app:1')).toEqual(layers.map(sha256))
    expect(await layersOf(store, other.manifest.digest)).toEqual([sha256(firstLayer)])
    await using layout = await ArchiveStore.open(tar, { format: 'oci' })
    expect((await failure(layout.resolve('app:1'))).code).toBe('REFERENCE_NOT_FOUND')
  })

  test('a broken manifest.json is refused, with the way around it', async () => {
    const { entries, manifest } = ociBlobs(layers)
    const tar = await tarOf([...entries, ...layoutFiles([manifest]), file('manifest.json', '[')])
    const error = await failure(ArchiveStore.open(tar))
    expect(error.code).toBe('JSON_INVALID')
    expect(error.message).toContain('format "oci"')
    await using store = await ArchiveStore.open(tar, { format: 'oci' })
    expect(await layersOf(store, manifest.digest)).toEqual(layers.map(sha256))
  })
})

describe('neither', () => {
  const cases: readonly (readonly [string, () => Promise<Uint8Array>, RegExp])[] = [
    ['nothing', async () => new Uint8Array(0), /it is empty/],
    ['an empty tar', () => tarOf([]), /it is empty/],
    ['other files', () => tarOf([file('etc/passwd', 'x'), file('b', '')]), /it has "etc", "b"$/],
    ['an index without oci-layout', () => tarOf(layoutFiles([]).slice(1)), /it has "index\.json"$/],
    [
      'a layout one directory down',
      () => tarOf(layoutFiles([]).map((entry) => ({ ...entry, path: `app/${entry.path}` }))),
      /"app\/oci-layout" is there: pack what is in the directory/,
    ],
    ['a zip', async () => utf8(`PK\u0003\u0004${'x'.repeat(2000)}`), /no tar archive but a zip file/],
    ['JSON', async () => utf8(`{"a": "${'x'.repeat(2000)}"}`), /no tar archive but JSON/],
    ['noise', async () => utf8('x'.repeat(2000)), /no tar archive but something else/],
  ]
  for (const [what, make, message] of cases) {
    test(`${what} is refused with what was found`, async () => {
      const error = await failure(ArchiveStore.open(await make()))
      expect(error.code).toBe('ARCHIVE_INVALID')
      expect(error.message).toMatch(message)
    })
  }

  test('a path where nothing is, a directory, and a URL that is no file', async () => {
    expect((await failure(ArchiveStore.open(join(directory, 'absent.tar')))).code).toBe('PATH_NOT_FOUND')
    const error = await failure(ArchiveStore.open(directory))
    expect(error.code).toBe('ARCHIVE_INVALID')
    expect(error.message).toMatch(/is a directory/)
    expect((await failure(ArchiveStore.open(new URL('https://example.com/a.tar')))).code).toBe(
      'ARGUMENT_INVALID',
    )
  })
})

describe('reading', () => {
  const big = new Uint8Array(3 * (1 << 20) + 17).map((_, position) => position * 7)

  test('a file, by path and by URL, gives whole blobs and parts of them, several at once', async () => {
    const path = join(directory, 'big.tar')
    writeFileSync(path, await tarOf([...layoutFiles([]), blob(big)]))
    for (const source of [path, pathToFileURL(path), pathToFileURL(path).href]) {
      await using store = await ArchiveStore.open(source)
      const wanted = descriptorOf(big)
      const parts = [
        { offset: 0, length: 5 },
        { offset: 1 << 20, length: (1 << 20) + 1 },
        { offset: big.length - 3 },
        { offset: big.length - 3, length: 1000 },
        { offset: big.length },
        undefined,
      ]
      const read = await Promise.all(
        parts.map(async (range) => readAll(await store.get(wanted, { range }), big.length)),
      )
      for (const [position, range] of parts.entries()) {
        const { offset = 0, length = big.length } = range ?? {}
        expect(Buffer.compare(read[position] as Uint8Array, big.slice(offset, offset + length))).toBe(0)
      }
      expect((await failure(store.get(wanted, { range: { offset: big.length + 1 } }))).code).toBe(
        'ARGUMENT_INVALID',
      )
      const chunks = await collect(await readBlob(store, wanted))
      expect(chunks.map((chunk) => chunk.length)).toEqual([1 << 20, 1 << 20, 1 << 20, 17])
    }
  })

  test('a manifest that was made can be read in part', async () => {
    await using store = await ArchiveStore.open(await dockerArchive(layers, ['app:1']))
    const descriptor = await store.resolve('app:1')
    const whole = await readBlobBytes(store, descriptor)
    const part = await readAll(await store.get(descriptor, { range: { offset: 3, length: 9 } }), 100)
    expect(part).toEqual(whole.slice(3, 12))
    for await (const chunk of await store.get(descriptor)) chunk.fill(0)
    expect(await readBlobBytes(store, descriptor)).toEqual(whole)
  })

  test('opening and resolving read headers and documents, not layers', async () => {
    const layer = await tarOf([file('big', big)])
    const bytes = await dockerArchive([layer, firstLayer], ['app:1'])
    let read = 0
    const counting = new (class extends Blob {
      override slice(start?: number, end?: number): Blob {
        const part = super.slice(start, end)
        read += part.size
        return part
      }
    })([bytes])
    await using store = await ArchiveStore.open(counting)
    await store.resolve('app:1')
    expect(read).toBeLessThan(bytes.length / 4)
    await readAll(await store.get(descriptorOf(layer)), layer.length)
    expect(read).toBeGreaterThan(layer.length)
  })

  test('bytes that a reader changes or gives away are not the archive', async () => {
    const bytes = await dockerArchive(layers, ['app:1'])
    await using store = await ArchiveStore.open(bytes)
    for await (const chunk of await store.get(descriptorOf(firstLayer)))
      structuredClone(chunk, { transfer: [chunk.buffer as ArrayBuffer] })
    expect(await readBlobBytes(store, descriptorOf(firstLayer))).toEqual(new Uint8Array(firstLayer))
  })

  test('writing is refused with the way to do it', async () => {
    await using store = await ArchiveStore.open(await dockerArchive(layers, ['app:1']))
    for (const work of [store.put(firstLayer), store.tag(descriptorOf(firstLayer), 'app:2')]) {
      const error = await failure(work)
      expect(error.code).toBe('STORE_UNSUPPORTED')
      expect(error.message).toMatch(/copy its images into an image layout/)
    }
  })

  test('a closed store is closed, also for a stream under way; closing twice is no error', async () => {
    const path = join(directory, 'closed.tar')
    writeFileSync(path, await tarOf([...layoutFiles([]), blob(big)]))
    const store = await ArchiveStore.open(path)
    const reader = (await store.get(descriptorOf(big))).getReader()
    expect((await reader.read()).value?.length).toBe(1 << 20)
    await store[Symbol.asyncDispose]()
    await store[Symbol.asyncDispose]()
    const rest = async (): Promise<void> => {
      while (!(await reader.read()).done);
    }
    expect((await failure(rest())).code).toBe('STORE_CLOSED')
    const stream = await store.get(descriptorOf(big))
    expect((await failure(readAll(stream, big.length))).code).toBe('STORE_CLOSED')
  })

  test('bytes and a Blob are closed too', async () => {
    const bytes = await dockerArchive(layers, ['app:1'])
    for (const source of [bytes, new Blob([bytes])]) {
      const store = await ArchiveStore.open(source)
      await store[Symbol.asyncDispose]()
      expect((await failure(store.resolve('app:1'))).code).toBe('STORE_CLOSED')
    }
  })

  test.skipIf(!existsSync('/proc/self/fd'))(
    'no file stays open when opening fails or the store is closed',
    async () => {
      const path = join(directory, 'handles.tar')
      const gzipped = new Uint8Array(gzipSync(await dockerArchive(layers, ['app:1'])))
      const contents = [
        utf8('no tar '.repeat(200)),
        await tarOf([file('a', 'b')]),
        gzipped.slice(0, 100),
        gzipped,
      ]
      const open = (): number => readdirSync('/proc/self/fd').length
      for (const content of contents) {
        writeFileSync(path, content)
        const before = open()
        try {
          await using store = await ArchiveStore.open(path)
          expect(await names(store)).toEqual(['app:1'])
          // The temporary file alone, not the compressed one beside it.
          expect(open()).toBe(before + 1)
        } catch (error) {
          expect((error as Error).name).toBe('OciError')
        }
        expect(open()).toBe(before)
      }
    },
  )

  test('a file cut short after it was opened is an error, not a short blob', async () => {
    const path = join(directory, 'shrinking.tar')
    const bytes = await tarOf([...layoutFiles([]), blob(big)])
    writeFileSync(path, bytes)
    await using store = await ArchiveStore.open(path)
    truncateSync(path, bytes.length - 2_000_000)
    const error = await failure(readAll(await store.get(descriptorOf(big)), big.length))
    expect(error.code).toBe('ARCHIVE_INVALID')
    expect(error.message).toMatch(/cut short after it was opened/)
  })

  test("an aborted signal stops with the signal's reason, and no other caller", async () => {
    const reason = new Error('enough')
    const aborted = AbortSignal.abort(reason)
    const bytes = await dockerArchive(layers, ['app:1'])
    await expect(ArchiveStore.open(bytes, { signal: aborted })).rejects.toBe(reason)
    await using store = await ArchiveStore.open(bytes)
    const stop = new AbortController()
    const one = store.resolve('app:1', { signal: stop.signal })
    const two = store.resolve('app:1')
    stop.abort(reason)
    await expect(one).rejects.toBe(reason)
    expect((await two).size).toBeGreaterThan(0)
    await using other = await ArchiveStore.open(bytes)
    const late = new AbortController()
    const index = other.index({ signal: late.signal })
    const whole = other.index()
    late.abort(reason)
    await expect(index).rejects.toBe(reason)
    expect((await whole).manifests).toHaveLength(1)
    await expect(store.has(descriptorOf(firstLayer), { signal: aborted })).rejects.toBe(reason)
    await expect(store.get(descriptorOf(firstLayer), { signal: aborted })).rejects.toBe(reason)
    await expect(collect(store.list({ signal: aborted }))).rejects.toBe(reason)
    const during = new AbortController()
    const stream = await store.get(descriptorOf(firstLayer), { signal: during.signal })
    during.abort(reason)
    await expect(readAll(stream, 1 << 20)).rejects.toBe(reason)
  })
})

test('what fails after its caller has given up is nobody’s', async () => {
  const unhandled = vi.fn()
  process.on('unhandledRejection', unhandled)
  const foreign = new Uint8Array([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, ...new Uint8Array(600)])
  await using store = await ArchiveStore.open(await dockerArchive([foreign], ['app:1']))
  const stop = new AbortController()
  const has = store.has(descriptorOf(firstLayer), { signal: stop.signal })
  stop.abort(new Error('enough'))
  await expect(has).rejects.toThrow('enough')
  await new Promise((resolve) => setTimeout(resolve, 5))
  process.off('unhandledRejection', unhandled)
  expect(unhandled).not.toHaveBeenCalled()
  await expect(store.has(descriptorOf(firstLayer))).rejects.toMatchObject({ code: 'COMPRESSION_UNSUPPORTED' })
})

describe('what cannot be read anywhere', () => {
  const spools = mkdtempSync(join(directory, 'spools-'))
  const options = { temporaryDirectory: spools }

  for (const [how, compress] of [
    ['gzip', (bytes: Uint8Array) => new Uint8Array(gzipSync(bytes))],
    ['zstd', zstdRaw],
    ['nothing', (bytes: Uint8Array) => bytes],
  ] as const) {
    test(`an archive compressed with ${how} opens from a file, bytes, a Blob, a stream and a function`, async () => {
      const bytes = compress(await dockerArchive(layers, ['app:1']))
      const path = join(directory, `compressed-${how}`)
      writeFileSync(path, bytes)
      const sources = [
        path,
        bytes,
        new Blob([bytes as Uint8Array<ArrayBuffer>]),
        new Blob([bytes as Uint8Array<ArrayBuffer>]).stream(),
        () => new Blob([bytes as Uint8Array<ArrayBuffer>]).stream(),
        async () => bytes,
      ]
      for (const source of sources) {
        await using store = await ArchiveStore.open(source, options)
        expect(await layersOf(store, 'app:1')).toEqual(layers.map(sha256))
        expect(await readBlobBytes(store, descriptorOf(secondLayer))).toEqual(new Uint8Array(secondLayer))
      }
      expect(readdirSync(spools)).toEqual([])
    })
  }

  test('nothing is left behind when it fails: a bad archive, a broken stream, a limit, an abort', async () => {
    const good = await dockerArchive(layers, ['app:1'])
    const broken = (async function* () {
      yield good.slice(0, 1000)
      throw new Error('the wire was cut')
    })()
    const endless = (async function* () {
      for (;;) yield new Uint8Array(1 << 16)
    })()
    const stop = new AbortController()
    const reason = new Error('enough')
    const slow = (async function* () {
      yield good.slice(0, 1000)
      stop.abort(reason)
      yield good.slice(1000)
    })()
    const cut = new Uint8Array(gzipSync(good)).slice(0, -20)
    expect((await failure(ArchiveStore.open(streamOf(utf8('no tar '.repeat(200))), options))).code).toBe(
      'ARCHIVE_INVALID',
    )
    expect((await failure(ArchiveStore.open(broken, options))).message).toBe('the wire was cut')
    expect((await failure(ArchiveStore.open(cut, options))).code).toBe('COMPRESSION_TRUNCATED')
    const limit = await failure(ArchiveStore.open(endless, { ...options, maxSpoolSize: 1 << 20 }))
    expect(limit.code).toBe('LIMIT_EXCEEDED')
    expect(limit.message).toMatch(/maxSpoolSize/)
    await expect(ArchiveStore.open(slow, { ...options, signal: stop.signal })).rejects.toBe(reason)
    expect(readdirSync(spools)).toEqual([])
  })

  test('where an open file keeps its name (Windows), it goes when it is closed, and on failure', async () => {
    const bytes = await dockerArchive(layers, ['app:1'])
    const busy = vi.spyOn(promises, 'rm')
    try {
      busy.mockRejectedValueOnce(new Error('EBUSY'))
      const store = await ArchiveStore.open(streamOf(bytes), options)
      expect(readdirSync(spools)).toHaveLength(1)
      expect(await names(store)).toEqual(['app:1'])
      await store[Symbol.asyncDispose]()
      expect(readdirSync(spools)).toEqual([])
      busy.mockRejectedValueOnce(new Error('EBUSY'))
      const limited = ArchiveStore.open(streamOf(bytes), { ...options, maxSpoolSize: 100 })
      expect((await failure(limited)).code).toBe('LIMIT_EXCEEDED')
      expect(readdirSync(spools)).toEqual([])
    } finally {
      busy.mockRestore()
    }
  })

  test('a temporary directory that is absent is named', async () => {
    const absent = join(directory, 'absent')
    const error = await failure(ArchiveStore.open(streamOf(utf8('x')), { temporaryDirectory: absent }))
    expect(error.code).toBe('STORE_FAILED')
    expect(error.message).toContain(absent)
  })

  test('without a file system a stream goes into memory, up to the limit', async () => {
    const bytes = await dockerArchive(layers, ['app:1'])
    const host = vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined as never)
    try {
      await using store = await ArchiveStore.open(streamOf(bytes))
      expect(await layersOf(store, 'app:1')).toEqual(layers.map(sha256))
      const error = await failure(ArchiveStore.open(streamOf(bytes), { maxMemory: bytes.length - 1 }))
      expect(error.code).toBe('LIMIT_EXCEEDED')
      expect(error.message).toMatch(/maxMemory/)
      await using whole = await ArchiveStore.open(streamOf(bytes), { maxMemory: bytes.length })
      expect(await names(whole)).toEqual(['app:1'])
      expect((await failure(ArchiveStore.open('some.tar'))).code).toBe('RUNTIME_UNSUPPORTED')
    } finally {
      host.mockRestore()
    }
  })
})

function streamOf(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array> {
  return new Blob([bytes]).stream()
}

/** A zstd frame of raw blocks (RFC 8878), which needs no encoder. */
function zstdRaw(bytes: Uint8Array): Uint8Array {
  const size = new Uint8Array(4)
  new DataView(size.buffer).setUint32(0, bytes.length, true)
  const parts: Uint8Array[] = [new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, 0xa0]), size]
  const most = 1 << 16
  for (let at = 0; at === 0 || at < bytes.length; at += most) {
    const block = bytes.subarray(at, at + most)
    const header = (block.length << 3) | (at + most >= bytes.length ? 1 : 0)
    parts.push(new Uint8Array([header & 0xff, (header >> 8) & 0xff, header >> 16]), block)
  }
  return Buffer.concat(parts)
}
