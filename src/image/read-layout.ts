/** The main door: from whatever holds images to a {@link Layout}. */
import type { ByteSource } from '../bytes.ts'
import type { DirectoryStoreOptions, ImageStore, OpenStoreOptions } from '../store/index.ts'
import { createStore, openStore } from '../store/index.ts'
import { Layout } from './layout.ts'

/** Where images are: see {@link readLayout}. */
export type LayoutSource = string | URL | ImageStore | ByteSource

/** How a layout is opened; what does not concern its kind is not looked at. */
export interface ReadLayoutOptions extends OpenStoreOptions {}

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
  return Layout.open(await createStore(directory, options))
}

function isImageStore(source: LayoutSource): source is ImageStore {
  return (
    typeof source === 'object' &&
    typeof (source as ImageStore).resolve === 'function' &&
    typeof (source as ImageStore).get === 'function'
  )
}
