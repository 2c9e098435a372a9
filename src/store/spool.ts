/**
 * What can be read only once, or only from its start (a stream, a compressed archive), put where it can be read
 * anywhere: a temporary file where there is a file system, else memory within a bound.
 */
import { type ByteSource, CHUNK_SIZE, concatBytes, readChunks } from '../bytes.ts'
import { OciError } from '../errors.ts'
import { builtin } from '../runtime.ts'
import { type OpenBytes, openBytes, openHandle } from './open-bytes.ts'
import { systemError } from './regular-file.ts'

/** How much is put away, and where. */
export interface SpoolOptions {
  readonly signal?: AbortSignal | undefined
  /** Directory of the temporary file; the system's own (`os.tmpdir()`) by default. */
  readonly temporaryDirectory?: string | undefined
  /** Bytes that the temporary file may have: 64 GiB by default. */
  readonly maxSpoolSize?: number | undefined
  /** Bytes that may be held in memory where there is no file system: 512 MiB by default. */
  readonly maxMemory?: number | undefined
}

const MAX_SPOOL_SIZE = 64 * 2 ** 30
const MAX_MEMORY = 512 * 2 ** 20

/**
 * Reads all of a source, once.
 * @throws OciError `LIMIT_EXCEEDED`, `STORE_FAILED`, and what the source throws; nothing is left behind then
 */
export function spool(source: ByteSource, options: SpoolOptions = {}): Promise<OpenBytes> {
  const fs = builtin('node:fs')
  return fs === undefined ? spoolToMemory(source, options) : spoolToFile(fs, source, options)
}

async function spoolToMemory(source: ByteSource, options: SpoolOptions): Promise<OpenBytes> {
  const limit = options.maxMemory ?? MAX_MEMORY
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of readChunks(source, options)) {
    size += chunk.length
    if (size > limit) throw tooLarge('maxMemory', limit, 'there is no file system here to put it on')
    chunks.push(chunk.slice())
  }
  return openBytes(concatBytes(chunks))
}

async function spoolToFile(
  fs: typeof import('node:fs'),
  source: ByteSource,
  options: SpoolOptions,
): Promise<OpenBytes> {
  const { mkdtemp, open, rm } = fs.promises
  const limit = options.maxSpoolSize ?? MAX_SPOOL_SIZE
  const parent = options.temporaryDirectory ?? builtin('node:os')?.tmpdir() ?? '.'
  // mkdtemp makes it for this user alone (0700), under a name that nobody could have placed a link at.
  const directory = await mkdtemp(`${parent}/oci-ts-`).catch((error) => {
    throw systemError(error, 'make a temporary directory in', parent)
  })
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true })
  let handle: import('node:fs/promises').FileHandle | undefined
  let removed = false
  try {
    const path = `${directory}/archive.tar`
    const opened = await open(path, 'wx+', 0o600)
    handle = opened
    // Without a name the file ends with the process, even a killed one. Windows keeps the name until it is closed.
    removed = await remove().then(
      () => true,
      () => false,
    )
    const buffer = new Uint8Array(CHUNK_SIZE)
    let filled = 0
    let size = 0
    const flush = async (): Promise<void> => {
      try {
        for (let written = 0; written < filled; ) {
          written += (await opened.write(buffer, written, filled - written)).bytesWritten
        }
      } catch (error) {
        throw systemError(error, 'write (see temporaryDirectory)', path)
      }
      filled = 0
    }
    for await (const chunk of readChunks(source, options)) {
      size += chunk.length
      if (size > limit) throw tooLarge('maxSpoolSize', limit, 'it goes to a temporary file')
      for (let taken = 0; taken < chunk.length; ) {
        const part = chunk.subarray(taken, taken + CHUNK_SIZE - filled)
        buffer.set(part, filled)
        filled += part.length
        taken += part.length
        if (filled === CHUNK_SIZE) await flush()
      }
    }
    await flush()
    return openHandle(opened, size, path, removed ? undefined : remove)
  } catch (error) {
    await handle?.close()
    if (!removed) await remove()
    throw error
  }
}

function tooLarge(option: string, limit: number, why: string): OciError {
  return new OciError(
    'LIMIT_EXCEEDED',
    `The archive, uncompressed, is longer than ${limit} bytes, and ${why}: raise ${option} if it is trusted`,
    { expected: limit },
  )
}
