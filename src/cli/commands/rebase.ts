/** `oci-ts rebase`: another base under an image. */
import type { CommandContext } from '../context.ts'
import { makeNew, type ResultFlags } from '../new-image.ts'
import { openName } from '../open-image.ts'

/** Flags of the command. */
export interface RebaseOptions extends ResultFlags {
  readonly oldBase: string
  readonly newBase: string
}

/** Runs the command; gives the exit code. Each image of an index gets the base for its own platform. */
export async function rebase(
  imageName: string,
  options: RebaseOptions,
  context: CommandContext,
): Promise<number> {
  const { signal } = context
  const oldBase = await openName(options.oldBase, signal)
  await using _old = oldBase.layout
  const newBase = await openName(options.newBase, signal)
  await using _new = newBase.layout
  return makeNew(imageName, options, context, async (edit, { platform }) =>
    edit.rebase(
      await oldBase.layout.image(oldBase.name.reference, { platform, signal }),
      await newBase.layout.image(newBase.name.reference, { platform, signal }),
    ),
  )
}
