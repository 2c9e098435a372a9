/** Compressing layers anew. */
import type { WriteLayerOptions } from '../../layer/index.ts'
import type { EditContext } from './edit-context.ts'
import { writeContent } from './layer-content.ts'

/**
 * Writes every layer's tar again, byte for byte, under another compression: diffIDs and so the config stay. A
 * layer that an image has twice is written once.
 */
export async function recompressLayers(context: EditContext, writing: WriteLayerOptions): Promise<void> {
  const written = new Map<string, Awaited<ReturnType<typeof writeContent>>>()
  for (const layer of context.layers()) {
    const made =
      written.get(layer.digest) ??
      (await writeContent(context, { tar: () => layer.tar(context.options) }, writing))
    written.set(layer.digest, made)
    context.draft.replaceLayer(layer.position, made, undefined, context.store)
  }
}
