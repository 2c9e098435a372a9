/** Reading an archive entry by entry, with a loop. */
import type { ByteSource } from '../bytes.ts'
import { concatBytes, readChunks, streamOf } from '../bytes.ts'
import { OciError } from '../errors.ts'
import type { TarHeader } from './header.ts'
import type { TarLimits } from './limits.ts'
import type { TarPosition } from './scanner.ts'
import { TarScanner } from './scanner.ts'
import { quote } from './text.ts'

/**
 * An entry as it goes by. Its content can be read once, in one of three ways, until the next entry is asked for;
 * what was not read is skipped. Spread it to change it on its way into a writer: `{ ...entry, path: 'new' }`.
 */
export interface TarEntry extends TarHeader, TarPosition {
  /** The content, in chunks that the reader may keep. */
  readonly content: () => ReadableStream<Uint8Array>
  /** The content without copying: each chunk is valid until the next is asked for. */
  readonly chunks: () => AsyncIterable<Uint8Array>
  /**
   * The content as one array.
   * @param limit Bytes at most: 64 MiB where none is given.
   * @throws OciError `LIMIT_EXCEEDED`
   */
  readonly bytes: (limit?: number) => Promise<Uint8Array<ArrayBuffer>>
}

/** What {@link TarEntry.bytes} takes into memory where no limit is given: 64 MiB. */
const defaultContentLimit = 1 << 26

/**
 * The entries of an archive. See {@link TarParser} for what counts as one; the source is read to its end, past the
 * end of the archive, so that who digests it on the way sees every byte.
 *
 * @throws OciError `TAR_INVALID`, `TAR_TRUNCATED`, `TAR_UNSUPPORTED`, `LIMIT_EXCEEDED`
 * @example
 * for await (const entry of readTar(stream)) {
 *   if (entry.path === 'etc/os-release') return new TextDecoder().decode(await entry.bytes())
 * }
 */
export async function* readTar(
  source: ByteSource,
  options: TarLimits & { readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<TarEntry, void, undefined> {
  const chunks = readChunks(source, options)
  const scanner = new TarScanner(options)
  const content = new ContentReader(scanner, chunks)
  try {
    for (;;) {
      switch (scanner.next()) {
        case 'input': {
          const { done, value } = await chunks.next()
          if (done) {
            scanner.end()
            return
          }
          scanner.push(value)
          break
        }
        case 'entry':
          yield content.open()
          content.close()
          break
      }
    }
  } finally {
    content.leave()
    await chunks.return?.()
  }
}

/** Hands out the content of the current entry, and refuses to once the loop has gone on. */
class ContentReader {
  readonly #scanner: TarScanner
  readonly #chunks: AsyncIterator<Uint8Array, void, undefined>
  /** Counts entries: content is handed out only to the entry that was opened last. */
  #current = 0
  #open = false
  #taken = false
  #reading = false

  constructor(scanner: TarScanner, chunks: AsyncIterator<Uint8Array, void, undefined>) {
    this.#scanner = scanner
    this.#chunks = chunks
  }

  open(): TarEntry {
    const { header } = this.#scanner
    const turn = ++this.#current
    this.#open = true
    this.#taken = false
    // Functions of its own and not of a class: they survive being spread and being passed on as a ByteSource.
    // Each field by name: `...header` costs ten times as much, more than all of the parsing.
    return {
      path: header.path,
      pathBytes: header.pathBytes,
      type: header.type,
      mode: header.mode,
      modeExtra: header.modeExtra,
      uid: header.uid,
      gid: header.gid,
      size: header.size,
      mtime: header.mtime,
      atime: header.atime,
      ctime: header.ctime,
      linkPath: header.linkPath,
      linkPathBytes: header.linkPathBytes,
      uname: header.uname,
      gname: header.gname,
      unameBytes: header.unameBytes,
      gnameBytes: header.gnameBytes,
      deviceMajor: header.deviceMajor,
      deviceMinor: header.deviceMinor,
      xattrs: header.xattrs,
      pax: header.pax,
      headerOffset: header.headerOffset,
      dataOffset: header.dataOffset,
      content: () => streamOf(copied(this.#read(turn, header))),
      chunks: () => this.#read(turn, header),
      bytes: (limit = defaultContentLimit) => this.#collect(turn, header, limit),
    }
  }

  /** Ends the loop's last turn. */
  leave(): void {
    this.#open = false
  }

  /**
   * Ends a turn of the loop.
   * @throws OciError `ARGUMENT_INVALID` where content is being read at this moment.
   */
  close(): void {
    this.#open = false
    if (!this.#reading) return
    throw new OciError(
      'ARGUMENT_INVALID',
      `The next tar entry was asked for while content of ${quote(this.#scanner.header.path)} was being read: wait for it`,
    )
  }

  async #collect(turn: number, header: TarHeader, limit: number): Promise<Uint8Array<ArrayBuffer>> {
    if (header.size > limit) {
      throw new OciError(
        'LIMIT_EXCEEDED',
        `Tar entry ${quote(header.path)} has ${header.size} bytes of content: more than the ${limit} allowed`,
        { path: header.path, expected: limit, actual: header.size },
      )
    }
    const parts: Uint8Array[] = []
    for await (const chunk of this.#read(turn, header)) parts.push(chunk.slice())
    return concatBytes(parts)
  }

  #read(turn: number, header: TarHeader): AsyncGenerator<Uint8Array, void, undefined> {
    this.#check(turn, header)
    if (this.#taken) {
      throw new OciError(
        'ARGUMENT_INVALID',
        `Content of tar entry ${quote(header.path)} can be read only once`,
        {
          path: header.path,
        },
      )
    }
    this.#taken = true
    return this.#pieces(turn, header)
  }

  async *#pieces(turn: number, header: TarHeader): AsyncGenerator<Uint8Array, void, undefined> {
    const scanner = this.#scanner
    for (;;) {
      this.#check(turn, header)
      if (scanner.contentRemaining === 0) return
      if (scanner.next() === 'data') {
        yield scanner.data
        continue
      }
      this.#reading = true
      try {
        const { done, value } = await this.#chunks.next()
        if (done) scanner.end()
        else scanner.push(value)
      } finally {
        this.#reading = false
      }
    }
  }

  #check(turn: number, header: TarHeader): void {
    if (this.#open && turn === this.#current) return
    throw new OciError(
      'ARGUMENT_INVALID',
      `Content of tar entry ${quote(header.path)} was asked for after the next entry: read it within the loop`,
      { path: header.path },
    )
  }
}

async function* copied(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) yield chunk.slice()
}
