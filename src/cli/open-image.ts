/** From an image name on the command line to an opened layout, to read from or to write to. */
import { existsSync } from 'node:fs'
import { OciError } from '../errors.ts'
import { createLayout, type Layout, readLayout } from '../image/index.ts'
import { ArchiveStore, DirectoryStore, type ImageStore } from '../store/index.ts'
import { type ImageName, parseImageName } from './image-name.ts'

/** A layout, and the name that was asked for in it. */
export interface OpenedName {
  readonly name: ImageName
  readonly layout: Layout
}

/**
 * Opens what an image name points into.
 * @throws OciError as `readLayout`
 */
export async function openName(text: string): Promise<OpenedName> {
  const name = parseImageName(text, existsSync)
  return { name, layout: await openTransport(name) }
}

/**
 * Opens the layout that an image name points into for writing; makes it where nothing is there.
 * @throws OciError `STORE_UNSUPPORTED` for an archive
 */
export async function openTarget(text: string): Promise<OpenedName & { readonly store: ImageStore }> {
  const name = parseImageName(text, existsSync)
  if (name.transport !== 'path' && name.transport !== 'oci') {
    throw new OciError(
      'STORE_UNSUPPORTED',
      `${name.transport}: can be read only: give a directory to write to`,
    )
  }
  const layout = existsSync(name.path)
    ? await readLayout(await DirectoryStore.open(name.path))
    : await createLayout(name.path)
  return { name, layout, store: layout.store }
}

async function openTransport({ transport, path }: ImageName): Promise<Layout> {
  switch (transport) {
    case 'path':
      return readLayout(path)
    case 'oci':
      return readLayout(await DirectoryStore.open(path))
    case 'oci-archive':
      return readLayout(await ArchiveStore.open(path, { format: 'oci' }))
    case 'docker-archive':
      return readLayout(await ArchiveStore.open(path, { format: 'docker' }))
  }
}
