/** An image archive opened from whatever it is in: its members by path, and their bytes by place. */
import type { ByteSource } from '../bytes.ts'
import { isBlob } from '../bytes.ts'
import { DETECTION_SIZE, decompress, detectCompression, foreignCompression } from '../compression/index.ts'
import { isOciError, OciError } from '../errors.ts'
import { MAX_DOCUMENT_SIZE } from '../spec/index.ts'
import { indexTar } from '../tar/index.ts'
import { type ArchiveMember, ArchiveMembers } from './archive-members.ts'
import { type OpenBytes, openBytes, openFile, openHandle, readOnward, streamRange } from './open-bytes.ts'
import { type SpoolOptions, spool } from './spool.ts'

/** How an archive is opened. */
export interface OpenArchiveOptions extends SpoolOptions {
  /** Members that the tar may have: 250 000 by default (an image has some ten; each costs about 400 bytes). */
  readonly maxEntries?: number | undefined
}

const MAX_ENTRIES = 250_000

/** An opened archive. */
export class OpenArchive {
  /** What it is, for messages: `the archive "app.tar"`. */
  readonly what: string
  readonly members: ArchiveMembers
  readonly #bytes: OpenBytes

  private constructor(what: string, members: ArchiveMembers, bytes: OpenBytes) {
    this.what = what
    this.members = members
    this.#bytes = bytes
  }

  /**
   * Opens and lists an archive. What has random access and is not compressed is only listed; all else is read
   * once and put where it can be read anywhere.
   *
   * @throws OciError `ARCHIVE_INVALID` (no tar), `PATH_NOT_FOUND`, `STORE_FAILED`, `LIMIT_EXCEEDED`, `PATH_UNSAFE`, those of
   *   reading tar and of decompression
   */
  static async open(
    source: string | URL | ByteSource,
    options: OpenArchiveOptions = {},
  ): Promise<OpenArchive> {
    const named = typeof source === 'string' || source instanceof URL
    const what = named ? `the archive ${JSON.stringify(String(source))}` : 'the archive'
    options.signal?.throwIfAborted()
    const bytes = await openSource(source, what, options)
    try {
      const maxEntries = options.maxEntries ?? MAX_ENTRIES
      // The index counts for itself, to name its own option; the tar's bound stands behind it.
      const headers = indexTar(bytes, { signal: options.signal, maxEntries: maxEntries * 2 })
      const members = await ArchiveMembers.build(bytes, headers, { maxEntries })
      return new OpenArchive(what, members, bytes)
    } catch (error) {
      const wrapped = isOciError(error, 'TAR_INVALID') ? await noTar(error, bytes, what) : error
      await bytes.close()
      throw wrapped
    }
  }

  /** A member's bytes from `start` to before `end`, both within it. */
  stream(
    member: ArchiveMember,
    options: { start?: number; end?: number; signal?: AbortSignal | undefined } = {},
  ): ReadableStream<Uint8Array> {
    const { start = 0, end = member.size, signal } = options
    return streamRange(
      this.#bytes,
      { offset: member.offset + start, length: end - start },
      { signal, onShort: (missing) => this.#shrunk(member, missing) },
    )
  }

  /** The first bytes of a member, at most `length`. */
  async readHead(member: ArchiveMember, length: number): Promise<Uint8Array> {
    const wanted = Math.min(length, member.size)
    const head = await this.#bytes.read(member.offset, wanted)
    if (head.length < wanted) throw this.#shrunk(member, wanted - head.length)
    return head
  }

  /**
   * All of a JSON document.
   * @throws OciError `LIMIT_EXCEEDED` above 4 MiB
   */
  async readDocument(member: ArchiveMember): Promise<Uint8Array> {
    if (member.size <= MAX_DOCUMENT_SIZE) return this.readHead(member, member.size)
    throw new OciError(
      'LIMIT_EXCEEDED',
      `${JSON.stringify(member.path)} in ${this.what} has ${member.size} bytes, but a document may have ${MAX_DOCUMENT_SIZE}`,
      { path: member.path, expected: MAX_DOCUMENT_SIZE, actual: member.size },
    )
  }

  /** Ends what is open; reads after it are refused with `STORE_CLOSED`. */
  close(): Promise<void> {
    return this.#bytes.close()
  }

  #shrunk(member: ArchiveMember, missing: number): OciError {
    return new OciError(
      'ARCHIVE_INVALID',
      `${JSON.stringify(member.path)} in ${this.what} lacks its last ${missing} bytes: the file was cut short after it was opened`,
      { path: member.path, expected: member.size, actual: member.size - missing },
    )
  }
}

async function openSource(
  source: string | URL | ByteSource,
  what: string,
  options: OpenArchiveOptions,
): Promise<OpenBytes> {
  if (typeof source === 'string' || source instanceof URL) return openPath(source, what, options)
  let given: ByteSource = source
  while (typeof given === 'function') given = await given()
  if (!(given instanceof Uint8Array) && !isBlob(given)) return spoolPlain(given, what, options)
  return plain(openBytes(given), what, options)
}

async function openPath(source: string | URL, what: string, options: OpenArchiveOptions): Promise<OpenBytes> {
  const { handle, stats, path } = await openFile(source)
  if (stats.isFile()) return plain(openHandle(handle, stats.size, path), what, options)
  try {
    if (stats.isDirectory()) {
      throw new OciError(
        'ARCHIVE_INVALID',
        `${JSON.stringify(path)} is a directory, not an archive: open it as an image layout`,
        { path },
      )
    }
    // A pipe (`<(…)`, /dev/stdin) can be read once, from its start.
    return await spoolPlain(readOnward(handle, path), what, options)
  } finally {
    await handle.close()
  }
}

/** The same bytes where they are not compressed; else what was compressed, and the source is closed. */
async function plain(bytes: OpenBytes, what: string, options: OpenArchiveOptions): Promise<OpenBytes> {
  try {
    const head = await bytes.read(0, DETECTION_SIZE)
    if (detectCompression(head) === 'none' && foreignCompression(head) === undefined) return bytes
    const all = streamRange(
      bytes,
      { offset: 0, length: bytes.size },
      {
        signal: options.signal,
        onShort: () => new OciError('ARCHIVE_INVALID', `${what} was cut short while it was read`),
      },
    )
    const spooled = await spoolPlain(all, what, options)
    await bytes.close()
    return spooled
  } catch (error) {
    await bytes.close()
    throw error
  }
}

function spoolPlain(source: ByteSource, what: string, options: OpenArchiveOptions): Promise<OpenBytes> {
  return spool(decompress(source, { signal: options.signal, what: capitalized(what) }), options)
}

/** Says what stands where a tar should, when not even its first header is one. */
async function noTar(error: OciError, bytes: OpenBytes, what: string): Promise<OciError> {
  if (error.offset !== 0) return error
  const head = await bytes.read(0, 4)
  const text = new TextDecoder().decode(head)
  const found = text.startsWith('PK') ? 'a zip file' : /^\s*[{[]/.test(text) ? 'JSON' : 'something else'
  return new OciError(
    'ARCHIVE_INVALID',
    `${capitalized(what)} is no tar archive but ${found}: an OCI archive or one of docker save was expected (${error.message})`,
    { cause: error, offset: 0 },
  )
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
