/** Making one layer of several: of all of them, or of those from one up. */
import { OciError } from '../../errors.ts'
import {
  applyLayers,
  changeTo,
  diffTrees,
  FileTree,
  type Layer,
  linkTo,
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
  const entries = inReadingOrder(layers, lower, upper)
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
 * order of paths; then files, as they lie in the layers; then hard links, which need their files. What waits is kept
 * as numbers, 16 bytes a file: as objects a million files would take a gigabyte.
 */
async function* inReadingOrder(
  layers: readonly Layer[],
  lower: FileTree,
  upper: FileTree,
): AsyncGenerator<TarEntryInput, void, undefined> {
  const waiting = layers.map((): WaitingFiles => ({ ids: [], offsets: [] }))
  /** Of each file with further names: the first. Of each further name: itself, and its file. */
  const firsts = new Map<number, number>()
  const links: number[] = []
  const linked: number[] = []
  for (const change of diffTrees(lower, upper)) {
    const { node } = change
    if (node === null) yield change
    else if (change.type === 'link') {
      links.push(node.id)
      linked.push(firsts.get(node.inode)!)
    } else {
      if (node.nlink > 1) firsts.set(node.inode, node.id)
      if (node.type === 'file' && node.size > 0) {
        const { ids, offsets } = waiting[node.contentLayer]!
        ids.push(node.id)
        offsets.push(node.contentOffset)
      } else yield change
    }
  }
  for (const [position, layer] of layers.entries()) yield* contentsOf(layer, waiting[position]!, upper)
  for (const [position, id] of links.entries()) yield linkTo(upper.node(linked[position]!), upper.node(id))
}

/** Files whose content is in one layer: which they are, and where it starts. */
interface WaitingFiles {
  readonly ids: number[]
  readonly offsets: number[]
}

/** The files that wait for a layer, with their contents, as they lie in it. */
async function* contentsOf(
  layer: Layer,
  { ids, offsets }: WaitingFiles,
  tree: FileTree,
): AsyncGenerator<TarEntryInput, void, undefined> {
  if (ids.length === 0) return
  const order = [...ids.keys()].sort((a, b) => offsets[a]! - offsets[b]!)
  let next = 0
  for await (const entry of layer.entries()) {
    if (entry.type !== 'file' || entry.size === 0 || entry.dataOffset !== offsets[order[next]!]) continue
    yield Object.assign(changeTo(tree.node(ids[order[next++]!]!)), { content: entry.chunks() })
  }
  if (next === order.length) return
  const { path } = tree.node(ids[order[next]!]!)
  throw new OciError('DIGEST_MISMATCH', `Layer ${layer.digest} changed while it was read: ${path} is gone`, {
    digest: layer.digest,
    path,
  })
}
