/** `oci-ts convert`: from Docker's forms to OCI's and back. */
import { convertImage } from '../../image/index.ts'
import type { ImageStore, Reference } from '../../store/index.ts'
import type { CommandContext } from '../context.ts'
import { openName } from '../open-image.ts'
import { makeAt, nameOfResult, parseTarget } from '../target.ts'
import { printable } from '../terminal.ts'

/** Flags of the command. */
export interface ConvertCommandOptions {
  readonly to: 'oci' | 'docker'
  readonly platform?: string
  readonly keepConfig?: boolean
  readonly refuseLoss?: boolean
  readonly dropArtifacts?: boolean
  readonly recompress?: 'gzip' | 'none'
}

/** Runs the command; gives the exit code. */
export async function convert(
  imageName: string,
  targetName: string,
  options: ConvertCommandOptions,
  { out, err, signal }: CommandContext,
): Promise<number> {
  const { to, platform, keepConfig, refuseLoss, dropArtifacts, recompress } = options
  const { name, layout } = await openName(imageName, signal)
  await using _ = layout
  const target = parseTarget(targetName)
  const reference = await nameOfResult(layout, name.reference, target.reference, 'as in DIR:NAME')
  const descriptor =
    platform === undefined
      ? await layout.resolve(name.reference, { signal })
      : (await layout.image(name.reference, { platform, signal })).descriptor
  const make = async (store: ImageStore): Promise<readonly Reference[]> => {
    const converted = await convertImage({ store: layout.store, descriptor }, store, {
      to,
      signal,
      recompress,
      config: keepConfig ? 'keep' : 'convert',
      metadata: refuseLoss ? 'refuse' : 'drop',
      artifacts: dropArtifacts ? 'drop' : 'refuse',
      onDropped: ({ digest, path }) =>
        err.line(`${err.style('yellow', 'left out')}  ${printable(path.join('.'))} of ${digest}`),
    })
    return [{ name: reference, descriptor: converted }]
  }
  const [made] = await makeAt(target, signal, make)
  out.line(`${printable(reference)}  ${made!.descriptor.digest}`)
  return 0
}
