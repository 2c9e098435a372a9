import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readAll } from '../../src/bytes.ts'
import { compareNames, nameFromBytes, nameToBytes } from '../../src/filesystem/disk-name.ts'
import { type PackOptions, packDirectory, unpackLayers } from '../../src/filesystem/index.ts'
import type { TarEntryInput } from '../../src/tar/index.ts'
import { layerOf, makeLayers, scratch, type TestEntry, tarOf } from './layers.ts'
import { listTree } from './tree.ts'

const isRoot = process.getuid?.() === 0

async function packed(directory: string, options: PackOptions = {}): Promise<TarEntryInput[]> {
  const entries: TarEntryInput[] = []
  for await (const entry of packDirectory(directory, options)) entries.push(entry)
  return entries
}

async function names(directory: string, options: PackOptions = {}): Promise<string[]> {
  return (await packed(directory, options)).map(({ path }) => path)
}

function files(directory: string, paths: readonly string[]): string {
  for (const path of paths) {
    if (path.endsWith('/')) mkdirSync(join(directory, path), { recursive: true })
    else {
      mkdirSync(join(directory, path, '..'), { recursive: true })
      writeFileSync(join(directory, path), path)
    }
  }
  return directory
}

describe('the entries', () => {
  test('in the byte order of whole paths, parents first', async () => {
    const directory = files(scratch(), [
      'a/b',
      'a.b',
      'a0',
      'a/',
      'B',
      'é',
      '\u{1f600}',
      '\uffee',
      'a/b.c',
      'ab/',
    ])
    const found = await names(directory)
    expect(found).toEqual(['./', 'B', 'a/', 'a.b', 'a/b', 'a/b.c', 'a0', 'ab/', 'é', '\uffee', '\u{1f600}'])
  })

  test('with all that a file is', async () => {
    const directory = files(scratch(), ['file', 'other', 'd/'])
    chmodSync(join(directory, 'file'), 0o4751)
    utimesSync(join(directory, 'file'), 1_700_000_000.75, 1_700_000_000.75)
    utimesSync(join(directory, 'd'), 5, 5)
    symlinkSync('../anywhere', join(directory, 'd/link'))
    linkSync(join(directory, 'file'), join(directory, 'd/again'))
    execFileSync('mkfifo', ['-m', '0620', join(directory, 'pipe')])
    const entries = await packed(directory, { root: false })
    expect(entries.map(({ path, type, linkPath }) => [path, type, linkPath])).toEqual([
      ['d/', 'directory', undefined],
      ['d/again', 'file', undefined],
      ['d/link', 'symlink', '../anywhere'],
      ['file', 'link', 'd/again'],
      ['other', 'file', undefined],
      ['pipe', 'fifo', undefined],
    ])
    const again = entries.find(({ path }) => path === 'd/again')!
    expect(again).toMatchObject({ mode: 0o4751, size: 4, mtime: { seconds: 1_700_000_000, nanoseconds: 0 } })
    expect(new TextDecoder().decode(await readAll(again.content!, 100))).toBe('file')
  })

  test('times: clamped, and exact when asked for', async () => {
    const directory = files(scratch(), ['old', 'new', 'before'])
    utimesSync(join(directory, 'old'), 1000.5, 1000.5)
    utimesSync(join(directory, 'new'), 2000.5, 2000.5)
    utimesSync(join(directory, 'before'), new Date(-1500), new Date(-1500))
    const times = async (options: PackOptions) =>
      Object.fromEntries(
        (await packed(directory, { root: false, ...options })).map(({ path, mtime }) => [path, mtime]),
      )
    expect(await times({ clampTime: 1500 })).toEqual({
      old: { seconds: 1000, nanoseconds: 0 },
      new: { seconds: 1500, nanoseconds: 0 },
      before: { seconds: -2, nanoseconds: 0 },
    })
    expect(await times({ nanoseconds: true, clampTime: new Date(1_700_250) })).toEqual({
      old: { seconds: 1000, nanoseconds: 500_000_000 },
      new: { seconds: 1700, nanoseconds: 250_000_000 },
      before: { seconds: -2, nanoseconds: 500_000_000 },
    })
  })

  test('owners: one for all, by a map', async () => {
    const directory = files(scratch(), ['a'])
    const { uid, gid } = lstatSync(join(directory, 'a'))
    const owners = async (options: PackOptions) =>
      (await packed(directory, { root: false, ...options })).map((entry) => [entry.uid, entry.gid])
    expect(await owners({ owner: { uid: 7, gid: 8 } })).toEqual([[7, 8]])
    expect(await owners({ owner: 'preserve' })).toEqual([[uid, gid]])
    expect(
      await owners({ owner: { uid: [{ containerID: 100, hostID: uid, size: 1 }], gid: (id) => id + 1 } }),
    ).toEqual([[100, gid + 1]])
    await expect(
      owners({ owner: { uid: [{ containerID: 0, hostID: uid + 1, size: 1 }], gid: [] } }),
    ).rejects.toMatchObject({ code: 'ARGUMENT_INVALID', path: 'a' })
  })

  test('below a prefix, links too', async () => {
    const directory = files(scratch(), ['x/a'])
    linkSync(join(directory, 'x/a'), join(directory, 'x/b'))
    const entries = await packed(directory, { prefix: '/app/./dist/' })
    expect(entries.map(({ path, linkPath }) => [path, linkPath])).toEqual([
      ['app/dist/', undefined],
      ['app/dist/x/', undefined],
      ['app/dist/x/a', undefined],
      ['app/dist/x/b', 'app/dist/x/a'],
    ])
    await expect(packed(directory, { prefix: 'a/../..' })).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' })
  })

  test('a socket is left out and told of, a whiteout name is refused', async () => {
    const directory = files(scratch(), ['a'])
    const server = createServer().listen(join(directory, 'socket'))
    onTestFinished(() => void server.close())
    await new Promise((resolve) => server.once('listening', resolve))
    const skipped: string[] = []
    expect(
      await names(directory, { onSkipped: ({ path, what }) => skipped.push(`${path} ${what}`) }),
    ).toEqual(['./', 'a'])
    expect(skipped).toEqual(['socket socket'])
    writeFileSync(join(directory, '.wh.a'), '')
    await expect(names(directory)).rejects.toMatchObject({ code: 'ARGUMENT_INVALID', path: '.wh.a' })
    expect(await names(directory, { exclude: ['.wh.*', 'socket'] })).toEqual(['./', 'a'])
  })

  test('what is not there, or no directory', async () => {
    const directory = files(scratch(), ['file'])
    await expect(names(join(directory, 'absent'))).rejects.toMatchObject({ code: 'FILESYSTEM_FAILED' })
    await expect(names(join(directory, 'file'))).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' })
  })
})

describe('a file that changes while it is read', () => {
  test.each([
    ['small', 1000, 'grows'],
    ['small', 1000, 'shrinks'],
    ['large', 5 << 20, 'grows'],
    ['large', 5 << 20, 'shrinks'],
  ])('%s (%i bytes) %s', async (_, size, how) => {
    const directory = scratch()
    const path = join(directory, 'b')
    writeFileSync(join(directory, 'a'), 'first')
    writeFileSync(path, new Uint8Array(size))
    const { FileReader } = await import('../../src/filesystem/pack-file.ts')
    const fs = await import('node:fs')
    if (how === 'grows') appendFileSync(path, 'more')
    else fs.truncateSync(path, size - 7)
    const read = async () => readAll(new FileReader(fs).content(path, 'b', size), 1 << 30)
    await expect(read()).rejects.toMatchObject({ code: 'SIZE_MISMATCH', path: 'b', expected: size })
  })

  test('one that became a symlink is not followed', async () => {
    const directory = scratch()
    const { FileReader } = await import('../../src/filesystem/pack-file.ts')
    const fs = await import('node:fs')
    symlinkSync('/etc/passwd', join(directory, 'b'))
    expect(() => new FileReader(fs).content(join(directory, 'b'), 'b', 5)).toThrow(
      expect.objectContaining({ code: 'FILESYSTEM_FAILED', path: 'b' }),
    )
  })
})

describe('include and exclude', () => {
  const all = [
    'README.md',
    'docs/a.md',
    'docs/deep/b.md',
    'src/x.js',
    'src/x.js.map',
    'node_modules/a/b.js',
    '.git/c',
  ]

  test.each<[string, PackOptions, string[]]>([
    [
      'a name is one from the root',
      { exclude: ['*.md', '.git'] },
      [
        'docs/',
        'docs/a.md',
        'docs/deep/',
        'docs/deep/b.md',
        'node_modules/',
        'node_modules/a/',
        'node_modules/a/b.js',
        'src/',
        'src/x.js',
        'src/x.js.map',
      ],
    ],
    [
      '** is any directory',
      { exclude: ['**/*.md', '**/*.map', '.git', 'node_modules/'] },
      ['docs/', 'docs/deep/', 'src/', 'src/x.js'],
    ],
    [
      '! takes back, with the directories it is in',
      { exclude: ['*', '!docs/deep/b.md', '!src'] },
      ['docs/', 'docs/deep/', 'docs/deep/b.md', 'src/', 'src/x.js', 'src/x.js.map'],
    ],
    [
      'the last that matches counts',
      { exclude: ['src', '!src/x.js', 'src/x.js', '# README.md', '', 'docs', 'node_modules', '.git'] },
      ['README.md'],
    ],
    [
      'only what is included',
      { include: ['src/*.js', '/docs/deep'] },
      ['docs/', 'docs/deep/', 'docs/deep/b.md', 'src/', 'src/x.js'],
    ],
    ['included and excluded', { include: ['src'], exclude: ['**/*.map'] }, ['src/', 'src/x.js']],
  ])('%s', async (_, options, expected) => {
    const directory = files(scratch(), all)
    expect(await names(directory, { root: false, ...options })).toEqual(expected)
  })
})

describe('there and back', () => {
  test('what was unpacked, packed and unpacked again is the same tree', async () => {
    const first = join(scratch(), 'a')
    const second = join(scratch(), 'b')
    const latin = new Uint8Array([0xe9, 0x2e, 0xff])
    await unpackLayers(
      await makeLayers([
        { path: './', mode: 0o711, mtime: 3 },
        { path: 'd/', mode: 0o500, mtime: 4 },
        // Who is not root cannot pack what they may not read.
        { path: 'd/f', content: 'f', mode: process.getuid?.() === 0 ? 0o000 : 0o400, mtime: -5 },
        { path: 'd/g', type: 'link', linkPath: 'd/f' },
        { path: 's', type: 'symlink', linkPath: '/d', mtime: 6 },
        { path: 'p', type: 'fifo', mtime: 7 },
        { path: 'big', content: new Uint8Array(2_500_000).fill(9), mtime: 8 },
        { path: new TextDecoder().decode(latin), pathBytes: latin, content: 'latin', mtime: 9 },
      ]),
      first,
    )
    const tar = await tarOf((await packed(first)) as TestEntry[])
    await unpackLayers([await layerOf(tar)], second)
    expect(listTree(second)).toEqual(listTree(first))
    expect(Buffer.from(await tarOf((await packed(second)) as TestEntry[])).equals(tar)).toBe(true)
  })

  test('a record gives back what could not be kept', async () => {
    const directory = join(scratch(), 'a')
    const record = join(scratch(), 'record')
    const capability = new Map([['security.capability', new Uint8Array([0, 255, 1])]])
    const layers = await makeLayers(
      [
        { path: 'var/', uid: 0, gid: 8, mode: 0o2775, mtime: 1 },
        { path: 'old', uid: 5, gid: 5, content: '', mtime: 1 },
        { path: 'later', uid: 5, gid: 5, content: '', mtime: 1 },
        { path: 'dev/', mtime: 1 },
        { path: 'dev/gone', type: 'character-device', deviceMajor: 1, deviceMinor: 5 },
      ],
      [
        { path: '.wh.old' },
        { path: 'dev/.wh.gone' },
        { path: 'later', content: 'root owns it now', mtime: 1 },
        { path: 'dev/null', type: 'character-device', mode: 0o666, deviceMajor: 1, deviceMinor: 3, mtime: 2 },
        { path: 'dev/zero', type: 'link', linkPath: 'dev/null' },
        {
          path: 'dev/sda',
          type: 'block-device',
          mode: 0o660,
          gid: 6,
          deviceMajor: 8,
          deviceMinor: 256,
          mtime: 3,
        },
        { path: 'su', mode: 0o4755, uid: 3, gid: 4, content: 'x', mtime: 4, xattrs: capability },
        { path: 'pipe', type: 'fifo', mode: 0o600, uid: 1, mtime: 5 },
      ],
    )
    await unpackLayers(layers, directory, { owner: 'current', commands: false, record })
    const entries = await packed(directory, { record, root: false, xattrs: false })
    const shown = entries.map(({ path, type, mode, uid, gid, deviceMajor, deviceMinor, xattrs }) =>
      [path, type, mode?.toString(8), `${uid}:${gid}`, deviceMajor, deviceMinor, xattrs?.size]
        .filter((x) => x !== undefined)
        .join(' '),
    )
    expect(shown).toEqual([
      'dev/ directory 755 0:0',
      'dev/null character-device 666 0:0 1 3',
      'dev/sda block-device 660 0:6 8 256',
      'dev/zero character-device 666 0:0 1 3',
      'later file 644 0:0',
      'pipe fifo 600 1:0',
      'su file 4755 3:4 1',
      'var/ directory 2775 0:8',
    ])
    expect(entries.find(({ path }) => path === 'su')!.xattrs).toEqual(capability)
  })

  test('a record speaks of every name of a file, whichever comes first', async () => {
    const directory = join(scratch(), 'a')
    const record = join(scratch(), 'record')
    const layers = await makeLayers(
      [{ path: 'z', mode: 0o4755, uid: 3, gid: 4, content: 'x', mtime: 4 }],
      [
        { path: 'b', type: 'link', linkPath: 'z' },
        { path: '.wh.z', content: '' },
        { path: 'a', type: 'link', linkPath: 'b' },
      ],
    )
    await unpackLayers(layers, directory, { owner: 'current', record })
    const entries = await packed(directory, { record, root: false, xattrs: false })
    expect(
      entries.map(({ path, type, mode, uid, gid }) => `${path} ${type} ${mode?.toString(8)} ${uid}:${gid}`),
    ).toEqual(['a file 4755 3:4', 'b link 4755 3:4'])
  })

  test('a record says nothing of a directory that was hidden and made again', async () => {
    const directory = join(scratch(), 'a')
    const record = join(scratch(), 'record')
    const layers = await makeLayers(
      [
        { path: 'd/', uid: 5, gid: 6, mode: 0o700 },
        { path: 'd/e/', uid: 5, gid: 6, mode: 0o700 },
      ],
      [{ path: 'd/e/new', content: 'x' }, { path: '.wh.d' }],
    )
    await unpackLayers(layers, directory, { owner: 'current', record })
    const entries = await packed(directory, { record, root: false, xattrs: false })
    expect(entries.map(({ path, mode, uid, gid }) => `${path} ${mode?.toString(8)} ${uid}:${gid}`)).toEqual([
      'd/ 755 0:0',
      'd/e/ 755 0:0',
      'd/e/new 644 0:0',
    ])
  })

  test('an owner that no system has comes back from the record', async () => {
    const directory = join(scratch(), 'a')
    const record = join(scratch(), 'record')
    await unpackLayers(await makeLayers([{ path: 'f', uid: -5, gid: 2 ** 40 }]), directory, { record })
    expect((await packed(directory, { record, root: false }))[0]).toMatchObject({ uid: -5, gid: 2 ** 40 })
  })

  test('what was changed since counts as it is, whatever the record says', async () => {
    const directory = join(scratch(), 'a')
    const record = join(scratch(), 'record')
    const mtime = { seconds: 1000, nanoseconds: 123_456_789 }
    const layers = await makeLayers([
      { path: 'edited', content: 'x', mode: 0o4755, uid: 5, gid: 6, mtime },
      { path: 'kept', content: 'x', mode: 0o4755, uid: 5, gid: 6, mtime },
      { path: 'old', content: 'x', mtime: -10_000_000_000 },
      { path: 'pipe', type: 'fifo', mode: 0o600, uid: 5, mtime },
    ])
    await unpackLayers(layers, directory, { owner: 'current', commands: false, record })
    writeFileSync(join(directory, 'edited'), 'other')
    chmodSync(join(directory, 'edited'), 0o700)
    utimesSync(join(directory, 'edited'), 2000, 2000)
    writeFileSync(join(directory, 'pipe'), 'a file')
    chmodSync(join(directory, 'pipe'), 0o640)
    utimesSync(join(directory, 'pipe'), 3000, 3000)
    if (isRoot) chownSync(join(directory, 'edited'), 77, 78)
    const entries = await packed(directory, { record, root: false, nanoseconds: true, xattrs: false })
    const whole = (seconds: number) => ({ seconds, nanoseconds: 0 })
    expect(entries).toMatchObject([
      { path: 'edited', mode: 0o700, mtime: whole(2000), ...(isRoot && { uid: 77, gid: 78 }) },
      { path: 'kept', mode: 0o4755, uid: 5, gid: 6, mtime },
      { path: 'old', mtime: whole(-10_000_000_000) },
      { path: 'pipe', type: 'file', mode: 0o640, uid: 0, mtime: whole(3000) },
    ])
  })

  test.runIf(isRoot)('extended attributes and devices through the machine', async () => {
    const first = join(scratch(), 'a')
    const second = join(scratch(), 'b')
    const xattrs = new Map([
      ['user.binary', new Uint8Array([0, 255, 61, 10])],
      ['security.capability', new Uint8Array([1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])],
    ])
    const layers = await makeLayers([
      { path: 'odd \n=\\"', content: 'x', xattrs },
      { path: 'd/', xattrs: new Map([['user.on', new Uint8Array([49])]]) },
      { path: 'disk', type: 'block-device', deviceMajor: 259, deviceMinor: 70000 },
    ])
    const report = await unpackLayers(layers, first, { devices: true, xattrs: true })
    expect(report.skipped).toEqual([])
    const entries = await packed(first, { root: false })
    expect(entries.find(({ path }) => path.startsWith('odd'))!.xattrs).toEqual(xattrs)
    expect(entries.find(({ path }) => path === 'disk')).toMatchObject({
      deviceMajor: 259,
      deviceMinor: 70000,
    })
    await unpackLayers([await layerOf(await tarOf(entries as TestEntry[]))], second, {
      devices: true,
      xattrs: true,
    })
    expect((await packed(second, { root: false })).map(({ xattrs }) => xattrs)).toEqual(
      entries.map(({ xattrs }) => xattrs),
    )
    expect(listTree(second).slice(1)).toEqual(listTree(first).slice(1))
  })
})

describe('names on disk', () => {
  test('every sequence of bytes is a string and back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
        expect(nameToBytes(nameFromBytes(bytes))).toEqual(bytes)
      }),
    )
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(nameFromBytes(new TextEncoder().encode(text))).toBe(text)
      }),
    )
  })

  test('are ordered as their bytes are', () => {
    const bytes = fc.uint8Array({ maxLength: 6 })
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(Math.sign(compareNames(nameFromBytes(a), nameFromBytes(b)))).toBe(Buffer.compare(a, b))
      }),
      { numRuns: 2000 },
    )
  })
})
