/** Packing one file: what `COPY file /path` does. */
import { OciError } from '../errors.ts'
import { requireBuiltin } from '../runtime.ts'
import type { TarEntryInput } from '../tar/index.ts'
import { diskError } from './disk-error.ts'
import { FileReader } from './pack-file.ts'

/**
 * One file of this machine as an entry, under its own name; a symlink in its place is followed, for it is the
 * content that is asked for. Mode and time are the file's, the owner is root where none is given.
 *
 * @throws OciError `ARGUMENT_INVALID` for what is no regular file, `FILESYSTEM_FAILED`, `SIZE_MISMATCH` (also
 *   while the content is read) where the file changes, `RUNTIME_UNSUPPORTED`
 */
export function packFile(
  path: string,
  options: { readonly owner?: { readonly uid: number; readonly gid: number } | undefined } = {},
): TarEntryInput {
  const fs = requireBuiltin('node:fs', 'Packing a file')
  try {
    const real = fs.realpathSync(path)
    const status = fs.statSync(real)
    if (!status.isFile()) {
      throw new OciError('ARGUMENT_INVALID', `Cannot pack "${path}": it is no regular file`, { path })
    }
    return {
      path: real.replace(/^.*[\\/]/, ''),
      type: 'file',
      mode: status.mode & 0o7777,
      uid: options.owner?.uid ?? 0,
      gid: options.owner?.gid ?? 0,
      mtime: Math.floor(status.mtimeMs / 1000),
      size: status.size,
      content: new FileReader(fs).content(real, path, status.size),
    }
  } catch (error) {
    throw diskError(error, `Cannot pack "${path}"`, path)
  }
}
