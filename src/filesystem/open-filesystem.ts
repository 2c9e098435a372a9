/** Merging an image's layers into one tree: one pass over each layer, no content kept. */
import {
  BlobBlocks,
  FileTree,
  type Layer,
  LayerApplier,
  type LayerLimits,
  type TreeLimits,
} from '../layer/index.ts'
import type { StoreOptions } from '../store/index.ts'
import { type FilesystemFinding, ImageFilesystem, type MergedLayer } from './image-filesystem.ts'

/** How layers are merged. */
export interface OpenFilesystemOptions extends StoreOptions {
  /**
   * What becomes of an entry that no tree can take: one that leads outside of the root, is below something that is
   * no directory, or is a hard link to what is not there. `refuse` (when absent) rejects, as unpacking would;
   * `report` leaves it out and says so in {@link ImageFilesystem.findings}.
   */
  readonly problems?: 'refuse' | 'report' | undefined
  /** Told of the bytes of the layers' blobs read so far, of all layers together. */
  readonly onProgress?: ((bytes: number) => void) | undefined
  readonly limits?: (LayerLimits & TreeLimits) | undefined
}

/**
 * Merges layers, bottom to top, into the tree that a container of them starts from. Every layer is read and verified
 * once, to its end; memory grows with the number of paths alone.
 *
 * @throws OciError as reading layers does, and with `problems: 'refuse'` `PATH_UNSAFE` and `PATH_NOT_FOUND`, naming
 *   the entry
 * @example const files = await openFilesystem(image.layers.slice(0, 2))
 */
export async function openFilesystem(
  layers: readonly Layer[],
  options: OpenFilesystemOptions = {},
): Promise<ImageFilesystem> {
  const { signal, onProgress, limits, problems } = options
  const tree = new FileTree(limits)
  const merged: MergedLayer[] = []
  const findings: FilesystemFinding[] = []
  let before = 0
  for (const [position, layer] of layers.entries()) {
    const applier = new LayerApplier(tree, { position, problems })
    const blocks = new BlobBlocks()
    const scan = await layer.scan(
      { entry: (entry) => applier.apply(entry) },
      { signal, limits, blocks, onProgress: onProgress && ((bytes: number) => onProgress(before + bytes)) },
    )
    tree.setSource(position, scan.diffID)
    merged.push({ layer, blocks, scan })
    for (const finding of [...scan.findings, ...applier.findings]) {
      // What is left out is said where it is applied, with what became of it.
      if (finding.code === 'PATH_UNSAFE' && !applier.findings.includes(finding)) continue
      findings.push({ ...finding, layer: layer.position })
    }
    before += layer.size
  }
  return new ImageFilesystem(tree, merged, findings)
}
