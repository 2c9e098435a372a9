/** Whole images: opened from bytes, verified, listed, read, changed and written; equal digests everywhere. */
import type { ByteSource } from '../../src/bytes.ts'
import { concatBytes, encodeUtf8 } from '../../src/bytes.ts'
import { compress } from '../../src/compression/index.ts'
import { type Digest, digestBytes } from '../../src/digest/index.ts'
import type { Image } from '../../src/image/index.ts'
import { fromScratch, readLayout } from '../../src/image/index.ts'
import type { Layer } from '../../src/layer/index.ts'
import type { Descriptor } from '../../src/spec/index.ts'
import { mediaTypes, serializeJson } from '../../src/spec/index.ts'
import { type ImageStore, MemoryStore, readBlobBytes } from '../../src/store/index.ts'
import { type TarEntryInput, writeTar } from '../../src/tar/index.ts'
import { describeImageStore } from '../../src/testing/index.ts'
import { copyImage, validateImage, writeArchive } from '../../src/transfer/index.ts'
import { type Check, codeOf, same } from './check.ts'
import { onBothPaths } from './decoder-checks.ts'
import { gather, sampleBytes, skippableFrame, storedFrame } from './inputs.ts'
import { recorded } from './recorded.ts'

const created = '2024-05-06T07:08:09Z'

/** An image of three layers in three compressions, with whiteouts, links and an opaque directory, made of code. */
export async function makeImage(store: ImageStore): Promise<Image> {
  const gzip = { compression: 'gzip', mode: 'reproducible' } as const
  return fromScratch({ platform: 'linux/arm64/v8' })
    .created(created)
    .env({ PATH: '/usr/bin:/bin' })
    .entrypoint(['/app/run'])
    .exposePort(8080)
    .addLayer(
      [
        { path: 'app/', mode: 0o755, mtime: 1 },
        { path: 'app/run', mode: 0o4755, mtime: 1, content: encodeUtf8('#!/bin/sh\n') },
        { path: 'app/data', mtime: -1.25, uid: 1000650000, gid: 1000650000, content: sampleBytes(200_000) },
        { path: 'app/link', type: 'symlink', linkPath: '../etc/motd' },
        { path: 'app/same', type: 'link', linkPath: 'app/data' },
        { path: 'etc/', mtime: 1 },
        { path: 'etc/motd', mtime: 1, content: encodeUtf8('first\n') },
        { path: 'etc/gone', mtime: 1, content: encodeUtf8('gone\n') },
        { path: 'var/cache/', mtime: 1 },
        { path: 'var/cache/old', mtime: 1, content: encodeUtf8('old\n') },
        { path: `${'long/'.repeat(30)}grüezi`, mtime: 5_000_000_000, content: encodeUtf8('ü\n') },
      ],
      gzip,
    )
    .addLayer(
      [
        { path: 'etc/.wh.gone' },
        { path: 'etc/motd', mtime: 2, content: encodeUtf8('second\n') },
        { path: 'var/cache/.wh..wh..opq' },
        { path: 'var/cache/new', mtime: 2, content: encodeUtf8('new\n') },
      ] satisfies TarEntryInput[],
      // As zstd:chunked, with a frame that holds no content at its end.
      {
        compression: 'zstd',
        zstd: (bytes) => concatBytes([storedFrame(bytes), skippableFrame(bytes.subarray(0, 9))]),
      },
    )
    .addLayer([{ path: 'app/version', mtime: 3, content: encodeUtf8('3\n') }], { compression: 'none' })
    .commit(store, 'made:1')
}

/** A store's images as an OCI archive, always in the same order. */
async function archiveOf(store: MemoryStore): Promise<Uint8Array<ArrayBuffer>> {
  const digests: Digest[] = []
  for await (const digest of store.list()) digests.push(digest)
  const blobs = await Promise.all(
    digests.sort().map(async (digest) => {
      const bytes = await gather(await store.get({ mediaType: '', digest, size: 0 }))
      return { path: `blobs/${digest.replace(':', '/')}`, mtime: 0, content: bytes }
    }),
  )
  return gather(
    writeTar([
      { path: 'oci-layout', mtime: 0, content: serializeJson({ imageLayoutVersion: '1.0.0' }) },
      { path: 'index.json', mtime: 0, content: serializeJson(await store.index()) },
      ...blobs,
    ]),
  )
}

async function madeArchive(): Promise<{ archive: Uint8Array<ArrayBuffer>; image: Image }> {
  const store = new MemoryStore()
  const image = await makeImage(store)
  return { archive: await archiveOf(store), image }
}

/** A digest over all that the entries of layers say. */
async function listing(layers: readonly Layer[]): Promise<Digest> {
  const lines: string[] = []
  for (const layer of layers) {
    for await (const entry of layer.entries()) {
      const { path, type, mode, uid, gid, size, mtime, linkTarget, whiteout } = entry
      const content = type === 'file' && size > 0 ? digestBytes(await entry.bytes()) : ''
      lines.push(JSON.stringify([path, type, mode, uid, gid, size, mtime, linkTarget, whiteout, content]))
    }
  }
  return digestBytes(encodeUtf8(lines.join('\n')))
}

async function requireValid(store: MemoryStore | Image['store'], descriptor: Descriptor): Promise<number> {
  const { valid, findings, verified } = await validateImage(store, descriptor)
  if (!valid) throw new Error(`not valid: ${JSON.stringify(findings)}`)
  return verified
}

/** A label and a file more: the edit that must give the same digests everywhere. */
function edited(image: Image, store: MemoryStore, reference: string): Promise<Image> {
  return image
    .edit()
    .created(created)
    .label('org.example.label', 'grüezi')
    .copy({ 'notes/read.me': 'read me\n', data: sampleBytes(100_000, 3) }, '/srv', {
      mode: 'reproducible',
      reproducible: { mtime: 1_700_000_000, owner: { uid: 10, gid: 20 } },
    })
    .commit(store, reference)
}

/** Runs a contract suite of `oci-ts/testing` as one check. */
export async function runContract(
  describeStore: (runner: {
    describe: (name: string, body: () => void) => void
    test: (name: string, body: () => Promise<void>) => void
  }) => void,
): Promise<void> {
  const tests: { name: string; body: () => Promise<void> }[] = []
  const path: string[] = []
  describeStore({
    describe(name, body) {
      path.push(name)
      body()
      path.pop()
    },
    test(name, body) {
      tests.push({ name: [...path, name].join(' › '), body })
    },
  })
  if (tests.length < 20) throw new Error(`the contract has only ${tests.length} tests`)
  const failed: string[] = []
  for (const { name, body } of tests) {
    try {
      await body()
    } catch (error) {
      failed.push(`${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
    }
  }
  if (failed.length > 0) throw new Error(`${failed.length} of ${tests.length} failed:\n${failed.join('\n')}`)
}

export const imageChecks: readonly Check[] = [
  {
    name: 'images: made of code, the same digests everywhere',
    run: () =>
      onBothPaths(async () => {
        const { archive, image } = await madeArchive()
        same(
          image.layers.map((layer) => layer.digest).join(' '),
          recorded['layers of the made image'],
          'layers',
        )
        same(image.id, recorded['ID of the made image'], 'image ID')
        same(image.descriptor.digest, recorded['the made image'], 'manifest')
        same(digestBytes(archive), recorded['archive of the made image'], 'archive')
      }),
  },
  {
    name: 'images: an archive opened from bytes, a Blob, a stream and compressed',
    run: () =>
      onBothPaths(async () => {
        const { archive, image } = await madeArchive()
        const gzipped = await gather(compress(archive, 'gzip'))
        const sources: readonly (readonly [string, ByteSource])[] = [
          ['bytes', archive],
          ['a Blob', new Blob([archive])],
          ['a stream', new Blob([archive]).stream()],
          ['gzip', gzipped],
          ['gzip in a Blob', new Blob([gzipped])],
          ['zstd', storedFrame(archive)],
        ]
        for (const [what, source] of sources) {
          await using layout = await readLayout(source)
          const opened = await layout.image('made:1')
          same(opened.descriptor.digest, image.descriptor.digest, what)
          same(await requireValid(layout.store, opened.descriptor), 5, `${what}: blobs verified`)
        }
      }),
  },
  {
    name: 'images: entries listed, files read through whiteouts and links',
    run: () =>
      onBothPaths(async () => {
        const { archive } = await madeArchive()
        await using layout = await readLayout(archive)
        const image = await layout.image()
        same(await listing(image.layers), recorded['entries of the made image'], 'entries')
        const files = await image.filesystem()
        same(await files.readTextFile('/app/link'), 'second\n', 'through a link')
        same(await files.exists('/etc/gone'), false, 'a whiteout')
        same(await files.readdir('/var/cache'), ['new'], 'an opaque directory')
        same(await files.readFile('/app/same'), sampleBytes(200_000), 'a hard link')
        same((await files.stat('/app/data')).uid, 1000650000, 'a large uid')
        same(await files.readTextFile(`/${'long/'.repeat(30)}grüezi`), 'ü\n', 'a long name')
        same(await codeOf(files.readFile('/etc/gone')), 'PATH_NOT_FOUND', 'what is gone')
        const paths: string[] = []
        for await (const { path, layer, mode } of files.walk()) paths.push(`${path} ${layer} ${mode}`)
        same(digestBytes(encodeUtf8(paths.join('\n'))), recorded['tree of the made image'], 'the merged tree')
      }),
  },
  {
    name: 'images: edited and written, the same digests everywhere',
    run: () =>
      onBothPaths(async () => {
        const { archive } = await madeArchive()
        await using layout = await readLayout(archive)
        const store = new MemoryStore()
        const image = await edited(await layout.image(), store, 'edited:1')
        same(image.descriptor.digest, recorded['the made image, edited'], 'manifest')
        same(await requireValid(store, image.descriptor), 6, 'blobs verified')
        const written = await archiveOf(store)
        same(digestBytes(written), recorded['archive of the made image, edited'], 'archive')
        await using again = await readLayout(new Blob([written]))
        const files = await (await again.image('edited:1')).filesystem()
        same(await files.readTextFile('/srv/notes/read.me'), 'read me\n', 'the file that was added')
        same((await (await again.image()).config()).config?.Labels?.['org.example.label'], 'grüezi', 'label')
      }),
  },
  {
    name: 'images: written as archives of both kinds, the same bytes everywhere, and read back',
    run: () =>
      onBothPaths(async () => {
        const store = new MemoryStore()
        const image = await makeImage(store)
        for (const format of ['oci', 'docker'] as const) {
          const written = await gather(writeArchive(store, { format }))
          same(digestBytes(written), recorded[`the made image as ${format} archive`], format)
          await using layout = await readLayout(written)
          const again = await layout.image()
          await requireValid(layout.store, again.descriptor)
          same(again.id, image.id, `${format}: image ID`)
          same(await listing(again.layers), recorded['entries of the made image'], `${format}: entries`)
        }
      }),
  },
  {
    name: 'images: flattened, recompressed, copied',
    run: () =>
      onBothPaths(async () => {
        const from = new MemoryStore()
        const image = await makeImage(from)
        const options = { mode: 'reproducible' } as const
        const flat = await image
          .edit()
          .flatten({ ...options, compression: 'gzip' })
          .commit(from, 'flat:1')
        same(
          flat.layers.map((layer) => layer.digest).join(' '),
          recorded['the made image, flattened'],
          'flattened',
        )
        const other = await image.edit().recompress('gzip', options).commit(from, 'gzip:1')
        same(other.descriptor.digest, recorded['the made image, recompressed'], 'recompressed')
        same(other.id, image.id, 'the config is that of before')
        const to = new MemoryStore()
        await copyImage(from, 'flat:1', to, 'copy:1')
        await requireValid(to, await to.resolve('copy:1'))
      }),
  },
  {
    name: 'images: my-image from bytes: verified, listed, read, edited for both platforms',
    run: ({ archive }) =>
      onBothPaths(async () => {
        await using layout = await readLayout(archive)
        const root = await layout.resolve('1.0')
        same(root.digest, recorded['my-image'], 'the tag 1.0')
        same(await requireValid(layout.store, root), 10, 'blobs verified')
        for (const platform of ['linux/amd64', 'linux/arm64']) {
          const image = await layout.image('1.0', { platform })
          same(await listing(image.layers), recorded[`entries of my-image, ${platform}`], platform)
          const files = await image.filesystem()
          same((await files.readTextFile('/app/hello.txt')).trim(), 'Hello again from the app.', 'a file')
          same(await files.exists('/usr/share/doc/base/changelog'), false, 'a whiteout')
          same((await files.readdir('/var/cache/setup')).length, 1, 'an opaque directory')
          same((await files.readTextFile('/etc/os-release')).split('\n')[0], 'ID=my-base', 'through a link')
          const store = new MemoryStore()
          const next = await edited(image, store, 'next')
          same(next.descriptor.digest, recorded[`my-image edited, ${platform}`], `${platform}, edited`)
          await requireValid(store, next.descriptor)
        }
      }),
  },
  {
    name: 'images: one altered byte in an archive is found wherever it is',
    run: async () => {
      const { archive, image } = await madeArchive()
      await using layout = await readLayout(archive)
      const places: number[] = []
      // Offsets of the layers' contents, found by their first bytes: the writer chose where they stand.
      for (const layer of image.layers) {
        const bytes = await readBlobBytes(layout.store, { ...layer.descriptor, mediaType: mediaTypes.layer })
        places.push(indexOf(archive, bytes.subarray(0, 200)) + 150)
      }
      await onBothPaths(async () => {
        for (const [position, place] of places.entries()) {
          const damaged = new Uint8Array(archive)
          damaged[place] = (damaged[place] as number) ^ 0x20
          await using broken = await readLayout(damaged)
          const { valid, corrupt } = await validateImage(broken.store, await broken.resolve('made:1'))
          same(valid, false, `layer ${position}`)
          same(
            corrupt.map(({ digest }) => digest),
            [image.layers[position]?.digest],
            `layer ${position}`,
          )
          const opened = await broken.image()
          same(
            await codeOf(listing(opened.layers.slice(position, position + 1))),
            'DIGEST_MISMATCH',
            'listing',
          )
        }
      })
    },
  },
  {
    name: 'stores: MemoryStore keeps the contract',
    run: () => runContract((runner) => describeImageStore('MemoryStore', () => new MemoryStore(), runner)),
  },
]

function indexOf(bytes: Uint8Array, part: Uint8Array): number {
  for (let at = 0; at + part.length <= bytes.length; at++) {
    let i = 0
    while (i < part.length && bytes[at + i] === part[i]) i++
    if (i === part.length) return at
  }
  throw new Error('the archive does not hold the layer')
}
