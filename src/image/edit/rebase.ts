/** Exchanging the base under an image. */
import { OciError } from '../../errors.ts'
import type { Layer } from '../../layer/index.ts'
import { annotationKeys, type HistoryEntry, type JsonEdit } from '../../spec/index.ts'
import type { Image } from '../image.ts'
import { completeHistory, countLayers } from './draft.ts'
import type { EditContext } from './edit-context.ts'

/**
 * Takes the old base's layers away from under an image and puts the new base's there, each with its history, its
 * own empty steps among them. What it runs on is then what the new base runs on.
 *
 * @throws OciError `ARGUMENT_INVALID` where the image does not begin with the old base's layers
 */
export async function rebaseLayers(context: EditContext, oldBase: Image, newBase: Image): Promise<void> {
  const { draft } = context
  const own = context.layers()
  for (const [position, layer] of oldBase.layers.entries()) requireSame(own[position], layer)
  const [oldConfig, newConfig] = [await oldBase.config(), await newBase.config()]
  const ownSteps = draft.config.history ?? []
  const oldSteps = stepsOf(ownSteps, oldConfig.history?.length ?? 0, oldBase.layers.length)
  const hasHistory = ownSteps.length > oldSteps || (newConfig.history ?? []).length > 0
  const newSteps = hasHistory ? completeHistory(newConfig.history ?? [], newBase.layers.length) : []
  draft.editManifest([
    ...oldBase.layers.map(() => ({ path: ['layers', 0], value: undefined })),
    ...newBase.layers.map(({ descriptor }, position) => ({
      path: ['layers', position],
      value: descriptor,
      insert: true,
    })),
    ...baseAnnotations(newBase),
  ])
  draft.editConfig([
    ...oldBase.layers.map(() => ({ path: ['rootfs', 'diff_ids', 0], value: undefined })),
    ...newConfig.rootfs.diff_ids.map((diffID, position) => ({
      path: ['rootfs', 'diff_ids', position],
      value: diffID,
      insert: true,
    })),
    ...Array.from({ length: oldSteps }, () => ({ path: ['history', 0], value: undefined })),
    ...newSteps.map((entry, position) => ({ path: ['history', position], value: entry, insert: true })),
    ...(['architecture', 'os', 'variant', 'os.version', 'os.features'] as const).map((name) => ({
      path: [name],
      value: newConfig[name] ?? undefined,
    })),
  ])
  if (hasHistory) draft.completeHistory(draft.manifest.layers.length)
  for (const layer of newBase.layers) draft.addSource(layer.descriptor, layer.store)
}

/**
 * How many of an image's steps are those of the base below it: as many as the base has, where they tell of as many
 * layers; else (the base had no history, or an edit has left some of its steps out) those up to its last layer.
 */
function stepsOf(history: readonly HistoryEntry[], steps: number, layers: number): number {
  const below = history.slice(0, steps)
  if (below.length === steps && countLayers(below) === layers) return steps
  let seen = 0
  const after = history.findIndex((entry) => entry.empty_layer !== true && ++seen > layers)
  const upTo = after === -1 ? history : history.slice(0, after)
  return upTo.findLastIndex((entry) => entry.empty_layer !== true) + 1
}

/** Crane and BuildKit record the base the same way, so that it can be found again for the next rebase. */
function baseAnnotations(base: Image): JsonEdit[] {
  const name = base.descriptor.annotations?.[annotationKeys.containerdImageName]
  return [
    { path: ['annotations', annotationKeys.baseDigest], value: base.descriptor.digest },
    { path: ['annotations', annotationKeys.baseName], value: name },
  ]
}

/** Layers are the same by their content: the old base may have been compressed anew since. */
function requireSame(own: Layer | undefined, base: Layer): void {
  if (own !== undefined && own.diffID !== undefined && own.diffID === base.diffID) return
  throw new OciError(
    'ARGUMENT_INVALID',
    `The image does not stand on the old base: its layer ${base.position + 1} has ${own?.diffID ?? 'no diffID'}, the base's ${base.diffID ?? 'none'}`,
    { expected: base.diffID, actual: own?.diffID },
  )
}
