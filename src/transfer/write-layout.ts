/** Writing images into a new image layout on disk. */
import { createLayout, type Layout } from '../image/index.ts'
import type { Descriptor } from '../spec/index.ts'
import { annotationKeys } from '../spec/index.ts'
import type { DirectoryStoreOptions } from '../store/index.ts'
import { forEachConcurrent } from './concurrent.ts'
import { type CopyOptions, copyGraph } from './copy.ts'
import { collectRoots, entryOf, type ImageSource, type SelectImages } from './image-source.ts'

/** How a layout is written. */
export interface WriteLayoutOptions extends CopyOptions, SelectImages, DirectoryStoreOptions {}

/**
 * Copies images into a new layout: of a store all of them or some by name, an image, an index, or several. Entries
 * stand in the new index as they stood in the old one, with names, platforms and annotations.
 *
 * @param directory a path or `file:` URL; absent, or empty
 * @param source a layout or any image store; an image or index; or several, each with its name
 * @throws OciError `LAYOUT_INVALID` where something is there already; as `copyGraph`
 * @example await using layout = await writeLayout('./copy', await readLayout('images.tar'))
 */
export async function writeLayout(
  directory: string | URL,
  source: ImageSource,
  options: WriteLayoutOptions = {},
): Promise<Layout> {
  const { roots } = await collectRoots(source, options)
  const layout = await createLayout(directory, options)
  const entries: Descriptor[] = []
  for (const root of roots) {
    const { descriptor } = await copyGraph(root.store, root.descriptor, layout.store, options)
    const entry = entryOf(root)
    const { [annotationKeys.refName]: ref, [annotationKeys.containerdImageName]: full } =
      entry.annotations ?? {}
    const names = {
      ...(ref === undefined ? {} : { [annotationKeys.refName]: ref }),
      ...(full === undefined ? {} : { [annotationKeys.containerdImageName]: full }),
    }
    // Where platforms were chosen it is another manifest or index, under the same name.
    const isOther = descriptor.digest !== entry.digest
    const annotations = { ...descriptor.annotations, ...names }
    const chosen = Object.keys(annotations).length === 0 ? descriptor : { ...descriptor, annotations }
    entries.push(isOther ? chosen : entry)
  }
  // Asked for together: the index is then written once, not once for each.
  await forEachConcurrent(entries, entries.length, options.signal, async (entry, signal) =>
    layout.store.addEntry?.(entry, { ...options, signal }),
  )
  return layout.reload(options)
}
