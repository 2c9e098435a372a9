/** An image of a layout by what stands below `src/image`: its layers and its config, as unpacking takes them. */
import type { DiffID } from '../../src/digest/index.ts'
import { Layer } from '../../src/layer/index.ts'
import { type ImageConfig, parseConfig, parseManifest } from '../../src/spec/index.ts'
import { DirectoryStore, readBlobBytes } from '../../src/store/index.ts'

/** What unpacking and bundles need of an image. */
export interface OpenedImage {
  readonly layers: readonly Layer[]
  config(): Promise<ImageConfig>
}

/** Opens an image of a layout by its tag. */
export async function openImage(layout: string, reference: string): Promise<OpenedImage> {
  const store = await DirectoryStore.open(layout)
  const manifest = parseManifest(await readBlobBytes(store, await store.resolve(reference)))
  const config = parseConfig(await readBlobBytes(store, manifest.config))
  return {
    layers: manifest.layers.map(
      (descriptor, position) =>
        new Layer(store, descriptor, { position, diffID: config.rootfs.diff_ids[position] as DiffID }),
    ),
    config: async () => config,
  }
}
