/**
 * Bytes that can be read anywhere in them: an open file, a `Blob`, an array. What an archive is read from, so
 * that a blob in it is read by its place and nothing else is.
 */
import { CHUNK_SIZE, isBlob, streamOf } from '../bytes.ts'
import { OciError } from '../errors.ts'
import { requireBuiltin } from '../runtime.ts'
import type { RandomAccess } from '../tar/index.ts'

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
 * @param onClose what else ends with it
 */
export function openHandle(
  handle: FileHandle,
  size: number,
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
        const { bytesRead } = await handle.read(bytes, filled, wanted - filled, offset + filled)
        if (bytesRead === 0) break
        filled += bytesRead
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
 * @throws OciError `PATH_NOT_FOUND`, `ARCHIVE_INVALID` (what else the system said), `RUNTIME_UNSUPPORTED`
 */
export async function openFile(
  path: string | URL,
): Promise<{ handle: FileHandle; stats: import('node:fs').Stats; path: string }> {
  const fs = requireBuiltin('node:fs', 'Opening an archive by its path')
  const name = filePath(path)
  let handle: FileHandle | undefined
  try {
    handle = await fs.promises.open(name, 'r')
    return { handle, stats: await handle.stat(), path: name }
  } catch (cause) {
    await handle?.close()
    const missing = (cause as { code?: string }).code === 'ENOENT'
    throw new OciError(
      missing ? 'PATH_NOT_FOUND' : 'ARCHIVE_INVALID',
      missing
        ? `There is no image archive at ${JSON.stringify(name)}: nothing is there`
        : `Cannot open the image archive ${JSON.stringify(name)}: ${(cause as Error).message}`,
      { path: name, cause },
    )
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

function filePath(path: string | URL): string {
  if (typeof path === 'string' && !path.startsWith('file:')) return path
  const url = new URL(path)
  if (url.protocol !== 'file:') {
    throw new OciError(
      'ARGUMENT_INVALID',
      `An archive's URL must be a file: URL, not ${JSON.stringify(url.protocol)}; fetch it and hand in its body`,
    )
  }
  return requireBuiltin('node:url', 'Opening a file: URL').fileURLToPath(url)
}

function closedError(): OciError {
  return new OciError(
    'STORE_CLOSED',
    'The archive was closed (its store was disposed), so nothing can be read from it any more',
  )
}
