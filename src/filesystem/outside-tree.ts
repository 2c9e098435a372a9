/** Files about a tree, which must not be in it. */
import { OciError } from '../errors.ts'
import { requireBuiltin } from '../runtime.ts'
import { diskError } from './disk-error.ts'

/**
 * Refuses a file that would be in the tree that it is of.
 * @param root The tree's absolute path.
 * @param path The file's, absolute; it need not be there.
 * @param what What it is, as the start of a sentence: `The record`.
 * @throws OciError `ARGUMENT_INVALID`, `FILESYSTEM_FAILED` (its directory is not there)
 */
export function requireOutside(root: string, path: string, what: string): void {
  const fs = requireBuiltin('node:fs', what)
  const { dirname, join } = requireBuiltin('node:path', what)
  let tree: string
  let directory: string
  try {
    tree = fs.realpathSync(root)
    directory = fs.realpathSync(dirname(path))
  } catch (error) {
    throw diskError(error, `${what} "${path}" cannot be written`, path)
  }
  if (directory === tree || directory.startsWith(join(tree, '/'))) {
    throw new OciError('ARGUMENT_INVALID', `${what} "${path}" must not be in the tree that it is of`, {
      path,
    })
  }
}
