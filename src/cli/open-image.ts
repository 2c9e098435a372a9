/** From an image name on the command line to an opened layout. */
import { existsSync } from 'node:fs'
import { type Layout, readLayout } from '../image/index.ts'
import { ArchiveStore, DirectoryStore } from '../store/index.ts'
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
