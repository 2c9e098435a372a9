/** Making one layer of several: of all of them, or of those from one up. */
import { OciError } from '../../errors.ts'
import {
  applyLayers,
  diffTrees,
  FileTree,
  type Layer,
  type TreeChange,
  type WriteLayerOptions,
} from '../../layer/index.ts'
import type { HistoryEntry, JsonEdit } from '../../spec/index.ts'
import type { TarEntryInput } from '../../tar/index.ts'
import type { EditContext } from './edit-context.ts'
import { writeContent } from './layer-content.ts'

/** How the one layer is written, and its history entry. */
export interface FlattenOptions extends WriteLayerOptions {
  /** The entry that takes the place of those of the layers. */
  readonly history?: HistoryEntry | undefined
}

/**
 * Puts one layer in the place of all, with what is left to see of them; one history entry takes the place of the
 * whole history.
 */
export function flattenLayers(context: EditContext, options: FlattenOptions): Promise<void> {
  return squashLayers(context, 0, options)
}

/**
 * Puts one layer in the place of those from a position up: exactly the difference that they made to the layers
 * below, whiteouts for what went among it.
 *
 * @throws OciError `ARGUMENT_INVALID` where there is no such layer, and as reading all layers does
 */
export async function squashLayers(
  context: EditContext,
  from: number,
  options: FlattenOptions,
): Promise<void> {
  const { draft } = context
  const layers = context.layers()
  if (!Number.isInteger(from) || from < 0 || from >= Math.max(1, layers.length)) {
    throw new OciError(
      'ARGUMENT_INVALID',
      `There is no layer at position ${from}: the image has ${layers.length}`,
      {
        actual: from,
        expected: layers.length,
      },
    )
  }
  if (layers.length === 0) return
  const { history = {}, ...writing } = options
  const lower = new FileTree()
  await applyLayers(lower, layers.slice(0, from), context.options)
  const upper = new FileTree()
  await applyLayers(upper, layers, context.options)
  const entries = inReadingOrder(layers, [...diffTrees(lower, upper)])
  const written = await writeContent(context, entries, writing)
  const steps = draft.hasConfig ? stepsBefore(draft.config.history ?? [], from) : 0
  for (let position = layers.length - 1; position >= from; position--) draft.removeLayer(position)
  if (draft.hasConfig) {
    const { length } = draft.config.history ?? []
    // What is left behind the layers that stay are steps that changed no file, between those that went.
    const empty: JsonEdit[] = []
    for (let position = length - 1; position >= steps; position--)
      empty.push({ path: ['history', position], value: undefined })
    draft.editConfig(empty)
  }
  draft.insertLayer(from, written, context.dated(history), context.store)
}

/** How many history entries come before that of the layer at a position; none where all layers go. */
function stepsBefore(history: readonly HistoryEntry[], layer: number): number {
  if (layer === 0) return 0
  let seen = 0
  for (const [position, entry] of history.entries()) {
    if (entry.empty_layer !== true && seen++ === layer) return position
  }
  return history.length
}

/**
 * The entries with their contents, in an order in which every layer is read once: what has no content first, in the
 * order of paths; then files, as they lie in the layers; then hard links, which need their files.
 */
async function* inReadingOrder(
  layers: readonly Layer[],
  changes: readonly TreeChange[],
): AsyncGenerator<TarEntryInput, void, undefined> {
  const wanted = layers.map(() => new Map<number, TreeChange>())
  const links: TreeChange[] = []
  for (const change of changes) {
    const { node } = change
    if (change.type === 'link') links.push(change)
    else if (node?.type === 'file' && node.size > 0)
      wanted[node.contentLayer]!.set(node.contentOffset, change)
    else yield change
  }
  for (const [position, layer] of layers.entries()) {
    const files = wanted[position]!
    if (files.size === 0) continue
    for await (const entry of layer.entries()) {
      const change = files.get(entry.dataOffset)
      if (change === undefined || entry.type !== 'file' || entry.size === 0) continue
      files.delete(entry.dataOffset)
      yield { ...change, content: entry.chunks() }
    }
    const [lost] = files.values()
    if (lost === undefined) continue
    throw new OciError(
      'DIGEST_MISMATCH',
      `Layer ${layer.digest} changed while it was read: ${lost.path} is gone`,
      {
        digest: layer.digest,
        path: lost.path,
      },
    )
  }
  yield* links
}
