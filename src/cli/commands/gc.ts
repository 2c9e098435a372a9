/** `oci-ts gc`: removing what nothing leads to. */
import { OciError } from '../../errors.ts'
import { collectGarbage } from '../../transfer/index.ts'
import type { CommandContext } from '../context.ts'
import { openToChange } from '../open-image.ts'
import { count } from '../terminal.ts'

/** Flags of the command. */
export interface GcOptions {
  readonly dryRun?: boolean
}

/** Runs the command; gives the exit code. */
export async function gc(
  imageName: string,
  { dryRun }: GcOptions,
  { out, signal }: CommandContext,
): Promise<number> {
  const { name, layout, store } = await openToChange(imageName, signal)
  await using _ = layout
  if (name.reference !== undefined) {
    throw new OciError('ARGUMENT_INVALID', `Give the layout alone, without ${JSON.stringify(name.reference)}`)
  }
  const { removed, kept } = await collectGarbage(store, { dryRun, signal })
  for (const digest of removed) out.line(digest)
  out.line(`${count(removed.length, 'blob')} ${dryRun ? 'would be removed' : 'removed'}, ${kept} kept`)
  return 0
}
