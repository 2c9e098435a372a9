/** Tar archives: the push parser, the loop, the index, the writer; and `tar-stream` where both mean to read the same. */
import * as tarStream from 'tar-stream'
import { concatBytes, equalBytes } from '../../../src/bytes.ts'
import {
  indexTar,
  randomAccess,
  readTar,
  type TarEntryInput,
  type TarHeader,
  TarParser,
  type TarPosition,
  tarChunks,
} from '../../../src/tar/index.ts'
import { holds, type Kind } from '../kind.ts'
import { cut, lent } from '../mutation/bytes.ts'
import { madeArchive, mutateTar } from '../mutation/tar.ts'
import { Random } from '../random.ts'
import { seedFiles } from '../seed-files.ts'
import { onlyCodes, sameVerdict, textOf, type Verdict, verdictLater, verdictOf } from '../verdict.ts'

/** Bounds that inputs of this size can reach. */
const limits = { maxEntries: 60, maxPathLength: 3000, maxPaxSize: 6000, maxPaxRecords: 60, maxXattrs: 12 }

const tarCodes = ['TAR_INVALID', 'TAR_TRUNCATED', 'TAR_UNSUPPORTED', 'LIMIT_EXCEEDED'] as const

interface Read {
  readonly entries: { readonly header: TarHeader & TarPosition; readonly content: Uint8Array }[]
  readonly globals: number
  readonly ended: boolean
  readonly trailing: number
}

/** Everything that the push parser says. */
function push(chunks: readonly Uint8Array[]): Verdict<Read> {
  return verdictOf(() => {
    const entries: Read['entries'] = []
    let globals = 0
    let parts: Uint8Array[] = []
    let header: (TarHeader & TarPosition) | undefined
    const parser = new TarParser(
      {
        entry(given) {
          holds(header === undefined, 'An entry begins in another one')
          const { size, uid, gid, mtime } = given
          holds(
            [size, uid, gid, mtime.seconds, mtime.nanoseconds].every(Number.isSafeInteger) && size >= 0,
            'A number is not exact',
            () => given,
          )
          header = given as TarHeader & TarPosition
        },
        data(chunk) {
          parts.push(chunk.slice())
        },
        entryEnd() {
          holds(header !== undefined, 'An entry ends that was not begun')
          entries.push({ header, content: concatBytes(parts) })
          holds(
            entries.at(-1)!.content.length === header.size,
            "An entry's content has another size than it says",
          )
          header = undefined
          parts = []
        },
        global() {
          globals++
        },
      },
      limits,
    )
    for (const chunk of lent(chunks)) holds(parser.write(chunk) === undefined, 'The parser waits for nothing')
    parser.end()
    return { entries, globals, ended: parser.ended, trailing: parser.trailingBytes }
  })
}

/** Tar archives. */
export const tar: Kind = {
  name: 'tar',
  maxLength: 1 << 14,
  // The writer's buffer.
  maxAllocation: 1 << 19,

  async seeds() {
    return tarSeeds()
  },

  mutate: mutateTar,

  run(input, random) {
    const whole = push([input])
    onlyCodes(whole, 'TarParser', tarCodes)
    sameVerdict(whole, push(cut(random, input)), 'Cut otherwise, an archive is another one')
    const { error } = whole
    if (error !== undefined) {
      const { offset } = error
      holds(
        offset !== undefined && offset >= 0 && offset <= input.length,
        'An offset lies outside of the archive',
        () => offset,
      )
    }
    return random.oneIn(8) ? more(input, whole, random) : undefined
  },
}

async function more(input: Uint8Array, whole: Verdict<Read>, random: Random): Promise<void> {
  const looped = await verdictLater(async () => {
    const entries: Read['entries'] = []
    for await (const { content: _, chunks, bytes, ...header } of readTar(
      random.oneIn(2) ? input : pieces(input, random),
      limits,
    )) {
      const parts: Uint8Array[] = []
      // `bytes` has a limit of its own.
      if (random.oneIn(2) || header.size > 1 << 20)
        for await (const chunk of chunks()) parts.push(chunk.slice())
      else parts.push(await bytes())
      entries.push({ header, content: concatBytes(parts) })
    }
    return entries
  })
  onlyCodes(looped, 'readTar', tarCodes)
  const entries: Verdict<Read['entries']> = whole.error === undefined ? { value: whole.value.entries } : whole
  sameVerdict(entries, looped, 'The loop and the parser disagree')

  const indexed = await verdictLater(async () => {
    const headers: unknown[] = []
    for await (const header of indexTar(randomAccess(input), limits)) headers.push({ ...header })
    return headers
  })
  onlyCodes(indexed, 'indexTar', tarCodes)
  if (whole.error === undefined) {
    const expected = { value: whole.value.entries.map(({ header }) => header) }
    sameVerdict(expected, indexed, 'The index and the parser disagree')
    await written(whole.value)
    if (random.oneIn(4)) await tarStreamAgrees(input, whole.value)
  } else {
    // What is cut short within content shows sooner to who knows the size, and what is wrong is the same.
    holds(indexed.error !== undefined, 'The index takes what the parser refuses', () => whole.error!.message)
  }
}

async function* pieces(input: Uint8Array, random: Random): AsyncGenerator<Uint8Array> {
  yield* cut(random, input)
}

/** What was read can be written, and is then read as it was; written once more, it is the same bytes. */
async function written(read: Read): Promise<void> {
  const inputs = read.entries.map(
    ({ header, content }): TarEntryInput => ({
      ...header,
      content: header.type === 'file' ? content : undefined,
    }),
  )
  const first = await verdictLater(() => archiveOf(inputs))
  // An archive may say what the writer will not repeat: a file whose name ends in "/", an empty name.
  onlyCodes(first, 'TarWriter', ['ARGUMENT_INVALID'])
  if (first.error !== undefined) return
  const again = push([first.value])
  holds(
    again.error === undefined || again.error.code === 'LIMIT_EXCEEDED',
    'What is written cannot be read',
    () => again.error?.message,
  )
  if (again.error !== undefined) return
  const place = ({ header, content }: Read['entries'][number]): unknown => ({
    ...header,
    headerOffset: 0,
    dataOffset: 0,
    content,
  })
  const [before, after] = [read.entries.map(place), again.value.entries.map(place)].map(textOf)
  holds(before === after, 'What is written is read otherwise', () => [before, after])
  const second = await archiveOf(
    again.value.entries.map(({ header, content }) => ({
      ...header,
      content: header.type === 'file' ? content : undefined,
    })),
  )
  holds(equalBytes(first.value, second), 'The same entries make other bytes')
}

async function archiveOf(entries: readonly TarEntryInput[]): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of tarChunks(entries)) chunks.push(chunk)
  return concatBytes(chunks)
}

/** How tar-stream calls what ours calls so. */
const theirTypes: Readonly<Record<string, string>> = {
  'contiguous-file': 'file',
  link: 'link',
}

/**
 * tar-stream reads the same names, types, sizes and contents, in archives where it means to: all of ustar, and PAX
 * that it understands. It does not where `test/tar/tar-stream.test.ts` says so.
 */
async function tarStreamAgrees(input: Uint8Array, read: Read): Promise<void> {
  if (read.globals > 0 || read.trailing > 0 || !read.ended) return
  for (const { header } of read.entries) {
    if (header.pathBytes !== undefined || header.path === '' || header.pax.size > 0 || header.xattrs.size > 0)
      return
    // GNU's and v7's prefixes, and what is written into fields that are not numbers.
    for (let at = header.headerOffset; at < header.dataOffset; at += 512) {
      if (Buffer.from(input.subarray(at + 257, at + 263)).toString('latin1') !== 'ustar\0') return
    }
    if (header.dataOffset - header.headerOffset !== 512) return
    // It takes content of types that have none, where Go skips nothing.
    const claimed = input.subarray(header.headerOffset + 124, header.headerOffset + 136)
    if (header.type !== 'file' && claimed.some((byte) => byte !== 0 && byte !== 0x30)) return
  }
  const extractor = tarStream.extract()
  extractor.end(Buffer.from(input))
  const theirs: unknown[] = []
  try {
    for await (const found of extractor) {
      const parts: Uint8Array[] = []
      for await (const chunk of found) parts.push(new Uint8Array(chunk as Uint8Array))
      const { name, type, linkname } = found.header
      const kind = theirTypes[String(type)] ?? String(type)
      const isLink = kind === 'link' || kind === 'symlink'
      theirs.push([
        kind === 'directory' ? name.replace(/\/$/, '') : name,
        kind,
        isLink ? (linkname ?? '') : '',
        concatBytes(parts),
      ])
    }
  } catch {
    // It is stricter in places: ours follows Go.
    return
  }
  const ours = read.entries.map(({ header, content }) => [
    header.type === 'directory' ? header.path.replace(/\/$/, '') : header.path,
    header.type,
    header.linkPath,
    content,
  ])
  holds(textOf(ours) === textOf(theirs), 'tar-stream reads something else', () => [
    textOf(ours),
    textOf(theirs),
  ])
}

/** Archives: those of the seed files, their entries' content cut short, and made ones. */
export async function tarSeeds(): Promise<Uint8Array[]> {
  const seeds: Uint8Array[] = []
  const random = new Random(5)
  for (const { path, bytes } of seedFiles(1 << 17)) {
    if (!path.endsWith('.tar')) continue
    const entries: TarEntryInput[] = []
    for await (const { content: _, chunks: _chunks, bytes: all, ...header } of readTar(bytes)) {
      const content = (await all()).subarray(0, 300)
      entries.push({
        ...header,
        size: header.type === 'file' ? content.length : 0,
        content: header.type === 'file' ? content : undefined,
      })
    }
    seeds.push(await archiveOf(entries.slice(0, 12)))
    if (bytes.length <= tar.maxLength) seeds.push(bytes)
  }
  for (let i = 0; i < 20; i++) seeds.push(madeArchive(random))
  return seeds
}
