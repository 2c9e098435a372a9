import * as fs from 'node:fs'
import {
  appendFileSync,
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  decodeSnapshot,
  encodeSnapshot,
  findChanges,
  packChanges,
  packDirectory,
  type Snapshot,
  snapshotDirectory,
  unpackLayers,
  writeSnapshot,
} from '../../src/filesystem/index.ts'
import { emptyDirectory } from '../../src/filesystem/unpack-claim.ts'
import type { TarEntryInput } from '../../src/tar/index.ts'
import { layerOf, scratch, type TestEntry, tarOf } from './layers.ts'
import { listTree } from './tree.ts'

async function all(entries: AsyncIterable<TarEntryInput>): Promise<TarEntryInput[]> {
  const found: TarEntryInput[] = []
  for await (const entry of entries) found.push(entry)
  return found
}

const noXattrs = { xattrs: false }

/** Changes a tree and gives the names in the layer of changes. */
async function changed(
  directory: string,
  change: () => void,
  options: { digests?: boolean } = {},
): Promise<string[]> {
  const before = decodeSnapshot(
    encodeSnapshot(await snapshotDirectory(directory, { ...noXattrs, ...options })),
  )
  change()
  return (await all(packChanges(directory, before, noXattrs))).map(({ path, type, linkPath }) =>
    type === 'link' ? `${path} = ${linkPath}` : path,
  )
}

function tree(): string {
  const directory = scratch()
  mkdirSync(join(directory, 'd/e'), { recursive: true })
  for (const name of ['a', 'b', 'd/x', 'd/y', 'd/e/z']) writeFileSync(join(directory, name), name)
  symlinkSync('a', join(directory, 's'))
  // Old, so that a change shows in times of whole seconds as well.
  for (const name of ['a', 'b', 'd/x', 'd/y', 'd/e/z', 'd/e', 'd', '.'])
    utimesSync(join(directory, name), 1000, 1000)
  return directory
}

describe('what is found', () => {
  test('nothing, when nothing has changed', async () => {
    expect(await changed(tree(), () => {})).toEqual([])
  })

  test('a change at once after the snapshot, of the same length', async () => {
    const directory = tree()
    expect(await changed(directory, () => writeFileSync(join(directory, 'a'), 'A'))).toEqual(['a'])
  })

  test('a snapshot is done only when the tick of the last change is over', async () => {
    // Since Linux 6.13 some file systems have finer times, so the change that would be missed cannot be made
    // everywhere; that nothing can be changed within the tick can be seen everywhere.
    const directory = scratch()
    for (let i = 0; i < 5; i++) {
      writeFileSync(join(directory, 'a'), 'before')
      const before = await snapshotDirectory(directory, noXattrs)
      expect(Date.now() - lstatSync(join(directory, 'a')).ctimeMs).toBeGreaterThanOrEqual(10)
      writeFileSync(join(directory, 'a'), 'after!')
      const after = await snapshotDirectory(directory, noXattrs)
      expect((await findChanges(before, after)).map(({ path }) => path)).toEqual(['a'])
    }
  })

  test('new content with the old time', async () => {
    const directory = tree()
    const change = () => {
      writeFileSync(join(directory, 'a'), 'A')
      utimesSync(join(directory, 'a'), 1000, 1000)
    }
    expect(await changed(directory, change)).toEqual(['a'])
  })

  test('directories that changed names, with files of one size and time', async () => {
    const directory = scratch()
    for (const name of ['a', 'b']) {
      mkdirSync(join(directory, name))
      writeFileSync(join(directory, name, 'version'), name)
    }
    const old = (): void => {
      for (const name of ['a/version', 'b/version', 'a', 'b']) utimesSync(join(directory, name), 1000, 1000)
    }
    old()
    const before = await snapshotDirectory(directory, noXattrs)
    // Made within one tick of the clock, as an unpacking does; what is asked for here cannot depend on luck.
    const ctime = before.files.get('a/version')!.ctime
    const same = (snapshot: Snapshot): Snapshot => ({
      ...snapshot,
      files: new Map([...snapshot.files].map(([path, file]) => [path, { ...file, ctime }])),
    })
    renameSync(join(directory, 'a'), join(directory, 'c'))
    renameSync(join(directory, 'b'), join(directory, 'a'))
    renameSync(join(directory, 'c'), join(directory, 'b'))
    const after = await snapshotDirectory(directory, noXattrs)
    const changes = await findChanges(decodeSnapshot(encodeSnapshot(same(before))), same(after))
    expect(changes.map(({ path }) => path)).toEqual(['', 'a/version', 'b/version'])
  })

  test('with digests, not what was only touched', async () => {
    const directory = tree()
    const change = () => {
      renameSync(join(directory, 'a'), join(directory, 'c'))
      renameSync(join(directory, 'c'), join(directory, 'a'))
      chmodSync(join(directory, 'b'), 0o600)
      chmodSync(join(directory, 'b'), 0o644)
      utimesSync(directory, 1000, 1000)
    }
    expect(await changed(directory, change)).toEqual(['a', 'b'])
    expect(await changed(directory, change, { digests: true })).toEqual([])
    expect(
      await changed(directory, () => appendFileSync(join(directory, 'a'), '.'), { digests: true }),
    ).toEqual(['a'])
  })

  test('mode, time, target of a symlink, a directory', async () => {
    const directory = tree()
    const change = () => {
      chmodSync(join(directory, 'a'), 0o600)
      utimesSync(join(directory, 'b'), 5, 5)
      rmSync(join(directory, 's'))
      symlinkSync('b', join(directory, 's'))
      chmodSync(join(directory, 'd/e'), 0o711)
    }
    expect(await changed(directory, change)).toEqual(['./', 'a', 'b', 'd/e/', 's'])
  })

  test('what is gone, before what is beside it, and once for all below', async () => {
    const directory = tree()
    const change = () => {
      rmSync(join(directory, 'd/e'), { recursive: true })
      rmSync(join(directory, 'b'))
      writeFileSync(join(directory, '!first'), '')
      writeFileSync(join(directory, 'd/!first'), '')
    }
    expect(await changed(directory, change)).toEqual(['./', '.wh.b', '!first', 'd/', 'd/.wh.e', 'd/!first'])
  })

  test('what became something else is no whiteout', async () => {
    const directory = tree()
    const change = () => {
      rmSync(join(directory, 'd'), { recursive: true })
      writeFileSync(join(directory, 'd'), 'file')
      rmSync(join(directory, 'a'))
      mkdirSync(join(directory, 'a'))
      writeFileSync(join(directory, 'a/in'), '')
    }
    expect(await changed(directory, change)).toEqual(['./', 'a/', 'a/in', 'd'])
  })

  test('a further name of a file brings the file', async () => {
    const directory = tree()
    expect(await changed(directory, () => linkSync(join(directory, 'b'), join(directory, 'd/b')))).toEqual([
      'b',
      'd/',
      'd/b = b',
    ])
  })

  test('one name of several changed brings them all; one gone, none; names parted, each', async () => {
    const directory = tree()
    linkSync(join(directory, 'b'), join(directory, 'b2'))
    linkSync(join(directory, 'b'), join(directory, 'b3'))
    expect(await changed(directory, () => appendFileSync(join(directory, 'b2'), '!'))).toEqual([
      'b',
      'b2 = b',
      'b3 = b',
    ])
    const remove = () => {
      rmSync(join(directory, 'b3'))
      utimesSync(directory, 1000, 1000)
    }
    utimesSync(directory, 1000, 1000)
    expect(await changed(directory, remove, { digests: true })).toEqual(['.wh.b3'])
    const part = () => {
      const { atime, mtime } = statSync(join(directory, 'b'))
      writeFileSync(join(directory, 'new'), 'b!')
      utimesSync(join(directory, 'new'), atime, mtime)
      renameSync(join(directory, 'new'), join(directory, 'b2'))
      utimesSync(directory, 1000, 1000)
    }
    expect(await changed(directory, part, { digests: true })).toEqual(['b', 'b2'])
  })

  test('what is excluded is not', async () => {
    const directory = tree()
    const before = await snapshotDirectory(directory)
    rmSync(join(directory, 'd/x'))
    writeFileSync(join(directory, 'new.log'), '')
    utimesSync(directory, 1000, 1000)
    const entries = await all(packChanges(directory, before, { exclude: ['**/*.log', 'd/x'] }))
    expect(entries.map(({ path }) => path)).toEqual(['d/'])
  })
})

describe('a snapshot', () => {
  test('is the same after it was saved and loaded, and takes some 80 bytes a file', async () => {
    const directory = tree()
    linkSync(join(directory, 'b'), join(directory, 'd/b'))
    writeFileSync(Buffer.concat([Buffer.from(`${directory}/`), Buffer.from([0xff, 0xe9])]), 'latin')
    for (let i = 0; i < 1000; i++) writeFileSync(join(directory, `d/a-file-with-a-long-name-${i}`), '')
    const snapshot = await snapshotDirectory(directory, { digests: true })
    const bytes = encodeSnapshot(snapshot)
    const { files, xattrs } = decodeSnapshot(bytes)
    expect(xattrs).toBe(snapshot.xattrs)
    expect(new Map(files)).toEqual(snapshot.files)
    expect([...files].map(([path]) => path)).toEqual([...snapshot.files.keys()])
    // What was loaded is saved as the same bytes.
    expect(encodeSnapshot({ files, xattrs })).toEqual(bytes)
    const file = join(scratch(), 'snapshot')
    await writeSnapshot(directory, pathToFileURL(file), { digests: true })
    expect(new Uint8Array(readFileSync(file))).toEqual(bytes)
    const plain = encodeSnapshot(await snapshotDirectory(directory, noXattrs))
    expect(plain.length / snapshot.files.size).toBeLessThan(90)
  })

  test.each([
    '',
    'x',
    '{}',
    '{"oci-ts-snapshot":2}',
    '{"oci-ts-snapshot":1}\n{}',
    '{"oci-ts-snapshot":1}\n[0,"a","x",1,2,3,4,5,6]',
    '{"oci-ts-snapshot":1}\n[0,"a","f",1,2,3,4,5,6]\n[0,"a","f",1,2,3,4,5,6]',
    '{"oci-ts-snapshot":1}\n[0,"b","f",1,2,3,4,5,6]\n[0,"a","f",1,2,3,4,5,6]',
    '{"oci-ts-snapshot":1}\n[0,"a","f",1,2,3,4,5,6]\n[2,"b","f",1,2,3,4,5,6]',
    '{"oci-ts-snapshot":1}\n[-1,"a","f",1,2,3,4,5,6]',
    '{"oci-ts-snapshot":1}\n[0,"a","f",1,2,3,4,5,6]\n[0,"b","f",1,2,3,4',
    'null',
  ])('%j is none', (text) => {
    expect(() => decodeSnapshot(new TextEncoder().encode(text))).toThrow(
      expect.objectContaining({ code: 'DOCUMENT_INVALID' }),
    )
  })
})

test('what was loaded is a map as any other', async () => {
  const directory = tree()
  const snapshot = await snapshotDirectory(directory, noXattrs)
  const { files } = decodeSnapshot(encodeSnapshot(snapshot))
  const known = snapshot.files
  expect(files.size).toBe(known.size)
  expect([...files.keys()]).toEqual([...known.keys()])
  expect([...files.values()]).toEqual([...known.values()])
  expect([...files.entries()]).toEqual([...known])
  expect([files.get('d/x'), files.get('d/none')]).toEqual([known.get('d/x'), undefined])
  expect([files.has(''), files.has('d/e/z'), files.has('z')]).toEqual([true, true, false])
  const told: unknown[] = []
  files.forEach(function (this: unknown, file, path, map) {
    told.push([String(this), path, file, map === files])
  }, 'self')
  expect(told).toEqual([...known].map(([path, file]) => ['self', path, file, true]))
})

test('a snapshot that somebody made by hand may be in any order', async () => {
  const directory = tree()
  const { files, xattrs } = await snapshotDirectory(directory, noXattrs)
  const backwards = { files: new Map([...files].reverse()), xattrs }
  expect(await findChanges(backwards, backwards)).toEqual([])
  rmSync(join(directory, 'd/x'))
  writeFileSync(join(directory, 'd/new'), '')
  const now = await snapshotDirectory(directory, noXattrs)
  const expected = await findChanges({ files, xattrs }, now)
  expect(expected.map(({ kind, path }) => `${kind} ${path}`)).toEqual([
    'modified d',
    'removed d/x',
    'added d/new',
  ])
  expect(await findChanges(backwards, { ...now, files: new Map([...now.files].reverse()) })).toEqual(expected)
  expect(encodeSnapshot(backwards)).toEqual(encodeSnapshot({ files, xattrs }))
})

test('a snapshot is written outside of its directory, whole or not at all', async () => {
  const directory = tree()
  const place = scratch()
  symlinkSync(directory, join(place, 'way-in'))
  const inside = { code: 'ARGUMENT_INVALID' }
  for (const file of [join(directory, 'snapshot'), join(directory, 'd/snapshot'), join(place, 'way-in/x')]) {
    await expect(writeSnapshot(directory, file)).rejects.toMatchObject({ ...inside, path: file })
  }
  const failed = { code: 'FILESYSTEM_FAILED' }
  const nowhere = join(place, 'none/x')
  await expect(writeSnapshot(directory, nowhere)).rejects.toMatchObject({ ...failed, path: nowhere })
  const missing = join(place, 'missing')
  await expect(writeSnapshot(missing, join(place, 'x'))).rejects.toMatchObject({ ...failed, path: missing })
  await expect(writeSnapshot(missing, join(missing, 'x'))).rejects.toMatchObject(inside)
  await expect(writeSnapshot(directory, place)).rejects.toMatchObject({ code: 'STORE_FAILED', path: place })
  const file = join(place, 'snapshot')
  writeFileSync(file, 'old')
  // Given up half-way: by then the walk is at `d`.
  const controller = new AbortController()
  const signal = Object.assign(controller.signal, {})
  let asked = 0
  signal.throwIfAborted = () => {
    if (++asked === 4) controller.abort(new Error('enough'))
    AbortSignal.prototype.throwIfAborted.call(signal)
  }
  await expect(writeSnapshot(directory, file, { ...noXattrs, signal })).rejects.toThrow('enough')
  expect(asked).toBe(4)
  expect(readdirSync(place).sort()).toEqual(['snapshot', 'way-in'])
  expect(readFileSync(file, 'utf8')).toBe('old')
  expect(readdirSync(directory).sort()).toEqual(['a', 'b', 'd', 's'])
})

/** A random tree as what it holds, and how to make it of another by as few steps as there are differences. */
type Node =
  | { kind: 'file'; text: string; mode: number }
  | { kind: 'symlink'; target: string }
  | { kind: 'directory'; mode: number; children: Record<string, Node> }

const name = fc.constantFrom('a', 'b', 'c', 'a.b', 'é')
const { node } = fc.letrec<{ node: Node; directory: Node }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3 },
    fc.record({
      kind: fc.constant('file' as const),
      text: fc.string({ maxLength: 3 }),
      // Who is not root cannot pack what they may not read.
      mode: fc.constantFrom(0o644, 0o600, process.getuid?.() === 0 ? 0 : 0o400),
    }),
    fc.record({ kind: fc.constant('symlink' as const), target: fc.constantFrom('a', '/b', '../c') }),
    tie('directory'),
  ),
  directory: fc.record({
    kind: fc.constant('directory' as const),
    mode: fc.constantFrom(0o755, 0o700, 0o500),
    children: fc.dictionary(name, tie('node'), { maxKeys: 4, noNullPrototype: true }),
  }) as fc.Arbitrary<Node>,
}))

function write(path: string, node: Node): void {
  if (node.kind === 'file') {
    writeFileSync(path, node.text)
    chmodSync(path, node.mode)
  } else if (node.kind === 'symlink') symlinkSync(node.target, path)
  else {
    if (!lstatSync(path, { throwIfNoEntry: false })) mkdirSync(path)
    chmodSync(path, 0o700)
    for (const [child, below] of Object.entries(node.children)) write(join(path, child), below)
    chmodSync(path, node.mode)
  }
}

/** Brings what is at a path to what a node says, leaving alone what is as it should be. */
function bring(path: string, from: Node, to: Node): void {
  if (JSON.stringify(from) === JSON.stringify(to)) return
  if (from.kind === 'directory' && to.kind === 'directory') {
    chmodSync(path, 0o700)
    for (const child of new Set([...Object.keys(from.children), ...Object.keys(to.children)])) {
      const [a, b] = [from.children[child], to.children[child]]
      if (a !== undefined && b !== undefined) bring(join(path, child), a, b)
      else if (a !== undefined) remove(join(path, child))
      else write(join(path, child), b!)
    }
    chmodSync(path, to.mode)
  } else {
    remove(path)
    write(path, to)
  }
}

function remove(path: string): void {
  if (lstatSync(path).isDirectory()) emptyDirectory(fs, path)
  rmSync(path, { recursive: true })
}

test('over random trees: the old tree with the layer of changes is the new tree', async () => {
  const top = scratch()
  let run = 0
  const random = fc
    .record({ from: node, to: node })
    .filter(({ from, to }) => from.kind === 'directory' && to.kind === 'directory')
  await fc.assert(
    fc.asyncProperty(random, async ({ from, to }) => {
      const work = join(top, `work-${run}`)
      const copy = join(top, `copy-${run++}`)
      mkdirSync(work)
      write(work, from)
      const base = await layerOf(await tarOf((await all(packDirectory(work, noXattrs))) as TestEntry[]))
      const taken = await snapshotDirectory(work, noXattrs)
      // Saved and loaded every other time.
      const before = run % 2 === 0 ? taken : decodeSnapshot(encodeSnapshot(taken))
      bring(work, from, to)
      const changes = await layerOf(
        await tarOf((await all(packChanges(work, before, noXattrs))) as TestEntry[]),
      )
      await unpackLayers([base, changes], copy)
      const inSeconds = (root: string) =>
        listTree(root).map((file) => ({ ...file, mtime: BigInt(file.mtime) / 1_000_000_000n }))
      expect(inSeconds(copy)).toEqual(inSeconds(work))
    }),
    { numRuns: 60 },
  )
}, 120_000)
