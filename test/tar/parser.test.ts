import { describe, expect, test } from 'vitest'
import { isOciError } from '../../src/errors.ts'
import type { TarEntryType } from '../../src/tar/index.ts'
import { TarParser } from '../../src/tar/index.ts'
import { headers, list, onlyHeader, thrown } from './listing.ts'
import {
  base256,
  block,
  end,
  entry,
  gnu,
  join,
  latin1,
  padded,
  pax,
  record,
  utf8,
  v7,
} from './raw-archive.ts'

describe('headers of each format', () => {
  test('v7 has neither owners’ names nor devices nor a prefix', () => {
    const header = onlyHeader(
      join(
        block({
          name: 'a',
          magic: v7,
          uname: 'no',
          deviceMajor: 7,
          tail: 'prefix',
          mode: 0o4755,
          uid: 1,
          gid: 2,
          mtime: 3,
        }),
        end,
      ),
    )
    expect(header).toMatchObject({
      path: 'a',
      type: 'file',
      mode: 0o4755,
      uid: 1,
      gid: 2,
      uname: '',
      gname: '',
      deviceMajor: 0,
    })
    expect(header.mtime).toEqual({ seconds: 3, nanoseconds: 0 })
  })

  test('ustar joins prefix and name', () => {
    const archive = join(block({ name: 'c', tail: 'a/b', uname: 'root', gname: 'wheel' }), end)
    expect(onlyHeader(archive)).toMatchObject({ path: 'a/b/c', uname: 'root', gname: 'wheel' })
  })

  test('fields may be full, without a NUL', () => {
    const name = 'n'.repeat(100)
    const prefix = 'p'.repeat(155)
    const owner = 'o'.repeat(32)
    const header = onlyHeader(
      join(
        block({ name, tail: prefix, uname: owner, gname: owner, type: '2', linkName: 'l'.repeat(100) }),
        end,
      ),
    )
    expect(header).toMatchObject({
      path: `${prefix}/${name}`,
      uname: owner,
      gname: owner,
      linkPath: 'l'.repeat(100),
    })
  })

  test('GNU has times where ustar has its prefix', () => {
    const header = onlyHeader(
      join(block({ name: 'a', magic: gnu, tail: '00000000010\x0000000000020\0' }), end),
    )
    expect(header).toMatchObject({ path: 'a', atime: { seconds: 8 }, ctime: { seconds: 16 } })
  })

  test('Go before 1.8 wrote a prefix into GNU headers', () => {
    expect(
      onlyHeader(join(block({ name: 'b', magic: gnu, tail: 'some/long/directory' }), end)),
    ).toMatchObject({
      path: 'some/long/directory/b',
      atime: undefined,
      ctime: undefined,
    })
    // What is not ASCII there is neither: as in Go, it is left out.
    expect(onlyHeader(join(block({ name: 'b', magic: gnu, tail: latin1('x\xff') }), end)).path).toBe('b')
  })

  test('star has a shorter prefix, and times behind it', () => {
    const tail = new Uint8Array(167)
    tail.set(latin1('dir'))
    tail.set(latin1('00000000010\x0000000000020\0'), 131)
    tail.set(latin1('tar\0'), 163)
    expect(onlyHeader(join(block({ name: 'a', tail }), end))).toMatchObject({
      path: 'dir/a',
      atime: { seconds: 8 },
      ctime: { seconds: 16 },
    })
  })

  test('numbers are octal between spaces and NULs of every mix', () => {
    for (const [uid, expected] of [
      ['     12\0', 10],
      ['12 \0', 10],
      ['12  \0 \0 ', 10],
      ['\0\0 12', 10],
      ['77777777', 0o77777777],
      ['12\0junk', 10],
      ['', 0],
      ['        ', 0],
    ] as const) {
      expect(onlyHeader(join(block({ uid: latin1(uid.slice(0, 8)) }), end)).uid).toBe(expected)
    }
  })

  test('what is no number is refused, and the entry named', () => {
    for (const uid of ['12a', 'x', '12 3', '8', '-1', '+1', '1.5']) {
      const error = thrown(() => list(join(block({ name: 'bad', uid: latin1(uid) }), end)))
      expect(error).toMatchObject({ code: 'TAR_INVALID', path: 'bad', offset: 0 })
    }
  })

  test('base-256 numbers, negative ones among them', () => {
    const header = onlyHeader(
      join(
        block({
          uid: base256(1_000_650_000n, 8),
          gid: base256(-2n, 8),
          mtime: base256(-1_000_000_000_000n, 12),
          type: '3',
          deviceMajor: base256(2n ** 32n, 8),
        }),
        end,
      ),
    )
    expect(header).toMatchObject({ uid: 1_000_650_000, gid: -2, deviceMajor: 2 ** 32 })
    expect(header.mtime).toEqual({ seconds: -1_000_000_000_000, nanoseconds: 0 })
    const largest = onlyHeader(join(block({ mtime: base256(2n ** 53n - 1n, 12) }), end))
    expect(largest.mtime.seconds).toBe(Number.MAX_SAFE_INTEGER)
    // -(2^53), which was let through, was found by fuzzing.
    for (const mtime of [2n ** 53n, 2n ** 62n, 2n ** 80n, -(2n ** 60n), -(2n ** 53n)]) {
      expect(thrown(() => list(join(block({ mtime: base256(mtime, 12) }), end)))).toMatchObject({
        code: 'TAR_INVALID',
      })
    }
  })

  test('checksums may be sums of signed bytes', () => {
    const name = latin1('h\xf6he')
    for (const checksum of ['unsigned', 'signed'] as const) {
      const header = onlyHeader(join(block({ name, checksum }), end))
      expect(header.pathBytes).toEqual(name)
      expect(header.path).toBe('h\uFFFDhe')
    }
    expect(
      thrown(() => list(join(block({ name: 'first' }), block({ name: 'n', checksum: 'wrong' })))),
    ).toMatchObject({
      code: 'TAR_INVALID',
      path: 'n',
      offset: 512,
      expected: expect.any(Number),
    })
  })

  test('bits of the mode above 0o7777 are kept apart', () => {
    expect(onlyHeader(join(block({ mode: 0o100644 }), end))).toMatchObject({
      mode: 0o644,
      modeExtra: 0o100000,
    })
    expect(onlyHeader(join(block({ mode: 0o644 }), end)).modeExtra).toBeUndefined()
  })
})

describe('types', () => {
  test('the seven, and what counts as one of them', () => {
    const types: [string, TarEntryType][] = [
      ['0', 'file'],
      ['\0', 'file'],
      ['7', 'file'],
      ['1', 'link'],
      ['2', 'symlink'],
      ['3', 'character-device'],
      ['4', 'block-device'],
      ['5', 'directory'],
      ['6', 'fifo'],
    ]
    for (const [type, expected] of types)
      expect(onlyHeader(join(block({ type, linkName: 't' }), end)).type).toBe(expected)
  })

  test('before ustar a slash made a directory; a file of type "0" stays one, as in Go', () => {
    expect(onlyHeader(join(block({ name: 'a/', type: '\0' }), end)).type).toBe('directory')
    expect(onlyHeader(join(block({ name: 'a/', type: '0' }), end)).type).toBe('file')
    // The name that counts is the whole one.
    const archive = join(
      pax([record('path', 'long/')]),
      block({ name: 'a', type: '\0', size: 5 }),
      block({ name: 'b' }),
      end,
    )
    expect(headers(archive).map(({ path, type }) => [path, type])).toEqual([
      ['long/', 'directory'],
      ['b', 'file'],
    ])
  })

  test('only links say where they lead, only devices have numbers', () => {
    expect(
      onlyHeader(join(block({ type: '0', linkName: 'x', deviceMajor: 8, deviceMinor: 1 }), end)),
    ).toMatchObject({
      linkPath: '',
      deviceMajor: 0,
      deviceMinor: 0,
    })
    expect(
      onlyHeader(join(block({ type: '4', linkName: 'x', deviceMajor: 8, deviceMinor: 1 }), end)),
    ).toMatchObject({
      linkPath: '',
      deviceMajor: 8,
      deviceMinor: 1,
    })
  })

  test('what is not a file has no content, whatever its size says, as in Go', () => {
    for (const type of ['1', '2', '3', '4', '5', '6']) {
      const archive = join(
        block({ name: 'odd', type, size: 1000, linkName: 't' }),
        entry({ name: 'next' }, 'abc'),
        end,
      )
      const { entries } = list(archive)
      expect(entries.map(({ header }) => [header.path, header.size])).toEqual([
        ['odd', 0],
        ['next', 3],
      ])
    }
  })

  test('other types are refused by name', () => {
    for (const [type, reason] of [
      ['S', 'sparse'],
      ['M', 'volume'],
      ['V', 'volume label'],
      ['D', 'directory dump'],
      ['N', '"N"'],
      ['X', '"X"'],
      ['A', '"A"'],
      ['Z', '"Z"'],
      ['8', '"8"'],
      ['\x01', '0x1'],
    ] as const) {
      const error = thrown(() => list(join(block({ name: 'first' }), block({ name: 'odd', type }), end)))
      expect(error).toMatchObject({ code: 'TAR_UNSUPPORTED', path: 'odd', offset: 512 })
      expect((error as Error).message).toContain(reason)
    }
  })
})

describe('extended headers', () => {
  test('every field that has a record', () => {
    const archive = join(
      pax([
        record('path', 'päth'),
        record('linkpath', 'länk'),
        record('uid', '1000650000'),
        record('gid', '-3'),
        record('uname', 'ü'),
        record('gname', 'g'.repeat(40)),
        record('mtime', '-1.5'),
        record('atime', '1700000000.123456789'),
        record('ctime', '0.000000001'),
        record('SCHILY.xattr.security.capability', Uint8Array.of(1, 0, 0, 2, 0x3d, 0x0a, 0xff)),
        record('comment', 'a=b\n'),
        record('MSWINDOWS.rawsd', 'AQAA'),
      ]),
      block({ type: '2', linkName: 'x', uname: 'old', gname: 'old' }),
      end,
    )
    const header = onlyHeader(archive)
    expect(header).toMatchObject({
      path: 'päth',
      pathBytes: undefined,
      linkPath: 'länk',
      uid: 1_000_650_000,
      gid: -3,
      uname: 'ü',
      gname: 'g'.repeat(40),
      mtime: { seconds: -2, nanoseconds: 500_000_000 },
      atime: { seconds: 1_700_000_000, nanoseconds: 123_456_789 },
      ctime: { seconds: 0, nanoseconds: 1 },
      headerOffset: 0,
      dataOffset: archive.length - 1024,
    })
    expect([...header.xattrs]).toEqual([['security.capability', Uint8Array.of(1, 0, 0, 2, 0x3d, 0x0a, 0xff)]])
    expect([...header.pax]).toEqual([
      ['comment', utf8('a=b\n')],
      ['MSWINDOWS.rawsd', utf8('AQAA')],
    ])
  })

  test('bytes that are not UTF-8 are kept', () => {
    const path = latin1('caf\xe9')
    const link = latin1('\xff')
    const owner = latin1('\xfe')
    const records = [
      record('path', path),
      record('linkpath', link),
      record('uname', owner),
      record('gname', owner),
    ]
    expect(onlyHeader(join(pax(records), block({ type: '2', linkName: 'x' }), end))).toMatchObject({
      path: 'caf\uFFFD',
      pathBytes: path,
      linkPathBytes: link,
      unameBytes: owner,
      gnameBytes: owner,
    })
    // A name that really has U+FFFD in it needs no bytes.
    const replaced = onlyHeader(join(pax([record('path', '\uFFFD')]), block({}), end))
    expect(replaced).toMatchObject({ path: '\uFFFD', pathBytes: undefined })
  })

  test('libarchive’s attributes are decoded, and count only where no SCHILY one has the name', () => {
    const archive = join(
      pax([
        record('LIBARCHIVE.xattr.user.both', btoa('libarchive')),
        record('SCHILY.xattr.user.both', 'schily'),
        record('LIBARCHIVE.xattr.user.a%20b%3D', btoa('\xff\0').replace(/=+$/, '')),
        record('SCHILY.xattr.user.empty', ''),
      ]),
      block({}),
      end,
    )
    const { xattrs, pax: rest } = onlyHeader(archive)
    expect(Object.fromEntries(xattrs)).toEqual({
      'user.both': utf8('schily'),
      'user.a b=': Uint8Array.of(0xff, 0),
      'user.empty': new Uint8Array(0),
    })
    expect(rest.size).toBe(0)
  })

  test('an empty value leaves what the block says; of two the last counts', () => {
    const records = [
      record('path', 'one'),
      record('path', 'two'),
      record('uname', 'x'),
      record('uname', ''),
      record('mtime', ''),
    ]
    expect(onlyHeader(join(pax(records), block({ uname: 'root', mtime: 9 }), end))).toMatchObject({
      path: 'two',
      uname: 'root',
      mtime: { seconds: 9, nanoseconds: 0 },
    })
  })

  test('a second extended header replaces the first whole', () => {
    const archive = join(
      pax([record('path', 'one'), record('uid', '5')]),
      pax([record('path', 'two')]),
      block({ uid: 1 }),
      end,
    )
    expect(onlyHeader(archive)).toMatchObject({ path: 'two', uid: 1, headerOffset: 0 })
  })

  test('it speaks of one entry only', () => {
    const archive = join(
      pax([record('path', 'one'), record('uid', '5')]),
      block({}),
      block({ name: 'second', uid: 2 }),
      end,
    )
    expect(headers(archive)[1]).toMatchObject({ path: 'second', uid: 2, headerOffset: 1536 })
  })

  test('a global one applies to nothing, as in Go, and is told of', () => {
    const archive = join(
      pax([record('path', 'forgotten')]),
      pax([record('comment', 'hello'), record('uid', '7'), record('path', 'all')], 'g'),
      block({ name: 'a', uid: 1 }),
      end,
    )
    const { entries, globals } = list(archive)
    expect(entries.map(({ header }) => [header.path, header.uid, header.headerOffset])).toEqual([
      ['a', 1, 2048],
    ])
    expect(globals.map((records) => [...records.keys()])).toEqual([['comment', 'uid', 'path']])
  })

  test('GNU’s long names and links, which win over records', () => {
    const name = 'n'.repeat(300)
    const link = 'l'.repeat(300)
    const archive = join(
      entry({ name: '././@LongLink', type: 'K', magic: gnu }, `${link}\0`),
      pax([record('path', 'pax'), record('linkpath', 'pax')]),
      entry({ name: '././@LongLink', type: 'L', magic: gnu }, `${name}\0`),
      block({ name: name.slice(0, 100), type: '2', linkName: link.slice(0, 100), magic: gnu }),
      block({ name: 'short' }),
      end,
    )
    expect(
      headers(archive).map(({ path, linkPath, headerOffset }) => [path, linkPath, headerOffset]),
    ).toEqual([
      [name, link, 0],
      ['short', '', 512 * 7],
    ])
  })

  test('sparse files are refused by name', () => {
    for (const key of [
      'GNU.sparse.major',
      'GNU.sparse.map',
      'GNU.sparse.realsize',
      'GNU.sparse.unheard-of',
    ]) {
      const error = thrown(() => list(join(pax([record(key, '1')]), block({ name: 'holes' }), end)))
      expect(error).toMatchObject({ code: 'TAR_UNSUPPORTED', path: 'holes', offset: 0 })
      expect((error as Error).message).toContain('sparse')
    }
  })
})

describe('where an archive ends', () => {
  const one = entry({ name: 'a' }, 'content')

  test('at two zero blocks: what follows is counted, and whether it is zero', () => {
    const zeros = list(join(one, end, new Uint8Array(8192)))
    expect(zeros.entries).toHaveLength(1)
    expect(zeros.parser).toMatchObject({ ended: true, trailingBytes: 8192, trailingNonZero: false })
    const more = list(join(one, end, new Uint8Array(600), entry({ name: 'hidden' }, 'x')))
    expect(more.entries.map(({ header }) => header.path)).toEqual(['a'])
    expect(more.parser).toMatchObject({
      ended: true,
      trailingBytes: 1624,
      trailingNonZero: true,
      bytesRead: 1024 + 1024 + 1624,
    })
    expect(list(join(one, end)).parser).toMatchObject({
      ended: true,
      trailingBytes: 0,
      trailingNonZero: false,
    })
  })

  test('without them, with one, or within the last padding, as in Go', () => {
    for (const archive of [new Uint8Array(0), new Uint8Array(512), end])
      expect(list(archive).entries).toEqual([])
    for (const archive of [
      one,
      join(one, new Uint8Array(512)),
      one.subarray(0, 512 + 7),
      one.subarray(0, 700),
    ]) {
      const { entries, parser } = list(archive)
      expect(entries.map(({ content }) => content)).toEqual([utf8('content')])
      expect(parser.ended).toBe(false)
    }
  })

  test('a single zero block before an entry is damage', () => {
    const error = thrown(() => list(join(one, new Uint8Array(512), one, end)))
    expect(error).toMatchObject({ code: 'TAR_INVALID', offset: 1536 })
  })

  test('cut anywhere else it is truncated', () => {
    const archive = join(
      pax([record('path', 'long')]),
      entry({ name: 'a' }, 'x'.repeat(600)),
      block({ name: 'b' }),
    )
    const problems = new Map<number, unknown>()
    for (let length = 0; length < archive.length; length++) {
      try {
        list(archive.subarray(0, length))
      } catch (error) {
        problems.set(length, error)
      }
    }
    // What may be cut off: nothing at a header's start, and padding.
    const fine = Array.from({ length: archive.length }, (_, i) => i).filter((length) => !problems.has(length))
    const recordEnd = 512 + record('path', 'long').length
    const contentEnd = 1536 + 600
    expect(fine).toEqual([
      0,
      ...Array.from({ length: 1024 - recordEnd + 1 }, (_, i) => recordEnd + i),
      ...Array.from({ length: 2560 - contentEnd + 1 }, (_, i) => contentEnd + i),
    ])
    for (const error of problems.values()) expect(isOciError(error, 'TAR_TRUNCATED')).toBe(true)
    expect(problems.get(1540)).toMatchObject({ path: 'long', offset: 0, expected: 600, actual: 4 })
    expect(problems.get(2600)).toMatchObject({ offset: 2560 })
  })

  test('bytes that are no tar', () => {
    for (const garbage of [new Uint8Array(1024).fill(0x61), padded('hello'), join(one, padded('garbage'))]) {
      expect(thrown(() => list(garbage))).toMatchObject({ code: 'TAR_INVALID' })
    }
  })
})

describe('the visitor', () => {
  const archive = join(
    entry({ name: 'a' }, 'x'.repeat(1000)),
    block({ name: 'd/', type: '5' }),
    entry({ name: 'b' }, 'y'),
    end,
  )

  test('is waited for where it returns a promise, and only there', async () => {
    const calls: string[] = []
    let busy = false
    const call = (name: string) => {
      expect(busy).toBe(false)
      busy = true
      calls.push(name)
      return new Promise<void>((resolve) =>
        setTimeout(() => {
          busy = false
          resolve()
        }, 1),
      )
    }
    const parser = new TarParser({
      entry: ({ path }) => call(`entry ${path}`),
      data: (chunk) => call(`data ${chunk.length}`),
      entryEnd: () => call('end'),
    })
    const wait = parser.write(archive)
    expect(wait).toBeInstanceOf(Promise)
    await wait
    parser.end()
    expect(calls).toEqual(['entry a', 'data 1000', 'end', 'entry d/', 'end', 'entry b', 'data 1', 'end'])
    expect(new TarParser({ entry() {} }).write(archive)).toBeUndefined()
  })

  test('may fail, and the failure comes out', async () => {
    const parser = new TarParser({ entry: () => Promise.reject(new Error('no')) })
    await expect(parser.write(archive)).rejects.toThrow('no')
    expect(() =>
      new TarParser({
        entry() {
          throw new Error('never')
        },
      }).write(archive),
    ).toThrow('never')
  })

  test('gets content as a part of the chunk, uncopied', () => {
    const parser = new TarParser({
      entry() {},
      data(chunk) {
        expect(chunk.buffer).toBe(archive.buffer)
      },
    })
    parser.write(archive)
    parser.end()
    expect.assertions(2)
  })

  test('a parser that has failed keeps failing', () => {
    const parser = new TarParser({ entry() {} })
    const first = thrown(() => parser.write(padded('garbage')))
    expect(thrown(() => parser.write(archive))).toBe(first)
    expect(thrown(() => parser.end())).toBe(first)
  })
})
