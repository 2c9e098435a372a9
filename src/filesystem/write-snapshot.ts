/** A snapshot as a file, written while it is taken. */
import { filePath, requireBuiltin } from '../runtime.ts'
import { DirectorySync, removeAbandoned, TemporaryFile } from '../store/index.ts'
import { requireOutside } from './outside-tree.ts'
import { lookThrough, type SnapshotOptions, settled } from './snapshot.ts'
import { encodeLook } from './snapshot-format.ts'
import { directoryPath } from './unpack-claim.ts'

/**
 * Takes a snapshot of a directory straight into a file, all or nothing: the bytes are those that `encodeSnapshot` gives
 * of `snapshotDirectory`, and none of it is held in memory. What is changed from the moment on that the promise resolves
 * is found, however soon. The file must not be in the directory.
 *
 * Runs on Node, Deno and Bun.
 *
 * @param file A path or `file:` URL.
 * @throws OciError `ARGUMENT_INVALID`, `FILESYSTEM_FAILED`, `STORE_FAILED` (the file cannot be written), `RUNTIME_UNSUPPORTED`
 * @example
 * await unpackImage(image, './rootfs')
 * await writeSnapshot('./rootfs', './rootfs.snapshot')
 * …
 * const changes = packChanges('./rootfs', decodeSnapshot(await readFile('./rootfs.snapshot')))
 */
export async function writeSnapshot(
  directory: string | URL,
  file: string | URL,
  options: SnapshotOptions = {},
): Promise<void> {
  const { dirname, resolve } = requireBuiltin('node:path', 'A snapshot')
  const path = resolve(filePath(file, 'A snapshot'))
  requireOutside(directoryPath(directory), path, 'The snapshot')
  const look = await lookThrough(directory, options)
  removeAbandoned(dirname(path))
  const written = TemporaryFile.create(dirname(path), true)
  try {
    for await (const piece of encodeLook({ ...look, files: settled(look.files) })) await written.write(piece)
    await written.end()
    written.commit(path)
    await new DirectorySync(true).sync(dirname(path))
  } finally {
    await written.discard()
  }
}
