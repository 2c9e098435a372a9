/**
 * The record: what a disk, or the user who unpacked, could not keep of an image, in a file beside the tree, so
 * that packing the tree again gives it back. JSON, one line an entry:
 *
 *     {"oci-ts-record":1,"uid":1000,"gid":1000}           who unpacked: their files stand for root's
 *     {"path":"var/mail","uid":0,"gid":8}                 an owner
 *     {"path":"dev/null","type":"character-device","device":[1,3],"mode":438,"uid":0,"gid":0,"mtime":[0,0]}
 *     {"path":"bin/ping","xattrs":{"security.capability":"AQAAAgAg…"}}
 *     {"path":"bin/ping6","as":"bin/ping"}                a hard link: all that is said of the other so far
 *     {"path":"bin/ping","gone":true}                     a later layer took it away
 *
 * Lines with one path add up, until it is gone. Written as the layers are, so memory stays flat.
 */
import { OciError } from '../errors.ts'
import { requireBuiltin } from '../runtime.ts'
import type { Timestamp } from '../tar/index.ts'
import { diskError } from './disk-error.ts'

/** What is kept of one entry: only what the disk does not say. */
export interface RecordedEntry {
  readonly uid?: number | undefined
  readonly gid?: number | undefined
  /** All permission bits. */
  readonly mode?: number | undefined
  /** Of an entry that is not on disk at all. */
  readonly type?: 'fifo' | 'character-device' | 'block-device' | undefined
  /** Major and minor number. */
  readonly device?: readonly [number, number] | undefined
  readonly mtime?: Timestamp | undefined
  readonly xattrs?: ReadonlyMap<string, Uint8Array> | undefined
}

/** A record that was read. */
export interface UnpackRecord {
  /** Who unpacked: what they own stands for what root owns in the image. */
  readonly uid: number
  readonly gid: number
  readonly entries: ReadonlyMap<string, RecordedEntry>
}

/** Lines kept before they are written: 64 KiB of text. */
const BUFFERED = 1 << 16

/** Writes a record to a temporary name, and under its own when all is done. */
export class RecordWriter {
  readonly #path: string
  readonly #temporary: string
  readonly #fd: number
  readonly #fs: typeof import('node:fs')
  #open = true
  #lines = ''

  constructor(path: string, uid: number, gid: number) {
    this.#fs = requireBuiltin('node:fs', 'A record')
    this.#path = path
    this.#temporary = `${path}.unfinished`
    try {
      this.#fs.rmSync(this.#temporary, { force: true })
      this.#fd = this.#fs.openSync(this.#temporary, 'wx', 0o600)
    } catch (error) {
      throw diskError(error, `Cannot write the record "${path}"`, path)
    }
    this.#line({ 'oci-ts-record': 1, uid, gid })
  }

  add(path: string, entry: RecordedEntry): void {
    const { mtime, xattrs, ...plain } = entry
    this.#line({
      path,
      ...plain,
      ...(mtime && { mtime: [mtime.seconds, mtime.nanoseconds] }),
      ...(xattrs && {
        xattrs: Object.fromEntries([...xattrs].map(([name, value]) => [name, toBase64(value)])),
      }),
    })
  }

  /** Says of a hard link what is said of the path that it is another name of. */
  link(path: string, target: string): void {
    this.#line({ path, as: target })
  }

  remove(path: string): void {
    this.#line({ path, gone: true })
  }

  /** Puts the record in its place. */
  finish(): void {
    try {
      this.#flush()
      this.#fs.fsyncSync(this.#fd)
      this.#close()
      this.#fs.renameSync(this.#temporary, this.#path)
    } catch (error) {
      throw diskError(error, `Cannot write the record "${this.#path}"`, this.#path)
    }
  }

  /** Leaves nothing behind. */
  abandon(): void {
    this.#close()
    this.#fs.rmSync(this.#temporary, { force: true })
  }

  #close(): void {
    if (!this.#open) return
    this.#open = false
    this.#fs.closeSync(this.#fd)
  }

  #line(value: object): void {
    this.#lines += `${JSON.stringify(value)}\n`
    if (this.#lines.length > BUFFERED) this.#flush()
  }

  #flush(): void {
    this.#fs.writeFileSync(this.#fd, this.#lines)
    this.#lines = ''
  }
}

/**
 * Reads a record.
 * @throws OciError `DOCUMENT_INVALID`, `FILESYSTEM_FAILED`
 */
export function readRecord(path: string): UnpackRecord {
  const fs = requireBuiltin('node:fs', 'A record')
  let text: string
  try {
    text = fs.readFileSync(path, 'utf8')
  } catch (error) {
    throw diskError(error, `Cannot read the record "${path}"`, path)
  }
  const invalid = (line: number, why: string, cause?: unknown): OciError =>
    new OciError('DOCUMENT_INVALID', `Line ${line} of the record "${path}" ${why}`, { path, cause })
  const entries = new Map<string, RecordedEntry>()
  let owner: { uid: number; gid: number } | undefined
  let number = 0
  for (const line of text.split('\n')) {
    number++
    if (line === '') continue
    let value: Record<string, unknown>
    try {
      value = JSON.parse(line) as Record<string, unknown>
    } catch (error) {
      throw invalid(number, 'is not JSON', error)
    }
    if (owner === undefined) {
      if (value?.['oci-ts-record'] !== 1 || !isID(value.uid) || !isID(value.gid)) {
        throw invalid(number, 'is not the first line of a record of version 1')
      }
      owner = { uid: value.uid, gid: value.gid }
      continue
    }
    const parsed = parseEntry(value)
    if (typeof value?.path !== 'string' || parsed === undefined)
      throw invalid(number, 'is not an entry of a record')
    if (value.gone === true) entries.delete(value.path)
    else if (typeof value.as === 'string') entries.set(value.path, entries.get(value.as) ?? {})
    else entries.set(value.path, { ...entries.get(value.path), ...parsed })
  }
  if (owner === undefined) throw invalid(1, 'is missing: the record is empty')
  return { ...owner, entries }
}

function parseEntry(value: Record<string, unknown>): RecordedEntry | undefined {
  const { uid, gid, mode, type, device, mtime, xattrs } = value
  // An image's owner may be any number that a header holds, a negative one too: that is why it is here.
  if (uid !== undefined && !Number.isSafeInteger(uid)) return undefined
  if (gid !== undefined && !Number.isSafeInteger(gid)) return undefined
  if (mode !== undefined && !(isID(mode) && mode <= 0o7777)) return undefined
  if (type !== undefined && type !== 'fifo' && type !== 'character-device' && type !== 'block-device')
    return undefined
  if (device !== undefined && !isPair(device)) return undefined
  if (mtime !== undefined && !isPair(mtime)) return undefined
  let attributes: Map<string, Uint8Array> | undefined
  if (xattrs !== undefined) {
    if (typeof xattrs !== 'object' || xattrs === null) return undefined
    attributes = new Map()
    for (const [name, text] of Object.entries(xattrs)) {
      const bytes = typeof text === 'string' ? fromBase64(text) : undefined
      if (bytes === undefined) return undefined
      attributes.set(name, bytes)
    }
  }
  return {
    ...(uid !== undefined && { uid: uid as number }),
    ...(gid !== undefined && { gid: gid as number }),
    ...(mode !== undefined && { mode }),
    ...(type !== undefined && { type }),
    ...(device !== undefined && { device: [device[0], device[1]] as const }),
    ...(mtime !== undefined && { mtime: { seconds: mtime[0], nanoseconds: mtime[1] } }),
    ...(attributes !== undefined && { xattrs: attributes }),
  }
}

function isID(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isPair(value: unknown): value is [number, number] {
  return Array.isArray(value) && value.length === 2 && value.every(Number.isSafeInteger)
}

function toBase64(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary)
}

function fromBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
  } catch {
    return undefined
  }
}
