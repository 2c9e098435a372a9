/**
 * What only a commit needs: writing layers, merging trees, packing directories. `ImageEdit` loads it then and hands
 * it to each step, so that a page that only reads images does not load two thirds of the library.
 */
export { clampTimes } from './clamp-times.ts'
export { copiedEntries } from './copied-files.ts'
export { Draft } from './draft.ts'
export { EditContext } from './edit-context.ts'
export { flattenLayers, squashLayers } from './flatten.ts'
export { writeContent } from './layer-content.ts'
export { rebaseLayers } from './rebase.ts'
export { recompressLayers } from './recompress.ts'
