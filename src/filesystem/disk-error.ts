/** What the operating system refuses, as errors that name the entry of the layer or the file. */
import { OciError } from '../errors.ts'

/** The error code of the system (`ENOENT`, `EEXIST`, …), undefined where an error has none. */
export function systemCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : undefined
}

/**
 * The error for an operation that the system refused: errors of this library, and cancellations, pass as they are.
 * @param what What was tried, as the start of a sentence: `Cannot create "a/b"`.
 */
export function diskError(error: unknown, what: string, path: string): unknown {
  const code = systemCode(error)
  if (error instanceof OciError || code === undefined) return error
  if (code === 'ERR_INVALID_ARG_VALUE') {
    return new OciError('PATH_UNSAFE', `${what}: the name holds a NUL byte, which no file system takes`, {
      cause: error,
      path,
    })
  }
  return new OciError(
    'FILESYSTEM_FAILED',
    `${what}: ${reasons[code] ?? (error as Error).message} (${code})`,
    {
      cause: error,
      path,
    },
  )
}

const reasons: Record<string, string> = {
  EACCES: 'this user has no permission',
  EDQUOT: "the user's disk quota is used up",
  EINVAL: 'the file system does not take this value',
  ELOOP: 'a symlink is in the way',
  EMFILE: 'too many files are open',
  ENAMETOOLONG: 'the name is longer than the file system takes',
  ENOENT: 'it is not there',
  ENOSPC: 'no space is left',
  ENOTDIR: 'a parent is not a directory',
  EPERM: 'the operating system does not permit it to this user',
  EROFS: 'the file system can only be read',
}
