/** Reading one file of a tree on disk that is not to be trusted: its symlinks lead nowhere but inside. */
import { OciError } from '../errors.ts'
import { requireBuiltin } from '../runtime.ts'
import { diskError } from './disk-error.ts'
import { statusOnDisk } from './disk-status.ts'

/** As many as Linux follows in one path. */
const MAX_SYMLINKS = 40

/**
 * The content of a file below a root, symlinks resolved inside it; undefined where there is no regular file.
 * @param path With `/` between names; a leading one is the root's.
 * @param limit Bytes.
 * @throws OciError `LIMIT_EXCEEDED`, `FILESYSTEM_FAILED`
 */
export function readInside(root: string, path: string, limit: number): Uint8Array | undefined {
  const fs = requireBuiltin('node:fs', 'Reading a file')
  try {
    const real = resolveInside(fs, root, path)
    if (real === undefined || !fs.lstatSync(real).isFile()) return undefined
    const fd = fs.openSync(real, fs.constants.O_RDONLY | (fs.constants.O_NOFOLLOW ?? 0))
    try {
      const { size } = fs.fstatSync(fd)
      if (size > limit) {
        throw new OciError('LIMIT_EXCEEDED', `"${path}" has ${size} bytes, more than the ${limit} allowed`, {
          path,
          expected: limit,
          actual: size,
        })
      }
      return new Uint8Array(fs.readFileSync(fd))
    } finally {
      fs.closeSync(fd)
    }
  } catch (error) {
    throw diskError(error, `Cannot read "${path}" of the tree`, path)
  }
}

function resolveInside(fs: typeof import('node:fs'), root: string, path: string): string | undefined {
  const names = path.split('/').reverse()
  const found: string[] = []
  let symlinks = 0
  for (;;) {
    const name = names.pop()
    if (name === undefined) return [root, ...found].join('/')
    if (name === '' || name === '.') continue
    if (name === '..') {
      found.pop()
      continue
    }
    const next = [root, ...found, name].join('/')
    const status = statusOnDisk(fs, next, path)
    if (status === undefined) return undefined
    if (status.isSymbolicLink()) {
      if (++symlinks > MAX_SYMLINKS) return undefined
      const target = fs.readlinkSync(next)
      if (target.startsWith('/')) found.length = 0
      names.push(...target.split('/').reverse())
    } else if (status.isDirectory() || !names.some((rest) => rest !== '' && rest !== '.')) found.push(name)
    else return undefined
  }
}
