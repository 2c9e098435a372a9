/** `oci-ts gc`: removing what nothing leads to. */
import process from 'node:process'
import { collectGarbage } from '../../transfer/index.ts'
import { openTarget } from '../open-image.ts'
import { count, createTerminal } from '../terminal.ts'

/** Flags of the command. */
export interface GcOptions {
  readonly dryRun?: boolean
}

/** Runs the command; gives the exit code. */
export async function gc(imageName: string, options: GcOptions): Promise<number> {
  const { layout, store } = await openTarget(imageName)
  await using _ = layout
  const { removed, kept } = await collectGarbage(store, options)
  const out = createTerminal(process.stdout)
  for (const digest of removed) out.line(digest)
  out.line(
    `${count(removed.length, 'blob')} ${options.dryRun ? 'would be removed' : 'removed'}, ${kept} kept`,
  )
  return 0
}
