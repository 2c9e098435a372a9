/** What needs a file system: layouts on disk, locks between processes, unpacking, packing. Node, Deno and Bun. */
import { encodeUtf8 } from '../../src/bytes.ts'
import { type DiffID, digestBytes } from '../../src/digest/index.ts'
import {
  packChanges,
  packDirectory,
  snapshotDirectory,
  unpackImage,
  unpackLayers,
} from '../../src/filesystem/index.ts'
import { createLayout, readLayout } from '../../src/image/index.ts'
import { Layer, writeLayer } from '../../src/layer/index.ts'
import { requireBuiltin } from '../../src/runtime.ts'
import { mediaTypes } from '../../src/spec/index.ts'
import { DirectoryStore, MemoryStore } from '../../src/store/index.ts'
import { type TarEntryInput, writeTar } from '../../src/tar/index.ts'
import { toTimestamp } from '../../src/tar/timestamp.ts'
import { describeImageStore } from '../../src/testing/index.ts'
import { copyImage, validateImage } from '../../src/transfer/index.ts'
import { startWorkers } from '../../src/workers/index.ts'
import { type Check, codeOf, type DiskFixtures, type Fixtures, reasonOf, same } from './check.ts'
import { makeImage, runContract } from './image-checks.ts'
import { gather, sampleBytes } from './inputs.ts'
import { recorded } from './recorded.ts'

type FileSystem = typeof import('node:fs')

function diskOf({ disk }: Fixtures): DiskFixtures {
  if (disk === undefined) throw new Error('the driver brings no disk')
  return disk
}

function fileSystem(): FileSystem {
  return requireBuiltin('node:fs', 'The suite')
}

/** Every path below a directory with what it is; content as its digest. */
function treeOf(fs: FileSystem, root: string): string[] {
  const lines: string[] = []
  const visit = (path: string): void => {
    for (const name of fs.readdirSync(`${root}${path}`).sort()) {
      const below = `${path}/${name}`
      const status = fs.lstatSync(`${root}${below}`)
      const mode = (status.mode & 0o7777).toString(8)
      const time = Math.floor(status.mtimeMs)
      if (status.isSymbolicLink()) lines.push(`${below} -> ${fs.readlinkSync(`${root}${below}`)}`)
      else if (status.isDirectory()) {
        lines.push(`${below}/ ${mode} ${time}`)
        visit(below)
      } else {
        const content = digestBytes(new Uint8Array(fs.readFileSync(`${root}${below}`)))
        lines.push(`${below} ${mode} ${time} ${status.nlink} ${content}`)
      }
    }
  }
  visit('')
  return lines
}

async function namesIn(store: DirectoryStore): Promise<string[]> {
  const names: string[] = []
  for await (const { name } of store.references()) names.push(name)
  return names.sort()
}

async function collect(entries: AsyncIterable<TarEntryInput>): Promise<TarEntryInput[]> {
  const all: TarEntryInput[] = []
  for await (const entry of entries) all.push(entry)
  return all
}

export const diskChecks: readonly Check[] = [
  {
    name: 'disk: DirectoryStore keeps the contract',
    run: async (fixtures) => {
      const fs = fileSystem()
      let count = 0
      await runContract((runner) =>
        describeImageStore(
          'DirectoryStore',
          () => DirectoryStore.create(`${diskOf(fixtures).directory}/contract-${++count}`, { sync: false }),
          { ...runner, cleanUp: (store) => fs.rmSync(store.path, { recursive: true, force: true }) },
        ),
      )
    },
  },
  {
    name: 'disk: an image copied into a new layout and out again, by path, by URL and from an archive',
    run: async (fixtures) => {
      const { directory, layout: given, archive } = diskOf(fixtures)
      const { pathToFileURL } = requireBuiltin('node:url', 'The suite')
      await using made = await createLayout(`${directory}/copied`)
      await using from = await readLayout(archive)
      await copyImage(from.store, '1.0', made.store, '1.0')
      const store = made.store as DirectoryStore
      await makeImage(new MemoryStore()).then((image) => image.edit().commit(store, 'made:1'))
      for (const source of [store.path, pathToFileURL(store.path), given]) {
        await using layout = await readLayout(source)
        const root = await layout.resolve('1.0')
        same(root.digest, recorded['my-image'], String(source))
        const { valid, findings } = await validateImage(layout.store, root)
        same(valid, true, JSON.stringify(findings))
      }
      same((await store.resolve('made:1')).digest, recorded['the made image'], 'the image made of code')
      same(await codeOf(readLayout(`${directory}/nothing`)), 'PATH_NOT_FOUND', 'nothing there')
      same(await codeOf(createLayout(store.path)), 'LAYOUT_INVALID', 'something there')
      const left = fileSystem()
        .readdirSync(store.path)
        .filter((name) => name.includes('oci-ts'))
      same(left, [], 'nothing is left behind')
    },
  },
  {
    name: 'disk: a worker thread validates and unpacks as this thread does, and is there',
    run: async (fixtures) => {
      const { directory } = diskOf(fixtures)
      const fs = fileSystem()
      await using store = await DirectoryStore.create(`${directory}/for-threads`, { sync: false })
      const image = await makeImage(store)
      const large = await writeLayer(store, [
        { path: 'etc/', mtime: 3 },
        { path: 'etc/large', mtime: 4, content: sampleBytes(3_000_000) },
      ])
      const small = await writeLayer(store, [
        { path: 'etc/', mtime: 5 },
        { path: 'etc/small', mtime: 6, content: sampleBytes(10) },
      ])
      const tree = {
        layers: [large, small].map(({ descriptor, diffID }, position) => {
          return new Layer(store, descriptor, { position, diffID })
        }),
      }
      const [worker] = startWorkers(1, { blobs: 1, bytes: 1 })
      try {
        same(await worker?.verify(store, large.descriptor), true, 'a thread is there')
        const scan = await worker?.scan(store, large.descriptor)
        same(scan?.diffID, large.diffID, 'it scans')
      } finally {
        await worker?.close()
      }
      const validated = async (workers: number | false) =>
        JSON.stringify(await validateImage(store, image.descriptor, { workers }))
      same(await validated(1), await validated(false), 'validation')
      const unpacked = async (name: string, workers: number | false) => {
        await unpackImage(tree, `${directory}/${name}`, { workers })
        return treeOf(fs, `${directory}/${name}`)
      }
      same(await unpacked('by-thread', 1), await unpacked('alone', false), 'the tree')
      const path = `${store.path}/blobs/${large.descriptor.digest.replace(':', '/')}`
      const bytes = fs.readFileSync(path)
      bytes[bytes.length - 100]! ^= 1
      fs.writeFileSync(path, bytes)
      const layer = { layers: [new Layer(store, large.descriptor, { position: 0 })] }
      for (const workers of [1, false] as const) {
        const code = await codeOf(unpackImage(layer, `${directory}/damaged`, { workers }))
        same(code, 'DIGEST_MISMATCH', `damage, workers ${workers}`)
      }
    },
  },
  {
    name: 'disk: a put that does not hold what it says leaves nothing',
    run: async (fixtures) => {
      const path = `${diskOf(fixtures).directory}/refused`
      await using store = await DirectoryStore.create(path)
      const digest = digestBytes(encodeUtf8('another'))
      same(await codeOf(store.put(sampleBytes(3_000_000), { digest })), 'DIGEST_MISMATCH', 'digest')
      same(await codeOf(store.put(sampleBytes(3_000_000), { size: 5 })), 'SIZE_MISMATCH', 'size')
      const abort = new AbortController()
      const stream = new ReadableStream<Uint8Array>({
        pull(controller) {
          controller.enqueue(sampleBytes(10_000))
          abort.abort('enough')
        },
      })
      same(await reasonOf(store.put(stream, {}, { signal: abort.signal })), 'enough', 'abort')
      for await (const left of store.list()) throw new Error(`${left} is there`)
      const names = fileSystem().readdirSync(path, { recursive: true }).map(String).sort()
      same(
        names,
        ['blobs', 'blobs/sha256', 'index.json', 'oci-layout'].filter((name) => names.includes(name)),
        'files',
      )
    },
  },
  {
    name: 'disk: two processes and two stores that tag at once lose nothing',
    run: async (fixtures) => {
      const { directory, tagElsewhere } = diskOf(fixtures)
      const path = `${directory}/shared`
      await using first = await DirectoryStore.create(path, { sync: false })
      await using second = await DirectoryStore.open(path, { sync: false })
      const count = 25
      const tag = async (store: DirectoryStore, prefix: string): Promise<void> => {
        for (let i = 0; i < count; i++) {
          await store.tag(await store.put(encodeUtf8(`${prefix}-${i}`)), `${prefix}-${i}`)
        }
      }
      await Promise.all([
        tag(first, 'first'),
        tag(second, 'second'),
        tagElsewhere(path, 'third', count),
        tagElsewhere(path, 'fourth', count),
      ])
      const expected = ['first', 'second', 'third', 'fourth'].flatMap((prefix) =>
        Array.from({ length: count }, (_, i) => `${prefix}-${i}`),
      )
      same(await namesIn(first), expected.sort(), 'names')
    },
  },
  {
    name: 'disk: an image unpacked, and packed to the same layer everywhere',
    run: async (fixtures) => {
      const { directory, layout: given } = diskOf(fixtures)
      const fs = fileSystem()
      const root = `${directory}/rootfs`
      await using layout = await readLayout(given)
      const image = await layout.image('1.0', { platform: 'linux/amd64' })
      const report = await unpackImage(image, root, { owner: 'current', xattrs: false })
      const skipped = report.skipped.filter(({ what }) => what !== 'owner')
      same(skipped, [], 'nothing but owners is skipped')
      const tree = treeOf(fs, root)
      same(digestBytes(encodeUtf8(tree.join('\n'))), recorded['my-image unpacked'], tree.join('\n'))
      const store = new MemoryStore()
      const packed = await writeLayer(
        store,
        packDirectory(root, { owner: { uid: 0, gid: 0 }, xattrs: false }),
        {
          mode: 'reproducible',
          reproducible: { mtime: 1_704_067_200 },
        },
      )
      same(packed.descriptor.digest, recorded['my-image packed'], 'the packed layer')
      same(await codeOf(unpackImage(image, root)), 'ARGUMENT_INVALID', 'a directory that is not empty')
      const abort = new AbortController()
      const stopped = unpackImage(image, `${directory}/stopped`, {
        owner: 'current',
        signal: abort.signal,
        onProgress: () => abort.abort('enough'),
      })
      same(await reasonOf(stopped), 'enough', 'abort')
      const left = fs.existsSync(`${directory}/stopped`) ? fs.readdirSync(`${directory}/stopped`) : []
      same(left, [], 'what an aborted unpacking leaves')
    },
  },
  {
    name: 'disk: times before 1970, as near as the runtime sets them, and exact by the record',
    run: async (fixtures) => {
      const { directory } = diskOf(fixtures)
      const fs = fileSystem()
      const times = [-1.5, -0.001, -2, -86_400.75]
      const moments = times.map((time) => ({ seconds: Math.floor(time), time }))
      const entries: TarEntryInput[] = times.flatMap((mtime, i): TarEntryInput[] => [
        { path: `file-${i}`, mtime, content: new Uint8Array(1) },
        { path: `link-${i}`, type: 'symlink', linkPath: 'file-0', mtime },
        { path: `directory-${i}/`, mtime },
      ])
      const store = new MemoryStore()
      const { descriptor } = await writeLayer(store, entries)
      const layers = [new Layer(store, descriptor, { position: 0 })]
      const root = `${directory}/before-1970`
      const record = `${directory}/before-1970.record`
      const { skipped } = await unpackImage({ layers }, root, { record, xattrs: false })
      const untrue = skipped.filter(({ what }) => what === 'time').map(({ path }) => path)
      for (const [i, { seconds, time }] of moments.entries()) {
        for (const path of [`file-${i}`, `link-${i}`, `directory-${i}`]) {
          const { mtimeMs } = fs.lstatSync(`${root}/${path}`)
          // Deno has whole seconds there.
          const near = Math.abs(mtimeMs - time * 1000) <= 1 || mtimeMs === seconds * 1000
          same(near, true, `${path}: ${mtimeMs}`)
          same(untrue.includes(path), time !== seconds, `${path} is told of`)
        }
      }
      const packed = await collect(packDirectory(root, { record, xattrs: false, nanoseconds: true }))
      // Not the root's, which no layer tells of.
      const found = packed.filter(({ path }) => path.includes('-'))
      const told = (all: readonly TarEntryInput[]) =>
        all.map(({ path, mtime }) => `${path} ${JSON.stringify(toTimestamp(mtime!))}`).sort()
      same(told(found), told(entries), 'packed by the record')
    },
  },
  {
    name: 'disk: nothing is unpacked outside of its root',
    run: async (fixtures) => {
      const fs = fileSystem()
      const place = `${diskOf(fixtures).directory}/attacked`
      const outside = `${place}/outside`
      fs.mkdirSync(outside, { recursive: true })
      fs.writeFileSync(`${outside}/secret`, 'secret')
      const before = treeOf(fs, outside)
      const evil = encodeUtf8('evil')
      // What each does to the outside of the root if links are followed or names taken as they are.
      const attacks: readonly (readonly [what: string, code: string, entries: readonly TarEntryInput[]])[] = [
        ['a name with ".."', 'PATH_UNSAFE', [{ path: '../outside/secret', content: evil }]],
        ['a name with ".." inside', 'PATH_UNSAFE', [{ path: 'a/../../outside/new', content: evil }]],
        [
          'a hard link to the outside',
          'PATH_UNSAFE',
          [{ path: 'x', type: 'link', linkPath: '../outside/secret' }],
        ],
        [
          'a file below a symlink to the outside',
          'none',
          [
            { path: 'x', type: 'symlink', linkPath: outside },
            { path: 'x/secret', content: evil, mode: 0o777 },
          ],
        ],
        [
          'a symlink that climbs, and a directory below it',
          'none',
          [
            { path: 'a/x', type: 'symlink', linkPath: '../../outside' },
            { path: 'a/x/new/', mode: 0o777 },
          ],
        ],
        [
          'a file in the place of a symlink',
          'none',
          [
            { path: 'x', type: 'symlink', linkPath: `${outside}/secret` },
            { path: 'x', content: evil },
          ],
        ],
        [
          'a hard link to a symlink, with a mode of its own',
          'none',
          [
            { path: 'x', type: 'symlink', linkPath: `${outside}/secret` },
            { path: 'y', type: 'link', linkPath: 'x', mode: 0o777 },
          ],
        ],
        [
          'whiteouts behind a symlink',
          'none',
          [
            { path: 'x', type: 'symlink', linkPath: outside },
            { path: 'x/.wh.secret' },
            { path: 'x/.wh..wh..opq' },
          ],
        ],
      ]
      for (const [number, [what, expected, entries]] of attacks.entries()) {
        const store = new MemoryStore()
        const tar = await gather(writeTar(entries))
        const descriptor = await store.put(tar, { mediaType: mediaTypes.layer })
        const layer = new Layer(store, descriptor, {
          position: 0,
          diffID: descriptor.digest as string as DiffID,
        })
        const root = `${place}/root-${number}`
        const unpacking = unpackLayers([layer], root, { owner: 'current', xattrs: false })
        same(await codeOf(unpacking), expected, what)
        same(treeOf(fs, outside), before, `${what}: what is outside`)
        same(fs.existsSync(root), expected === 'none', `${what}: the tree`)
      }
    },
  },
  {
    name: 'disk: the changes since a snapshot',
    run: async (fixtures) => {
      const { directory, layout: given } = diskOf(fixtures)
      const fs = fileSystem()
      const root = `${directory}/changing`
      await using layout = await readLayout(given)
      const image = await layout.image('1.0', { platform: 'linux/amd64' })
      await unpackImage(image, root, { owner: 'current', xattrs: false })
      for (const digests of [false, true]) {
        const before = await snapshotDirectory(root, { digests, xattrs: false })
        const none = await collect(packChanges(root, before, { xattrs: false }))
        same(none.length, 0, 'nothing has changed')
        const name = digests ? 'second' : 'first'
        fs.writeFileSync(`${root}/etc/${name}`, 'new\n')
        fs.appendFileSync(`${root}/app/hello.txt`, 'more\n')
        fs.rmSync(`${root}/${digests ? 'etc/passwd' : 'usr/share'}`, { recursive: true })
        const changes = await collect(packChanges(root, before, { owner: { uid: 0, gid: 0 }, xattrs: false }))
        const files = changes.filter(({ type }) => type !== 'directory').map(({ path }) => path)
        const gone = digests ? 'etc/.wh.passwd' : 'usr/.wh.share'
        same(files.sort(), ['app/hello.txt', gone, `etc/${name}`].sort(), 'changes')
        const store = new MemoryStore()
        const next = await image
          .edit()
          .addLayer(packChanges(root, before, { xattrs: false }))
          .commit(store)
        const merged = await next.filesystem()
        same(await merged.readTextFile(`/etc/${name}`), 'new\n', 'a new file')
        same(await merged.exists(digests ? '/etc/passwd' : '/usr/share'), false, 'a deleted one')
      }
    },
  },
]
