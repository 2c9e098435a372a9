/** The package `tar-stream` as an oracle of ours, both ways, and the places where it is known to differ. */
import fc from 'fast-check'
import * as tarStream from 'tar-stream'
import { describe, expect, test } from 'vitest'
import { concatBytes } from '../../src/bytes.ts'
import type { TarEntryInput, TarStreamHeaderInput } from '../../src/tar/index.ts'
import { fromTarStreamHeader, readTar, toTarStreamHeader } from '../../src/tar/index.ts'
import { archiveOf, list, onlyHeader, thrown } from './listing.ts'
import type { RandomEntry } from './random-entry.ts'
import { randomEntry } from './random-entry.ts'
import { block, end, entry, join, latin1, utf8 } from './raw-archive.ts'

interface Extracted {
  readonly header: TarStreamHeaderInput & { readonly pax?: Readonly<Record<string, string>> | null }
  readonly content: Uint8Array
}

/** What tar-stream reads. */
async function extract(archive: Uint8Array): Promise<Extracted[]> {
  const extractor = tarStream.extract()
  extractor.end(Buffer.from(archive))
  const entries: Extracted[] = []
  for await (const found of extractor) {
    const chunks: Uint8Array[] = []
    for await (const chunk of found) chunks.push(new Uint8Array(chunk as Uint8Array))
    entries.push({ header: found.header as Extracted['header'], content: concatBytes(chunks) })
  }
  return entries
}

/** A pack of these entries: the chunks are bytes, although its types do not say so. */
function pack(entries: readonly Extracted[]): AsyncIterable<Uint8Array> {
  const packer = tarStream.pack()
  for (const { header, content } of entries) {
    // A symlink's content is taken for its target, and any other entry's is refused.
    const given = header as tarStream.Header
    if (header.type === 'file') packer.entry(given, Buffer.from(content))
    else packer.entry(given)
  }
  packer.finalize()
  return packer as AsyncIterable<Uint8Array>
}

async function packed(entries: readonly Extracted[]): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of pack(entries)) chunks.push(new Uint8Array(chunk as Uint8Array))
  return concatBytes(chunks)
}

/** Entries without what tar-stream is known to spoil: each of these things has a test of its own below. */
const agreed = randomEntry.map(
  (random): RandomEntry => ({
    ...random,
    path: random.pathBytes === undefined ? random.path : 'not-utf-8',
    pathBytes: undefined,
    linkPath: random.linkPathBytes === undefined ? random.linkPath : 'not-utf-8',
    linkPathBytes: undefined,
    mode: random.mode === 0 ? 1 : random.mode,
    modeExtra: undefined,
    deviceMajor: Math.min(random.deviceMajor ?? 0, 0o777777),
    deviceMinor: Math.min(random.deviceMinor ?? 0, 0o777777),
    xattrs: text(random.xattrs!),
    pax: text(random.pax!),
  }),
)

function text(records: ReadonlyMap<string, Uint8Array>): Map<string, Uint8Array> {
  return new Map([...records].map(([key, value]) => [key, utf8(Buffer.from(value).toString('latin1'))]))
}

describe('agreement', () => {
  test('what we write, tar-stream reads, and its headers say the same as ours', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(agreed, { maxLength: 4 }), async (written) => {
        const extracted = await extract(await archiveOf(written))
        expect(extracted).toHaveLength(written.length)
        for (const [i, { header, content }] of extracted.entries()) {
          const { content: wroteContent, size, ...wrote } = written[i]!
          expect(content).toEqual(wroteContent)
          expect(onlyHeader(await archiveOf([{ ...fromTarStreamHeader(header), content }]))).toMatchObject(
            onlyFields({ ...wrote, size }),
          )
        }
      }),
      { numRuns: 150 },
    )
  })

  test('what tar-stream writes of our headers, we read', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(agreed, { maxLength: 4 }), async (random) => {
        // It splits names at the first "/", and so writes a prefix with the root lost.
        const written = random.map((one) => ({ ...one, path: one.path.replace(/^\/+/, '') || 'p' }))
        const ours = list(await archiveOf(written)).entries
        const theirs = list(
          await packed(ours.map(({ header, content }) => ({ header: toTarStreamHeader(header), content }))),
        ).entries
        expect(theirs).toHaveLength(written.length)
        for (const [i, { header, content }] of theirs.entries()) {
          expect(content).toEqual(ours[i]!.content)
          const { headerOffset, dataOffset, ...fields } = ours[i]!.header
          expect(header).toMatchObject(fields)
        }
      }),
      { numRuns: 150 },
    )
  })

  test('a Pack goes in wherever bytes do', async () => {
    const paths: [string, string][] = []
    for await (const found of readTar(
      pack([{ header: { name: 'a', type: 'file' }, content: utf8('hello') }]),
    )) {
      paths.push([found.path, new TextDecoder().decode(await found.bytes())])
    }
    expect(paths).toEqual([['a', 'hello']])
  })
})

/** The fields without those that an entry of this type does not have. */
function onlyFields({ content: _, ...fields }: TarEntryInput): TarEntryInput {
  return fields
}

describe('known differences: its writer', () => {
  const write = async (header: Extracted['header']) =>
    onlyHeader(await packed([{ header, content: new Uint8Array(0) }]))

  test('clamps ids above 262143; our adapter gives them as PAX records', async () => {
    expect(await write({ name: 'a', type: 'file', uid: 1_000_650_000, gid: 262_144 })).toMatchObject({
      uid: 262_143,
      gid: 262_143,
    })
    const header = onlyHeader(await archiveOf([{ path: 'a', uid: 1_000_650_000, gid: 262_144 }]))
    expect(await write(toTarStreamHeader(header))).toMatchObject({ uid: 1_000_650_000, gid: 262_144 })
  })

  test('turns mode 0 into 0644, which no adapter can help', async () => {
    const header = onlyHeader(await archiveOf([{ path: 'etc/shadow', mode: 0 }]))
    expect(header.mode).toBe(0)
    expect((await write(toTarStreamHeader(header))).mode).toBe(0o644)
  })

  test('wraps times from 2038 on and spoils negative ones; our adapter gives them as PAX records', async () => {
    expect(
      (await write({ name: 'a', type: 'file', mtime: new Date(2 ** 31 * 1000) })).mtime.seconds,
    ).not.toBe(2 ** 31)
    for (const mtime of [2 ** 31, 2 ** 33 + 5, -1, -1.5, 0.25]) {
      const header = onlyHeader(await archiveOf([{ path: 'a', mtime }]))
      expect((await write(toTarStreamHeader(header))).mtime).toEqual(header.mtime)
    }
  })
})

describe('known differences: its reader', () => {
  const read = async (input: TarEntryInput) => (await extract(await archiveOf([input])))[0]!.header

  test('ignores PAX uid, gid and mtime; our adapter takes them from the records', async () => {
    const input: TarEntryInput = {
      path: 'a',
      uid: 1_000_650_000,
      gid: 3_000_000,
      mtime: { seconds: -5, nanoseconds: 7 },
    }
    const header = await read(input)
    expect(header).toMatchObject({ uid: 0, gid: 0, mtime: new Date(0) })
    expect(fromTarStreamHeader(header)).toMatchObject(input)
  })

  test('loses bytes of attributes that are not UTF-8', async () => {
    const value = Uint8Array.of(1, 0, 0, 2, 0xc0, 0)
    const header = await read({ path: 'newuidmap', xattrs: new Map([['security.capability', value]]) })
    expect(utf8(header.pax!['SCHILY.xattr.security.capability']!)).not.toEqual(value)
    const ours = onlyHeader(
      await archiveOf([{ path: 'newuidmap', xattrs: new Map([['security.capability', value]]) }]),
    )
    expect(ours.xattrs.get('security.capability')).toEqual(value)
    // So we do not hand such a header over.
    expect(thrown(() => toTarStreamHeader(ours))).toMatchObject({
      code: 'ARGUMENT_INVALID',
      path: 'newuidmap',
    })
  })

  test('has no type for sparse files, which we refuse by name', async () => {
    const archive = join(block({ name: 'holes', type: 'S' }), end)
    const [first] = await extract(archive)
    expect(first!.header.type).toBeNull()
    expect(thrown(() => list(archive))).toMatchObject({ code: 'TAR_UNSUPPORTED' })
  })

  test('reads on past the two zero blocks where Go and we stop', async () => {
    const archive = join(entry({ name: 'seen' }, 'x'), end, entry({ name: 'hidden' }, 'y'), end)
    expect((await extract(archive)).map(({ header }) => header.name)).toEqual(['seen', 'hidden'])
    const { entries, parser } = list(archive)
    expect(entries.map(({ header }) => header.path)).toEqual(['seen'])
    expect(parser.trailingNonZero).toBe(true)
  })

  test('applies global headers (where a local one follows), which Go and we do not', async () => {
    const archive = join(
      entry({ name: 'pax_global_header', type: 'g' }, '13 path=evil\n'),
      entry({ name: 'PaxHeader', type: 'x' }, '13 comment=x\n'),
      block({ name: 'a' }),
      end,
    )
    expect((await extract(archive))[0]!.header.name).toBe('evil')
    expect(onlyHeader(archive).path).toBe('a')
  })
})

describe('the adapter', () => {
  test('refuses what tar-stream would spoil', async () => {
    for (const input of [
      { path: '\uFFFD', pathBytes: latin1('\xff') },
      { path: 'a', type: 'symlink', linkPath: '\uFFFD', linkPathBytes: latin1('\xff') },
      { path: 'a', uname: '\uFFFD', unameBytes: latin1('\xff') },
      { path: 'a', gname: '\uFFFD', gnameBytes: latin1('\xff') },
      { path: 'a', pax: new Map([['comment', latin1('\xff')]]) },
    ] as TarEntryInput[]) {
      const header = onlyHeader(await archiveOf([input]))
      expect(thrown(() => toTarStreamHeader(header))).toMatchObject({ code: 'ARGUMENT_INVALID' })
    }
  })

  test('keeps names that objects have of themselves', async () => {
    const header = onlyHeader(await archiveOf([{ path: 'a', pax: new Map([['__proto__', utf8('x')]]) }]))
    expect(Object.entries(toTarStreamHeader(header).pax!)).toEqual([['__proto__', 'x']])
  })

  test('takes contiguous files for files, and no type that layers lack', () => {
    expect(fromTarStreamHeader({ name: 'a', type: 'contiguous-file', size: 3 })).toMatchObject({
      type: 'file',
      size: 3,
    })
    expect(fromTarStreamHeader({ name: 'a/', type: 'directory', size: 3 })).toMatchObject({
      type: 'directory',
      size: 0,
    })
    expect(thrown(() => fromTarStreamHeader({ name: 'a', type: 'pax-header' }))).toMatchObject({
      code: 'TAR_UNSUPPORTED',
    })
  })
})
