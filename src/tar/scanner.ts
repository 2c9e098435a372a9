/**
 * The one place that understands tar bytes. It is pulled: give it a chunk, ask for events until it wants the
 * next one. So a push parser, an async generator and an index that seeks past content share every rule, and none
 * of them pays for a promise or a callback that it does not need.
 *
 * Where readers differ, Go's `archive/tar` decides, since containerd, Docker, skopeo and umoci read with it: an
 * archive must not mean one thing to them and another here. What Go lets pass although nobody writes it in good
 * faith (text behind the NUL of a long name, numbers with "+") is refused.
 */
import type { OciErrorCode, OciErrorDetails } from '../errors.ts'
import { OciError } from '../errors.ts'
import {
  BLOCK_SIZE,
  blockFormat,
  FIELDS,
  isZeroBlock,
  paddingOf,
  signedChecksum,
  unsignedChecksum,
} from './block.ts'
import type { TarEntryType, TarHeader, Timestamp } from './header.ts'
import type { TarLimits } from './limits.ts'
import { withDefaults } from './limits.ts'
import { parseNumber, parseOctal } from './number.ts'
import type { PaxHeader, PaxProblem } from './pax.ts'
import { isPaxProblem, parsePax, parseRecords } from './pax.ts'
import { decodeText, quote, RepeatedText, textEnd, undecodable } from './text.ts'

/** Where an entry is in its archive, in bytes from the archive's start. */
export interface TarPosition {
  /** The first byte of the first block that belongs to the entry: its extended headers come before its own. */
  readonly headerOffset: number
  /** The first byte of its content. */
  readonly dataOffset: number
}

/** What a global extended header says: raw, by key. */
export type TarGlobalRecords = ReadonlyMap<string, Uint8Array>

/**
 * What the scanner came upon: `input`, it wants the next chunk; `entry`, a header is in `header`; `data`, a piece
 * of its content is in `data`; `entry-end`, its content is over; `global`, a global header is in `globalRecords`.
 */
export type ScanEvent = 'input' | 'entry' | 'data' | 'entry-end' | 'global'

type State =
  | 'header'
  /** Collecting an extended header's content. */
  | 'extension'
  | 'content'
  | 'content-end'
  | 'padding'
  /** After the two zero blocks. */
  | 'trailer'
  | 'failed'

/** Extended headers that may stand before one entry; real archives have three at most. */
const maxExtensions = 16

const noBytes: Uint8Array<ArrayBuffer> = /* @__PURE__ */ new Uint8Array(0)
const noRecords: ReadonlyMap<string, Uint8Array> = /* @__PURE__ */ new Map()

/** A pull scanner over an archive that comes in chunks. */
export class TarScanner {
  /** Of the last `entry`. */
  header!: TarHeader & TarPosition
  /** Of the last `data`: part of the chunk given, valid until the next one is. */
  data: Uint8Array = noBytes
  /** Of the last `global`. */
  globalRecords: TarGlobalRecords = noRecords
  /** Bytes behind the two zero blocks that end the archive. */
  trailingBytes = 0
  /** Whether any of them is not zero. */
  trailingNonZero = false

  readonly #limits: { readonly [name in keyof TarLimits]-?: number }
  #chunk: Uint8Array = noBytes
  #view: DataView = new DataView(noBytes.buffer)
  /** Position in the chunk, and where the chunk starts in the archive. */
  #at = 0
  #chunkOffset = 0
  #state: State = 'header'
  #failure: OciError | undefined
  /** A header block that does not lie in one chunk. */
  readonly #block = new Uint8Array(BLOCK_SIZE)
  readonly #blockView = new DataView(this.#block.buffer)
  #blockFilled = 0
  #zeroBlocks = 0
  #entries = 0
  /** Bytes of content, padding or extension that are still to come. */
  #remaining = 0
  #padding = 0
  /** What precedes the next entry: its first byte, how many headers, and what they said. */
  #firstHeader = -1
  #extensions = 0
  #extensionType = 0
  #extensionParts: Uint8Array[] = []
  #pax: PaxHeader | undefined
  #longName: Uint8Array | undefined
  #longLink: Uint8Array | undefined
  readonly #uname = new RepeatedText()
  readonly #gname = new RepeatedText()

  constructor(limits: TarLimits = {}) {
    this.#limits = withDefaults(limits)
  }

  /** Bytes of the archive taken so far. */
  get offset(): number {
    return this.#chunkOffset + this.#at
  }

  /** Whether the end of the archive, two zero blocks, has been passed. */
  get ended(): boolean {
    return this.#state === 'trailer'
  }

  /** Bytes of the current entry's content that are still to come. */
  get contentRemaining(): number {
    return this.#state === 'content' ? this.#remaining : 0
  }

  /** Gives the next chunk; the one before must have been used up (the scanner asked for input). */
  push(chunk: Uint8Array): void {
    this.#chunkOffset += this.#at
    // Not a Buffer: its `subarray` costs several times that of the array it is.
    this.#chunk = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    this.#view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    this.#at = 0
  }

  /**
   * Leaves out the content of the entry just given and goes on at the next header, whose offset it returns: what
   * lies before that offset must then not be pushed.
   */
  seekPastContent(): number {
    const next = this.header.dataOffset + this.header.size + paddingOf(this.header.size)
    this.#state = 'header'
    this.#remaining = 0
    this.#padding = 0
    const inChunk = next - this.#chunkOffset
    if (inChunk <= this.#chunk.length) {
      this.#at = inChunk
    } else {
      this.#chunk = noBytes
      this.#at = 0
      this.#chunkOffset = next
    }
    return next
  }

  /**
   * Goes on to the next event.
   * @throws OciError `TAR_INVALID`, `TAR_UNSUPPORTED`, `LIMIT_EXCEEDED`; once thrown, always thrown.
   */
  next(): ScanEvent {
    for (;;) {
      switch (this.#state) {
        case 'header': {
          const event = this.#readHeader()
          if (event !== undefined) return event
          break
        }
        case 'content': {
          const available = this.#chunk.length - this.#at
          if (available === 0) return 'input'
          const take = Math.min(available, this.#remaining)
          this.data = this.#chunk.subarray(this.#at, this.#at + take)
          this.#at += take
          this.#remaining -= take
          if (this.#remaining === 0) this.#state = 'content-end'
          return 'data'
        }
        case 'content-end':
          this.#remaining = this.#padding
          this.#state = this.#padding === 0 ? 'header' : 'padding'
          return 'entry-end'
        case 'padding': {
          const available = this.#chunk.length - this.#at
          if (available < this.#remaining) {
            this.#at += available
            this.#remaining -= available
            return 'input'
          }
          this.#at += this.#remaining
          this.#remaining = 0
          this.#state = 'header'
          break
        }
        case 'extension': {
          const available = this.#chunk.length - this.#at
          if (available === 0 && this.#remaining > 0) return 'input'
          const take = Math.min(available, this.#remaining)
          const part = this.#chunk.subarray(this.#at, this.#at + take)
          this.#at += take
          this.#remaining -= take
          if (this.#remaining > 0) {
            // Kept by bytes received: a header that claims a mebibyte and ends costs nothing.
            this.#extensionParts.push(part.slice())
            break
          }
          const event = this.#endExtension(part)
          this.#remaining = this.#padding
          this.#state = this.#padding === 0 ? 'header' : 'padding'
          if (event !== undefined) return event
          break
        }
        case 'trailer': {
          const { length } = this.#chunk
          this.trailingBytes += length - this.#at
          // Once is enough, and a long tail of zeros costs one pass.
          for (let i = this.#at; i < length && !this.trailingNonZero; i++) {
            if (this.#chunk[i] !== 0) this.trailingNonZero = true
          }
          this.#at = length
          return 'input'
        }
        case 'failed':
          throw this.#failure
      }
    }
  }

  /**
   * Says that there is no more input. As in Go, an archive may end without the two zero blocks, with one of them,
   * or within the padding of its last entry.
   * @throws OciError `TAR_TRUNCATED` where it ends within a header or content.
   */
  end(): void {
    switch (this.#state) {
      case 'failed':
        throw this.#failure
      case 'content':
        throw this.#fail(
          'TAR_TRUNCATED',
          `ends ${this.#remaining} bytes before the content does`,
          this.header.path,
          {
            expected: this.header.size,
            actual: this.header.size - this.#remaining,
            offset: this.header.headerOffset,
          },
        )
      case 'extension':
        throw this.#fail(
          'TAR_TRUNCATED',
          `ends within an extended header, ${this.#remaining} bytes before its end`,
        )
      case 'header':
        if (this.#blockFilled > 0) {
          throw this.#fail(
            'TAR_TRUNCATED',
            `ends within its header, after ${this.#blockFilled} of 512 bytes`,
            undefined,
            {
              offset: this.offset - this.#blockFilled,
            },
          )
        }
        return
      default:
        return
    }
  }

  /** Reads one header block; undefined where the loop has just to go on. */
  #readHeader(): ScanEvent | undefined {
    const available = this.#chunk.length - this.#at
    let bytes = this.#chunk
    let view = this.#view
    let at = this.#at
    if (this.#blockFilled === 0 && available >= BLOCK_SIZE) {
      this.#at += BLOCK_SIZE
    } else {
      if (available === 0) return 'input'
      const take = Math.min(available, BLOCK_SIZE - this.#blockFilled)
      this.#block.set(this.#chunk.subarray(at, at + take), this.#blockFilled)
      this.#at += take
      this.#blockFilled += take
      if (this.#blockFilled < BLOCK_SIZE) return 'input'
      this.#blockFilled = 0
      bytes = this.#block
      view = this.#blockView
      at = 0
    }
    const offset = this.offset - BLOCK_SIZE
    if (bytes[at] === 0 && isZeroBlock(view, at)) {
      if (++this.#zeroBlocks === 2) this.#state = 'trailer'
      return undefined
    }
    if (this.#firstHeader === -1) this.#firstHeader = offset
    if (this.#zeroBlocks > 0) {
      throw this.#fail(
        'TAR_INVALID',
        'has one zero block followed by another entry: two end an archive, one is damage',
      )
    }
    this.#checkSum(bytes, view, at)
    const type = bytes[at + FIELDS.type.at]!
    switch (type) {
      case 0x78: // x
      case 0x67: // g
      case 0x4c: // L
      case 0x4b: // K
        this.#startExtension(bytes, at, type)
        return undefined
    }
    return this.#readEntry(bytes, at, type)
  }

  #checkSum(bytes: Uint8Array, view: DataView, at: number): void {
    const { at: field, length } = FIELDS.checksum
    const expected = parseOctal(bytes, at + field, length)
    const actual = unsignedChecksum(view, at)
    if (expected === actual || expected === signedChecksum(view, at)) return
    const name = decodeText(bytes, at, textEnd(bytes, at, FIELDS.name.length))
    throw this.#fail(
      'TAR_INVALID',
      Number.isNaN(expected)
        ? 'has a header without a checksum: this is not tar, or is damaged'
        : `has a header whose checksum is ${actual} where it says ${expected}: it is damaged`,
      name,
      { expected: Number.isNaN(expected) ? undefined : expected, actual },
    )
  }

  #startExtension(bytes: Uint8Array, at: number, type: number): void {
    if (++this.#extensions > maxExtensions) {
      throw this.#fail('LIMIT_EXCEEDED', `has more than ${maxExtensions} extended headers`, undefined, {
        expected: maxExtensions,
      })
    }
    const size = parseNumber(bytes, at + FIELDS.size.at, FIELDS.size.length)
    if (!(size >= 0)) throw this.#fail('TAR_INVALID', 'has an extended header whose size is no number')
    const isPax = type === 0x78 || type === 0x67
    // A long name has a NUL at its end.
    const limit = isPax ? this.#limits.maxPaxSize : this.#limits.maxPathLength + 1
    if (size > limit) {
      throw this.#fail(
        'LIMIT_EXCEEDED',
        `has ${isPax ? 'an extended header' : 'a long name'} of ${size} bytes: more than the ${limit} allowed`,
        undefined,
        { expected: limit, actual: size },
      )
    }
    this.#extensionType = type
    this.#extensionParts = []
    this.#remaining = size
    this.#padding = paddingOf(size)
    this.#state = 'extension'
  }

  #endExtension(last: Uint8Array): ScanEvent | undefined {
    let bytes = last
    if (this.#extensionParts.length > 0) {
      let length = last.length
      for (const part of this.#extensionParts) length += part.length
      bytes = new Uint8Array(length)
      let filled = 0
      for (const part of this.#extensionParts) {
        bytes.set(part, filled)
        filled += part.length
      }
      bytes.set(last, filled)
      this.#extensionParts = []
    }
    if (this.#extensionType === 0x4c || this.#extensionType === 0x4b) {
      const end = textEnd(bytes, 0, bytes.length)
      for (let i = end; i < bytes.length; i++) {
        if (bytes[i] !== 0) throw this.#fail('TAR_INVALID', 'has a long name with a NUL in it')
      }
      const name = end === 0 ? undefined : bytes.slice(0, end)
      if (this.#extensionType === 0x4c) this.#longName = name
      else this.#longLink = name
      return undefined
    }
    const limits = {
      records: this.#limits.maxPaxRecords,
      xattrs: this.#limits.maxXattrs,
      pathLength: this.#limits.maxPathLength,
    }
    if (this.#extensionType === 0x78) {
      const pax = parsePax(bytes, limits)
      if (isPaxProblem(pax)) throw this.#failPax(pax)
      // A later extended header replaces an earlier one whole, as in Go.
      this.#pax = pax
      return undefined
    }
    // Go hands a global header out as an entry of its own and forgets what stood before it; containerd and Docker
    // skip it. GNU tar would apply it to every entry that follows, which these tools would then not see.
    const records = parseRecords(bytes, limits)
    if (isPaxProblem(records)) throw this.#failPax(records)
    this.#countEntry()
    this.globalRecords = records
    this.#startOver()
    return 'global'
  }

  #failPax(problem: PaxProblem): OciError {
    return this.#fail(problem.code, `has an extended header that ${problem.message}`, undefined, {
      expected: problem.expected,
      actual: problem.actual,
    })
  }

  #countEntry(): void {
    if (++this.#entries > this.#limits.maxEntries) {
      throw this.#fail(
        'LIMIT_EXCEEDED',
        `is one more than the ${this.#limits.maxEntries} entries allowed`,
        undefined,
        {
          expected: this.#limits.maxEntries,
        },
      )
    }
  }

  #startOver(): void {
    this.#firstHeader = -1
    this.#extensions = 0
    this.#pax = undefined
    this.#longName = undefined
    this.#longLink = undefined
  }

  #readEntry(bytes: Uint8Array, at: number, typeflag: number): ScanEvent {
    this.#countEntry()
    const pax = this.#pax
    const format = blockFormat(bytes, at)

    // Names.
    const nameEnd = textEnd(bytes, at, FIELDS.name.length)
    let pathSource = bytes
    let pathStart = at
    let pathEnd = nameEnd
    let atime: Timestamp | undefined
    let ctime: Timestamp | undefined
    const longPath = this.#longName ?? pax?.path
    if (format !== 'v7') {
      let prefix = format === 'star' ? FIELDS.starPrefix : FIELDS.prefix
      let hasPrefix = format !== 'gnu'
      if (format === 'star') {
        atime = this.#wholeSeconds(bytes, at, FIELDS.starAtime)
        ctime = this.#wholeSeconds(bytes, at, FIELDS.starCtime)
      } else if (format === 'gnu') {
        const { gnuAtime, gnuCtime } = FIELDS
        const first =
          bytes[at + gnuAtime.at] === 0 ? undefined : parseNumber(bytes, at + gnuAtime.at, gnuAtime.length)
        const second =
          bytes[at + gnuCtime.at] === 0 ? undefined : parseNumber(bytes, at + gnuCtime.at, gnuCtime.length)
        if (Number.isNaN(first) || Number.isNaN(second)) {
          // Go before 1.8 wrote a ustar prefix where GNU has these times (https://go.dev/issue/12594).
          prefix = FIELDS.prefix
          hasPrefix = isAscii(bytes, at + prefix.at, textEnd(bytes, at + prefix.at, prefix.length))
        } else {
          if (first !== undefined) atime = { seconds: first, nanoseconds: 0 }
          if (second !== undefined) ctime = { seconds: second, nanoseconds: 0 }
        }
      }
      if (hasPrefix && bytes[at + prefix.at] !== 0 && longPath === undefined) {
        const prefixEnd = textEnd(bytes, at + prefix.at, prefix.length)
        const prefixLength = prefixEnd - at - prefix.at
        pathSource = new Uint8Array(prefixLength + 1 + nameEnd - at)
        pathSource.set(bytes.subarray(at + prefix.at, prefixEnd))
        pathSource[prefixLength] = 0x2f
        pathSource.set(bytes.subarray(at, nameEnd), prefixLength + 1)
        pathStart = 0
        pathEnd = pathSource.length
      }
    }
    if (longPath !== undefined) {
      pathSource = longPath
      pathStart = 0
      pathEnd = longPath.length
    }
    const path = decodeText(pathSource, pathStart, pathEnd)
    if (pathEnd - pathStart > this.#limits.maxPathLength) {
      throw this.#fail('LIMIT_EXCEEDED', `has a path of ${pathEnd - pathStart} bytes`, path, {
        expected: this.#limits.maxPathLength,
        actual: pathEnd - pathStart,
      })
    }

    // Type.
    if (pax?.sparse !== undefined) {
      throw this.#fail(
        'TAR_UNSUPPORTED',
        `is sparse (record ${quote(pax.sparse)}): write it without holes`,
        path,
      )
    }
    const type =
      typeflag === 0
        ? // Before ustar, directories were files with a slash at the end.
          pathEnd > pathStart && pathSource[pathEnd - 1] === 0x2f
          ? 'directory'
          : 'file'
        : entryType(typeflag)
    if (type === undefined) throw this.#fail('TAR_UNSUPPORTED', unsupportedReason(typeflag), path)

    // Numbers.
    const size = pax?.size ?? this.#number(bytes, at, FIELDS.size, 'size', path)
    const mode = this.#number(bytes, at, FIELDS.mode, 'mode', path)
    const uid = this.#number(bytes, at, FIELDS.uid, 'user id', path)
    const gid = this.#number(bytes, at, FIELDS.gid, 'group id', path)
    const seconds = this.#number(bytes, at, FIELDS.mtime, 'time', path)
    const permissions = mode & 0o7777
    const isLink = type === 'link' || type === 'symlink'
    const isDevice = type === 'character-device' || type === 'block-device'
    // Only files have content: Go lets other types say a size, and skips nothing for it.
    const contentSize = type === 'file' ? size : 0
    const dataOffset = this.offset
    if (contentSize < 0 || !Number.isSafeInteger(dataOffset + contentSize + BLOCK_SIZE)) {
      throw this.#fail('TAR_INVALID', `says that it has ${size} bytes of content`, path)
    }

    let linkPath = ''
    let linkPathBytes: Uint8Array | undefined
    if (isLink) {
      const long = this.#longLink ?? pax?.linkPath
      const source = long ?? bytes
      const start = long === undefined ? at + FIELDS.linkName.at : 0
      const end = long === undefined ? textEnd(bytes, start, FIELDS.linkName.length) : long.length
      linkPath = decodeText(source, start, end)
      linkPathBytes = undecodable(linkPath, source, start, end)
    }
    let uname = ''
    let gname = ''
    let unameBytes: Uint8Array | undefined
    let gnameBytes: Uint8Array | undefined
    let deviceMajor = 0
    let deviceMinor = 0
    if (format !== 'v7') {
      uname = this.#uname.read(bytes, at + FIELDS.uname.at, FIELDS.uname.length)
      unameBytes = this.#uname.raw
      gname = this.#gname.read(bytes, at + FIELDS.gname.at, FIELDS.gname.length)
      gnameBytes = this.#gname.raw
      deviceMajor = this.#number(bytes, at, FIELDS.deviceMajor, 'device number', path)
      deviceMinor = this.#number(bytes, at, FIELDS.deviceMinor, 'device number', path)
    }
    if (pax?.uname !== undefined) {
      uname = decodeText(pax.uname, 0, pax.uname.length)
      unameBytes = undecodable(uname, pax.uname, 0, pax.uname.length)
    }
    if (pax?.gname !== undefined) {
      gname = decodeText(pax.gname, 0, pax.gname.length)
      gnameBytes = undecodable(gname, pax.gname, 0, pax.gname.length)
    }

    // One literal with every field, in one order: all headers share a shape, which is what makes them quick to use.
    this.header = {
      path,
      pathBytes: undecodable(path, pathSource, pathStart, pathEnd),
      type,
      mode: permissions,
      modeExtra: mode === permissions ? undefined : mode - permissions,
      uid: pax?.uid ?? uid,
      gid: pax?.gid ?? gid,
      size: contentSize,
      mtime: pax?.mtime ?? { seconds, nanoseconds: 0 },
      atime: pax?.atime ?? atime,
      ctime: pax?.ctime ?? ctime,
      linkPath,
      linkPathBytes,
      uname,
      gname,
      unameBytes,
      gnameBytes,
      deviceMajor: isDevice ? deviceMajor : 0,
      deviceMinor: isDevice ? deviceMinor : 0,
      xattrs: pax?.xattrs ?? noRecords,
      pax: pax?.records ?? noRecords,
      headerOffset: this.#firstHeader,
      dataOffset,
    }
    this.#startOver()
    this.#remaining = contentSize
    this.#padding = paddingOf(contentSize)
    this.#state = contentSize === 0 ? 'content-end' : 'content'
    return 'entry'
  }

  #number(
    bytes: Uint8Array,
    at: number,
    field: { at: number; length: number },
    what: string,
    path: string,
  ): number {
    const value = parseNumber(bytes, at + field.at, field.length)
    if (Number.isNaN(value)) {
      throw this.#fail('TAR_INVALID', `has a ${what} that is no number of at most 2^53 - 1`, path)
    }
    return value
  }

  #wholeSeconds(bytes: Uint8Array, at: number, field: { at: number; length: number }): Timestamp {
    return { seconds: this.#number(bytes, at, field, 'time', ''), nanoseconds: 0 }
  }

  /** The error to throw; from now on every call throws it. */
  #fail(code: OciErrorCode, problem: string, path?: string, details: OciErrorDetails = {}): OciError {
    const offset = details.offset ?? (this.#firstHeader === -1 ? this.offset : this.#firstHeader)
    const named = path === undefined || path === '' ? '' : ` ${quote(path)}`
    this.#failure = new OciError(code, `Tar entry${named} at byte ${offset} ${problem}`, {
      ...details,
      path,
      offset,
    })
    this.#state = 'failed'
    return this.#failure
  }
}

function entryType(typeflag: number): TarEntryType | undefined {
  switch (typeflag) {
    case 0x30:
      return 'file'
    case 0x31:
      return 'link'
    case 0x32:
      return 'symlink'
    case 0x33:
      return 'character-device'
    case 0x34:
      return 'block-device'
    case 0x35:
      return 'directory'
    case 0x36:
      return 'fifo'
    // "Contiguous": a file, where the system has no such thing (POSIX).
    case 0x37:
      return 'file'
    default:
      return undefined
  }
}

function unsupportedReason(typeflag: number): string {
  switch (typeflag) {
    case 0x53:
      return 'is sparse (type "S"): write it without holes'
    case 0x4d:
      return 'goes on from another volume (type "M"): layers are one archive'
    case 0x56:
      return 'is a volume label (type "V"), which layers do not have'
    case 0x44:
      return 'is a GNU directory dump (type "D"), which layers do not have'
    default: {
      const shown =
        typeflag > 0x20 && typeflag < 0x7f
          ? `"${String.fromCharCode(typeflag)}"`
          : `0x${typeflag.toString(16)}`
      return `is of type ${shown}, which is none of the kinds of file that layers hold`
    }
  }
}

function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i]! > 0x7f) return false
  return true
}
