/**
 * The history of an image: each step that made it, with the layer it left.
 * @see https://github.com/opencontainers/image-spec/blob/main/config.md#properties
 */
import type { Layer } from '../layer/index.ts'
import type { HistoryEntry } from '../spec/index.ts'

/** One step, and the layer it made: null for a step that changed no file (`empty_layer`). */
export interface ImageHistoryEntry extends HistoryEntry {
  readonly layer: Layer | null
}

/**
 * Joins history to layers by counting: each entry that is not `empty_layer` made the next layer. Where an image
 * has more such entries than layers, the rest have null; where it has fewer, the last layers have no entry.
 */
export function joinHistory(
  history: readonly HistoryEntry[],
  layers: readonly Layer[],
): readonly ImageHistoryEntry[] {
  let next = 0
  return history.map((entry) => ({
    ...entry,
    layer: entry.empty_layer === true ? null : (layers[next++] ?? null),
  }))
}
