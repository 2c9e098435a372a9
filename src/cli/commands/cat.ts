/** `oci-ts cat`: the content of a file in an image. */
import { readChunks } from '../../bytes.ts'
import { type CommandContext, writeOut } from '../context.ts'
import { openName } from '../open-image.ts'

/** Flags of the command. */
export interface CatOptions {
  readonly platform?: string
}

/** Runs the command; gives the exit code. */
export async function cat(
  imageName: string,
  path: string,
  options: CatOptions,
  context: CommandContext,
): Promise<number> {
  const { signal } = context
  const { name, layout } = await openName(imageName, signal)
  await using _ = layout
  const image = await layout.image(name.reference, { platform: options.platform, signal })
  const files = await image.filesystem({ signal })
  for await (const chunk of readChunks(files.openFile(path, { signal }))) await writeOut(context, chunk)
  return 0
}
