import { describe, expect, test } from 'vitest'
import { readAll } from '../../src/bytes.ts'
import { openFilesystem } from '../../src/filesystem/index.ts'
import { CountingStore, type Entries, layersOf } from '../layer/layers.ts'

const dir = (path: string) => ({ path, type: 'directory' as const })
const file = (path: string, text: string) => ({ path, text })
const symlink = (path: string, linkPath: string) => ({ path, type: 'symlink' as const, linkPath })

const base: Entries = [
  dir('usr/lib'),
  file('usr/lib/os-release', 'NAME=Base\n'),
  dir('etc'),
  symlink('etc/os-release', '../usr/lib/os-release'),
  symlink('lib', '/usr/lib'),
  symlink('up', '../../../etc'),
  symlink('loop', 'loop2'),
  symlink('loop2', '/loop'),
  symlink('dangling', 'nowhere/at/all'),
  {
    ...file('etc/shadow', 'secret'),
    mode: 0,
    uid: 1,
    gid: 42,
    mtime: 1.5,
    xattrs: new Map([['user.a', Uint8Array.of(1)]]),
  },
  file('tmp/gone', 'gone'),
]
const upper: Entries = [
  file('usr/lib/os-release', 'NAME=Upper\n'),
  { path: 'tmp/.wh.gone' },
  { path: 'etc/hard', type: 'link', linkPath: 'etc/shadow' },
]

const open = async (...layers: Entries[]) =>
  openFilesystem(await layersOf(layers.length === 0 ? [base, upper] : layers))

describe('paths', () => {
  test.each([
    ['/etc/os-release', '/usr/lib/os-release'],
    ['etc/os-release', '/usr/lib/os-release'],
    ['//etc/./os-release', '/usr/lib/os-release'],
    ['/lib/os-release', '/usr/lib/os-release'],
    ['/lib/../lib', '/usr/lib'],
    ['/lib/..', '/usr'],
    ['/../../etc', '/etc'],
    ['/up/shadow', '/etc/shadow'],
    ['up/', '/etc'],
    ['/', '/'],
    ['', '/'],
    ['.', '/'],
  ])('%j is %j', async (path, real) => {
    const files = await open()
    expect(await files.realpath(path)).toBe(real)
    expect((await files.stat(path)).path).toBe(real)
    expect(await files.exists(path)).toBe(true)
  })

  test.each([
    ['/etc/missing', '"/etc/missing" is missing'],
    ['/etc/missing/deep', '"/etc/missing" is missing'],
    ['/dangling', '"/nowhere" is missing'],
    ['/tmp/gone', '"/tmp/gone" is missing'],
    ['/etc/shadow/x', '"/etc/shadow" is no directory'],
    ['/etc/shadow/', '"/etc/shadow" is no directory'],
    ['/etc/shadow/..', '"/etc/shadow" is no directory'],
    ['/etc/Shadow', '"/etc/Shadow" is missing; there is "shadow"'],
  ])('%j is not there, and the message names where it ended', async (path, problem) => {
    const files = await open()
    const error = { code: 'PATH_NOT_FOUND', path, message: expect.stringContaining(problem) }
    await expect(files.stat(path)).rejects.toMatchObject(error)
    await expect(files.readFile(path)).rejects.toMatchObject(error)
    await expect(files.realpath(path)).rejects.toMatchObject(error)
    expect(() => files.openFile(path)).toThrow(expect.objectContaining(error))
    expect(await files.exists(path)).toBe(false)
  })

  test('that lead in circles end', async () => {
    const files = await open()
    await expect(files.stat('/loop')).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED', expected: 255 })
    expect(await files.exists('/loop')).toBe(false)
    expect((await files.lstat('/loop')).type).toBe('symlink')
  })

  test('through as many symlinks as are allowed, and no more', async () => {
    const links = Array.from({ length: 256 }, (_, i) => symlink(`l${i}`, i === 0 ? 'end' : `l${i - 1}`))
    const files = await open([file('end', 'x'), ...links])
    expect(await files.readTextFile('/l254')).toBe('x')
    await expect(files.stat('/l255')).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
  })
})

describe('what is known of a path', () => {
  test('is what its entry said, and which layer it came from', async () => {
    const files = await open()
    expect(await files.stat('/etc/shadow')).toEqual({
      path: '/etc/shadow',
      pathBytes: undefined,
      type: 'file',
      mode: 0,
      uid: 1,
      gid: 42,
      uname: '',
      gname: '',
      size: 6,
      mtime: { seconds: 1, nanoseconds: 5e8 },
      linkPath: '',
      linkPathBytes: undefined,
      deviceMajor: 0,
      deviceMinor: 0,
      xattrs: new Map([['user.a', Uint8Array.of(1)]]),
      nlink: 2,
      inode: (await files.stat('/etc/hard')).inode,
      layer: 0,
      implied: false,
    })
    expect(await files.stat('/etc/hard')).toMatchObject({ layer: 1, mode: 0, nlink: 2 })
    expect(await files.stat('/etc/os-release')).toMatchObject({ path: '/usr/lib/os-release', layer: 1 })
    expect(await files.lstat('/etc/os-release')).toMatchObject({
      type: 'symlink',
      linkPath: '../usr/lib/os-release',
      layer: 0,
    })
    expect(await files.stat('/tmp')).toMatchObject({ implied: true, mode: 0o755 })
  })

  test('counts positions as the image does, also of a part of its layers', async () => {
    const files = await openFilesystem((await layersOf([base, upper])).slice(1), { problems: 'report' })
    expect(files.findings).toMatchObject([{ code: 'link-target-unusable', layer: 1, path: ['etc/hard'] }])
    expect(await files.stat('/usr/lib/os-release')).toMatchObject({ layer: 1 })
    await expect(files.stat('/etc/shadow')).rejects.toMatchObject({ code: 'PATH_NOT_FOUND' })
  })
})

describe('directories', () => {
  test('list their names, in the order of bytes', async () => {
    const files = await open([
      file('d/b', ''),
      file('d/\u{10FFFF}', ''),
      file('d/\uFFFF', ''),
      file('d/B', ''),
      dir('d/a'),
    ])
    expect(await files.readdir('/d')).toEqual(['B', 'a', 'b', '\uFFFF', '\u{10FFFF}'])
    const types = (await files.readdir('d', { withFileTypes: true })).map(
      ({ path, type }) => `${path} ${type}`,
    )
    expect(types.slice(0, 3)).toEqual(['/d/B file', '/d/a directory', '/d/b file'])
    await expect(files.readdir('/d/b')).rejects.toMatchObject({ code: 'PATH_NOT_FOUND' })
  })

  test('are walked from the root or from anywhere, links given but not followed', async () => {
    const files = await open()
    const paths: string[] = []
    for await (const { path } of files.walk()) paths.push(path)
    expect(paths).toEqual([
      '/',
      '/dangling',
      '/etc',
      '/etc/hard',
      '/etc/os-release',
      '/etc/shadow',
      '/lib',
      '/loop',
      '/loop2',
      '/tmp',
      '/up',
      '/usr',
      '/usr/lib',
      '/usr/lib/os-release',
    ])
    expect(files.size).toBe(paths.length)
    const below: string[] = []
    for await (const { path } of files.walk('/lib')) below.push(path)
    expect(below).toEqual(['/usr/lib', '/usr/lib/os-release'])
    for await (const { path } of files.walk('/etc/shadow')) expect(path).toBe('/etc/shadow')
  })
})

describe('contents', () => {
  test('come from the layer that has them', async () => {
    for (const compression of ['gzip', 'none'] as const) {
      const files = await openFilesystem(await layersOf([base, upper], compression))
      expect(await files.readTextFile('/etc/os-release')).toBe('NAME=Upper\n')
      expect(await files.readTextFile('/etc/hard')).toBe('secret')
      expect(new TextDecoder().decode(await readAll(files.openFile('/etc/shadow'), 100))).toBe('secret')
    }
    expect(await (await open([file('empty', '')])).readFile('/empty')).toHaveLength(0)
  })

  test('of what is no file are refused', async () => {
    const files = await open()
    await expect(files.readFile('/etc')).rejects.toMatchObject({ code: 'ARGUMENT_INVALID', path: '/etc' })
    await expect(files.readlink('/etc')).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' })
    expect(await files.readlink('/etc/os-release')).toBe('../usr/lib/os-release')
  })

  test('longer than the limit are refused before they are read', async () => {
    const files = await open()
    await expect(files.readFile('/etc/shadow', { maxSize: 5 })).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
      expected: 5,
      actual: 6,
    })
    expect(await files.readFile('/etc/shadow', { maxSize: 6 })).toHaveLength(6)
  })

  /** Bytes that do not compress. */
  const noise = (length: number, seed: number) => {
    let state = seed
    return new Uint8Array(length).map(() => {
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      return state
    })
  }
  const large = [1, 2, 3, 4, 5, 6].map((n) => ({ path: `f${n}`, content: noise(3_000_000, n) }))

  test('are right wherever in a large layer they lie', async () => {
    for (const compression of ['gzip', 'none'] as const) {
      const files = await openFilesystem(await layersOf([large], compression))
      for (const { path, content } of large) {
        expect(Buffer.compare(await files.readFile(path), content)).toBe(0)
      }
    }
  })

  test('cost no reading of what follows them; in an uncompressed layer, nor of what is before them', async () => {
    for (const [compression, path, most] of [
      ['gzip', 'f1', 6],
      ['none', 'f1', 5],
      ['none', 'f6', 5],
    ] as const) {
      const store = new CountingStore()
      const files = await openFilesystem(await layersOf([large], compression, store))
      expect(store.bytesRead).toBeGreaterThan(14e6)
      store.bytesRead = 0
      await files.readFile(path)
      expect(store.bytesRead).toBeGreaterThan(2.5e6)
      expect(store.bytesRead).toBeLessThan(most * 2 ** 20)
    }
  })

  test('of a stream that is left early are not read on', async () => {
    const store = new CountingStore()
    const files = await openFilesystem(await layersOf([large], 'gzip', store))
    store.bytesRead = 0
    const reader = files.openFile('f2').getReader()
    await reader.read()
    await reader.cancel()
    expect(store.bytesRead).toBeLessThan(6 * 2 ** 20)
  })

  test('of a blob that changed since it was verified are refused', async () => {
    for (const compression of ['gzip', 'none'] as const) {
      const store = new CountingStore()
      const layers = await layersOf([large], compression, store)
      const files = await openFilesystem(layers)
      const blob = await readAll(await layers[0]!.blob(), 1e9)
      const serve = (bytes: Uint8Array<ArrayBuffer>) => {
        store.get = async (_, options = {}) => {
          const { offset = 0, length = bytes.length } = options.range ?? {}
          return new Blob([bytes.subarray(offset, offset + length)]).stream()
        }
      }
      serve(blob)
      expect(Buffer.compare(await files.readFile('f2'), large[1]!.content)).toBe(0)
      const changed = blob.slice()
      changed[8_000_000]! ^= 1
      serve(changed)
      await expect(files.readFile('f3')).rejects.toMatchObject({
        code: 'DIGEST_MISMATCH',
        digest: layers[0]!.digest,
      })
      // What lies well before the change is as it was.
      expect(Buffer.compare(await files.readFile('f1'), large[0]!.content)).toBe(0)
      serve(blob.subarray(0, 3_500_000))
      await expect(files.readFile('f2')).rejects.toMatchObject({ code: 'SIZE_MISMATCH' })
    }
  })

  test('can be aborted', async () => {
    const files = await openFilesystem(await layersOf([large]))
    const reason = new Error('enough')
    await expect(files.readFile('f3', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})

describe('layers that no tree can take', () => {
  const bad: Entries = [
    file('good', 'x'),
    file('../escape', 'x'),
    { path: 'l', type: 'link', linkPath: 'nowhere' },
  ]

  test('are refused, naming the entry', async () => {
    await expect(open(bad)).rejects.toMatchObject({ code: 'PATH_UNSAFE', path: '../escape' })
  })

  test('or shown without what is wrong with them', async () => {
    const files = await openFilesystem(await layersOf([[], bad]), { problems: 'report' })
    expect(files.findings.map(({ code, layer, path }) => [code, layer, ...path])).toEqual([
      ['path-unsafe', 1, '../escape'],
      ['link-target-unusable', 1, 'l'],
    ])
    expect(await files.readdir('/')).toEqual(['good'])
  })
})

test('names that are not UTF-8 are found by their bytes, and by what they are shown as', async () => {
  const pathBytes = Uint8Array.of(0x61, 0xff)
  const files = await open([{ path: 'a\uFFFD', pathBytes, text: 'x' }])
  const [stat] = await files.readdir('/', { withFileTypes: true })
  expect([stat!.path, stat!.pathBytes]).toEqual(['/a\uFFFD', Uint8Array.of(0x2f, 0x61, 0xff)])
  expect(await files.readTextFile(stat!.pathBytes!)).toBe('x')
  expect(await files.readTextFile('/a\uFFFD')).toBe('x')
  await expect(files.stat('/b\uFFFD')).rejects.toMatchObject({ code: 'PATH_NOT_FOUND' })
})

test('no layers make an empty root', async () => {
  const files = await openFilesystem([])
  expect(await files.readdir('/')).toEqual([])
  expect(await files.stat('/')).toMatchObject({ type: 'directory', implied: true, layer: 0 })
})

test('progress counts the bytes of all layers', async () => {
  const layers = await layersOf([base, upper])
  const told: number[] = []
  await openFilesystem(layers, { onProgress: (bytes) => void told.push(bytes) })
  expect(told.at(-1)).toBe(layers[0]!.size + layers[1]!.size)
})
