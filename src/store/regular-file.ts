/**
 * Opening regular files and nothing else: no link is followed, no device or FIFO opened for long.
 */
import { OciError } from '../errors.ts'
import { requireBuiltin } from '../runtime.ts'

/** A file that is open for reading. Who opens it closes it. */
export interface OpenFile {
  readonly fd: number
  /** Bytes, when it was opened. */
  readonly size: number
}

/**
 * Opens a regular file; undefined where nothing is at the path.
 * @throws OciError `PATH_UNSAFE` for a link or anything else that is no regular file, `STORE_FAILED`
 */
export function openRegular(path: string): OpenFile | undefined {
  const fs = requireBuiltin('node:fs', 'Reading a file')
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants
  let fd: number
  try {
    // Windows has no O_NOFOLLOW. O_NONBLOCK, since opening a FIFO would wait for a writer for ever.
    if (O_NOFOLLOW === undefined && fs.lstatSync(path).isSymbolicLink()) throw notRegular(path)
    fd = fs.openSync(path, O_RDONLY | (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0))
  } catch (error) {
    const { code } = error as { code?: string }
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    // What open(2) says of links under O_NOFOLLOW (EMLINK: FreeBSD), and of sockets and absent devices (ENXIO).
    if (code === 'ELOOP' || code === 'EMLINK' || code === 'ENXIO') throw notRegular(path, error)
    throw systemError(error, 'open', path)
  }
  try {
    const stat = fs.fstatSync(fd)
    if (!stat.isFile()) throw notRegular(path)
    return { fd, size: stat.size }
  } catch (error) {
    fs.closeSync(fd)
    throw error
  }
}

/**
 * Opens a regular file that was there a moment ago.
 * @throws OciError as {@link openRegular}, and `code` where it is gone
 */
export function openPresent(path: string, code: 'BLOB_NOT_FOUND' | 'PATH_NOT_FOUND'): OpenFile {
  const file = openRegular(path)
  if (file !== undefined) return file
  throw new OciError(code, `${JSON.stringify(path)} was removed before it was read`, { path })
}

/**
 * The size of a regular file in bytes; undefined where nothing is at the path.
 * @throws OciError as {@link openRegular}
 */
export function regularSize(path: string): number | undefined {
  const fs = requireBuiltin('node:fs', 'Reading a file')
  try {
    const stat = fs.lstatSync(path, { throwIfNoEntry: false })
    if (stat === undefined) return undefined
    if (stat.isFile()) return stat.size
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOTDIR') return undefined
    throw systemError(error, 'look at', path)
  }
  throw notRegular(path)
}

/**
 * All of a small file; undefined where nothing is at the path.
 * @throws OciError as {@link openRegular}, and `LIMIT_EXCEEDED` above `limit` bytes
 */
export function readRegular(path: string, limit: number): Uint8Array<ArrayBuffer> | undefined {
  const file = openRegular(path)
  if (file === undefined) return undefined
  const fs = requireBuiltin('node:fs', 'Reading a file')
  try {
    if (file.size > limit) {
      throw new OciError(
        'LIMIT_EXCEEDED',
        `${JSON.stringify(path)} has ${file.size} bytes, more than the ${limit} that it may have`,
        { path, expected: limit, actual: file.size },
      )
    }
    return readStart(file, file.size, path)
  } finally {
    fs.closeSync(file.fd)
  }
}

/** The first bytes of an open file, at most `length` of them, at once. */
export function readStart(file: OpenFile, length: number, path: string): Uint8Array<ArrayBuffer> {
  const fs = requireBuiltin('node:fs', 'Reading a file')
  const bytes = new Uint8Array(Math.min(length, file.size))
  let filled = 0
  try {
    while (filled < bytes.length) {
      const read = fs.readSync(file.fd, bytes, filled, bytes.length - filled, filled)
      if (read === 0) break
      filled += read
    }
  } catch (error) {
    throw systemError(error, 'read', path)
  }
  return bytes.subarray(0, filled)
}

/** The error for what the system refused. */
export function systemError(error: unknown, action: string, path: string): unknown {
  if (error instanceof OciError) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new OciError('STORE_FAILED', `Cannot ${action} ${JSON.stringify(path)}: ${reason}`, {
    path,
    cause: error,
  })
}

function notRegular(path: string, cause?: unknown): OciError {
  return new OciError(
    'PATH_UNSAFE',
    `${JSON.stringify(path)} is a symbolic link or no regular file, which an image layout must not have: it could lead anywhere`,
    { path, cause },
  )
}
