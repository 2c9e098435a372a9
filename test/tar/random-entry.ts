/** Entries of every type, with the names, numbers and times at which tar formats change. */
import fc from 'fast-check'
import type { TarEntryInput, TarEntryType, Timestamp } from '../../src/tar/index.ts'

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const encoder = new TextEncoder()
const loneSurrogate = /[\uD800-\uDFFF]/u

/** Names around the borders of the fields (100, 155, 256 bytes), and odd ones. */
const segment = fc.oneof(
  { weight: 6, arbitrary: fc.string({ minLength: 1, maxLength: 30 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('.', '..', ' ', 'sp ace', '-rf', '\\', '\n', '\uFEFFbom', '\uFFFD', '😀'),
  },
  { weight: 1, arbitrary: fc.integer({ min: 90, max: 160 }).map((length) => 'x'.repeat(length)) },
)

const pathText: fc.Arbitrary<string> = fc
  .tuple(
    fc.boolean(),
    fc.array(segment, { minLength: 1, maxLength: 5 }),
    fc.constantFrom(0, 0, 99, 100, 101, 154, 155, 156, 157, 255, 256, 257, 300),
  )
  .map(([rooted, segments, length]) => {
    let path = segments.join('/').replaceAll('\0', '').replace(/\/+$/, '')
    if (path === '') path = 'p'
    if (length > 0)
      path = `${'d'.repeat(40)}/${path}`
        .padEnd(length, 'qqqqqqqqqqqqqqqqqqqqqqqqq/qqqqqqqqqqqqqq')
        .replace(/\/$/, 'q')
    return rooted && !path.startsWith('/') ? `/${path}` : path
  })
  .filter((path) => !loneSurrogate.test(path))

/** A name as bytes: mostly UTF-8. */
const nameBytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 5, arbitrary: pathText.map((path) => encoder.encode(path)) },
  {
    weight: 1,
    arbitrary: fc
      .uint8Array({ min: 1, minLength: 1, maxLength: 120 })
      .map((bytes) => bytes.map((byte) => (byte === 0x2f ? 0x80 : byte))),
  },
)

const id = fc.oneof(
  fc.constantFrom(0, 1000, 65534, 262143, 262144, 0o7777777, 0o10000000, 1_000_650_000, 2 ** 32 - 1, -1),
  fc.maxSafeNat(),
)

const seconds = fc.oneof(
  fc.constantFrom(
    0,
    1,
    -1,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32,
    8 ** 11 - 1,
    8 ** 11,
    -(2 ** 31),
    -(2 ** 40),
    2 ** 50,
  ),
  fc.integer({ min: -(2 ** 33), max: 2 ** 34 }),
)

export const timestamp: fc.Arbitrary<Timestamp> = fc.record({
  seconds,
  nanoseconds: fc.oneof(fc.constant(0), fc.constantFrom(1, 500_000_000, 999_999_999), fc.nat(999_999_999)),
})

const owner = fc.oneof(
  fc.constantFrom('', 'root', 'wheel', 'ü', 'u'.repeat(31), 'u'.repeat(32), 'u'.repeat(33)),
  fc.string({ maxLength: 40 }).map((name) => name.replaceAll('\0', '')),
)

const key = fc
  .string({
    unit: fc.oneof(
      fc.constantFrom('a', '.', 'Z', ' ', 'é', '😀', '\uffee'),
      fc.string({ minLength: 1, maxLength: 1 }),
    ),
    minLength: 1,
    maxLength: 20,
  })
  .filter((name) => !/[=\0]/.test(name) && !loneSurrogate.test(name))

const xattrs = fc
  .array(
    fc.tuple(
      key.map((name) => `user.${name}`),
      fc.uint8Array({ maxLength: 40 }),
    ),
    { maxLength: 3 },
  )
  .map((pairs) => new Map<string, Uint8Array>(pairs))

const records = fc
  .array(
    fc.tuple(
      fc.oneof(
        fc.constantFrom('comment', 'MSWINDOWS.rawsd', 'SCHILY.ino'),
        key.map((name) => `VENDOR.${name}`),
      ),
      fc.uint8Array({ maxLength: 40 }),
    ),
    { maxLength: 2 },
  )
  .map((pairs) => new Map<string, Uint8Array>(pairs))

const rarely = <T>(value: fc.Arbitrary<T>, otherwise: T): fc.Arbitrary<T> =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(otherwise) }, { weight: 1, arbitrary: value })

/** An entry with every field given, as reading it must give it back; content as an array. */
export interface RandomEntry extends TarEntryInput {
  readonly type: TarEntryType
  readonly content: Uint8Array
}

export const randomEntry: fc.Arbitrary<RandomEntry> = fc
  .record({
    type: fc.constantFrom<TarEntryType>(
      'file',
      'file',
      'link',
      'symlink',
      'character-device',
      'block-device',
      'directory',
      'directory',
      'fifo',
    ),
    name: nameBytes,
    slash: fc.boolean(),
    link: nameBytes,
    mode: fc.nat(0o7777),
    modeExtra: rarely(fc.constantFrom(0o100000, 0o40000, 0o7770000), 0),
    uid: id,
    gid: id,
    mtime: timestamp,
    atime: rarely<Timestamp | undefined>(timestamp, undefined),
    ctime: rarely<Timestamp | undefined>(timestamp, undefined),
    uname: owner,
    gname: owner,
    deviceMajor: fc.constantFrom(0, 1, 8, 255, 0o7777777),
    deviceMinor: fc.nat(0o7777777),
    xattrs: rarely(xattrs, new Map<string, Uint8Array>()),
    pax: rarely(records, new Map<string, Uint8Array>()),
    content: fc.oneof(
      fc.uint8Array({ maxLength: 700 }),
      fc.constantFrom(0, 511, 512, 513, 1024).map((size) => new Uint8Array(size).fill(7)),
    ),
  })
  .map(({ name, slash, link, modeExtra, deviceMajor, deviceMinor, content, ...rest }) => {
    const { type } = rest
    const bytes = type === 'directory' && slash ? Uint8Array.of(...name, 0x2f) : name
    const isLink = type === 'link' || type === 'symlink'
    const isDevice = type === 'character-device' || type === 'block-device'
    return {
      ...rest,
      modeExtra: modeExtra === 0 ? undefined : modeExtra,
      path: decoder.decode(bytes),
      pathBytes: inexact(bytes),
      linkPath: isLink ? decoder.decode(link) : '',
      linkPathBytes: isLink ? inexact(link) : undefined,
      deviceMajor: isDevice ? deviceMajor : 0,
      deviceMinor: isDevice ? deviceMinor : 0,
      size: type === 'file' ? content.length : 0,
      content: type === 'file' ? content : new Uint8Array(0),
    }
  })

/** Bytes that their own text does not give back. */
function inexact(bytes: Uint8Array): Uint8Array | undefined {
  const again = encoder.encode(decoder.decode(bytes))
  return again.length === bytes.length && again.every((byte, i) => byte === bytes[i]) ? undefined : bytes
}
