/** Small images in memory, for the tests of views and edits. */
import type { Image } from '../../src/image/index.ts'
import { fromScratch } from '../../src/image/index.ts'
import type { Descriptor, Index, Platform } from '../../src/spec/index.ts'
import { mediaTypes, serializeJson } from '../../src/spec/index.ts'
import { MemoryStore } from '../../src/store/index.ts'

/** An image of one file that says which it is. */
export function smallImage(
  store: MemoryStore,
  text: string,
  platform = 'linux/amd64',
  name?: string,
): Promise<Image> {
  return fromScratch({ platform }).env({ PATH: '/bin' }).copy({ 'etc/who': text }, '/').commit(store, name)
}

/** Puts an index of entries into a store. */
export function putIndex(store: MemoryStore, manifests: readonly Descriptor[]): Promise<Descriptor> {
  const index: Index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests }
  return store.put(serializeJson(index), { mediaType: mediaTypes.index })
}

/** The descriptor with a platform, as an index has it. */
export function on(image: Image, platform: Platform | undefined = image.platform): Descriptor {
  return { ...image.descriptor, platform }
}

/** A store with one index `multi` of images for the platforms. */
export async function multiPlatform(...platforms: string[]): Promise<MemoryStore> {
  const store = new MemoryStore()
  const entries: Descriptor[] = []
  for (const platform of platforms) entries.push(on(await smallImage(store, platform, platform)))
  await store.tag(await putIndex(store, entries), 'multi')
  return store
}

/** What an image's one file says. */
export async function who(image: Image): Promise<string> {
  return new TextDecoder().decode(await (await image.filesystem()).readFile('/etc/who'))
}
