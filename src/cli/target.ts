/** Where new images go: a layout, made where it is absent, or an archive, written when all of it is there. */
import { existsSync, statSync } from 'node:fs'
import { OciError } from '../errors.ts'
import type { Layout } from '../image/index.ts'
import { DirectoryStore, type ImageStore, type Reference } from '../store/index.ts'
import { type ImageName, parseImageName } from './image-name.ts'

/** Makes images in a store; gives what they are to be called. */
export type Make = (store: ImageStore) => Promise<readonly Reference[]>

/** Makes images in a store and names them there, when all of them are whole. */
export async function makeIn(
  store: ImageStore,
  signal: AbortSignal,
  make: Make,
): Promise<readonly Reference[]> {
  const made = await make(store)
  for (const { name, descriptor } of made) await store.tag(descriptor, name, { signal })
  return made
}

/** Makes images in the place that a name says. */
export async function makeAt(
  target: ImageName,
  signal: AbortSignal,
  make: Make,
): Promise<readonly Reference[]> {
  await using store = await openTarget(target)
  return makeIn(store, signal, make)
}

/**
 * Opens the layout that an image name points into for writing; makes it where nothing is there.
 * @throws OciError `ARGUMENT_INVALID` where the name is that of a file, and as `DirectoryStore.openOrCreate`
 */
async function openTarget(name: ImageName): Promise<DirectoryStore> {
  const { path } = name
  const file = statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
  if (file || (name.transport === 'path' && !existsSync(path) && /\.(tar|tgz|tar\.gz)$/.test(path))) {
    throw new OciError(
      'ARGUMENT_INVALID',
      `${JSON.stringify(path)} ${file ? 'is' : 'looks like'} a file: to write an archive say which kind, as in oci-archive:${path} or docker-archive:${path}`,
      { path },
    )
  }
  return DirectoryStore.openOrCreate(path)
}

/** Takes the name of a place to write to apart. */
export function parseTarget(text: string): ImageName {
  const name = parseImageName(text, existsSync)
  const { reference } = name
  if (reference !== undefined && /(^|@)sha(256|512):/.test(reference)) {
    throw new OciError(
      'REFERENCE_INVALID',
      `${JSON.stringify(text)} names what is to be made by its digest: give it a name, as in DIR:NAME`,
    )
  }
  return name
}

/**
 * The name that a new image gets in its layout: the one asked for, or else that of the image it is made from.
 * @throws OciError `ARGUMENT_INVALID` where neither has a name
 */
export async function nameOfResult(
  layout: Layout,
  reference: string | undefined,
  wanted: string | undefined,
  advice: string,
): Promise<string> {
  if (wanted !== undefined) return wanted
  const [asked = ''] = (reference ?? '').split(/@?sha(?:256|512):/, 1)
  if (asked !== '') return asked
  const { digest } = await layout.resolve(reference)
  const names = layout.references.filter(({ descriptor }) => descriptor.digest === digest)
  if (names.length === 1) return names[0]!.name
  const why =
    names.length === 0 ? 'has no name' : `has several names (${names.map(({ name }) => name).join(', ')})`
  throw new OciError('ARGUMENT_INVALID', `The image ${why}: say which the result is to have, ${advice}`)
}
