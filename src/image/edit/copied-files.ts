/** Files for a layer: from this machine or from memory, put where the image's own symlinks lead. */
import { type ByteSource, encodeUtf8 } from '../../bytes.ts'
import { OciError } from '../../errors.ts'
import { findImageUser, type ImageFilesystem, packDirectory, packFile } from '../../filesystem/index.ts'
import { filePath, requireBuiltin } from '../../runtime.ts'
import type { TarEntryInput } from '../../tar/index.ts'
import type { EditContext } from './edit-context.ts'

/**
 * What is copied: a directory's content or a file of this machine, by path or `file:` URL; or contents from memory
 * by their paths below the destination, a path that ends in `/` being a directory.
 */
export type CopiedFiles = string | URL | Readonly<Record<string, string | ByteSource>>

/** How files are copied. */
export interface CopyFilesOptions {
  /**
   * Whose they are: `user`, `uid`, `user:group`, `uid:gid`, names as the image's own `/etc/passwd` and `/etc/group`
   * have them. `0:0` when absent, as in a Dockerfile.
   */
  readonly chown?: string | undefined
  /** The mode of every file and directory copied: 0 to 0o7777, or the same in octal digits. */
  readonly chmod?: number | string | undefined
  /** What of a directory is left out: lines as in a `.dockerignore`. */
  readonly ignore?: readonly string[] | undefined
}

/**
 * The entries for what is copied. Directories on the way to the destination that the image does not have come
 * first, 0755 of root; symlinks on the way are followed inside of the image, as `COPY` follows them.
 *
 * @throws OciError `ARGUMENT_INVALID`, `PATH_NOT_FOUND` (nothing to copy), `DOCUMENT_INVALID` (an unknown user)
 */
export async function copiedEntries(
  files: CopiedFiles,
  destination: string,
  options: CopyFilesOptions,
  context: EditContext,
): Promise<TarEntryInput[] | AsyncIterable<TarEntryInput>> {
  const image = await context.filesystem()
  const owner = await ownerOf(options.chown, image)
  const mode = modeOf(options.chmod)
  const settle = (entry: TarEntryInput): TarEntryInput =>
    mode === undefined || entry.type === 'symlink' || entry.type === 'link' ? entry : { ...entry, mode }
  if (typeof files === 'string' || files instanceof URL) {
    const fs = requireBuiltin('node:fs', 'Copying files of this machine')
    const path = filePath(files, 'What is copied')
    const status = fs.statSync(path, { throwIfNoEntry: false })
    if (status === undefined) {
      throw new OciError('PATH_NOT_FOUND', `There is nothing to copy at ${JSON.stringify(path)}`, { path })
    }
    if (status.isDirectory()) {
      const place = await placeIn(image, destination, owner)
      const packing = { prefix: place.path, root: false, owner, exclude: options.ignore ?? [] }
      return joined(place.missing, packDirectory(path, packing), settle)
    }
    const name = path.replace(/[\\/]+$/, '').replace(/^.*[\\/]/, '')
    const into = destination.endsWith('/') || (await isDirectory(image, destination))
    const place = await placeIn(image, into ? `${destination}/${name}` : destination, owner, true)
    return [...place.missing, settle({ ...packFile(path, { owner }), path: place.path })]
  }
  const place = await placeIn(image, destination, owner)
  const made = new Map<string, TarEntryInput>()
  for (const [name, content] of Object.entries(files)) {
    const under = await placeIn(image, `${place.path}/${name}`, owner, !name.endsWith('/'))
    for (const parent of [...place.missing, ...under.missing])
      if (!made.has(parent.path)) made.set(parent.path, parent)
    if (name.endsWith('/')) continue
    made.set(
      under.path,
      settle({
        path: under.path,
        ...owner,
        content: typeof content === 'string' ? encodeUtf8(content) : content,
      }),
    )
  }
  return [...made.values()]
}

/** A place in the image, its symlinks resolved, and the directories that are missing on the way there. */
interface Place {
  readonly path: string
  readonly missing: readonly TarEntryInput[]
}

/** Symlinks to nothing that one destination may lead through: what the merged view allows of others. */
const MAX_LINKS = 255

/**
 * Finds where a path leads in the image; a symlink to what is not there yet is where that is made.
 * @param owner whose the directories are that have to be made, as `COPY --chown` has it
 * @param isFile whether the last component is to be a file: it is then neither followed nor made
 */
async function placeIn(
  image: ImageFilesystem,
  path: string,
  owner: { readonly uid: number; readonly gid: number },
  isFile = false,
): Promise<Place> {
  const names = path.split('/').filter((name) => name !== '' && name !== '.')
  if (names.includes('..') || path.includes('\0')) {
    throw new OciError(
      'ARGUMENT_INVALID',
      `${JSON.stringify(path)} is no destination: give a path without ".."`,
      { path },
    )
  }
  const missing = new Map<string, TarEntryInput>()
  let place = ''
  let links = 0
  /** Names still to go, the next one last: a symlink puts its target's on top. */
  const left = names.reverse()
  for (let name = left.pop(); name !== undefined; name = left.pop()) {
    if (name === '..') {
      place = place.slice(0, Math.max(0, place.lastIndexOf('/')))
      continue
    }
    const next = place === '' ? name : `${place}/${name}`
    const found = (await image.exists(`/${next}`)) ? await image.stat(`/${next}`) : undefined
    const dangling = found === undefined ? image.tree.get(next) : undefined
    if (left.length === 0 && isFile) {
      if (found?.type !== 'directory') return { path: next, missing: [...missing.values()] }
      throw new OciError('ARGUMENT_INVALID', `Cannot copy a file to "/${next}": a directory is there`, {
        path: next,
      })
    }
    if (dangling?.type === 'symlink') {
      const target = dangling.linkPath
      if (++links > MAX_LINKS) {
        throw new OciError(
          'ARGUMENT_INVALID',
          `Cannot copy to ${JSON.stringify(path)}: its symlinks go in circles`,
          {
            path,
          },
        )
      }
      if (target.startsWith('/')) place = ''
      left.push(
        ...target
          .split('/')
          .filter((part) => part !== '' && part !== '.')
          .reverse(),
      )
    } else if (found === undefined) {
      place = next
      missing.set(next, { path: next, type: 'directory', mode: 0o755, ...owner })
    } else if (found.type === 'directory') {
      place = (await image.realpath(`/${next}`)).replace(/^\//, '')
    } else {
      throw new OciError(
        'ARGUMENT_INVALID',
        `Cannot copy below "/${next}": it is no directory, but a ${found.type}`,
        {
          path: next,
        },
      )
    }
  }
  return { path: place, missing: [...missing.values()] }
}

async function isDirectory(image: ImageFilesystem, path: string): Promise<boolean> {
  return (await image.exists(path)) && (await image.stat(path)).type === 'directory'
}

async function* joined(
  first: Iterable<TarEntryInput>,
  then: AsyncIterable<TarEntryInput>,
  settle: (entry: TarEntryInput) => TarEntryInput,
): AsyncGenerator<TarEntryInput, void, undefined> {
  yield* first
  for await (const entry of then) yield settle(entry)
}

async function ownerOf(
  chown: string | undefined,
  image: ImageFilesystem,
): Promise<{ uid: number; gid: number }> {
  if (chown === undefined) return { uid: 0, gid: 0 }
  const [passwd, group] = await Promise.all(
    ['/etc/passwd', '/etc/group'].map(async (path) =>
      (await image.exists(path)) ? image.readFile(path) : undefined,
    ),
  )
  const { uid, gid } = findImageUser(chown, { passwd, group })
  return { uid, gid }
}

function modeOf(chmod: number | string | undefined): number | undefined {
  if (chmod === undefined) return undefined
  const mode =
    typeof chmod === 'number' ? chmod : /^[0-7]{3,4}$/.test(chmod) ? Number.parseInt(chmod, 8) : Number.NaN
  if (Number.isInteger(mode) && mode >= 0 && mode <= 0o7777) return mode
  throw new OciError('ARGUMENT_INVALID', `${JSON.stringify(chmod)} is no mode: give 0o755 or "755"`)
}
