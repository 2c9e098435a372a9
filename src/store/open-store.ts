/**
 * Opening whatever holds images. Each kind of store is loaded when there is one to open: a page that brings its own
 * store needs none of them, one that opens an archive no directory.
 */
import type { ByteSource } from '../bytes.ts'
import { OciError } from '../errors.ts'
import { filePath, requireBuiltin } from '../runtime.ts'
import type { ArchiveStoreOptions } from './archive-store.ts'
import type { DirectoryStoreOptions } from './directory-store.ts'
import type { ImageStore } from './store.ts'

/** How a store is opened; what does not concern its kind is not looked at. */
export interface OpenStoreOptions extends ArchiveStoreOptions, DirectoryStoreOptions {
  readonly signal?: AbortSignal | undefined
}

/**
 * Opens an image layout or an archive, told apart by content.
 * @param source a directory's or archive's path or `file:` URL, or an archive's bytes
 * @throws OciError `PATH_NOT_FOUND`, `LAYOUT_INVALID`, `ARCHIVE_INVALID`, `ARGUMENT_INVALID` (another URL),
 *   `STORE_FAILED`, `RUNTIME_UNSUPPORTED` (a path where there is no file system)
 */
export async function openStore(
  source: string | URL | ByteSource,
  options: OpenStoreOptions = {},
): Promise<ImageStore> {
  if (typeof source !== 'string' && !(source instanceof URL)) return openArchive(source, options)
  const path = filePath(source, 'A layout')
  const fs = requireBuiltin('node:fs', 'Opening a layout by its path')
  let directory: boolean
  try {
    directory = (await fs.promises.stat(path)).isDirectory()
  } catch (cause) {
    const missing = (cause as { code?: string }).code === 'ENOENT'
    throw new OciError(
      missing ? 'PATH_NOT_FOUND' : 'STORE_FAILED',
      missing
        ? `There is no image layout or archive at ${JSON.stringify(path)}: nothing is there`
        : `Cannot open ${JSON.stringify(path)}: ${(cause as Error).message}`,
      { path, cause },
    )
  }
  if (!directory) return openArchive(path, options)
  const { DirectoryStore } = await import('./directory-store.ts')
  return DirectoryStore.open(path, options)
}

/**
 * Makes an empty image layout in a directory that is absent or empty.
 * @throws OciError `LAYOUT_INVALID` where something is there already, `RUNTIME_UNSUPPORTED`
 */
export async function createStore(
  directory: string | URL,
  options: DirectoryStoreOptions = {},
): Promise<ImageStore> {
  const { DirectoryStore } = await import('./directory-store.ts')
  return DirectoryStore.create(directory, options)
}

async function openArchive(source: string | ByteSource, options: OpenStoreOptions): Promise<ImageStore> {
  const { ArchiveStore } = await import('./archive-store.ts')
  return ArchiveStore.open(source, options)
}
