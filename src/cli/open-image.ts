/** From an image name on the command line to an opened layout, to read from or to write to. */
import { existsSync } from 'node:fs'
import { OciError } from '../errors.ts'
import { type Layout, readLayout } from '../image/index.ts'
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
export async function openName(text: string, signal: AbortSignal): Promise<OpenedName> {
  const name = parseImageName(text, existsSync)
  return { name, layout: await openTransport(name, signal) }
}

/**
 * Opens the layout that an image name points into for changing it.
 * @throws OciError `STORE_UNSUPPORTED` for an archive, and as `readLayout`
 */
export async function openToChange(
  text: string,
  signal: AbortSignal,
): Promise<OpenedName & { readonly store: ImageStore }> {
  const { name, layout } = await openName(text, signal)
  if (layout.store instanceof ArchiveStore) {
    await layout[Symbol.asyncDispose]()
    throw new OciError(
      'STORE_UNSUPPORTED',
      `${JSON.stringify(name.path)} is an archive, which is never changed: copy the image into a layout first, as in oci-ts copy ${text} oci:DIR:NAME`,
    )
  }
  return { name, layout, store: layout.store }
}

async function openTransport({ transport, path }: ImageName, signal: AbortSignal): Promise<Layout> {
  switch (transport) {
    case 'path':
      return readLayout(path, { signal })
    case 'oci':
      return readLayout(await DirectoryStore.open(path))
    case 'oci-archive':
      return readLayout(await ArchiveStore.open(path, { format: 'oci', signal }))
    case 'docker-archive':
      return readLayout(await ArchiveStore.open(path, { format: 'docker', signal }))
  }
}
