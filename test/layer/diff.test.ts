import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  applyLayer,
  applyLayers,
  diffTrees,
  FileTree,
  Layer,
  parseWhiteout,
  type TreeNode,
  writeLayer,
} from '../../src/layer/index.ts'
import { MemoryStore } from '../../src/store/index.ts'
import type { TarEntryInput, TarEntryType } from '../../src/tar/index.ts'
import { type Entries, layersOf } from './layers.ts'

async function treeOf(...layers: Entries[]): Promise<FileTree> {
  const tree = new FileTree()
  await applyLayers(tree, await layersOf(layers))
  return tree
}

/** What a tree is, whatever layers it came from: hard links as groups, contents as where they are in which tar. */
function content(tree: FileTree): unknown[] {
  const groups = new Map<number, string>()
  return [...tree.walk()].map((node) => {
    const first = groups.get(node.inode) ?? node.path
    groups.set(node.inode, first)
    const { layer, contentLayer, inode, id, implied, contentSource, contentOffset, xattrs, ...attributes } =
      node
    return { ...attributes, first, xattrs: [...xattrs].map(([name, value]) => [name, ...value]) }
  })
}

/** Writes the difference as a layer, applies it to the lower tree, and gives what became of that. */
async function applyDiff(lower: FileTree, upper: FileTree, text: (node: TreeNode) => Uint8Array) {
  const store = new MemoryStore()
  const changes = diffTrees(lower, upper, {
    content: text,
    sameContent: (a, b) => Buffer.compare(text(a), text(b)) === 0,
  })
  const { descriptor, diffID } = await writeLayer(store, changes)
  const entries: { path: string; type: TarEntryType }[] = []
  const layer = new Layer(store, descriptor, { position: 0, diffID })
  for await (const { path, type } of layer.entries()) entries.push({ path, type })
  expect(await applyLayer(lower, layer.entries(), { position: 1000 })).toEqual([])
  return entries
}

const zeros = (node: TreeNode) => new Uint8Array(node.size)

async function diff(lower: Entries, upper: Entries): Promise<string[]> {
  const entries = await applyDiff(await treeOf(lower), await treeOf(upper), zeros)
  return entries.map(({ path, type }) => (type === 'link' ? `${path} (link)` : path))
}

const dir = (path: string, mode = 0o755) => ({ path, type: 'directory' as const, mode })
const file = (path: string, text = 'x') => ({ path, text })
const link = (path: string, linkPath: string) => ({ path, type: 'link' as const, linkPath })

describe('the difference', () => {
  test('of equal trees is nothing', async () => {
    const entries = [
      dir('a'),
      file('a/b'),
      link('a/c', 'a/b'),
      { path: 's', type: 'symlink' as const, linkPath: 'a' },
    ]
    expect(await diff(entries, entries)).toEqual([])
  })

  test('has whiteouts before their siblings, directories before what is in them, each path once', async () => {
    expect(
      await diff(
        [dir('d'), file('d/a'), file('d/z'), dir('gone'), file('gone/x'), file('same')],
        [dir('d'), file('d/+new'), file('d/z', 'longer'), file('same'), dir('e'), file('e/f')],
      ),
    ).toEqual(['.wh.gone', 'd/.wh.a', 'd/+new', 'd/z', 'e', 'e/f'])
  })

  test('needs no whiteout where something else takes the place', async () => {
    expect(await diff([dir('d'), file('d/a'), file('f')], [file('d'), dir('f'), file('f/x')])).toEqual([
      'd',
      'f',
      'f/x',
    ])
  })

  test('has a directory whose attributes changed, without what is in it', async () => {
    expect(await diff([dir('d'), file('d/a')], [dir('d', 0o700), file('d/a')])).toEqual(['d'])
    expect(await diff([dir('./'), file('a')], [dir('./', 0o700), file('a')])).toEqual([''])
  })

  test('has hard links together, so that none leads into the lower layer', async () => {
    expect(await diff([file('a')], [file('a'), link('b', 'a')])).toEqual(['a', 'b (link)'])
    expect(await diff([file('a'), link('b', 'a')], [file('a'), file('b')])).toEqual(['b'])
    expect(await diff([file('a'), link('b', 'a')], [file('b')])).toEqual(['.wh.a'])
    expect(await diff([file('a'), file('b')], [file('a'), link('b', 'a')])).toEqual(['a', 'b (link)'])
    const linked = (path: string) => [dir(path), file(`${path}/x`), link(`${path}/y`, `${path}/x`)]
    const symlink = { path: 's', type: 'symlink' as const, linkPath: 'd' }
    expect(await diff([...linked('d'), symlink], [...linked('d'), ...linked('s')])).toEqual([
      's',
      's/x',
      's/y (link)',
    ])
    expect(await diff([...linked('d'), symlink], linked('s'))).toEqual(['.wh.d', 's', 's/x', 's/y (link)'])
  })

  test('of trees of the same layers needs no content to see that it is the same', async () => {
    const store = new MemoryStore()
    const [one] = await layersOf([[file('a', 'text'), file('b', 'text')]], 'gzip', store)
    const [, two] = await layersOf([[], [file('c', 'text'), file('.wh.b', '')]], 'gzip', store)
    const lower = new FileTree()
    await applyLayers(lower, [one!])
    const upper = new FileTree()
    await applyLayers(upper, [one!, two!])
    expect([...diffTrees(lower, upper)].map(({ path, node }) => [path, node?.contentLayer])).toEqual([
      ['.wh.b', undefined],
      ['c', 1],
    ])
  })

  test('refuses names that no layer can have', async () => {
    const lower = await treeOf([])
    expect(() => [...diffTrees(lower, new FileTree())]).not.toThrow()
    const upper = await treeOf([{ path: '.wh.d/x' }])
    expect(() => [...diffTrees(lower, upper)]).toThrow(expect.objectContaining({ code: 'PATH_UNSAFE' }))
    expect(() => [...diffTrees(upper, lower)]).toThrow(expect.objectContaining({ code: 'PATH_UNSAFE' }))
  })
})

describe('over random trees', () => {
  const name = fc.constantFrom('a', 'b', 'c', '-', 'ä', '\u{10FFFF}', '\uFFFD', '.x')
  const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'))
  const attributes = fc.record({
    mode: fc.constantFrom(0, 0o644, 0o4755),
    uid: fc.constantFrom(0, 1000650000),
    mtime: fc.constantFrom(0, -1.5, 2 ** 33),
    xattrs: fc.constantFrom(new Map(), new Map([['user.a', Uint8Array.of(0, 255)]])),
  })
  const special = fc.constantFrom<Partial<TarEntryInput>>(
    { type: 'directory' },
    { type: 'symlink', linkPath: '../\u{10FFFF}' },
    { type: 'fifo' },
    { type: 'block-device', deviceMajor: 8, deviceMinor: 1 },
  )
  const text = fc.constantFrom('', 'x', 'y').map((text) => ({ content: new TextEncoder().encode(text) }))
  const entry = fc
    .tuple(path, attributes, fc.oneof(text, special))
    .map(([path, attributes, kind]): TarEntryInput => ({ path, ...attributes, ...kind }))
  const steps = fc.array(
    fc.oneof({ arbitrary: entry, weight: 3 }, { arbitrary: fc.tuple(path, path), weight: 1 }),
    {
      maxLength: 24,
    },
  )

  /** Makes a tree as the steps say, leaving out what cannot be; contents by the file's number. */
  function grow(tree: FileTree, made: readonly (TarEntryInput | [string, string])[]): FileTree {
    for (const step of made) {
      const path = Array.isArray(step) ? step[1] : step.path
      const slash = path.lastIndexOf('/')
      const directory = tree.resolve(path.slice(0, Math.max(0, slash)), { makeDirectories: 0 })
      if (typeof directory !== 'number' || !tree.isDirectory(directory)) continue
      const node = tree.nodeFor(directory, new TextEncoder().encode(path.slice(slash + 1)))
      if (Array.isArray(step)) {
        const target = tree.resolve(step[0])
        if (typeof target !== 'number' || tree.isDirectory(target) || target === node) continue
        if (tree.exists(node) && tree.isDirectory(node)) continue
        tree.link(node, target, 0)
        continue
      }
      const content = step.content as Uint8Array | undefined
      const mtime = step.mtime as number
      tree.put(
        node,
        {
          type: (step.type ?? 'file') as 'file',
          mode: step.mode!,
          uid: step.uid!,
          gid: 0,
          uname: '',
          gname: '',
          size: content?.length ?? 0,
          mtime: { seconds: Math.floor(mtime), nanoseconds: (mtime - Math.floor(mtime)) * 1e9 },
          linkPath: step.linkPath ?? '',
          deviceMajor: step.deviceMajor ?? 0,
          deviceMinor: step.deviceMinor ?? 0,
          xattrs: step.xattrs!,
        },
        0,
        // The offset says which text it is.
        content?.[0] ?? 0,
      )
    }
    return tree
  }

  test('applied to the lower tree, it makes the upper one', async () => {
    await fc.assert(
      fc.asyncProperty(steps, steps, fc.boolean(), async (first, second, related) => {
        const lower = grow(new FileTree(), first)
        const upper = grow(related ? grow(new FileTree(), first) : new FileTree(), second)
        const before = content(upper)
        const entries = await applyDiff(lower, upper, (node) =>
          node.contentLayer === 1000 ? new Uint8Array(0) : new Uint8Array(node.size).fill(node.contentOffset),
        )
        expect(content(lower)).toEqual(before)
        expect(content(upper)).toEqual(before)
        // Each path once; whiteouts before what else is in their directory.
        expect(new Set(entries.map(({ path }) => path)).size).toBe(entries.length)
        const others = new Set<string>()
        for (const { path } of entries) {
          const directory = path.slice(0, Math.max(0, path.lastIndexOf('/')))
          if (parseWhiteout(path) !== null) expect(others).not.toContain(directory)
          else if (path !== '') others.add(directory)
        }
      }),
      { numRuns: 300 },
    )
  })

  test('the order of whiteouts among the other entries changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(steps, steps, fc.infiniteStream(fc.nat()), async (first, second, random) => {
        const upper = grow(new FileTree(), second)
        const changes = [...diffTrees(grow(new FileTree(), first), upper)]
        const whiteouts = changes.filter(({ node }) => node === null)
        const shuffled = changes.filter(({ node }) => node !== null)
        for (const whiteout of whiteouts)
          shuffled.splice(random.next().value! % (shuffled.length + 1), 0, whiteout)
        const results: unknown[] = []
        for (const order of [changes, shuffled]) {
          const store = new MemoryStore()
          const { descriptor } = await writeLayer(
            store,
            order.map((change) => ({ ...change, content: new Uint8Array(change.size ?? 0) })),
          )
          const tree = grow(new FileTree(), first)
          await applyLayer(tree, new Layer(store, descriptor, { position: 0 }).entries(), { position: 1 })
          results.push(content(tree))
        }
        expect(results[1]).toEqual(results[0])
      }),
      { numRuns: 200 },
    )
  })
})
