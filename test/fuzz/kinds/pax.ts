/** PAX records: the content of an extended header. */
import { concatBytes } from '../../../src/bytes.ts'
import { type TarHeader, TarParser, tarChunks } from '../../../src/tar/index.ts'
import { formatRecord, isPaxProblem, parsePax, parseRecords } from '../../../src/tar/pax.ts'
import { entry } from '../../tar/raw-archive.ts'
import { holds, type Kind } from '../kind.ts'
import { mutateBytes, splice } from '../mutation/bytes.ts'
import { paxRecords, plainEntry } from '../mutation/tar.ts'
import { Random } from '../random.ts'
import { onlyCodes, textOf, verdictLater, verdictOf } from '../verdict.ts'

const limits = { records: 40, xattrs: 10, pathLength: 1000 }

const tarLimits = {
  maxPaxRecords: limits.records,
  maxXattrs: limits.xattrs,
  maxPathLength: limits.pathLength,
}

/** PAX records. */
export const pax: Kind = {
  name: 'pax',
  maxLength: 1 << 11,
  maxAllocation: 1 << 19,

  async seeds() {
    const random = new Random(6)
    return Array.from({ length: 60 }, () => concatBytes(paxRecords(random)))
  },

  mutate(random, input, other) {
    switch (random.below(4)) {
      case 0:
        return mutateBytes(random, input, other)
      case 1:
        return concatBytes([input, ...paxRecords(random)])
      case 2: {
        const bounds = recordBounds(input)
        const at = random.pick(bounds)
        return splice(
          input,
          at,
          random.oneIn(2) ? at : random.pick(bounds.filter((bound) => bound >= at)),
          concatBytes(paxRecords(random)),
        )
      }
      default: {
        // A record's own bytes are changed, its length put right.
        const bounds = recordBounds(input)
        const place = random.below(bounds.length - 1)
        const [from, to] = [bounds[place] ?? 0, bounds[place + 1] ?? input.length]
        const space = input.indexOf(0x20, from)
        if (space < 0 || space >= to) return mutateBytes(random, input, other)
        return splice(
          input,
          from,
          to,
          withLength(mutateBytes(random, input.subarray(space + 1, Math.max(space + 1, to - 1)), other)),
        )
      }
    }
  },

  run(input, random) {
    const records = parseRecords(input, limits)
    const parsed = parsePax(input, limits)
    if (isPaxProblem(records)) holds(isPaxProblem(parsed), 'Records that are refused make a header')
    else {
      const again = parseRecords(
        concatBytes([...records].map(([key, value]) => formatRecord(key, value))),
        limits,
      )
      holds(!isPaxProblem(again) && textOf(again) === textOf(records), 'Records are written as other ones')
    }
    const header = readHeader(input)
    onlyCodes(header, 'TarParser', ['TAR_INVALID', 'TAR_UNSUPPORTED', 'TAR_TRUNCATED', 'LIMIT_EXCEEDED'])
    if (isPaxProblem(parsed)) {
      holds(header.error?.code === parsed.code, 'The parser takes records that are refused', () => parsed)
      return undefined
    }
    if (header.error !== undefined) {
      holds(
        parsed.sparse !== undefined || parsed.size !== undefined,
        'The parser refuses records that are taken',
        () => header.error.message,
      )
      return undefined
    }
    const { uid, mtime, path } = header.value
    holds(
      [uid, mtime.seconds, mtime.nanoseconds].every(Number.isSafeInteger),
      'A number is not exact',
      () => parsed,
    )
    holds(parsed.uid === undefined || parsed.uid === uid, 'A record is lost', () => [parsed, uid])
    holds(parsed.mtime === undefined || textOf(parsed.mtime) === textOf(mtime), 'A record is lost', () => [
      parsed,
      mtime,
    ])
    holds(parsed.path !== undefined || path === 'plain', 'A name comes from nowhere')
    for (const [name, value] of parsed.xattrs) {
      holds(
        header.value.xattrs.get(name) === value || textOf(header.value.xattrs.get(name)) === textOf(value),
        'An attribute is lost',
      )
    }
    return random.oneIn(8) ? written(header.value) : undefined
  },
}

/** The header of an entry of three bytes behind these records. */
function readHeader(records: Uint8Array) {
  return verdictOf(() => {
    const headers: TarHeader[] = []
    const parser = new TarParser({ entry: (header) => void headers.push(header) }, tarLimits)
    parser.write(concatBytes([entry({ name: 'PaxHeaders/plain', type: 'x' }, records), plainEntry()]))
    parser.end()
    holds(headers.length >= 1, 'The entry behind an extended header is gone')
    return headers[0]!
  })
}

async function written(header: TarHeader): Promise<void> {
  const first = await verdictLater(async () => {
    const chunks: Uint8Array[] = []
    for await (const chunk of tarChunks([{ ...header, content: new Uint8Array(header.size) }]))
      chunks.push(chunk)
    return concatBytes(chunks)
  })
  onlyCodes(first, 'TarWriter', ['ARGUMENT_INVALID'])
  if (first.error !== undefined) return
  const again = verdictOf(() => {
    const headers: TarHeader[] = []
    const parser = new TarParser({ entry: (read) => void headers.push(read) }, tarLimits)
    parser.write(first.value)
    parser.end()
    return headers
  })
  if (again.error?.code === 'LIMIT_EXCEEDED') return
  const plain = (read: TarHeader | undefined): string => textOf({ ...read, headerOffset: 0, dataOffset: 0 })
  holds(
    again.error === undefined && plain(again.value[0]) === plain(header),
    'A header is written as another one',
    () => [header, again.value, again.error?.message],
  )
}

/** Where records begin and end, as far as their lengths can be followed. */
function recordBounds(bytes: Uint8Array): number[] {
  const bounds = [0]
  for (let at = 0; at < bytes.length; ) {
    const length = Number.parseInt(Buffer.from(bytes.subarray(at, at + 6)).toString('latin1'), 10)
    if (!(length > 0)) break
    at = Math.min(bytes.length, at + length)
    bounds.push(at)
  }
  return bounds
}

/** `key=value` as a record. */
function withLength(content: Uint8Array): Uint8Array {
  let length = content.length + 2
  length += String(length + String(length).length).length
  return concatBytes([Buffer.from(`${length} `), content, Uint8Array.of(0x0a)])
}
