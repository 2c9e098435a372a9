/** Exchanging the base under an image. */
import { OciError } from '../../errors.ts'
import type { Layer } from '../../layer/index.ts'
import { annotationKeys, type JsonEdit } from '../../spec/index.ts'
import type { Image } from '../image.ts'
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
  const oldSteps = oldConfig.history?.length ?? 0
  const newSteps = newConfig.history ?? []
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
  for (const layer of newBase.layers) draft.addSource(layer.descriptor, layer.store)
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
