import { execFileSync } from 'node:child_process'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { readAll } from '../../src/bytes.ts'
import { digestBytes, parseDigest } from '../../src/digest/index.ts'
import { applyLayer, FileTree, Layer, readLayer, scanLayer, writeLayer } from '../../src/layer/index.ts'
import { setAccelerated } from '../../src/runtime.ts'
import { mediaTypes } from '../../src/spec/index.ts'
import { MemoryStore, readBlobBytes } from '../../src/store/index.ts'
import type { TarEntryInput } from '../../src/tar/index.ts'
import { peerTest } from '../interop/peers.ts'
import { putBlob, tarOf } from './layers.ts'

afterEach(() => setAccelerated(true))

const text = (value: string) => new TextEncoder().encode(value)

async function blobsIn(store: MemoryStore): Promise<string[]> {
  const digests: string[] = []
  for await (const digest of store.list()) digests.push(digest)
  return digests
}

/** What a layer holds: path, type and where links lead. */
async function listed(store: MemoryStore, descriptor: Parameters<typeof readLayer>[1]): Promise<string[]> {
  const lines: string[] = []
  for await (const { name, type, linkPath } of readLayer(store, descriptor)) {
    lines.push(`${name} ${type}${linkPath === '' ? '' : ` ${linkPath}`}`)
  }
  return lines
}

test('descriptor and diffID are those of the bytes, in each compression that this runtime writes', async () => {
  const entries: TarEntryInput[] = [{ path: 'etc/' }, { path: 'etc/hostname', content: text('box\n') }]
  const tar = await tarOf(entries)
  for (const compression of ['none', 'gzip'] as const) {
    const store = new MemoryStore()
    const written = await writeLayer(store, entries, { compression, annotations: { a: 'b' } })
    expect(written.diffID).toBe(digestBytes(tar))
    expect(written.uncompressedSize).toBe(tar.length)
    const blob = await readBlobBytes(store, written.descriptor)
    expect(compression === 'gzip' ? new Uint8Array(gunzipSync(blob)) : blob).toEqual(tar)
    expect(written.descriptor).toEqual({
      mediaType: compression === 'gzip' ? mediaTypes.layerGzip : mediaTypes.layer,
      digest: digestBytes(blob),
      size: blob.length,
      annotations: { a: 'b' },
    })
  }
})

test('reproducible output has the same digest wherever it is made', async () => {
  const entries: TarEntryInput[] = [
    { path: 'app/', mtime: 1700000000 },
    { path: 'app/main.js', content: text('console.log(1)\n'.repeat(1000)), mtime: 1700000000, mode: 0o755 },
  ]
  for (const accelerated of [true, false]) {
    setAccelerated(accelerated)
    const { descriptor, diffID } = await writeLayer(new MemoryStore(), entries, { mode: 'reproducible' })
    expect([descriptor.digest, descriptor.size, diffID]).toEqual(REPRODUCIBLE)
  }
})

test('a file entry gives the top layer of the mysterious image', async () => {
  const store = new MemoryStore()
  const { diffID } = await writeLayer(store, [
    {
      path: 'my-file',
      mode: 0o100644,
      uname: 'root',
      gname: 'root',
      mtime: new Date('2019-08-09T12:09:12Z'),
    },
  ])
  expect(diffID).toBe(parseDigest('sha256:56e2c46a3576a8c1a222f9a263dc57ae3c6b8baf6a68d03065f4b3ea6c0ae8d1'))
})

test('large content of every kind goes through', async () => {
  const chunk = new Uint8Array(300_000).fill(7)
  const stream = () =>
    new ReadableStream<Uint8Array>({
      start(controller) {
        for (let i = 0; i < 20; i++) controller.enqueue(chunk)
        controller.close()
      },
    })
  const store = new MemoryStore()
  const { descriptor, diffID } = await writeLayer(store, [
    { path: 'a', content: stream(), size: 6_000_000 },
    { path: 'b', content: stream, size: 6_000_000 },
    { path: 'c', content: new Blob([chunk]) },
  ])
  const scan = await scanLayer(store, descriptor, { entry() {} }, { diffID })
  expect(scan.uncompressedSize).toBeGreaterThan(12_300_000)
})

test('entries of a layer that was read give the same tar', async () => {
  const tar = await tarOf([
    { path: './' },
    { path: './etc/', mode: 0o700, mtime: 12.5 },
    {
      path: './etc/x',
      content: text('x'),
      uid: 1000650000,
      xattrs: new Map([['user.a', Uint8Array.of(255)]]),
    },
    { path: './l', type: 'link', linkPath: './etc/x' },
    { path: './\uFFFD', pathBytes: Uint8Array.of(0x2e, 0x2f, 0xff), content: text('y') },
    { path: './.wh.gone' },
  ])
  const store = new MemoryStore()
  const layer = new Layer(store, await putBlob(store, gzipSync(tar)), { position: 0 })
  const { diffID } = await writeLayer(new MemoryStore(), layer.entries())
  expect(diffID).toBe(digestBytes(tar))
  expect(digestBytes(await readAll(layer.tar(), 1e9))).toBe(diffID)
})

test('directories get a slash, names are brought inside of the root', async () => {
  const store = new MemoryStore()
  const { descriptor } = await writeLayer(store, [
    { path: '', type: 'directory' },
    { path: '/etc', type: 'directory' },
    { path: '/etc//./passwd', content: text('root') },
    { path: 'a/../b' },
    { path: '\uFFFD/d', pathBytes: Uint8Array.of(0xff, 0x2f, 0x64), type: 'directory' },
  ])
  expect(await listed(store, descriptor)).toEqual([
    './ directory',
    'etc/ directory',
    'etc/passwd file',
    'b file',
    '\uFFFD/d/ directory',
  ])
  const last: (Uint8Array | undefined)[] = []
  for await (const { pathBytes } of readLayer(store, descriptor)) last.push(pathBytes)
  expect(last.at(-1)).toEqual(Uint8Array.of(0xff, 0x2f, 0x64))
})

describe('a tar', () => {
  test('is taken byte for byte, whatever stands behind its end', async () => {
    const tar = Buffer.concat([await tarOf([{ path: './x', content: text('x') }]), new Uint8Array(4096)])
    const store = new MemoryStore()
    const { diffID, uncompressedSize } = await writeLayer(store, { tar })
    expect([diffID, uncompressedSize]).toEqual([digestBytes(tar), tar.length])
  })

  test('that is damaged or unsafe is refused, and nothing is stored', async () => {
    const good = await tarOf([{ path: 'x', content: text('x') }])
    for (const [tar, code] of [
      [good.subarray(0, 512), 'TAR_TRUNCATED'],
      [good.with(0, 1), 'TAR_INVALID'],
      [await tarOf([{ path: '../x' }]), 'PATH_UNSAFE'],
      [await tarOf([{ path: '.wh.' }]), 'PATH_UNSAFE'],
    ] as const) {
      const store = new MemoryStore()
      await expect(writeLayer(store, { tar })).rejects.toMatchObject({ code })
      expect(await blobsIn(store)).toEqual([])
    }
  })

  test('is levelled entry by entry when asked', async () => {
    const tar = await tarOf([{ path: 'x', content: text('x'), mtime: 100, uid: 5, uname: 'u', mode: 0o666 }])
    const store = new MemoryStore()
    const options = { reproducible: { mtime: 50, owner: { uid: 0, gid: 0 }, modeMask: 0o7755 } }
    const { diffID } = await writeLayer(store, { tar }, options)
    expect(diffID).toBe(digestBytes(await tarOf([{ path: 'x', content: text('x'), mtime: 50, mode: 0o644 }])))
  })
})

describe('refused, with nothing stored:', () => {
  test.each<[string, TarEntryInput[], string]>([
    ['a path that comes twice', [{ path: 'a' }, { path: './a' }], 'ARGUMENT_INVALID'],
    ['a name that leads outside', [{ path: 'a/../../b' }], 'PATH_UNSAFE'],
    ['a hard link that leads outside', [{ path: 'a', type: 'link', linkPath: '../b' }], 'PATH_UNSAFE'],
    ['a whiteout of nothing', [{ path: 'a/.wh.' }], 'PATH_UNSAFE'],
    ['a root that is no directory', [{ path: '/', type: 'fifo' }], 'PATH_UNSAFE'],
    [
      'content that is too short',
      [{ path: 'a', size: 5, content: new Blob(['abc']).stream() }],
      'SIZE_MISMATCH',
    ],
    ['an entry that tar cannot hold', [{ path: 'a', size: -1 }], 'ARGUMENT_INVALID'],
  ])('%s', async (_, entries, code) => {
    const store = new MemoryStore()
    await expect(
      writeLayer(store, [{ path: 'first', content: text('x') }, ...entries]),
    ).rejects.toMatchObject({ code })
    expect(await blobsIn(store)).toEqual([])
  })

  test('a media type that says another compression', async () => {
    const options = { compression: 'none', mediaType: mediaTypes.layerGzip } as const
    await expect(writeLayer(new MemoryStore(), [], options)).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
    })
    const docker = await writeLayer(new MemoryStore(), [], { mediaType: mediaTypes.dockerLayerGzip })
    expect(docker.descriptor.mediaType).toBe(mediaTypes.dockerLayerGzip)
  })

  test('what the entries throw, what the store throws, an abort', async () => {
    const error = new Error('no')
    async function* entries(): AsyncGenerator<TarEntryInput> {
      yield { path: 'a', content: new Uint8Array(5_000_000) }
      throw error
    }
    const store = new MemoryStore()
    await expect(writeLayer(store, entries())).rejects.toBe(error)
    expect(await blobsIn(store)).toEqual([])

    const full = new MemoryStore()
    full.put = async () => Promise.reject(error)
    await expect(writeLayer(full, [{ path: 'a', content: new Uint8Array(5_000_000) }])).rejects.toBe(error)

    const controller = new AbortController()
    async function* aborted(): AsyncGenerator<TarEntryInput> {
      yield { path: 'a' }
      controller.abort(error)
      yield { path: 'b' }
    }
    await expect(writeLayer(store, aborted(), { signal: controller.signal })).rejects.toBe(error)
    expect(await blobsIn(store)).toEqual([])
  })
})

describe('reproducible entries', () => {
  const made = (order: readonly number[]): TarEntryInput[] => {
    const entries: TarEntryInput[] = [
      { path: 'b/', mtime: 200, atime: 300 },
      { path: 'b/-x', content: text('x'), mtime: 50, uname: 'me', uid: 1000 },
      { path: 'b/.wh.y', mtime: 999 },
      { path: 'z', content: text('shared'), mode: 0o666 },
      { path: 'a', type: 'link', linkPath: 'z' },
      { path: 'c', type: 'link', linkPath: 'a' },
      { path: '\u{10FFFF}' },
      { path: '\uFFFF' },
    ]
    return order.map((at) => entries[at]!)
  }
  const reproducible = { sort: true, mtime: new Date(100_000), owner: { uid: 0, gid: 0 }, modeMask: 0o7755 }

  test('are in the order of paths, whiteouts first, the first of several links the file', async () => {
    const store = new MemoryStore()
    const { descriptor } = await writeLayer(store, made([7, 6, 5, 4, 3, 2, 1, 0]), { reproducible })
    expect(await listed(store, descriptor)).toEqual([
      'a file',
      'b/ directory',
      'b/.wh.y file',
      'b/-x file',
      'c link a',
      'z link a',
      '\uFFFF file',
      '\u{10FFFF} file',
    ])
    const tree = new FileTree()
    await applyLayer(tree, readLayer(store, descriptor), { position: 0 })
    expect(tree.get('z')).toMatchObject({ size: 6, nlink: 3, mode: 0o644 })
    expect(tree.get('b')).toMatchObject({ mtime: { seconds: 100 } })
    expect(tree.get('b/-x')).toMatchObject({ mtime: { seconds: 50 }, uid: 0, uname: '' })
  })

  test('give the same layer in whatever order they come', async () => {
    const digests = new Set<string>()
    for (const order of [
      [0, 1, 2, 3, 4, 5, 6, 7],
      [3, 5, 4, 0, 2, 1, 7, 6],
      [7, 6, 5, 4, 3, 2, 1, 0],
    ]) {
      const { descriptor } = await writeLayer(new MemoryStore(), made(order), {
        reproducible,
        mode: 'reproducible',
      })
      digests.add(descriptor.digest)
    }
    expect(digests.size).toBe(1)
  })
})

peerTest('GNU tar lists what is written', ['tar'], async () => {
  const store = new MemoryStore()
  const { descriptor } = await writeLayer(store, [{ path: 'd/' }, { path: 'd/f', content: text('x') }])
  const blob = await readBlobBytes(store, descriptor)
  expect(execFileSync('tar', ['tz'], { input: blob }).toString()).toBe('d/\nd/f\n')
})

/** Blob, its bytes, diffID: what must never change. */
const REPRODUCIBLE = [
  'sha256:2260760c529d7644722f61691d97e8125cc527589fa3c47002831d00f6dd89ac',
  183,
  'sha256:bfd50eee9a7c9afbf6dfc4d8b2b1358744f1b8cce8a712d06ef4a1ba39392efe',
]

test('a tar in which a path comes twice is taken as it is, also entry by entry; but not sorted', async () => {
  const tar = await tarOf([
    { path: 'a', content: text('first'), mtime: 20 },
    { path: 'd/', mode: 0o700, mtime: 20 },
    { path: './a', content: text('last'), mtime: 20 },
    { path: 'd', type: 'symlink', linkPath: 'a', mtime: 20 },
  ])
  const store = new MemoryStore()
  const { descriptor } = await writeLayer(store, { tar }, { compression: 'none' })
  expect(descriptor.digest).toBe(digestBytes(tar))
  const levelled = await writeLayer(store, { tar }, { reproducible: { mtime: 10 } })
  const entries: string[] = []
  await scanLayer(store, levelled.descriptor, {
    entry: ({ name, size, mtime }) => void entries.push(`${name} ${size} ${mtime.seconds}`),
  })
  expect(entries).toEqual(['a 5 10', 'd/ 0 10', 'a 4 10', 'd 0 10'])
  await expect(writeLayer(store, { tar }, { reproducible: { sort: true } })).rejects.toMatchObject({
    code: 'ARGUMENT_INVALID',
    path: 'a',
  })
})

test("what content is given in stays the caller's, a Buffer too, in each compression", async () => {
  for (const compression of ['none', 'gzip'] as const) {
    const content = Buffer.alloc(600_000, 'mine')
    const tar = Buffer.from(await tarOf([{ path: 'a', content: new Uint8Array(content) }]))
    const store = new MemoryStore()
    await writeLayer(store, [{ path: 'a', content }], { compression })
    await writeLayer(store, { tar }, { compression })
    expect(content.length).toBe(600_000)
    expect(content.every((byte, at) => byte === 'mine'.charCodeAt(at % 4))).toBe(true)
    expect(tar.length).toBeGreaterThan(600_000)
  }
})
