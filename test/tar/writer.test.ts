import { describe, expect, test } from 'vitest'
import type { ByteSink } from '../../src/bytes.ts'
import { concatBytes, readAll } from '../../src/bytes.ts'
import { digestBytes } from '../../src/digest/index.ts'
import type { TarEntryInput } from '../../src/tar/index.ts'
import { TarWriter, writeTar } from '../../src/tar/index.ts'
import { caseTest } from '../cases.ts'
import { archiveOf, list, onlyHeader, thrown } from './listing.ts'
import { latin1, utf8 } from './raw-archive.ts'

/** A sink that keeps what it gets, and takes its time over each chunk where it is told to. */
function collector(slow = false): ByteSink & { bytes(): Uint8Array; writes: number; ended: boolean } {
  const chunks: Uint8Array[] = []
  return {
    writes: 0,
    ended: false,
    write(chunk) {
      this.writes++
      if (!slow) {
        chunks.push(chunk.slice())
        return undefined
      }
      // The bytes are taken late: they must still be there.
      return new Promise<void>((resolve) =>
        setTimeout(() => {
          chunks.push(chunk.slice())
          resolve()
        }, 1),
      )
    },
    end() {
      this.ended = true
    },
    bytes: () => concatBytes(chunks),
  }
}

describe('the bytes of Go’s archive/tar', () => {
  // Digests of what Go 1.26 writes: WriteHeader with these fields (Format PAX where there are fractions or other
  // times, else unspecified), the content, Close.
  const vectors: [string, TarEntryInput, string][] = [
    [
      'plain ustar',
      { path: 'etc/hostname', uname: 'root', gname: 'root', mtime: 1_700_000_000, content: utf8('box\n') },
      'd7b95bbefa4d9f1e2f64b0b7538b268bfffa75a01bb4d4a0e23517ebe754f386',
    ],
    [
      'prefix and name both full',
      { path: `${'p'.repeat(155)}/${'n'.repeat(100)}` },
      'a6744e4d3f9768af471f7de7619a28eb6ec96b89c8519c1380c45a05f4cc4563',
    ],
    [
      'a directory that is split',
      { path: `${'p'.repeat(60)}/${'n'.repeat(60)}/` },
      'a563f9b14040b0ebb9531831510de1f2f93aae814baf6ecf53d8c025033cab1f',
    ],
    [
      'one byte more than a prefix holds',
      { path: `${'p'.repeat(156)}/${'n'.repeat(100)}` },
      'ca1797b969d34ffa57ed6c2ac6f07f42912c6597c78df8faa8b03adebde0e00b',
    ],
    [
      'unicode',
      { path: 'dir/sub/../日本/é.txt' },
      '37d7ae30099697f7ba2d2d2b412277e2cfc34cf4605f09f93579b104c65c5e00',
    ],
    [
      'bytes that are not UTF-8',
      { path: '/\uFFFDa', pathBytes: latin1('/\xffa') },
      '1ec384c915040c28bd80e2a8509866e4898836e1c22736bad07e0bba7c52c58b',
    ],
    [
      'a name cut at a slash',
      { path: `é${'a'.repeat(98)}//b/` },
      '35d7656b4acfb6ebc95a6d157d0a57270b80e5d69d09116013af97c9390029f7',
    ],
    [
      'large ids',
      { path: 'a', uid: 1_000_650_000, gid: 2_097_152 },
      '2e7f05be372e9848d999f3c57d3c34e7c63d376bbbfb22432a30e79d69ee5a93',
    ],
    [
      'a long link',
      { path: 'link', type: 'symlink', linkPath: 't'.repeat(101) },
      'f221415b6abbc5e044fc1b2ddff540b80d8925c7166f2f74c17c9595def7ad09',
    ],
    [
      'the first second that octal cannot hold',
      { path: 'a', mtime: 8_589_934_592 },
      'aefdeefc14a388fb4febdcaa132622973ebd2a77839b8649d4986e670fe72580',
    ],
    [
      'half a second before 1970',
      { path: 'a', mtime: -0.5 },
      'e0d78a3f003169087ef3ae5e1dacece74ae164760e0274e98898a84c8ca3cc1a',
    ],
    [
      'three times',
      { path: 'a', mtime: new Date(1_700_000_000_123), atime: 1, ctime: 1 },
      '0f61ee3d751be1a61579a70571663072f733a5dcc4aef1e1b736fa6706dffedd',
    ],
    [
      'attributes and records, sorted by bytes',
      {
        path: 'bin/ping',
        mode: 0o755,
        xattrs: new Map([
          ['user.a', new Uint8Array(0)],
          ['security.capability', Uint8Array.of(1, 0, 0, 2, 0, 0x20)],
        ]),
        pax: new Map([
          ['😀', utf8('2')],
          ['\uffee', utf8('1')],
          ['comment', utf8('z')],
        ]),
      },
      'a86100dc161d01815f0b23562fbf6d2cdb2848fb45f99ce20272579ec834305d',
    ],
    [
      'a device number for which there is only GNU',
      { path: 'dev/sda', type: 'block-device', mode: 0o660, deviceMajor: 2_097_152, deviceMinor: 1 },
      'dd3c504fcbca3940b7c4f18555aa63dd91b01676929234b4984ad1d522263a26',
    ],
    [
      'GNU with a long name and negative numbers',
      {
        path: `dev/${'x'.repeat(120)}`,
        type: 'character-device',
        mode: 0o660,
        uid: -1,
        mtime: -5,
        deviceMajor: 4_194_304,
        deviceMinor: 1,
      },
      'f2875665bda0860f09fe6428a04bf23fd9111633ede9531d9f389bef65c55404',
    ],
    [
      'owners’ names',
      { path: 'a', uname: 'u'.repeat(33), gname: 'gü' },
      '10ea5ef338ce5687e2c3c066a452e65a5ddfab6720c473560a13436d67a75860',
    ],
  ]
  for (const [name, entry, digest] of vectors) {
    test(name, async () => {
      const archive = await archiveOf([entry])
      expect(digestBytes(archive)).toBe(`sha256:${digest}`)
      const { header, content } = list(archive).entries[0]!
      expect(
        digestBytes(await archiveOf([{ ...header, content: header.type === 'file' ? content : undefined }])),
      ).toBe(`sha256:${digest}`)
    })
  }

  test('an entry described in code is the layer of the mysterious image', async () => {
    // Docker wrote the file type into the mode then.
    const archive = await archiveOf([
      { path: 'my-file', mode: 0o100644, mtime: 0o13523261150, uname: 'root', gname: 'root' },
    ])
    expect(digestBytes(archive)).toBe(
      'sha256:56e2c46a3576a8c1a222f9a263dc57ae3c6b8baf6a68d03065f4b3ea6c0ae8d1',
    )
  })

  caseTest(
    'the layer of the mysterious image gives its own bytes when it is written again',
    async (directory) => {
      const { readFile } = await import('node:fs/promises')
      const original = new Uint8Array(await readFile(`${directory}/mysterious-image/my-file.tar`))
      const { entries } = list(original)
      expect(entries.map(({ header }) => [header.path, header.mode, header.modeExtra])).toEqual([
        ['my-file', 0o644, 0o100000],
      ])
      expect(await archiveOf(entries.map(({ header }) => header))).toEqual(original)
    },
  )
})

describe('what an entry leaves open', () => {
  test('defaults', async () => {
    const archive = await archiveOf([
      { path: 'f' },
      { path: 'd/' },
      { path: 's', type: 'symlink', linkPath: 'f' },
    ])
    expect(
      list(archive).entries.map(({ header: { type, mode, uid, mtime } }) => [type, mode, uid, mtime.seconds]),
    ).toEqual([
      ['file', 0o644, 0, 0],
      ['directory', 0o755, 0, 0],
      ['symlink', 0o777, 0, 0],
    ])
  })

  test('mode 0 stays 0', async () => {
    expect(onlyHeader(await archiveOf([{ path: 'etc/shadow', mode: 0 }])).mode).toBe(0)
  })

  test('a changed path wins over the old one’s bytes, a changed mode keeps the extra bits', async () => {
    const read = onlyHeader(await archiveOf([{ path: '\uFFFD', pathBytes: latin1('\xff'), mode: 0o100600 }]))
    expect(onlyHeader(await archiveOf([{ ...read, path: 'new', mode: 0o644 }]))).toMatchObject({
      path: 'new',
      pathBytes: undefined,
      mode: 0o644,
      modeExtra: 0o100000,
    })
  })

  test('sizes beyond octal are PAX', () => {
    const sink = collector()
    const writer = new TarWriter(sink)
    writer.entry({ path: 'huge', size: 8 ** 11 })
    expect(thrown(() => writer.finish())).toMatchObject({ code: 'SIZE_MISMATCH', path: 'huge' })
  })
})

describe('entries that tar cannot hold, or that readers take differently', () => {
  for (const [name, entry] of Object.entries<TarEntryInput>({
    'no path': { path: '' },
    'a NUL in the path': { path: 'a\0b' },
    'a NUL in the path’s bytes': { path: 'a\0', pathBytes: latin1('a\0') },
    'half a surrogate pair': { path: 'a\uD800' },
    'a file with a slash at its end': { path: 'a/', type: 'file' },
    'a fifo with a slash at its end': { path: 'a/', type: 'fifo' },
    'a symlink to nowhere': { path: 'a', type: 'symlink' },
    'a file with a link path': { path: 'a', linkPath: 'b' },
    'a file with a device number': { path: 'a', deviceMinor: 1 },
    'a directory with content': { path: 'a/', size: 1 },
    'a stream without a size': { path: 'a', content: () => new Uint8Array(1) },
    'a uid that is no whole number': { path: 'a', uid: 0.5 },
    'a gid beyond 2^53': { path: 'a', gid: 2 ** 53 },
    'a negative size': { path: 'a', size: -1 },
    'a negative device number': { path: 'a', type: 'fifo', deviceMajor: -1 },
    'a time that is none': { path: 'a', mtime: Number.NaN },
    'a NUL in the owner': { path: 'a', uname: '\0' },
    'an attribute with "="': { path: 'a', xattrs: new Map([['a=b', utf8('')]]) },
    'an attribute without a name': { path: 'a', xattrs: new Map([['', utf8('')]]) },
    'a record for which there is a field': { path: 'a', pax: new Map([['size', utf8('5')]]) },
    'an attribute as a record': { path: 'a', pax: new Map([['SCHILY.xattr.a', utf8('5')]]) },
    'a sparse map': { path: 'a', pax: new Map([['GNU.sparse.major', utf8('1')]]) },
    'a mode for GNU with attributes for PAX': {
      path: 'a',
      mode: 2 ** 30,
      xattrs: new Map([['a', utf8('')]]),
    },
    'a mode for GNU with a fraction for PAX': { path: 'a', mode: 2 ** 30, mtime: 0.5 },
  })) {
    test(name, async () => {
      await expect(archiveOf([entry])).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' })
      expect(thrown(() => new TarWriter(collector()).entry(entry))).toMatchObject({
        code: 'ARGUMENT_INVALID',
      })
    })
  }

  test('more records than readers take', async () => {
    const xattrs = new Map([['user.big', new Uint8Array(1 << 20)]])
    await expect(archiveOf([{ path: 'a', xattrs }])).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
      path: 'a',
    })
  })
})

describe('content must have the size that is said', () => {
  const short: TarEntryInput = { path: 'a', size: 5, content: () => utf8('four') }
  const long: TarEntryInput = { path: 'a', size: 3, content: () => utf8('four') }

  test('by stream, by array, by calls', async () => {
    for (const entry of [
      short,
      long,
      { path: 'a', size: 5, content: utf8('four') },
      { path: 'a', size: 5, content: new Blob(['four']) },
    ]) {
      await expect(archiveOf([entry])).rejects.toMatchObject({ code: 'SIZE_MISMATCH', path: 'a' })
      await expect(
        (async () => {
          const writer = new TarWriter(collector())
          await writer.entry(entry)
          await writer.finish()
        })(),
      ).rejects.toMatchObject({ code: 'SIZE_MISMATCH', path: 'a', expected: entry.size })
    }
    const writer = new TarWriter(collector())
    writer.entry({ path: 'a', size: 2 })
    writer.data(utf8('x'))
    expect(thrown(() => writer.entry({ path: 'b' }))).toMatchObject({
      code: 'SIZE_MISMATCH',
      path: 'a',
      expected: 2,
      actual: 1,
    })
    expect(thrown(() => writer.data(utf8('xx')))).toMatchObject({
      code: 'SIZE_MISMATCH',
      expected: 2,
      actual: 3,
    })
    writer.data(utf8('x'))
    expect(thrown(() => writer.data(utf8('x')))).toMatchObject({ code: 'SIZE_MISMATCH' })
    writer.finish()
    expect(thrown(() => writer.entry({ path: 'b' }))).toMatchObject({ code: 'ARGUMENT_INVALID' })
    expect(thrown(() => writer.finish())).toMatchObject({ code: 'ARGUMENT_INVALID' })
  })

  test.each([0, 1, 511, 512, 513, 100_000])(
    'room for %i bytes of content is left where they belong',
    async (size) => {
      const content = new Uint8Array(size).fill(7)
      const entries: TarEntryInput[] = [
        { path: 'a', content: utf8('before') },
        { path: 'b', size },
        { path: 'c/' },
      ]
      const sink = collector(true)
      const writer = new TarWriter(sink)
      let before = Number.NaN
      for (const entry of entries) {
        await writer.entry(entry)
        if (entry.path !== 'b') continue
        before = await writer.leaveRoom(async (length) => {
          expect(length).toBe(size)
          const { length: at } = sink.bytes()
          await sink.write(content)
          return at
        })
      }
      await writer.finish()
      // Behind the entry before it and its own header.
      expect(before).toBe(3 * 512)
      const whole = await archiveOf([entries[0]!, { path: 'b', content }, entries[2]!])
      expect(sink.bytes()).toEqual(whole)
      expect(writer.bytesWritten).toBe(whole.length)
    },
  )

  test('where it is known before anything is written, nothing is', () => {
    for (const content of [utf8('four'), new Blob(['four'])]) {
      const writer = new TarWriter(collector())
      expect(thrown(() => writer.entry({ path: 'a', size: 5, content }))).toMatchObject({
        code: 'SIZE_MISMATCH',
        expected: 5,
        actual: 4,
      })
      expect(writer.bytesWritten).toBe(0)
    }
  })

  test('whatever the content is given as', async () => {
    const expected = await archiveOf([{ path: 'a', content: utf8('four') }])
    for (const content of [
      new Blob(['four']),
      new Blob(['four']).stream(),
      () => new Blob(['four']),
      (async function* () {
        yield utf8('fo')
        yield new Uint8Array(0)
        yield utf8('ur')
      })(),
    ]) {
      expect(await archiveOf([{ path: 'a', size: 4, content }])).toEqual(expected)
    }
  })
})

describe('the sink', () => {
  test('is waited for, and may take its bytes late', async () => {
    const entries: TarEntryInput[] = [
      { path: 'small', content: utf8('x') },
      { path: 'large', content: new Uint8Array(700_000).fill(1) },
      ...Array.from({ length: 600 }, (_, i) => ({ path: `f${i}`, content: new Uint8Array(i).fill(2) })),
      { path: 'stream', size: 300_001, content: () => new Blob([new Uint8Array(300_001).fill(3)]) },
    ]
    const results: Uint8Array[] = []
    for (const slow of [false, true]) {
      const sink = collector(slow)
      const writer = new TarWriter(sink)
      for (const entry of entries) await writer.entry(entry)
      await writer.finish()
      expect(sink.ended).toBe(true)
      expect(sink.bytes().length).toBe(writer.bytesWritten)
      expect(sink.writes).toBeLessThan(15)
      results.push(sink.bytes())
    }
    expect(digestBytes(results[0]!)).toBe(digestBytes(results[1]!))
    expect(digestBytes(results[0]!)).toBe(digestBytes(await readAll(writeTar(entries), 1 << 24)))
    expect(list(results[0]!).entries).toHaveLength(entries.length)
  })

  test('small entries make no promise', () => {
    const writer = new TarWriter(collector())
    expect(writer.entry({ path: 'a', content: utf8('x') })).toBeUndefined()
    expect(writer.finish()).toBeUndefined()
  })
})

describe('writeTar', () => {
  test('takes entries as they come, and closes what gave them when it is cancelled', async () => {
    let closed = false
    async function* entries(): AsyncGenerator<TarEntryInput> {
      try {
        for (let i = 0; ; i++) yield { path: `f${i}`, content: new Uint8Array(1 << 19) }
      } finally {
        closed = true
      }
    }
    const reader = writeTar(entries()).getReader()
    await reader.read()
    await reader.cancel()
    expect(closed).toBe(true)
  })

  test('stops with the signal’s reason', async () => {
    const reason = new Error('enough')
    await expect(readAll(writeTar([{ path: 'a' }], { signal: AbortSignal.abort(reason) }), 1e6)).rejects.toBe(
      reason,
    )
  })

  test('passes on what content throws', async () => {
    const content = (async function* () {
      yield utf8('x')
      throw new Error('disk')
    })()
    await expect(archiveOf([{ path: 'a', size: 5, content }])).rejects.toThrow('disk')
  })

  test('no entries are the two zero blocks', async () => {
    expect(await archiveOf([])).toEqual(new Uint8Array(1024))
  })
})
