/** The main door: from whatever holds images to a {@link Layout}. */
import type { ByteSource } from '../bytes.ts'
import { OciError } from '../errors.ts'
import { requireBuiltin } from '../runtime.ts'
import type { ImageStore } from '../store/index.ts'
import {
  ArchiveStore,
  type ArchiveStoreOptions,
  DirectoryStore,
  type DirectoryStoreOptions,
} from '../store/index.ts'
import { Layout } from './layout.ts'

/** Where images are: see {@link readLayout}. */
export type LayoutSource = string | URL | ImageStore | ByteSource

/** How a layout is opened; what does not concern its kind is not looked at. */
export interface ReadLayoutOptions extends ArchiveStoreOptions, DirectoryStoreOptions {
  readonly signal?: AbortSignal | undefined
}

/**
 * Opens an image layout or archive, whichever it is: told apart by content, not by name.
 *
 * @param source a directory's or archive's path or `file:` URL; an archive's bytes, Blob or stream; or any
 *   {@link ImageStore}. An archive may be an OCI archive or one of `docker save`, plain or compressed.
 * @throws OciError `PATH_NOT_FOUND`, `LAYOUT_INVALID`, `ARCHIVE_INVALID`, `RUNTIME_UNSUPPORTED` (a path where
 *   there is no file system)
 * @example
 * await using layout = await readLayout('./mysterious-image')
 * const image = await layout.image()
 */
export async function readLayout(source: LayoutSource, options: ReadLayoutOptions = {}): Promise<Layout> {
  const store = isImageStore(source) ? source : await openStore(source, options)
  try {
    return await Layout.open(store, options)
  } catch (error) {
    if (store !== source) await (store as Partial<AsyncDisposable>)[Symbol.asyncDispose]?.()
    throw error
  }
}

/**
 * Makes an empty image layout in a directory that is absent or empty, and opens it.
 * @throws OciError `LAYOUT_INVALID` where something is there already, `RUNTIME_UNSUPPORTED`
 */
export async function createLayout(
  directory: string | URL,
  options: DirectoryStoreOptions = {},
): Promise<Layout> {
  return Layout.open(await DirectoryStore.create(directory, options))
}

async function openStore(source: string | URL | ByteSource, options: ReadLayoutOptions): Promise<ImageStore> {
  if (typeof source !== 'string' && !(source instanceof URL)) return ArchiveStore.open(source, options)
  const path = filePath(source)
  const fs = requireBuiltin('node:fs', 'Opening a layout by its path')
  let directory: boolean
  try {
    directory = (await fs.promises.stat(path)).isDirectory()
  } catch (cause) {
    const missing = (cause as { code?: string }).code === 'ENOENT'
    throw new OciError(
      missing ? 'PATH_NOT_FOUND' : 'LAYOUT_INVALID',
      missing
        ? `There is no image layout or archive at ${JSON.stringify(path)}: nothing is there`
        : `Cannot open ${JSON.stringify(path)}: ${(cause as Error).message}`,
      { path, cause },
    )
  }
  return directory ? DirectoryStore.open(path, options) : ArchiveStore.open(path, options)
}

function filePath(source: string | URL): string {
  if (typeof source === 'string' && !source.startsWith('file:')) return source
  const url = new URL(source)
  if (url.protocol !== 'file:') {
    throw new OciError(
      'ARGUMENT_INVALID',
      `A layout's URL must be a file: URL, not ${JSON.stringify(url.protocol)}`,
    )
  }
  return requireBuiltin('node:url', 'Opening a file: URL').fileURLToPath(url)
}

function isImageStore(source: LayoutSource): source is ImageStore {
  return (
    typeof source === 'object' &&
    typeof (source as ImageStore).resolve === 'function' &&
    typeof (source as ImageStore).get === 'function'
  )
}
