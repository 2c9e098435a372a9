/** Merging an image's layers into one tree: one pass over each layer, no content kept. */
import {
  type ApplyLayersOptions,
  applyLayers,
  FileTree,
  type Layer,
  type TreeLimits,
} from '../layer/index.ts'
import { ImageFilesystem } from './image-filesystem.ts'

/**
 * How layers are merged. With `problems: 'report'`, entries that no tree can take (they lead outside of the root, are
 * below something that is no directory, or are hard links to what is not there) are left out, and
 * {@link ImageFilesystem.findings} says so; else they are refused, as unpacking would.
 */
export interface OpenFilesystemOptions extends ApplyLayersOptions {
  readonly limits?: (ApplyLayersOptions['limits'] & TreeLimits) | undefined
}

/**
 * Merges layers, bottom to top, into the tree that a container of them starts from. Every layer is read and verified
 * once, to its end; memory grows with the number of paths alone.
 *
 * @throws OciError as reading layers does, and unless `problems` is `report`, `PATH_UNSAFE` and `PATH_NOT_FOUND`,
 *   naming the entry
 * @example const files = await openFilesystem(image.layers.slice(0, 2))
 */
export async function openFilesystem(
  layers: readonly Layer[],
  options: OpenFilesystemOptions = {},
): Promise<ImageFilesystem> {
  const tree = new FileTree(options.limits)
  const applied = await applyLayers(tree, layers, options)
  tree.trim()
  return new ImageFilesystem(tree, applied)
}
