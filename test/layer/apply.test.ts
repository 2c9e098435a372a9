/** Each rule of image-spec's layer.md, and what containerd and umoci do where it says nothing. */
import { describe, expect, test } from 'vitest'
import { applyLayer, applyLayers, FileTree } from '../../src/layer/index.ts'
import { type Entries, layersOf } from './layers.ts'

/** The tree of layers: each path with its type and the layer that made it, `*` where it is implied. */
async function merge(...layers: Entries[]): Promise<string[]> {
  return shown(await treeOf(layers))
}

async function treeOf(layers: readonly Entries[]): Promise<FileTree> {
  const tree = new FileTree()
  await applyLayers(tree, await layersOf(layers))
  return tree
}

function shown(tree: FileTree): string[] {
  const lines: string[] = []
  for (const { path, type, layer, implied, linkPath } of tree.walk()) {
    if (path === '') continue
    const mark = type === 'directory' ? '/' : type === 'symlink' ? ` -> ${linkPath}` : ''
    lines.push(`${path}${mark} ${layer}${implied ? '*' : ''}`)
  }
  expect(tree.size).toBe(lines.length + 1)
  return lines
}

const dir = (path: string, mode = 0o755) => ({ path, type: 'directory' as const, mode })
const file = (path: string, text = path.includes('.wh.') ? '' : path) => ({ path, text })
const symlink = (path: string, linkPath: string) => ({ path, type: 'symlink' as const, linkPath })
const link = (path: string, linkPath: string) => ({ path, type: 'link' as const, linkPath })

describe('whiteouts', () => {
  test('hide a file, or a directory with all in it, of the layers below', async () => {
    expect(
      await merge(
        [dir('a'), file('a/x'), file('a/y'), dir('b'), file('b/z')],
        [file('a/.wh.x'), file('.wh.b')],
      ),
    ).toEqual(['a/ 0', 'a/y 0'])
  })

  test('hide nothing of their own layer, wherever they stand in it', async () => {
    for (const upper of [
      [file('.wh.a'), file('a', 'new')],
      [file('a', 'new'), file('.wh.a')],
    ]) {
      expect(await merge([file('a')], upper)).toEqual(['a 1'])
    }
    for (const upper of [
      [file('.wh.d'), dir('d'), file('d/new')],
      [dir('d'), file('d/new'), file('.wh.d')],
      [dir('d'), file('.wh.d'), file('d/new')],
    ]) {
      expect(await merge([dir('d'), file('d/old'), dir('d/sub'), file('d/sub/x')], upper)).toEqual([
        'd/ 1',
        'd/new 1',
      ])
    }
  })

  test('of a directory that its layer has only files in leave an implied one', async () => {
    for (const upper of [
      [file('.wh.d'), file('d/e/new')],
      [file('d/e/new'), file('.wh.d')],
    ]) {
      const tree = await treeOf([[dir('d', 0o700), dir('d/e', 0o700), file('d/e/old')], upper])
      expect(shown(tree)).toEqual(['d/ 1*', 'd/e/ 1*', 'd/e/new 1'])
      expect(tree.get('d')).toMatchObject({ mode: 0o755, uid: 0, mtime: { seconds: 0, nanoseconds: 0 } })
    }
  })

  test('are hidden by no later layer, and hide in every layer below', async () => {
    expect(
      await merge([file('a')], [file('b')], [file('.wh.a'), file('.wh.b')], [file('a', 'again')]),
    ).toEqual(['a 3'])
  })

  test('of what is not there do nothing, not even make its directory', async () => {
    expect(await merge([file('a')], [file('.wh.b'), file('c/d/.wh.e'), file('f/.wh..wh..opq')])).toEqual([
      'a 0',
    ])
  })

  test('take one of several hard links', async () => {
    const tree = await treeOf([[file('a'), link('b', 'a')], [file('.wh.a')]])
    expect(shown(tree)).toEqual(['b 0'])
    expect(tree.get('b')).toMatchObject({ type: 'file', size: 1, nlink: 1 })
  })

  test('take the symlink, not what it leads to', async () => {
    expect(await merge([dir('d'), file('d/x'), symlink('s', 'd')], [file('.wh.s')])).toEqual([
      'd/ 0',
      'd/x 0',
    ])
  })

  test('find their directory through symlinks', async () => {
    expect(await merge([dir('d'), file('d/x'), symlink('s', 'd')], [file('s/.wh.x')])).toEqual([
      'd/ 0',
      's -> d 0',
    ])
  })

  test('that come after entries that went through the symlink they hide say so', async () => {
    const layers = await layersOf([
      [dir('d'), symlink('s', 'd')],
      [file('s/x'), file('.wh.s')],
    ])
    const applied = await applyLayers(new FileTree(), layers)
    expect(applied[1]!.findings.map(({ code, path }) => [code, ...path])).toEqual([
      ['whiteout-late', '.wh.s'],
    ])
    const before = await layersOf([
      [dir('d'), symlink('s', 'd')],
      [file('.wh.s'), file('s/x')],
    ])
    const tree = new FileTree()
    expect((await applyLayers(tree, before))[1]!.findings).toEqual([])
    expect(shown(tree)).toEqual(['d/ 0', 's/ 1*', 's/x 1'])
  })
})

describe('opaque whiteouts', () => {
  const lower: Entries = [dir('d'), file('d/x'), dir('d/sub'), file('d/sub/y'), file('other')]

  test('hide all in the directory, but not the directory', async () => {
    expect(await merge(lower, [file('d/.wh..wh..opq')])).toEqual(['d/ 0', 'other 0'])
  })

  test('hide nothing of their own layer, wherever they stand in it', async () => {
    for (const upper of [
      [file('d/.wh..wh..opq'), file('d/new'), dir('d/sub'), file('d/sub/z')],
      [file('d/new'), dir('d/sub'), file('d/sub/z'), file('d/.wh..wh..opq')],
      [file('d/new'), file('d/.wh..wh..opq'), dir('d/sub'), file('d/sub/z')],
    ]) {
      expect(await merge(lower, upper)).toEqual(['d/ 0', 'd/new 1', 'd/sub/ 1', 'd/sub/z 1', 'other 0'])
    }
  })

  test('and a whiteout of the directory after it, or of the one above, leave what is new', async () => {
    const below: Entries = [dir('p'), dir('p/d'), file('p/d/x')]
    const opaque = [file('p/d/.wh..wh..opq'), file('p/d/new')]
    expect(await merge(below, [...opaque, file('p/.wh.d')])).toEqual(['p/ 0', 'p/d/ 1*', 'p/d/new 1'])
    expect(await merge(below, [...opaque, file('.wh.p'), file('.wh.p')])).toEqual([
      'p/ 1*',
      'p/d/ 1*',
      'p/d/new 1',
    ])
    expect(await merge(below, [file('p/d/.wh..wh..opq'), file('p/.wh.d')])).toEqual(['p/ 0'])
  })

  test('of the root hide everything', async () => {
    expect(await merge(lower, [file('new'), file('.wh..wh..opq')])).toEqual(['new 1'])
  })

  test('hide what the layer has only by its own paths below', async () => {
    expect(await merge(lower, [file('d/sub/new'), file('d/.wh..wh..opq')])).toEqual([
      'd/ 0',
      'd/sub/ 1*',
      'd/sub/new 1',
      'other 0',
    ])
  })

  test('many of them, nested, hide each once', async () => {
    const depth = 40
    const paths = Array.from({ length: depth }, (_, i) =>
      Array(i + 1)
        .fill('d')
        .join('/'),
    )
    const below = paths.flatMap((path) => [dir(path), file(`${path}/x`)])
    for (const order of [paths, paths.toReversed()]) {
      expect(
        await merge(
          below,
          [...order, ...order].map((path) => file(`${path}/.wh..wh..opq`)),
        ),
      ).toEqual(['d/ 0'])
    }
  })
})

describe('entries over what is there', () => {
  test('a directory over a directory keeps the children and takes the attributes', async () => {
    const tree = await treeOf([
      [
        { ...dir('d', 0o700), uid: 1, mtime: 5, xattrs: new Map([['user.a', new Uint8Array(1)]]) },
        file('d/x'),
      ],
      [{ ...dir('d', 0o711), gid: 2, mtime: 6 }],
    ])
    expect(shown(tree)).toEqual(['d/ 1', 'd/x 0'])
    expect(tree.get('d')).toMatchObject({
      mode: 0o711,
      uid: 0,
      gid: 2,
      mtime: { seconds: 6 },
      xattrs: new Map(),
    })
  })

  test('anything else replaces what was', async () => {
    const kinds = [
      file('p'),
      symlink('p', 'q'),
      { path: 'p', type: 'fifo' as const },
      { path: 'p', type: 'character-device' as const, deviceMajor: 1, deviceMinor: 3 },
      link('p', 'q'),
    ]
    for (const kind of kinds) {
      const tree = await treeOf([[file('q'), dir('p'), file('p/x')], [kind]])
      expect([...tree.walk()].map(({ path }) => path)).toEqual(['', 'p', 'q'])
      expect(tree.get('p')).toMatchObject({
        type: 'type' in kind && kind.type !== 'link' ? kind.type : 'file',
        layer: 1,
      })
      const back = await treeOf([[file('q'), kind], [dir('p')], [file('p/y')]])
      expect(shown(back)).toEqual(['p/ 1', 'p/y 2', 'q 0'])
    }
  })

  test('a directory takes the place of a symlink to a directory', async () => {
    expect(await merge([dir('d'), file('d/x'), symlink('s', 'd')], [dir('s'), file('s/y')])).toEqual([
      'd/ 0',
      'd/x 0',
      's/ 1',
      's/y 1',
    ])
  })

  test('of two entries with one path the last counts, and a finding says so', async () => {
    const layers = await layersOf([
      [dir('.'), file('a', 'one'), file('d/x')],
      [dir('./'), file('a', 'two'), symlink('a', 'b'), file('./a', 'four'), dir('d'), dir('./d'), dir('.')],
    ])
    const tree = new FileTree()
    const applied = await applyLayers(tree, layers)
    expect(shown(tree)).toEqual(['a 1', 'd/ 1', 'd/x 0'])
    expect(tree.get('a')!.size).toBe(4)
    expect(applied[0]!.findings).toEqual([])
    expect(applied[1]!.findings.map(({ level, code, path }) => [level, code, ...path])).toEqual(
      ['a', 'a', 'd', ''].map((path) => ['warning', 'duplicate-path', path]),
    )
  })

  test('what a directory held comes back only by entries of its own', async () => {
    const lower = [dir('d'), file('d/x'), dir('d/e'), file('d/e/y')]
    expect(await merge(lower, [file('d')], [dir('d')])).toEqual(['d/ 2'])
    expect(await merge(lower, [file('d')], [dir('d'), file('d/e/y'), file('d/x')])).toEqual([
      'd/ 2',
      'd/e/ 2*',
      'd/e/y 2',
      'd/x 2',
    ])
    expect(await merge(lower, [file('.wh.d')], [], [file('d/x')])).toEqual(['d/ 3*', 'd/x 3'])
  })

  test('the root takes attributes too', async () => {
    const tree = await treeOf([[{ ...dir('./', 0o700), uid: 7 }], [file('a')]])
    expect(tree.get('')).toMatchObject({ mode: 0o700, uid: 7, implied: false, layer: 0 })
  })
})

describe('parents', () => {
  test('that are missing are implied: 0755, of root', async () => {
    const tree = await treeOf([[file('a/b/c')]])
    expect(shown(tree)).toEqual(['a/ 0*', 'a/b/ 0*', 'a/b/c 0'])
    expect(tree.get('a')).toMatchObject({ type: 'directory', mode: 0o755, uid: 0, gid: 0, implied: true })
  })

  test('that come later take their attributes', async () => {
    const tree = await treeOf([[file('a/b'), dir('a', 0o700)]])
    expect(tree.get('a')).toMatchObject({ mode: 0o700, implied: false })
  })

  test('that are symlinks are followed, inside of the root', async () => {
    expect(
      await merge(
        [
          dir('usr'),
          dir('usr/lib'),
          symlink('lib', 'usr/lib'),
          symlink('usr/up', '../../../usr'),
          symlink('abs', '/usr'),
        ],
        [file('lib/x'), file('usr/up/y'), file('abs/z')],
      ),
    ).toEqual([
      'abs -> /usr 0',
      'lib -> usr/lib 0',
      'usr/ 0',
      'usr/lib/ 0',
      'usr/lib/x 1',
      'usr/up -> ../../../usr 0',
      'usr/y 1',
      'usr/z 1',
    ])
  })

  test('that are dangling symlinks are made where they lead', async () => {
    expect(await merge([symlink('s', 'a/b'), file('s/x')])).toEqual([
      'a/ 0*',
      'a/b/ 0*',
      'a/b/x 0',
      's -> a/b 0',
    ])
  })

  test('that are looked for again after a symlink was replaced are the new ones', async () => {
    expect(await merge([dir('t'), symlink('s', 't')], [file('s/1'), dir('s'), file('s/2')])).toEqual([
      's/ 1',
      's/2 1',
      't/ 0',
      't/1 1',
    ])
  })
})

describe('hard links', () => {
  test('share a file, whose attributes stay its own', async () => {
    const tree = await treeOf([
      [
        { ...file('a', 'text'), mode: 0o600 },
        { ...link('d/b', 'a'), mode: 0o777 },
      ],
    ])
    const [a, b] = [tree.get('a')!, tree.get('d/b')!]
    expect(b).toMatchObject({ type: 'file', mode: 0o600, size: 4, nlink: 2, inode: a.inode })
    expect(b.contentOffset).toBe(a.contentOffset)
  })

  test('lead into lower layers, and say which layer made them', async () => {
    const tree = await treeOf([[file('a')], [link('b', './a')]])
    expect(tree.get('b')).toMatchObject({ layer: 1, contentLayer: 0, nlink: 2 })
  })

  test('part when one of them is replaced', async () => {
    const tree = await treeOf([[file('a', 'old'), link('b', 'a')], [file('a', 'newer')]])
    expect([tree.get('a')!.size, tree.get('b')!.size]).toEqual([5, 3])
    expect([tree.get('a')!.nlink, tree.get('b')!.nlink]).toEqual([1, 1])
  })

  test('of symlinks are the symlink', async () => {
    const tree = await treeOf([[symlink('s', 'x'), link('t', 's')]])
    expect(tree.get('t')).toMatchObject({ type: 'symlink', linkPath: 'x', nlink: 2 })
  })

  test('find their target through symlinked directories, as they are made', async () => {
    expect(await merge([dir('d'), file('d/x'), symlink('s', 'd')], [link('y', 's/x')])).toEqual([
      'd/ 0',
      'd/x 0',
      's -> d 0',
      'y 1',
    ])
  })
})

describe('what no tree can take', () => {
  const cases: [string, Entries[], string, string][] = [
    [
      'a hard link before its target',
      [[link('b', 'a'), file('a')]],
      'PATH_NOT_FOUND',
      'link-target-unusable',
    ],
    [
      'a hard link to what a whiteout hides',
      [[file('a')], [file('.wh.a'), link('b', 'a')]],
      'PATH_NOT_FOUND',
      'link-target-unusable',
    ],
    ['a hard link to itself', [[link('b', 'b')]], 'PATH_NOT_FOUND', 'link-target-unusable'],
    ['a hard link to a directory', [[dir('d'), link('b', 'd')]], 'PATH_UNSAFE', 'link-target-unusable'],
    ['a hard link outside', [[link('b', '../b')]], 'PATH_UNSAFE', 'path-unsafe'],
    ['a name outside', [[file('../b')]], 'PATH_UNSAFE', 'path-unsafe'],
    ['a root that is a file', [[{ path: '.', type: 'fifo' }]], 'PATH_UNSAFE', 'path-unsafe'],
    ['an entry below a file', [[file('a')], [file('a/b')]], 'PATH_UNSAFE', 'parent-not-directory'],
    [
      'an entry below a file that was a directory',
      [[file('a/x'), file('a'), file('a/b')]],
      'PATH_UNSAFE',
      'parent-not-directory',
    ],
    [
      'an entry below a symlink to a file',
      [[file('a'), symlink('s', 'a')], [file('s/b')]],
      'PATH_UNSAFE',
      'parent-not-directory',
    ],
    [
      'an entry below symlinks in a circle',
      [[symlink('a', 'b'), symlink('b', 'a'), file('a/c')]],
      'PATH_UNSAFE',
      'parent-not-directory',
    ],
  ]

  test.each(cases)('%s is refused, or reported and left out', async (_, layers, code, finding) => {
    const made = await layersOf(layers)
    const last = layers
      .at(-1)!
      .find(({ path, type }) => type === 'link' || type === 'fifo' || /^\.\.|\/[bc]$/.test(path))!
    await expect(applyLayers(new FileTree(), made)).rejects.toMatchObject({ code, path: last.path })
    const tree = new FileTree()
    const applied = await applyLayers(tree, made, { problems: 'report' })
    expect(applied.at(-1)!.findings.map(({ level, code }) => [level, code])).toEqual([['error', finding]])
    expect(tree.get('')!.type).toBe('directory')
    expect(tree.get('b')?.type).toBe(_.includes('circle') ? 'symlink' : undefined)
  })
})

test("AUFS's bookkeeping is in no tree", async () => {
  expect(
    await merge([dir('.wh..wh.plnk'), file('.wh..wh.plnk/1.2'), file('.wh..wh.aufs'), file('a')]),
  ).toEqual(['a 0'])
})

test('names that are not UTF-8 are kept apart, and have their bytes', async () => {
  const named = (...bytes: number[]) => {
    const pathBytes = Uint8Array.of(0x64, 0x2f, ...bytes)
    return { path: new TextDecoder().decode(pathBytes), pathBytes, text: 'x' }
  }
  const tree = await treeOf([[named(0xff), named(0xfe), named(0xef, 0xbf, 0xbd)]])
  const nodes = [...tree.walk()].slice(2)
  expect(nodes.map(({ path }) => path)).toEqual(['d/\uFFFD', 'd/\uFFFD', 'd/\uFFFD'])
  expect(nodes.map(({ pathBytes }) => pathBytes && [...pathBytes])).toEqual([
    undefined,
    [0x64, 0x2f, 0xfe],
    [0x64, 0x2f, 0xff],
  ])
  const upper = { path: 'd/.wh.\uFFFD', pathBytes: new Uint8Array([...Buffer.from('d/.wh.'), 0xff]) }
  const hidden = await treeOf([[named(0xff), named(0xfe)], [upper]])
  expect([...hidden.walk()].map(({ pathBytes }) => pathBytes?.at(-1))).toEqual([undefined, undefined, 0xfe])
})

test('entries of any iterable are applied', async () => {
  const [layer] = await layersOf([[file('a/b')]])
  const tree = new FileTree()
  expect(await applyLayer(tree, layer!.entries(), { position: 0 })).toEqual([])
  expect(shown(tree)).toEqual(['a/ 0*', 'a/b 0'])
})

describe('limits', () => {
  test('on paths', async () => {
    const layers = await layersOf([[file('a'), file('b'), file('c')]])
    await expect(applyLayers(new FileTree({ maxPaths: 3 }), layers)).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
      expected: 3,
    })
    await applyLayers(new FileTree({ maxPaths: 4 }), layers)
  })

  test('on the bytes of names, targets and attributes', async () => {
    for (const entry of [
      file('n'.repeat(200)),
      symlink('s', 't'.repeat(200)),
      { ...file('x'), xattrs: new Map([['user.a', new Uint8Array(100)]]) },
    ]) {
      const layers = await layersOf([[entry]])
      await expect(applyLayers(new FileTree({ maxNameBytes: 1000 }), layers)).resolves.toHaveLength(1)
      await expect(applyLayers(new FileTree({ maxNameBytes: 300 }), layers)).rejects.toMatchObject({
        code: 'LIMIT_EXCEEDED',
      })
    }
  })
})
