/** Beginning a new image: from nothing, or from another (`FROM scratch`, `FROM base`). */
import { digestBytes } from '../digest/index.ts'
import type { Platform } from '../spec/index.ts'
import { mediaTypes, parsePlatform, serializeJson } from '../spec/index.ts'
import { MemoryStore } from '../store/index.ts'
import { ImageEdit } from './edit/image-edit.ts'
import { Image } from './image.ts'

/**
 * Begins an image without layers.
 * @param options.platform what it will run on: `linux/arm64`, or the same as an object
 * @throws OciError `PLATFORM_INVALID`
 * @example
 * const image = await fromScratch({ platform: 'linux/amd64' })
 *   .copy({ 'hello.txt': 'hello\n' }, '/')
 *   .commit(store, 'hello:1')
 */
export function fromScratch(options: { readonly platform: string | Platform }): ImageEdit {
  const platform = typeof options.platform === 'string' ? parsePlatform(options.platform) : options.platform
  const config = serializeJson({
    architecture: platform.architecture,
    os: platform.os,
    'os.version': platform['os.version'],
    'os.features': platform['os.features'],
    variant: platform.variant,
    config: {},
    rootfs: { type: 'layers', diff_ids: [] },
    history: [],
  })
  const manifest = serializeJson({
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: { mediaType: mediaTypes.config, digest: digestBytes(config), size: config.length },
    layers: [],
  })
  return new ImageEdit(async () => ({ store: new MemoryStore(), manifest, config }), Image.open)
}

/** Begins an image on another: the same as `image.edit()`. */
export function fromImage(image: Image): ImageEdit {
  return image.edit()
}
