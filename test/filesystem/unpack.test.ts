import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { isOciError } from '../../src/errors.ts'
import { unpackImage, unpackLayers } from '../../src/filesystem/index.ts'
import { layerOf, makeLayers, scratch, type TestEntry, tarOf } from './layers.ts'
import { listTree } from './tree.ts'

const isRoot = process.getuid?.() === 0

/** Unpacks layers of these entries into a fresh directory. */
async function unpacked(...layers: readonly (readonly TestEntry[])[]): Promise<string> {
  const directory = join(scratch(), 'rootfs')
  await unpackLayers(await makeLayers(...layers), directory)
  return directory
}

const paths = (directory: string): string[] =>
  listTree(directory)
    .map(({ path, type }) => (type === 'directory' ? `${path}/` : path))
    .slice(1)

const mode = (path: string): string => (lstatSync(path).mode & 0o7777).toString(8)

describe('what one layer makes', () => {
  test('every type of file, with mode, time and content', async () => {
    const directory = await unpacked([
      { path: './', mode: 0o711, mtime: 1_000_000_001 },
      { path: 'bin/', mode: 0o755, mtime: 1_000_000_002 },
      { path: 'bin/sh', mode: 0o751, mtime: 1_000_000_003, content: '#!' },
      { path: 'bin/empty', mode: 0, mtime: 0 },
      { path: 'bin/ash', type: 'link', linkPath: 'bin/sh', mtime: 5 },
      { path: 'lib', type: 'symlink', linkPath: 'usr/lib', mtime: 1_000_000_004 },
      { path: 'pipe', type: 'fifo', mode: 0o622, mtime: 1_000_000_005 },
      { path: 'old', mtime: -86_400, content: 'before 1970' },
    ])
    expect(
      listTree(directory).map(({ path, type, mode, mtime, size, target, link }) =>
        [path, type, mode, BigInt(mtime) / 1_000_000_000n, size, target, link].join(' '),
      ),
    ).toEqual([
      '. directory 0711 1000000001 0  ',
      'bin directory 0755 1000000002 0  ',
      'bin/ash file 0751 1000000003 2  ',
      'bin/empty file 0000 0 0  ',
      'bin/sh file 0751 1000000003 2  bin/ash',
      'lib symlink 0777 1000000004 7 usr/lib ',
      'old file 0644 -86400 11  ',
      'pipe fifo 0622 1000000005 0  ',
    ])
    expect(readFileSync(join(directory, 'bin/sh'), 'utf8')).toBe('#!')
  })

  test('modes are exact whatever the umask', async () => {
    const before = process.umask(0o077)
    try {
      const directory = await unpacked([
        { path: 'all/', mode: 0o777 },
        { path: 'all/file', mode: 0o666 },
        { path: 'implied/file', mode: 0o4755 },
      ])
      expect([mode(directory), mode(join(directory, 'all')), mode(join(directory, 'all/file'))]).toEqual([
        '755',
        '777',
        '666',
      ])
      expect(mode(join(directory, 'implied'))).toBe('755')
    } finally {
      process.umask(before)
    }
  })

  test('a directory that nobody may enter is filled, and keeps its time', async () => {
    const directory = await unpacked(
      [
        { path: 'closed/', mode: 0, mtime: 1_000_000_000 },
        { path: 'closed/below/', mode: 0o500, mtime: 1_000_000_001 },
        { path: 'closed/below/file', content: 'x' },
      ],
      [{ path: 'closed/below/second', content: 'y' }],
    )
    expect(mode(join(directory, 'closed'))).toBe('0')
    expect(lstatSync(join(directory, 'closed')).mtimeMs).toBe(1_000_000_000_000)
    chmodSync(join(directory, 'closed'), 0o700)
    expect(lstatSync(join(directory, 'closed/below')).mtimeMs).toBe(1_000_000_001_000)
    expect(paths(directory)).toEqual(['closed/', 'closed/below/', 'closed/below/file', 'closed/below/second'])
  })

  test('a directory without an entry of its own has mode 0755 and time 0', async () => {
    const directory = await unpacked([{ path: 'a/b/c', content: 'x' }])
    expect(mode(join(directory, 'a/b'))).toBe('755')
    expect(lstatSync(join(directory, 'a/b')).mtimeMs).toBe(0)
    expect(lstatSync(directory).mtimeMs).toBe(0)
  })

  test('times are kept to the microsecond, and what is cut off is reported', async () => {
    const directory = join(scratch(), 'rootfs')
    const layers = await makeLayers([
      { path: 'a', mtime: { seconds: 1_700_000_000, nanoseconds: 123_456_789 } },
      { path: 'b', mtime: { seconds: 1_700_000_000, nanoseconds: 999_999_999 } },
      { path: 'c', mtime: { seconds: 1_700_000_000, nanoseconds: 1000 } },
      { path: 'd', mtime: { seconds: 1_700_000_000, nanoseconds: 0 } },
    ])
    const report = await unpackLayers(layers, directory)
    const off = (name: string, exact: bigint): number =>
      Math.abs(Number(lstatSync(join(directory, name), { bigint: true }).mtimeNs - exact))
    expect(off('a', 1_700_000_000_123_456_789n)).toBeLessThan(1000)
    expect(off('b', 1_700_000_000_999_999_999n)).toBeLessThan(1000)
    expect(off('c', 1_700_000_000_000_001_000n)).toBeLessThan(1000)
    expect(off('d', 1_700_000_000_000_000_000n)).toBe(0)
    expect(report.skipped.map(({ path, what }) => `${path} ${what}`)).toEqual(['a time', 'b time', 'c time'])
  })

  test('times that no disk holds fail nothing, and are reported', async () => {
    const directory = join(scratch(), 'rootfs')
    const times = [-1e14, -1e10, -(2 ** 31), 15_032_385_535, 1e11, 1e15]
    const types = ['file', 'symlink', 'directory'] as const
    const entries = times.flatMap((mtime, i) =>
      types.map((type) => ({ path: `${type}${i}`, type, mtime, linkPath: type === 'symlink' ? 'x' : '' })),
    )
    const report = await unpackLayers(await makeLayers(entries), directory)
    expect(report.skipped.map(({ path, what }) => `${path} ${what}`)).toEqual(
      [0, 1, 4, 5].flatMap((i) => types.map((type) => `${type}${i} time`)),
    )
  })

  test('names of many kinds: odd characters, 255 bytes, not UTF-8', async () => {
    const long = 'x'.repeat(255)
    const latin = new Uint8Array([0x67, 0x72, 0xfc, 0xdf, 0x65])
    const decoded = new TextDecoder().decode(latin)
    const directory = await unpacked([
      { path: ' a\nb\\c"\u{1f600}', content: '1' },
      { path: `d/${long}`, content: '2' },
      { path: decoded, pathBytes: latin, content: '3' },
      { path: 'link', type: 'symlink', linkPath: decoded, linkPathBytes: latin },
      { path: 'hard', type: 'link', linkPath: decoded, linkPathBytes: latin },
    ])
    expect(readFileSync(join(directory, ' a\nb\\c"\u{1f600}'), 'utf8')).toBe('1')
    expect(readFileSync(join(directory, 'd', long), 'utf8')).toBe('2')
    const names = readdirSync(directory, { encoding: 'buffer' }).map((name) => name.toString('hex'))
    expect(names).toContain('6772fcdf65')
    expect(readlinkSync(join(directory, 'link'), { encoding: 'buffer' }).toString('hex')).toBe('6772fcdf65')
    expect(readFileSync(join(directory, 'hard'), 'utf8')).toBe('3')
  })

  test('a large file, and the bytes and entries of the report', async () => {
    const content = new Uint8Array(3 * 1024 * 1024 + 17).map((_, i) => i * 7)
    const directory = join(scratch(), 'rootfs')
    const progress: number[] = []
    const layers = await makeLayers([{ path: 'big', content }], [{ path: 'small', content: 'x' }])
    const report = await unpackLayers(layers, directory, { onProgress: (bytes) => progress.push(bytes) })
    expect(readFileSync(join(directory, 'big')).equals(content)).toBe(true)
    expect(report).toMatchObject({ directory, entries: 2, bytes: content.length + 1, skipped: [] })
    expect(progress.at(-1)).toBe(layers[0]!.size + layers[1]!.size)
    expect(progress).toEqual([...progress].sort((a, b) => a - b))
  })
})

describe('layers over layers', () => {
  test('a directory over a directory keeps what is in it and takes the attributes', async () => {
    const directory = await unpacked(
      [
        { path: 'a/', mode: 0o700, mtime: 1 },
        { path: 'a/x', content: 'x' },
      ],
      [{ path: 'a/', mode: 0o711, mtime: 2 }],
    )
    expect(paths(directory)).toEqual(['a/', 'a/x'])
    expect([mode(join(directory, 'a')), lstatSync(join(directory, 'a')).mtimeMs]).toEqual(['711', 2000])
  })

  test('adding to a directory of a lower layer leaves its attributes', async () => {
    const directory = await unpacked([{ path: 'a/', mode: 0o750, mtime: 7 }], [{ path: 'a/x', content: 'x' }])
    expect([mode(join(directory, 'a')), lstatSync(join(directory, 'a')).mtimeMs]).toEqual(['750', 7000])
  })

  test('everything else replaces, and a symlink that is replaced is not followed', async () => {
    const directory = await unpacked(
      [
        { path: 'target', content: 'untouched' },
        { path: 'dir/x', content: 'x' },
        { path: 'dir2/x', content: 'x' },
        { path: 'file', content: 'f' },
        { path: 'link', type: 'symlink', linkPath: 'target' },
        { path: 'link2', type: 'symlink', linkPath: 'dir' },
        { path: 'one', content: '1' },
        { path: 'two', type: 'link', linkPath: 'one' },
      ],
      [
        { path: 'dir', content: 'now a file' },
        { path: 'dir2', type: 'symlink', linkPath: 'file' },
        { path: 'file/', mode: 0o755 },
        { path: 'link', content: 'now a file' },
        { path: 'link2/' },
        { path: 'two', content: 'apart' },
      ],
    )
    expect(listTree(directory).map(({ path, type, target }) => `${path} ${type} ${target}`)).toEqual([
      '. directory ',
      'dir file ',
      'dir2 symlink file',
      'file directory ',
      'link file ',
      'link2 directory ',
      'one file ',
      'target file ',
      'two file ',
    ])
    expect(readFileSync(join(directory, 'target'), 'utf8')).toBe('untouched')
    expect(readFileSync(join(directory, 'one'), 'utf8')).toBe('1')
  })

  test('an entry below a symlink goes where the symlink leads inside the root', async () => {
    const directory = await unpacked(
      [
        { path: 'usr/lib/', mode: 0o755 },
        { path: 'lib', type: 'symlink', linkPath: 'usr/lib' },
        { path: 'abs', type: 'symlink', linkPath: '/usr' },
        { path: 'up', type: 'symlink', linkPath: '../../../../usr' },
        { path: 'dangling', type: 'symlink', linkPath: 'not/yet' },
      ],
      [
        { path: 'lib/a', content: 'a' },
        { path: 'abs/lib/b', content: 'b' },
        { path: 'up/lib/c', content: 'c' },
        { path: 'dangling/d', content: 'd' },
      ],
    )
    expect(paths(directory)).toEqual([
      'abs',
      'dangling',
      'lib',
      'not/',
      'not/yet/',
      'not/yet/d',
      'up',
      'usr/',
      'usr/lib/',
      'usr/lib/a',
      'usr/lib/b',
      'usr/lib/c',
    ])
  })

  test('a hard link to a file of a lower layer, through a symlinked directory', async () => {
    const directory = await unpacked(
      [
        { path: 'usr/a', content: 'a' },
        { path: 'd', type: 'symlink', linkPath: 'usr' },
      ],
      [{ path: 'b', type: 'link', linkPath: 'd/a' }],
    )
    expect(statSync(join(directory, 'b')).ino).toBe(statSync(join(directory, 'usr/a')).ino)
  })
})

describe('whiteouts', () => {
  const base = [
    { path: 'a/', mtime: 9 },
    { path: 'a/b/c', content: 'c' },
    { path: 'a/d', content: 'd' },
    { path: 'e', content: 'e' },
    { path: 'f', type: 'symlink' as const, linkPath: 'e' },
  ]

  test.each([
    ['before what the layer makes', 0],
    ['after it', 1],
  ])('hide lower layers alone, %s', async (_, order) => {
    const hide = [
      { path: '.wh.e' },
      { path: 'a/.wh.b' },
      { path: '.wh.f' },
      { path: '.wh.absent' },
      { path: 'x/.wh.y' },
    ]
    const make = [
      { path: 'e', content: 'new' },
      { path: 'a/b/', mode: 0o755 },
      { path: 'a/b/new', content: 'new' },
    ]
    const directory = await unpacked(base, order === 0 ? [...hide, ...make] : [...make, ...hide])
    expect(paths(directory)).toEqual(['a/', 'a/b/', 'a/b/new', 'a/d', 'e'])
    expect(readFileSync(join(directory, 'e'), 'utf8')).toBe('new')
    expect(lstatSync(join(directory, 'a')).mtimeMs).toBe(9000)
  })

  test.each([
    ['before what the layer makes', 0],
    ['after it', 1],
  ])('an opaque directory hides all that was in it, %s', async (_, order) => {
    const hide = [{ path: 'a/.wh..wh..opq' }]
    const make = [
      { path: 'a/', mode: 0o755 },
      { path: 'a/b/', mode: 0o755 },
      { path: 'a/b/foo', content: 'foo' },
    ]
    const directory = await unpacked(base, order === 0 ? [...hide, ...make] : [...make, ...hide])
    expect(paths(directory)).toEqual(['a/', 'a/b/', 'a/b/foo', 'e', 'f'])
  })

  test('an opaque root, and one that is said a thousand times', async () => {
    const many = Array.from({ length: 1000 }, () => ({ path: '.wh..wh..opq' }))
    const directory = await unpacked(base, [{ path: 'new', content: 'n' }, ...many])
    expect(paths(directory)).toEqual(['new'])
  })

  test('in the bottom layer hide nothing, and are no files', async () => {
    const directory = await unpacked([...base, { path: '.wh.e' }, { path: 'a/.wh..wh..opq' }])
    expect(paths(directory)).toEqual(['a/', 'a/b/', 'a/b/c', 'a/d', 'e', 'f'])
  })

  test('a hidden directory that the layer makes again by implication has lost its attributes', async () => {
    const directory = await unpacked(
      [
        { path: 'a/', mode: 0o700, mtime: 5 },
        { path: 'a/old', content: '' },
      ],
      [{ path: 'a/new', content: '' }, { path: '.wh.a' }],
    )
    expect(paths(directory)).toEqual(['a/', 'a/new'])
    expect([mode(join(directory, 'a')), lstatSync(join(directory, 'a')).mtimeMs]).toEqual(['755', 0])
  })

  test('what replaced a directory in the same layer is not hidden', async () => {
    const directory = await unpacked(base, [
      { path: 'a', content: 'file now' },
      { path: 'a/', type: 'directory' },
      { path: 'a/z', content: 'z' },
      { path: '.wh.a' },
    ])
    expect(paths(directory)).toEqual(['a/', 'a/z', 'e', 'f'])
  })
})

describe('the directory', () => {
  test('is made with its parents, is given as a path or URL, and is mode 0700 while the work lasts', async () => {
    const directory = join(scratch(), 'a/b/rootfs')
    const layers = await makeLayers([
      { path: './', mode: 0o755 },
      { path: 'x', content: new Uint8Array(3 << 20) },
    ])
    const seen: string[] = []
    await unpackImage({ layers }, pathToFileURL(directory), { onProgress: () => seen.push(mode(directory)) })
    expect(new Set(seen)).toEqual(new Set(['700']))
    expect(mode(directory)).toBe('755')
    expect(readdirSync(join(directory, '..'))).toEqual(['rootfs'])
  })

  test('may be empty, must not hold anything, must be a directory', async () => {
    const layers = await makeLayers([{ path: 'x', content: 'x' }])
    const outside = scratch()
    mkdirSync(join(outside, 'empty'))
    await unpackLayers(layers, join(outside, 'empty'))
    mkdirSync(join(outside, 'full'))
    writeFileSync(join(outside, 'full/mine'), 'mine')
    await expect(unpackLayers(layers, join(outside, 'full'))).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
    })
    expect(readdirSync(join(outside, 'full'))).toEqual(['mine'])
    writeFileSync(join(outside, 'file'), 'mine')
    await expect(unpackLayers(layers, join(outside, 'file'))).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
    })
    await expect(unpackLayers(layers, '')).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' })
    expect(readdirSync(outside).sort()).toEqual(['empty', 'file', 'full'])
  })

  test('may be named through a symlink of the caller', async () => {
    const outside = scratch()
    mkdirSync(join(outside, 'real'))
    symlinkSync('real', join(outside, 'name'))
    await unpackLayers(await makeLayers([{ path: 'x', content: 'x' }]), join(outside, 'name'))
    expect(readdirSync(join(outside, 'real'))).toEqual(['x'])
  })

  test.each([
    ['a layer cut short', 'TAR_TRUNCATED'],
    ['a layer with another diffID', 'DIFF_ID_MISMATCH'],
  ])('nothing is left of %s', async (what, code) => {
    const outside = scratch()
    const good = await tarOf([
      { path: 'a/', mode: 0o500 },
      { path: 'a/x', content: new Uint8Array(5000) },
    ])
    const layer = await layerOf(what === 'a layer cut short' ? good.subarray(0, 2048) : good)
    if (code === 'DIFF_ID_MISMATCH') Object.assign(layer, { diffID: `sha256:${'0'.repeat(64)}` })
    await expect(unpackLayers([layer], join(outside, 'rootfs'))).rejects.toMatchObject({ code })
    expect(readdirSync(outside)).toEqual([])
    mkdirSync(join(outside, 'rootfs'), { mode: 0o750 })
    chmodSync(join(outside, 'rootfs'), 0o750)
    await expect(unpackLayers([layer], join(outside, 'rootfs'))).rejects.toMatchObject({ code })
    expect(readdirSync(outside)).toEqual(['rootfs'])
    expect(readdirSync(join(outside, 'rootfs'))).toEqual([])
    expect(mode(join(outside, 'rootfs'))).toBe('750')
  })

  test('an abort rejects with its reason and leaves nothing', async () => {
    const outside = scratch()
    const layers = await makeLayers(
      [{ path: 'x', content: new Uint8Array(4 << 20) }],
      [{ path: 'y', content: 'y' }],
    )
    const controller = new AbortController()
    const reason = new Error('enough')
    const work = unpackLayers(layers, join(outside, 'rootfs'), {
      signal: controller.signal,
      onProgress: () => controller.abort(reason),
    })
    await expect(work).rejects.toBe(reason)
    expect(readdirSync(outside)).toEqual([])
    await expect(
      unpackLayers(layers, join(outside, 'rootfs'), { signal: AbortSignal.abort(reason) }),
    ).rejects.toBe(reason)
  })

  test('two at once into one directory: the second is refused, the first goes on', async () => {
    const directory = join(scratch(), 'rootfs')
    const layers = await makeLayers([{ path: 'x', content: new Uint8Array(2 << 20) }])
    const first = unpackLayers(layers, directory)
    await expect(unpackLayers(layers, directory)).rejects.toMatchObject({ code: 'LOCK_TIMEOUT' })
    await first
    expect(readdirSync(directory)).toEqual(['x'])
  })
})

describe('what is made only when it is asked for', () => {
  const entries = [
    { path: 'su', mode: 0o4755, content: 'x' },
    { path: 'mail/', mode: 0o2775 },
    { path: 'tmp/', mode: 0o1777 },
    { path: 'null', type: 'character-device' as const, mode: 0o666, deviceMajor: 1, deviceMinor: 3 },
    { path: 'null2', type: 'link' as const, linkPath: 'null' },
  ]

  test('set-id bits of files and device nodes are left out, and reported', async () => {
    const directory = join(scratch(), 'rootfs')
    const report = await unpackLayers(await makeLayers(entries), directory)
    expect(paths(directory)).toEqual(['mail/', 'su', 'tmp/'])
    expect(['su', 'mail', 'tmp'].map((name) => mode(join(directory, name)))).toEqual(['755', '2775', '1777'])
    expect(report.skipped.map(({ path, what }) => `${path} ${what}`)).toEqual([
      'su set-id',
      'null device',
      'null2 link',
    ])
    expect(report.skippedCounts).toEqual({ 'set-id': 1, device: 1, link: 1 })
  })

  test.runIf(isRoot)('set-id bits and device nodes when asked for', async () => {
    const directory = join(scratch(), 'rootfs')
    const report = await unpackLayers(
      await makeLayers([...entries, { path: 'owned', mode: 0o6755, uid: 12, gid: 34, content: 'x' }]),
      directory,
      { devices: true, setid: true },
    )
    expect(report.skipped).toEqual([])
    expect(mode(join(directory, 'su'))).toBe('4755')
    // A change of owner drops set-id bits: the mode has to come after it.
    expect(mode(join(directory, 'owned'))).toBe('6755')
    expect(lstatSync(join(directory, 'null')).isCharacterDevice()).toBe(true)
    expect(lstatSync(join(directory, 'null')).rdev).toBe(0x103)
    expect(lstatSync(join(directory, 'null2')).ino).toBe(lstatSync(join(directory, 'null')).ino)
  })

  test('without commands there are no FIFOs', async () => {
    const directory = join(scratch(), 'rootfs')
    const layers = await makeLayers(
      [{ path: 'pipe', type: 'fifo' }],
      [{ path: 'x', type: 'link', linkPath: 'pipe' }],
    )
    const report = await unpackLayers(layers, directory, { commands: false })
    expect(paths(directory)).toEqual([])
    expect(report.skipped.map(({ path, what }) => `${path} ${what}`)).toEqual(['pipe fifo', 'x link'])
  })
})

describe('owners', () => {
  const entries = [
    { path: 'd/', uid: 1, gid: 2 },
    { path: 'd/f', uid: 1000, gid: 1001, content: 'f' },
    { path: 'd/s', type: 'symlink' as const, linkPath: 'f', uid: 5, gid: 6 },
    { path: 'd/r', content: 'r' },
    { path: 'd/big', uid: 1000650000, gid: 4294967294, content: 'b' },
  ]
  const owners = (directory: string): string[] =>
    listTree(directory).map(({ path, uid, gid }) => `${path} ${uid}:${gid}`)

  test.runIf(isRoot)('as the image says', async () => {
    const directory = join(scratch(), 'rootfs')
    await unpackLayers(await makeLayers(entries), directory)
    expect(owners(directory)).toEqual([
      '. 0:0',
      'd 1:2',
      'd/big 1000650000:4294967294',
      'd/f 1000:1001',
      'd/r 0:0',
      'd/s 5:6',
    ])
  })

  test('of the user who unpacks', async () => {
    const directory = join(scratch(), 'rootfs')
    const report = await unpackLayers(await makeLayers(entries), directory, { owner: 'current' })
    const { uid, gid } = lstatSync(directory)
    expect(new Set(listTree(directory).map((file) => `${file.uid}:${file.gid}`))).toEqual(
      new Set([`${uid}:${gid}`]),
    )
    expect(report.skipped.map(({ path, what }) => `${path} ${what}`)).toEqual([
      'd owner',
      'd/f owner',
      'd/s owner',
      'd/big owner',
    ])
  })

  test.runIf(isRoot)('by a map', async () => {
    const directory = join(scratch(), 'rootfs')
    const ranges = [
      { containerID: 0, hostID: 100000, size: 1500 },
      { containerID: 1000650000, hostID: 7, size: 1 },
    ]
    await unpackLayers(await makeLayers(entries), directory, {
      owner: { uid: ranges, gid: (id) => id % 1000 },
    })
    expect(owners(directory)).toEqual([
      '. 100000:0',
      'd 100001:2',
      'd/big 7:294',
      'd/f 101000:1',
      'd/r 100000:0',
      'd/s 100005:6',
    ])
    const outside = scratch()
    const narrow = unpackLayers(await makeLayers(entries), join(outside, 'x'), {
      owner: { uid: [{ containerID: 0, hostID: 1, size: 10 }], gid: (id) => id },
    })
    await expect(narrow).rejects.toMatchObject({ code: 'ARGUMENT_INVALID', path: 'd/f' })
    expect(readdirSync(outside)).toEqual([])
  })
})

test('two layers with the same digest are two layers', async () => {
  const [layer] = await makeLayers([{ path: 'x', content: 'x' }])
  const directory = join(scratch(), 'rootfs')
  await unpackLayers([layer!, layer!], directory)
  expect(existsSync(join(directory, 'x'))).toBe(true)
})

test('errors of the system name the entry', async () => {
  const error = await unpackLayers(
    await makeLayers([{ path: `a/${'n'.repeat(300)}`, content: 'x' }]),
    join(scratch(), 'r'),
  ).catch((thrown) => thrown)
  expect(isOciError(error, 'FILESYSTEM_FAILED')).toBe(true)
  expect(error.path).toBe(`a/${'n'.repeat(300)}`)
  expect(error.message).toContain('longer than')
})

test('a record inside of the tree is refused', async () => {
  const outside = scratch()
  const layers = await makeLayers([{ path: 'x', content: 'x' }])
  const work = unpackLayers(layers, join(outside, 'rootfs'), { record: join(outside, 'rootfs/record') })
  await expect(work).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' })
  expect(readdirSync(outside)).toEqual([])
})

test('a record that cannot be put in its place fails the unpacking, and leaves nothing', async () => {
  const outside = scratch()
  mkdirSync(join(outside, 'record'))
  const layers = await makeLayers([{ path: 'x', content: 'x' }])
  const unpack = () => unpackLayers(layers, join(outside, 'rootfs'), { record: join(outside, 'record') })
  await expect(unpack()).rejects.toMatchObject({ code: 'FILESYSTEM_FAILED' })
  expect(readdirSync(outside)).toEqual(['record'])
  // Nor is the directory taken for one that is being unpacked into.
  await expect(unpack()).rejects.toMatchObject({ code: 'FILESYSTEM_FAILED' })
})

test('a whiteout below symlinks that go in circles hides nothing', async () => {
  const directory = await unpacked(
    [
      { path: 'loop', type: 'symlink', linkPath: '/loop' },
      { path: 'x', content: 'x' },
    ],
    [{ path: 'loop/.wh..wh..opq' }, { path: 'loop/.wh.x' }],
  )
  expect(paths(directory)).toEqual(['loop', 'x'])
})

test.runIf(isRoot)('attributes on more files than wait at once', async () => {
  const directory = join(scratch(), 'rootfs')
  const value = new Uint8Array(3000).fill(7)
  const entries = Array.from({ length: 1000 }, (_, i) => ({
    path: `f${i}`,
    content: '',
    xattrs: new Map([['user.x', value]]),
  }))
  const report = await unpackLayers(await makeLayers(entries), directory)
  expect(report.skipped).toEqual([])
  const { getXattrs } = await import('../../src/filesystem/machine-command.ts')
  const found = await getXattrs(directory)
  expect(found).toHaveProperty('size', 1000)
  expect(
    new Set(
      [...(found as Map<string, Map<string, Uint8Array>>).values()].map((set) => set.get('user.x')?.length),
    ),
  ).toEqual(new Set([3000]))
})
