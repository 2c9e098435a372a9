/** `oci-ts cat`: the content of a file in an image. */

import { once } from 'node:events'
import process from 'node:process'
import { readChunks } from '../../bytes.ts'
import { openName } from '../open-image.ts'

/** Flags of the command. */
export interface CatOptions {
  readonly platform?: string
}

/** Runs the command; gives the exit code. */
export async function cat(imageName: string, path: string, options: CatOptions): Promise<number> {
  const { name, layout } = await openName(imageName)
  await using _ = layout
  const image = await layout.image(name.reference, { platform: options.platform })
  const files = await image.filesystem()
  for await (const chunk of readChunks(files.openFile(path))) {
    if (!process.stdout.write(chunk)) await once(process.stdout, 'drain')
  }
  return 0
}
