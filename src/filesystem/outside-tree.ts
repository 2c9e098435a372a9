/** Files about a tree, which must not be in it. */
import { OciError } from '../errors.ts'
import { requireBuiltin } from '../runtime.ts'
import { diskError, systemCode } from './disk-error.ts'

/**
 * Refuses a file that would be in the tree that it is of, or in no directory.
 * @param root The tree's absolute path; it need not be there.
 * @param path The file's, absolute; it need not be there either.
 * @param what What it is, as the start of a sentence: `The record`.
 * @throws OciError `ARGUMENT_INVALID`, `FILESYSTEM_FAILED` (its directory is not there)
 */
export function requireOutside(root: string, path: string, what: string): void {
  const { dirname, join } = requireBuiltin('node:path', what)
  const [tree, directory] = [realPathOf(root), realPathOf(dirname(path))]
  if (directory === tree || directory.startsWith(join(tree, '/'))) {
    throw new OciError('ARGUMENT_INVALID', `${what} "${path}" must not be in the tree that it is of`, {
      path,
    })
  }
  try {
    requireBuiltin('node:fs', what).statSync(directory)
  } catch (error) {
    throw diskError(error, `${what} "${path}" cannot be written, for its directory`, path)
  }
}

/** Where a path leads, as far as it is there. */
function realPathOf(path: string): string {
  const { basename, dirname, join } = requireBuiltin('node:path', 'A path')
  try {
    return requireBuiltin('node:fs', 'A path').realpathSync(path)
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw diskError(error, `Cannot read "${path}"`, path)
    return join(realPathOf(dirname(path)), basename(path))
  }
}
