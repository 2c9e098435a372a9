/** Layers: a blob in a store in memory, read entry by entry and in one pass, applied to a tree, compared with it. */
import { concatBytes } from '../../../src/bytes.ts'
import { openFilesystem } from '../../../src/filesystem/index.ts'
import {
  diffTrees,
  type FileTree,
  Layer,
  type LayerEntryHeader,
  readLayer,
  scanLayer,
  writeLayer,
} from '../../../src/layer/index.ts'
import { setAccelerated } from '../../../src/runtime.ts'
import type { Descriptor } from '../../../src/spec/index.ts'
import { MemoryStore } from '../../../src/store/index.ts'
import { type TarEntryInput, writeTar } from '../../../src/tar/index.ts'
import { holds, type Kind } from '../kind.ts'
import { compressed, mutateLayer } from '../mutation/layer.ts'
import { Random } from '../random.ts'
import { sameVerdict, textOf, verdictLater } from '../verdict.ts'
import { sizedLayerLimits } from './layer-limits.ts'
import { tarSeeds } from './tar.ts'

const mediaType = 'application/vnd.oci.image.layer.v1.tar'

/** The layer below: something for entries, links and whiteouts to be about. */
const below: readonly (TarEntryInput & { readonly text?: string })[] = [
  { path: 'a/', mode: 0o755 },
  { path: 'a/b', text: 'b' },
  { path: 'a/c/d', text: 'd' },
  { path: 'b', text: 'bee', xattrs: new Map([['user.a', Uint8Array.of(1)]]) },
  { path: 'dir/file', text: 'file' },
  { path: 'dir/hard', type: 'link', linkPath: 'dir/file' },
  { path: 'link', type: 'symlink', linkPath: 'a' },
  { path: 'out', type: 'symlink', linkPath: '../../etc' },
  { path: 'loop', type: 'symlink', linkPath: 'loop/x' },
  { path: 'bin', type: 'symlink', linkPath: 'usr/bin' },
  { path: 'usr/bin/sh', text: '#!', mode: 0o4755 },
  { path: 'etc/passwd', text: 'root:x:0:0' },
  { path: 'dev/null', type: 'character-device', deviceMajor: 1, deviceMinor: 3 },
]

/** The layer below as a blob. */
export async function lowerLayer(): Promise<Uint8Array> {
  const entries = below.map(({ text, ...entry }) =>
    text === undefined ? entry : { ...entry, content: Buffer.from(text) },
  )
  const chunks: Uint8Array[] = []
  for await (const chunk of writeTar(entries)) chunks.push(chunk)
  return concatBytes(chunks)
}

let lower: Promise<Uint8Array> | undefined

/** Layers. */
export const layer: Kind = {
  name: 'layer',
  maxLength: 1 << 13,
  maxAllocation: 1 << 22,

  async seeds() {
    const random = new Random(9)
    const tars = await tarSeeds()
    tars.push(await lowerLayer())
    return tars.flatMap((tar) => [tar, compressed(random, tar)])
  },

  mutate: mutateLayer,

  async run(input, random) {
    const store = new MemoryStore()
    const descriptor = await store.put(input, { mediaType })
    // Mostly the portable path, which is sooner ready; hashes and inflate have kinds of their own for both.
    setAccelerated(random.oneIn(4))
    try {
      if (random.oneIn(2)) await read(store, descriptor, random)
      else await apply(store, descriptor, random)
    } finally {
      setAccelerated(true)
    }
  },
}

function plain({
  path,
  name,
  type,
  size,
  linkPath,
  linkTarget,
  whiteout,
  unsafe,
  aufs,
}: LayerEntryHeader): unknown {
  return [path, name, type, size, linkPath, linkTarget, whiteout, unsafe, aufs]
}

/** One pass and the loop say the same of every entry, and of what is wrong. */
async function read(store: MemoryStore, descriptor: Descriptor, random: Random): Promise<void> {
  const scanned = await verdictLater(async () => {
    const entries: unknown[] = []
    let size = 0
    const scan = await scanLayer(
      store,
      descriptor,
      {
        entry(entry) {
          entries.push(plain(entry))
          holds(
            entry.unsafe !== null || !/(?:^|\/)\.\.?(?:\/|$)|^\/|\/\/|\/$/.test(entry.path),
            'A path is in no normal form',
            () => entry.path,
          )
        },
        data(chunk) {
          size += chunk.length
        },
      },
      { limits: sizedLayerLimits },
    )
    holds(scan.entries === entries.length, 'Entries are counted otherwise than told')
    holds(size <= scan.uncompressedSize, 'There is more content than layer')
    return entries
  })
  if (!random.oneIn(3)) return
  const looped = await verdictLater(async () => {
    const entries: unknown[] = []
    for await (const entry of readLayer(store, descriptor, { limits: sizedLayerLimits })) {
      entries.push(plain(entry))
      if (entry.size <= 1 << 20 && random.oneIn(2)) {
        const content = await entry.bytes()
        holds(content.length === entry.size, "An entry's content has another size than it says")
      }
    }
    return entries
  })
  sameVerdict(scanned, looped, 'The loop and the pass disagree on a layer')
}

/** The layer upon the one below: what comes of it is a tree, and so is what the difference of the two makes. */
async function apply(store: MemoryStore, descriptor: Descriptor, random: Random): Promise<void> {
  lower ??= lowerLayer()
  const bottom = await store.put(await lower, { mediaType })
  const layers = [bottom, descriptor].map((each, position) => new Layer(store, each, { position }))
  const problems = random.oneIn(3) ? 'refuse' : 'report'
  const opened = await verdictLater(() => openFilesystem(layers, { limits: sizedLayerLimits, problems }))
  if (opened.error !== undefined) return
  const { value: files } = opened
  const { tree } = files
  checkTree(tree)
  for await (const file of files.walk()) {
    if (file.type === 'file' && file.size < 4096 && random.oneIn(4)) {
      const content = await files.readFile(file.pathBytes ?? file.path)
      holds(content.length === file.size, "A file's content has another size than it says", () => file)
    } else if (file.type === 'symlink') {
      await verdictLater(() => files.stat(file.pathBytes ?? file.path))
      await verdictLater(() => files.realpath(file.pathBytes ?? file.path))
    }
  }
  if (!random.oneIn(4)) return
  // The layer that makes the upper tree of the lower one does so.
  const before = (await openFilesystem([layers[0]!])).tree
  const made = await verdictLater(() =>
    writeLayer(
      store,
      diffTrees(before, tree, { content: (node) => () => files.openFile(node.pathBytes ?? node.path) }),
      { compression: 'none' },
    ),
  )
  if (made.error !== undefined) {
    // Names that no layer can have: of whiteouts, and of what tar cannot write.
    holds(
      ['PATH_UNSAFE', 'ARGUMENT_INVALID'].includes(made.error.code),
      'A difference cannot be written',
      () => made.error.message,
    )
    return
  }
  const { descriptor: upper, diffID } = made.value
  const again = (await openFilesystem([layers[0]!, new Layer(store, upper, { position: 1, diffID })])).tree
  const [wanted, got] = [tree, again].map(lines)
  holds(wanted === got, 'A difference makes another tree', () => [wanted, got])
}

function lines(tree: FileTree): string {
  return textOf(
    [...tree.walk()].map(({ path, pathBytes, type, mode, uid, gid, size, linkPath, mtime, xattrs }) => [
      path,
      pathBytes,
      type,
      mode,
      uid,
      gid,
      size,
      linkPath,
      mtime,
      xattrs,
    ]),
  )
}

/** What holds of any tree. */
function checkTree(tree: FileTree): void {
  const names = new Map<number, number>()
  let count = 0
  let last: string | undefined
  for (const node of tree.walk()) {
    count++
    const path = node.pathBytes ?? node.path
    const found = tree.resolve(path, { follow: false })
    holds(typeof found === 'number', 'A path of a tree does not lead there', () => node.path)
    holds(
      !/(?:^|\/)\.\.?(?:\/|$)/.test(node.path),
      'A tree has a name "..": it leads outside',
      () => node.path,
    )
    holds(
      last === undefined || node.path !== last || node.pathBytes !== undefined,
      'A tree has a path twice',
      () => node.path,
    )
    last = node.path
    names.set(node.inode, (names.get(node.inode) ?? 0) + 1)
  }
  holds(count === tree.size, 'A tree counts its paths wrong', () => [count, tree.size])
  for (const node of tree.walk()) {
    holds(
      node.type === 'directory' || names.get(node.inode) === node.nlink,
      'A file has more or fewer names than it says',
      () => node,
    )
  }
}
