/** `oci-ts copy`: an image from one place to another, with what belongs to it. */
import process from 'node:process'
import { OciError } from '../../errors.ts'
import type { Layout } from '../../image/index.ts'
import type { Descriptor } from '../../spec/index.ts'
import { type CopyProgress, copyGraph } from '../../transfer/index.ts'
import { openName, openTarget } from '../open-image.ts'
import { count, createProgressLine, createTerminal, formatSize, printable } from '../terminal.ts'

/** Flags of the command. */
export interface CopyCommandOptions {
  readonly platform?: readonly string[]
  readonly all?: boolean
  readonly referrers?: boolean
}

/** What is copied, and the name that it gets. */
interface Root {
  readonly descriptor: Descriptor
  readonly reference: string
}

/** Runs the command; gives the exit code. */
export async function copy(
  sourceName: string,
  targetName: string,
  options: CopyCommandOptions,
): Promise<number> {
  const source = await openName(sourceName)
  await using layout = source.layout
  const target = await openTarget(targetName)
  await using _ = target.layout
  const roots = options.all
    ? layout.references.map(({ name, descriptor }) => ({ reference: name, descriptor }))
    : [await rootOf(layout, source.name.reference, target.name.reference)]
  const out = createTerminal(process.stdout)
  const progress = createProgressLine(process.stderr)
  for (const { reference, descriptor } of roots) {
    const moved = new Map<string, number>()
    let bytes = 0
    const onProgress = (step: CopyProgress) => {
      bytes += step.bytes - (moved.get(step.descriptor.digest) ?? 0)
      moved.set(step.descriptor.digest, step.bytes)
      progress.show(
        `copying ${formatSize(bytes)} of ${formatSize(step.totalBytes)}, ${count(step.totalBlobs, 'blob')}`,
      )
    }
    const { platform: platforms, referrers } = options
    const result = await copyGraph(layout.store, descriptor, target.store, {
      platforms,
      referrers,
      onProgress,
    })
    await target.store.tag(result.descriptor, reference)
    progress.clear()
    const copied = `${count(result.copied, 'blob')} copied (${formatSize(result.copiedBytes)})`
    out.line(
      `${printable(reference)}  ${result.descriptor.digest}: ${copied}, ${result.present} there already`,
    )
    for (const layer of result.elsewhere) {
      out.line(`  ${layer.digest} is nondistributable and not in the source: its urls say where it is`)
    }
  }
  return 0
}

/** The one thing that is copied; without a name of its own in the target it keeps that of the source. */
async function rootOf(
  layout: Layout,
  reference: string | undefined,
  wanted: string | undefined,
): Promise<Root> {
  const descriptor = await layout.resolve(reference)
  const known = layout.references.find((entry) => entry.descriptor.digest === descriptor.digest)?.name
  const name = wanted ?? reference?.split('@', 1)[0] ?? known
  if (name === undefined || name.includes('@') || name.startsWith('sha')) {
    throw new OciError(
      'ARGUMENT_INVALID',
      'The image has no name in the source: say which it is to have, as in DIR:NAME',
    )
  }
  return { descriptor, reference: name }
}
