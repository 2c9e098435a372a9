/** Changes to tar archives that know blocks, fields, checksums and PAX records. */
import { concatBytes } from '../../../src/bytes.ts'
import { base256, block, entry, gnu, pax, record, v7 } from '../../tar/raw-archive.ts'
import type { Random } from '../random.ts'
import { mutateBytes, splice } from './bytes.ts'

const blockSize = 512

/** The fields of a header: where they begin, how long they are, whether they are numbers. */
const fields: readonly (readonly [at: number, length: number, kind: 'text' | 'number'])[] = [
  [0, 100, 'text'],
  [100, 8, 'number'],
  [108, 8, 'number'],
  [116, 8, 'number'],
  [124, 12, 'number'],
  [136, 12, 'number'],
  [157, 100, 'text'],
  [265, 32, 'text'],
  [297, 32, 'text'],
  [329, 8, 'number'],
  [337, 8, 'number'],
  [345, 155, 'text'],
  [345, 12, 'number'],
  [357, 12, 'number'],
]

/** Names at which paths, whiteouts and links turn. */
const tarNames: readonly string[] = [
  'a',
  'a/',
  'a/b',
  'a/b/',
  'b',
  'dir/',
  'dir/file',
  './',
  '.',
  '',
  '/',
  '//a',
  '/etc/passwd',
  '../a',
  'a/../b',
  'a/../../b',
  'a//b',
  './a/./b',
  '.wh.a',
  'a/.wh.b',
  '.wh..wh..opq',
  'a/.wh..wh..opq',
  '.wh.',
  '.wh..',
  '.wh...',
  '.wh..wh.aufs',
  '.wh..wh.plnk/x',
  'dir/.wh.x/y',
  'link',
  'link/x',
  'link/../x',
  'etc/hostname',
  'x'.repeat(99),
  'x'.repeat(100),
  `${'d/'.repeat(40)}f`,
  'é',
  'e\u0301',
  '\u{1f600}',
  'nul\0x',
  'back\\slash',
  ' ',
  'new\nline',
  'A',
  'usr/bin',
  'usr/bin/sh',
  'bin',
  'lib',
  'dev/null',
]

const octals = [
  '',
  '0',
  '7',
  '644',
  '755',
  '4755',
  '7777',
  '100644',
  '1',
  '400',
  '777',
  '1000',
  '77777777777',
  '-1',
  '+1',
  '8',
  ' 12 ',
  '1 2',
  '0x1f',
  '1\x002',
]

const types = [
  '0',
  '\0',
  '1',
  '2',
  '3',
  '4',
  '5',
  '6',
  '7',
  'x',
  'g',
  'L',
  'K',
  'S',
  'M',
  'V',
  'D',
  'N',
  'X',
  'A',
  '9',
  ' ',
  'é'.slice(0, 1),
]

const paxKeys = [
  'path',
  'linkpath',
  'size',
  'uid',
  'gid',
  'uname',
  'gname',
  'mtime',
  'atime',
  'ctime',
  'comment',
  'charset',
  'hdrcharset',
  'SCHILY.xattr.user.a',
  'SCHILY.xattr.security.capability',
  'SCHILY.xattr.',
  'LIBARCHIVE.xattr.user.a',
  'LIBARCHIVE.xattr.user%2Eb',
  'LIBARCHIVE.xattr.%zz',
  'GNU.sparse.major',
  'GNU.sparse.map',
  'SCHILY.dev',
  'SCHILY.ino',
  'VENDOR.key',
  '',
  'a=b',
  'é',
  '\0',
  'SCHILY.devmajor',
  'MSWINDOWS.rawsd',
  'LIBARCHIVE.creationtime',
]

const paxValues = [
  '',
  '0',
  '1',
  '-1',
  '-0',
  '+1',
  '1.5',
  '-1.5',
  '1.',
  '.5',
  '1e3',
  '0x10',
  ' 1',
  '9007199254740991',
  '9007199254740992',
  '18446744073709551616',
  '1234567890.123456789',
  '1234567890.1234567891',
  '-0.000000001',
  '512',
  '513',
  '1000',
  'YWJj',
  'YWJ',
  '====',
  '\0',
  'a\0b',
  '\xff',
  'binary',
  'BINARY',
  'line\nbreak',
  'k=v',
  '1 a=b',
]

/** Puts the checksum of a header right. */
function fixChecksum(bytes: Uint8Array, at: number): void {
  if (at + blockSize > bytes.length) return
  bytes.fill(0x20, at + 148, at + 156)
  let sum = 0
  for (let i = at; i < at + blockSize; i++) sum += bytes[i]!
  bytes.set(Buffer.from(`${sum.toString(8).padStart(6, '0')}\0 `, 'latin1'), at + 148)
}

/** Where headers are, as a lenient reader finds them. */
export function headersOf(bytes: Uint8Array): number[] {
  const found: number[] = []
  for (let at = 0; at + blockSize <= bytes.length && found.length < 500; ) {
    if (bytes[at] === 0 && bytes[at + 156] === 0) {
      at += blockSize
      continue
    }
    found.push(at)
    const type = bytes[at + 156]!
    const size = Number.parseInt(Buffer.from(bytes.subarray(at + 124, at + 136)).toString('latin1'), 8)
    const hasContent = type === 0 || type === 0x30 || type === 0x37 || type > 0x39
    at += blockSize + (hasContent && size > 0 ? Math.ceil(size / blockSize) * blockSize : 0)
  }
  return found
}

function number(random: Random, length: number): Uint8Array {
  switch (random.below(4)) {
    case 0:
      return base256(
        BigInt(random.pick([0, 1, -1, 255, 2 ** 32, 2 ** 53 - 1, 2 ** 53, -(2 ** 53), random.word()])),
        length,
      )
    case 1:
      return random.bytes(length)
    default: {
      const text = random.oneIn(3)
        ? random.word().toString(8).slice(-random.size(length))
        : random.pick(octals)
      const padded = random.oneIn(2) ? text.padStart(length - 1, random.pick(['0', ' '])) : text
      return Buffer.from(padded.slice(0, length), 'latin1')
    }
  }
}

function text(random: Random, length: number): Uint8Array {
  const bytes = random.oneIn(8) ? random.bytes(random.size(length)) : Buffer.from(random.pick(tarNames))
  return bytes.subarray(0, length)
}

/** A record, its length right but for now and then. */
function paxRecord(random: Random): Uint8Array {
  const key = random.pick(paxKeys)
  const value = random.oneIn(6)
    ? random.bytes(random.below(40))
    : random.oneIn(4)
      ? Buffer.from(random.pick(tarNames))
      : Buffer.from(random.pick(paxValues), 'latin1')
  const made = record(key, value)
  if (!random.oneIn(12)) return made
  made[random.below(Math.min(made.length, 4))] = 0x30 + random.below(10)
  return made
}

/** Some records. */
export function paxRecords(random: Random): Uint8Array[] {
  return Array.from({ length: 1 + random.below(4) }, () => paxRecord(random))
}

function madeEntry(random: Random): Uint8Array {
  const type = random.oneIn(3) ? random.pick(types) : random.pick(['0', '0', '1', '2', '5'])
  const isFile = type === '0' || type === '7' || type === '\0'
  const content = isFile ? random.bytes(random.pick([0, 0, 1, 10, 511, 512, 513])) : new Uint8Array(0)
  return entry(
    {
      name: text(random, 100),
      type: type.charCodeAt(0) > 127 ? '0' : type,
      linkName: type === '1' || type === '2' ? text(random, 100) : '',
      mode: random.pick([0, 0o644, 0o755, 0o4755, 0o7777]),
      uid: random.pick([0, 1000, 65534]),
      ...(random.oneIn(3) ? { magic: random.pick([gnu, v7]) } : {}),
      ...(random.oneIn(6) ? { tail: text(random, 155) } : {}),
    },
    content,
  )
}

/** A changed archive. */
export function mutateTar(random: Random, input: Uint8Array, other: Uint8Array): Uint8Array {
  if (random.oneIn(10)) return mutateBytes(random, input, other)
  let bytes = input.slice()
  for (let changes = random.oneIn(2) ? 1 : 1 + random.below(5); changes > 0; changes--) {
    bytes = change(random, bytes, other)
  }
  return bytes
}

function change(random: Random, bytes: Uint8Array<ArrayBuffer>, other: Uint8Array): Uint8Array<ArrayBuffer> {
  const headers = headersOf(bytes)
  const place = random.below(headers.length)
  const at = headers[place] ?? 0
  const next = headers[place + 1] ?? bytes.length
  switch (random.below(14)) {
    case 0:
    case 1:
    case 2: {
      const [from, length, kind] = random.pick(fields)
      if (at + blockSize > bytes.length) return bytes
      const value = kind === 'number' ? number(random, length) : text(random, length)
      bytes.fill(0, at + from, at + from + length)
      bytes.set(value.subarray(0, length), at + from)
      if (!random.oneIn(20)) fixChecksum(bytes, at)
      return bytes
    }
    case 3:
      if (at + blockSize > bytes.length) return bytes
      bytes[at + 156] = random.pick(types).charCodeAt(0)
      fixChecksum(bytes, at)
      return bytes
    case 4:
      if (at + blockSize > bytes.length) return bytes
      bytes.set(
        Buffer.from(random.pick(['ustar\x0000', gnu, v7, 'ustar\x00\x00\x00', 'ustar 00']), 'latin1'),
        at + 257,
      )
      if (random.oneIn(3)) bytes.set(Buffer.from('tar\0'), at + 508)
      fixChecksum(bytes, at)
      return bytes
    case 5:
      return splice(bytes, at, next, new Uint8Array(0))
    case 6:
      return splice(
        bytes,
        headers[random.below(headers.length)] ?? 0,
        headers[random.below(headers.length)] ?? 0,
        bytes.slice(at, next),
      )
    case 7: {
      const theirs = headersOf(other)
      const which = random.below(theirs.length)
      return splice(
        bytes,
        at,
        random.oneIn(2) ? at : next,
        other.slice(theirs[which] ?? 0, theirs[which + 1] ?? other.length),
      )
    }
    case 8:
      return splice(bytes, at, at, pax(paxRecords(random), random.oneIn(6) ? 'g' : 'x'))
    case 9: {
      const name = concatBytes([
        Buffer.from(random.pick(tarNames).repeat(random.pick([1, 1, 3, 60]))),
        new Uint8Array(random.below(3)),
      ])
      return splice(
        bytes,
        at,
        at,
        entry({ name: '././@LongLink', type: random.pick(['L', 'K']), magic: gnu }, name),
      )
    }
    case 10:
      return splice(bytes, at, at, madeEntry(random))
    case 11:
      return splice(bytes, at, at, new Uint8Array(random.pick([512, 1024, 1536, 100])))
    case 12: {
      if (at + blockSize > bytes.length) return bytes
      for (let i = random.size(6); i > 0; i--) bytes[at + random.below(blockSize)] = random.word() & 255
      fixChecksum(bytes, at)
      return bytes
    }
    default:
      if (random.oneIn(3)) return bytes.slice(0, random.below(bytes.length))
      // Content, extended headers' among it.
      for (let i = random.size(8); i > 0; i--)
        bytes[at + blockSize + random.below(Math.max(0, next - at - blockSize))] = random.word() & 127
      return bytes
  }
}

/** An archive of a few entries. */
export function madeArchive(random: Random): Uint8Array {
  const parts: Uint8Array[] = []
  for (let i = 1 + random.below(6); i > 0; i--) {
    if (random.oneIn(3)) parts.push(pax(paxRecords(random)))
    parts.push(madeEntry(random))
  }
  return concatBytes([...parts, new Uint8Array(1024)])
}

/** One header block that holds nothing odd: what a reader needs behind an extended header. */
export function plainEntry(): Uint8Array<ArrayBuffer> {
  return concatBytes([
    block({ name: 'plain', size: 3 }),
    new Uint8Array(512).fill(0x61, 0, 3),
    new Uint8Array(1024),
  ])
}
