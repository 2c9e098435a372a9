/** Making a new image out of one that is there, and putting it where the flags say: what all such commands share. */
import type { Digest } from '../digest/index.ts'
import { OciError } from '../errors.ts'
import { Image, type ImageEdit, ImageIndex, isForRunning, type Layout } from '../image/index.ts'
import { type Descriptor, isIndexType } from '../spec/index.ts'
import type { BlobStore, ImageStore, Reference } from '../store/index.ts'
import type { CommandContext } from './context.ts'
import { openName, openToChange } from './open-image.ts'
import { makeAt, makeIn, nameOfResult, parseTarget } from './target.ts'
import { printable } from './terminal.ts'

/** Flags that say which image is changed and where the new one goes. */
export interface ResultFlags {
  readonly platform?: string
  readonly as?: string
  readonly to?: string
}

/** Says what is to change about one image. */
export type ChangeImage = (edit: ImageEdit, image: Image) => ImageEdit | Promise<ImageEdit>

/** Changes an image, or every image of an index, and names the result; gives the exit code. */
export async function makeNew(
  imageName: string,
  flags: ResultFlags,
  context: CommandContext,
  change: ChangeImage,
): Promise<number> {
  const { signal } = context
  const source = await (flags.to === undefined ? openToChange : openName)(imageName, signal)
  await using layout = source.layout
  const { reference } = source.name
  const target = flags.to === undefined ? undefined : parseTarget(flags.to)
  const name = await nameOfResult(
    layout,
    reference,
    flags.as ?? target?.reference,
    target === undefined ? 'by --as NAME' : 'as in --to DIR:NAME',
  )
  await refuseLoss(layout, reference, flags)
  const make = async (store: ImageStore): Promise<readonly Reference[]> => {
    return [{ name, descriptor: await changed(layout, reference, flags.platform, store, context, change) }]
  }
  const [made] =
    target === undefined ? await makeIn(layout.store, signal, make) : await makeAt(target, signal, make)
  context.out.line(`${printable(name)}  ${made!.descriptor.digest}`)
  return 0
}

/** One image of an index under the index's own name would take the others' place. */
async function refuseLoss(layout: Layout, reference: string | undefined, flags: ResultFlags): Promise<void> {
  if (flags.platform === undefined || flags.as !== undefined || flags.to !== undefined) return
  if (!isIndexType((await layout.resolve(reference)).mediaType)) return
  throw new OciError(
    'ARGUMENT_INVALID',
    'The name stands for an index: leave --platform away to change every image of it, or say by --as or --to what the one is to be called',
  )
}

/** The changed image in a store; without a platform, of an index all of it. */
async function changed(
  layout: Layout,
  reference: string | undefined,
  platform: string | undefined,
  to: ImageStore,
  context: CommandContext,
  change: ChangeImage,
): Promise<Descriptor> {
  const { signal } = context
  if (platform === undefined) {
    const descriptor = await layout.resolve(reference, { signal })
    if (isIndexType(descriptor.mediaType)) {
      return changeIndex(await layout.imageIndex(reference, { signal }), to, context, change)
    }
  }
  const image = await layout.image(reference, { platform, signal })
  return changeOne(image, to, context, change)
}

async function changeOne(
  image: Image,
  to: BlobStore,
  { signal }: CommandContext,
  change: ChangeImage,
): Promise<Descriptor> {
  const edit = await change(image.edit(), image)
  return (await edit.commit(to, undefined, { signal })).descriptor
}

/**
 * An index with every image in it changed, nested indexes among them. What is no image stays as it is; what a
 * build attests of an image that has become another would be a lie about the new one, and is left out.
 */
async function changeIndex(
  index: ImageIndex,
  to: BlobStore,
  context: CommandContext,
  change: ChangeImage,
): Promise<Descriptor> {
  const { signal } = context
  const { store } = index
  let edit = index.edit()
  for (const entry of index.index.manifests) {
    const made = isIndexType(entry.mediaType)
      ? await changeIndex(await ImageIndex.open(store, entry, { signal }), to, context, change)
      : isForRunning(entry)
        ? await changeOne(await Image.open(store, entry, { signal }), to, context, change)
        : entry
    if (made.digest === entry.digest) continue
    const platform = made.platform ?? entry.platform
    edit = edit.replace(firstOf(entry.digest), { store: to, descriptor: made }, { platform })
  }
  return (await edit.commit(to, undefined, { signal })).descriptor
}

/** Picks one entry: the same image listed twice is replaced twice, one at a time. */
function firstOf(digest: Digest): (entry: Descriptor) => boolean {
  let found = false
  return (entry) => {
    if (found || entry.digest !== digest) return false
    found = true
    return true
  }
}
