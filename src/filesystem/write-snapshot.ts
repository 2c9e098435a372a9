/** A snapshot as a file, written while it is taken. */
import { filePath, requireBuiltin } from '../runtime.ts'
import { type FilePlace, placeOfFile, writeWhole } from '../store/index.ts'
import { requireOutside } from './outside-tree.ts'
import { lookThrough, type SnapshotOptions, settled } from './snapshot.ts'
import { encodeLook } from './snapshot-format.ts'
import { directoryPath } from './unpack-claim.ts'

/**
 * Takes a snapshot of a directory straight into a file, all or nothing: the bytes are those that `encodeSnapshot` gives
 * of `snapshotDirectory`, which is not held in memory. What is changed from the moment on that the promise resolves is
 * found, however soon. The file must not be in the directory; it takes the place of a regular file, whose mode it keeps,
 * and of nothing else.
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
  const place = placeOfSnapshot(directory, file)
  const look = await lookThrough(directory, options)
  await writeWhole(place, true, async (written) => {
    for await (const piece of encodeLook({ ...look, files: settled(look.files) })) await written.write(piece)
    await written.end()
  })
}

/**
 * Where a directory's snapshot goes, which can be asked before the directory is there.
 * @throws OciError `ARGUMENT_INVALID` (in the directory), `FILESYSTEM_FAILED`, `STORE_FAILED`
 */
export function placeOfSnapshot(directory: string | URL, file: string | URL): FilePlace {
  const { resolve } = requireBuiltin('node:path', 'A snapshot')
  const path = resolve(filePath(file, 'A snapshot'))
  requireOutside(directoryPath(directory), path, 'The snapshot')
  return placeOfFile(path)
}
