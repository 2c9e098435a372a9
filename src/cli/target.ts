/** Where new images go: a layout, made where it is absent, or an archive, written when all of it is there. */
import { existsSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { OciError } from '../errors.ts'
import type { Layout } from '../image/index.ts'
import { type ArchiveFormat, DirectoryStore, type ImageStore, type Reference } from '../store/index.ts'
import { writeArchiveFile } from '../transfer/index.ts'
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
  const format = archiveFormat(target)
  if (format === undefined) {
    await using store = await openTarget(target)
    return makeIn(store, signal, make)
  }
  // Beside the archive, where there is room for it; the blobs need not outlive a power cut.
  const directory = await mkdtemp(join(dirname(resolve(target.path)), '.oci-ts-images-'))
  try {
    await using store = await DirectoryStore.create(directory, { sync: false })
    const made = await makeIn(store, signal, make)
    const named = made.map(({ descriptor }) => ({ store, descriptor, name: target.reference }))
    await writeArchiveFile(target.path, target.reference === undefined ? store : named, { format, signal })
    return made
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** The form of the archive that a name stands for; undefined for a layout. */
export function archiveFormat({ transport }: ImageName): ArchiveFormat | undefined {
  if (transport === 'oci-archive') return 'oci'
  return transport === 'docker-archive' ? 'docker' : undefined
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
  if (archiveFormat(name) !== undefined && statSync(name.path, { throwIfNoEntry: false })?.isDirectory()) {
    throw new OciError(
      'ARGUMENT_INVALID',
      `Cannot write an archive to ${JSON.stringify(name.path)}: it is a directory`,
      {
        path: name.path,
      },
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
  const names = await namesOf(layout, reference)
  if (names.length === 1) return names[0]!
  const why = names.length === 0 ? 'has no name' : `has several names (${names.join(', ')})`
  throw new OciError('ARGUMENT_INVALID', `The image ${why}: say which the result is to have, ${advice}`)
}

/** What a layout calls an image: the name that it was asked for by, or else all that it has. */
export async function namesOf(layout: Layout, reference: string | undefined): Promise<readonly string[]> {
  const [asked = ''] = (reference ?? '').split(/@?sha(?:256|512):/, 1)
  if (asked !== '') return [asked]
  const { digest } = await layout.resolve(reference)
  return layout.references.filter(({ descriptor }) => descriptor.digest === digest).map(({ name }) => name)
}
