/** Reading whole archives into memory, for tests that compare what is in them. */
import type { ByteSource } from '../../src/bytes.ts'
import { concatBytes } from '../../src/bytes.ts'
import type {
  TarEntryInput,
  TarGlobalRecords,
  TarHeader,
  TarLimits,
  TarPosition,
} from '../../src/tar/index.ts'
import { readTar, TarParser, tarChunks } from '../../src/tar/index.ts'

export interface Listed {
  readonly header: TarHeader & TarPosition
  readonly content: Uint8Array
}

export interface Listing {
  readonly entries: Listed[]
  readonly globals: TarGlobalRecords[]
  readonly parser: TarParser
}

/** Everything that the push parser says of an archive given in these chunks. */
export function list(archive: Uint8Array | readonly Uint8Array[], limits: TarLimits = {}): Listing {
  const entries: Listed[] = []
  const globals: TarGlobalRecords[] = []
  let header: (TarHeader & TarPosition) | undefined
  let parts: Uint8Array[] = []
  const parser = new TarParser(
    {
      entry(given, { headerOffset, dataOffset }) {
        if (header !== undefined) throw new Error('entryEnd was not called')
        header = { ...given, headerOffset, dataOffset }
      },
      data(chunk) {
        parts.push(chunk.slice())
      },
      entryEnd() {
        if (header === undefined) throw new Error('entryEnd was called without an entry')
        entries.push({ header, content: concatBytes(parts) })
        header = undefined
        parts = []
      },
      global(records) {
        globals.push(records)
      },
    },
    limits,
  )
  for (const chunk of archive instanceof Uint8Array ? [archive] : archive) parser.write(chunk)
  parser.end()
  return { entries, globals, parser }
}

/** The headers of an archive. */
export function headers(archive: Uint8Array, limits: TarLimits = {}): (TarHeader & TarPosition)[] {
  return list(archive, limits).entries.map(({ header }) => header)
}

/** The header of an archive's only entry. */
export function onlyHeader(archive: Uint8Array): TarHeader & TarPosition {
  const all = headers(archive)
  if (all.length !== 1) throw new Error(`The archive has ${all.length} entries`)
  return all[0]!
}

/** An archive of these entries. */
export async function archiveOf(
  entries: Iterable<TarEntryInput> | AsyncIterable<TarEntryInput>,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  for await (const chunk of tarChunks(entries)) chunks.push(chunk)
  return concatBytes(chunks)
}

/** Everything that the loop says of an archive. */
export async function listByLoop(source: ByteSource): Promise<Listed[]> {
  const entries: Listed[] = []
  for await (const { content: _, chunks: __, bytes, ...header } of readTar(source)) {
    entries.push({ header, content: await bytes() })
  }
  return entries
}

/** What a call throws. */
export function thrown(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}
