/** Applying whole layers, read and verified as they go by. */
import type { StoreOptions } from '../store/index.ts'
import { type ApplyOptions, LayerApplier } from './apply.ts'
import { BlobBlocks } from './blob-blocks.ts'
import type { Layer } from './layer.ts'
import type { LayerLimits } from './layer-bytes.ts'
import type { LayerFinding } from './layer-finding.ts'
import type { LayerScan } from './scan-layer.ts'
import type { FileTree } from './tree.ts'

/** How layers are applied. */
export interface ApplyLayersOptions extends StoreOptions, Pick<ApplyOptions, 'problems'> {
  /** Told of the bytes of the layers' blobs read so far, of all layers together. */
  readonly onProgress?: ((bytes: number) => void) | undefined
  readonly limits?: LayerLimits | undefined
}

/** A layer that was applied. */
export interface AppliedLayer {
  readonly layer: Layer
  readonly scan: LayerScan
  /** What lets parts of the layer be read again, verified. */
  readonly blocks: BlobBlocks
  /** What was odd about the layer, by itself and on the tree. */
  readonly findings: readonly LayerFinding[]
}

/**
 * Applies layers to a tree, bottom to top, in one pass over each. In the tree, a layer's position is its place among
 * those given.
 *
 * @throws OciError as `scanLayer` and `applyLayer`; the tree is then of no use
 */
export async function applyLayers(
  tree: FileTree,
  layers: readonly Layer[],
  options: ApplyLayersOptions = {},
): Promise<readonly AppliedLayer[]> {
  const { signal, limits, problems, onProgress } = options
  const applied: AppliedLayer[] = []
  let before = 0
  for (const [position, layer] of layers.entries()) {
    const applier = new LayerApplier(tree, { position, problems })
    const blocks = new BlobBlocks()
    const scan = await layer.scan(
      { entry: (entry) => applier.apply(entry) },
      {
        signal,
        limits,
        blocks,
        // The tree sees them for nothing, and without a chance of error.
        findDuplicates: false,
        onProgress: onProgress && ((bytes: number) => onProgress(before + bytes)),
      },
    )
    tree.setSource(position, scan.diffID)
    // The scan says that a path is unsafe; the applier, what became of it.
    const own = scan.findings.filter(({ code }) => code !== 'path-unsafe')
    applied.push({ layer, scan, blocks, findings: [...own, ...applier.findings] })
    before += layer.size
  }
  return applied
}
