/**
 * Bytes that can be read anywhere in them: an open file, a `Blob`, an array. What an archive is read from, so
 * that a blob in it is read by its place and nothing else is.
 */
import { CHUNK_SIZE, isBlob, streamOf } from '../bytes.ts'
import { OciError } from '../errors.ts'
import { filePath, requireBuiltin } from '../runtime.ts'
import type { RandomAccess } from '../tar/index.ts'
import { systemError } from './regular-file.ts'

type FileHandle = import('node:fs/promises').FileHandle

/** Random access that holds something open; reads after `close` are refused, those under way come to their end. */
export interface OpenBytes extends RandomAccess {
  close(): Promise<void>
}

/** A part of the bytes. */
interface Span {
  readonly offset: number
  readonly length: number
}

/** Access to bytes in memory, or to a `Blob`, of which only what is read is loaded. */
export function openBytes(content: Uint8Array | Blob): OpenBytes {
  let closed = false
  const blob = isBlob(content) ? content : undefined
  const size = blob?.size ?? (content as Uint8Array).length
  return {
    size,
    async read(offset, length) {
      if (closed) throw closedError()
      if (blob === undefined) return (content as Uint8Array).slice(offset, offset + length)
      return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer())
    },
    async close() {
      closed = true
    },
  }
}

/**
 * Access to an open regular file. The handle is the result's from here on.
 * @param size of the file in bytes, as it is now
 * @param path for messages
 * @param onClose what else ends with it
 * @internal
 */
export function openHandle(
  handle: FileHandle,
  size: number,
  path: string,
  onClose: () => Promise<void> = async () => {},
): OpenBytes {
  let closing: Promise<void> | undefined
  return {
    size,
    async read(offset, length) {
      if (closing !== undefined) throw closedError()
      const wanted = Math.max(0, Math.min(length, size - offset))
      const bytes = new Uint8Array(wanted)
      let filled = 0
      while (filled < wanted) {
        const read = await readAt(handle, bytes, filled, offset + filled, path)
        if (read === 0) break
        filled += read
      }
      return filled < wanted ? bytes.subarray(0, filled) : bytes
    },
    close() {
      // FileHandle.close waits for the reads under way by itself.
      closing ??= handle.close().finally(onClose)
      return closing
    },
  }
}

/**
 * Opens a file for reading, whatever kind it is: the caller looks at `stats`.
 * @throws OciError `PATH_NOT_FOUND`, `STORE_FAILED`, `RUNTIME_UNSUPPORTED`
 * @internal
 */
export async function openFile(
  path: string | URL,
): Promise<{ handle: FileHandle; stats: import('node:fs').Stats; path: string }> {
  const fs = requireBuiltin('node:fs', 'Opening an archive by its path')
  const name = filePath(path, 'An archive')
  let handle: FileHandle | undefined
  try {
    handle = await fs.promises.open(name, 'r')
    return { handle, stats: await handle.stat(), path: name }
  } catch (cause) {
    await handle?.close()
    if ((cause as { code?: string }).code !== 'ENOENT') throw systemError(cause, 'open', name)
    const message = `There is no image archive at ${JSON.stringify(name)}: nothing is there`
    throw new OciError('PATH_NOT_FOUND', message, { path: name, cause })
  }
}

/**
 * What a handle gives from where it stands to its end, in chunks of at most 1 MiB: of pipes, which have no places.
 * @internal
 */
export async function* readOnward(
  handle: FileHandle,
  path: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    const bytes = new Uint8Array(CHUNK_SIZE)
    const read = await readAt(handle, bytes, 0, null, path)
    if (read === 0) return
    yield bytes.subarray(0, read)
  }
}

/** A part of random access as a stream of chunks of 1 MiB, the next one being read while one is worked on. */
export function streamRange(
  bytes: RandomAccess,
  range: Span,
  options: { signal?: AbortSignal | undefined; onShort: (missing: number) => OciError },
): ReadableStream<Uint8Array> {
  return streamOf(rangeChunks(bytes, range, options))
}

async function* rangeChunks(
  bytes: RandomAccess,
  range: Span,
  { signal, onShort }: { signal?: AbortSignal | undefined; onShort: (missing: number) => OciError },
): AsyncGenerator<Uint8Array, void, undefined> {
  const end = range.offset + range.length
  const readAt = (offset: number): Promise<Uint8Array> => {
    const reading = bytes.read(offset, Math.min(CHUNK_SIZE, end - offset))
    // Awaited in its turn; until then a failure is nobody's, and must not end the process.
    reading.catch(() => {})
    return reading
  }
  signal?.throwIfAborted()
  let ahead: Promise<Uint8Array> | undefined
  for (let offset = range.offset; offset < end; ) {
    const chunk = await (ahead ?? readAt(offset))
    signal?.throwIfAborted()
    const wanted = Math.min(CHUNK_SIZE, end - offset)
    if (chunk.length < wanted) throw onShort(end - offset - chunk.length)
    offset += wanted
    if (offset < end) ahead = readAt(offset)
    yield chunk
  }
}

async function readAt(
  handle: FileHandle,
  into: Uint8Array,
  filled: number,
  position: number | null,
  path: string,
): Promise<number> {
  try {
    return (await handle.read(into, filled, into.length - filled, position)).bytesRead
  } catch (error) {
    throw systemError(error, 'read', path)
  }
}

function closedError(): OciError {
  return new OciError(
    'STORE_CLOSED',
    'The archive was closed (its store was disposed), so nothing can be read from it any more',
  )
}
