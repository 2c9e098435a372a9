/** `oci-ts copy`: an image from one place to another, with what belongs to it. */
import { OciError } from '../../errors.ts'
import type { ImageStore, Reference } from '../../store/index.ts'
import { type CopyProgress, type CopyResult, copyGraph } from '../../transfer/index.ts'
import type { CommandContext } from '../context.ts'
import { openName } from '../open-image.ts'
import { createProgress } from '../progress.ts'
import { makeAt, nameOfResult, parseTarget } from '../target.ts'
import { count, formatSize, printable, shortDigest } from '../terminal.ts'

/** Flags of the command. */
export interface CopyCommandOptions {
  readonly platform?: readonly string[]
  readonly all?: boolean
  readonly referrers?: boolean
}

/** Runs the command; gives the exit code. */
export async function copy(
  sourceName: string,
  targetName: string,
  options: CopyCommandOptions,
  context: CommandContext,
): Promise<number> {
  const { signal, stderr } = context
  const { name, layout } = await openName(sourceName, signal)
  await using _ = layout
  const target = parseTarget(targetName)
  if (options.all && (name.reference ?? target.reference) !== undefined) {
    throw new OciError(
      'ARGUMENT_INVALID',
      'With --all every image keeps its name: give source and target without one',
    )
  }
  const roots: readonly Reference[] = options.all
    ? layout.references
    : [
        {
          name: await nameOfResult(layout, name.reference, target.reference, 'as in DIR:NAME'),
          descriptor: await layout.resolve(name.reference, { signal }),
        },
      ]
  const progress = createProgress(stderr)
  const results: CopyResult[] = []
  const make = async (store: ImageStore): Promise<readonly Reference[]> => {
    const made: Reference[] = []
    for (const root of roots) {
      const result = await copyGraph(layout.store, root.descriptor, store, {
        platforms: options.platform,
        referrers: options.referrers,
        signal,
        onProgress: showProgress(progress),
      })
      results.push(result)
      made.push({ name: root.name, descriptor: result.descriptor })
    }
    return made
  }
  let made: readonly Reference[]
  try {
    made = await makeAt(target, signal, make)
  } finally {
    progress.clear()
  }
  for (const [position, { name: as, descriptor }] of made.entries()) {
    printResult(context, as, descriptor.digest, results[position]!)
  }
  return 0
}

/** A bar for all of it, and one for each blob under way. */
function showProgress(progress: ReturnType<typeof createProgress>): (step: CopyProgress) => void {
  const moved = new Map<string, number>()
  let total = 0
  return ({ descriptor, state, bytes, totalBytes }) => {
    const { digest, size } = descriptor
    total += bytes - (moved.get(digest) ?? 0)
    moved.set(digest, bytes)
    progress.show('all', total, totalBytes)
    if (state === 'started' || state === 'moving') progress.show(shortDigest(digest), bytes, size)
    else progress.finish(shortDigest(digest))
  }
}

function printResult({ out }: CommandContext, name: string, digest: string, result: CopyResult): void {
  const copied = `${count(result.copied, 'blob')} copied (${formatSize(result.copiedBytes)})`
  out.line(`${printable(name)}  ${digest}: ${copied}, ${result.present} there already`)
  for (const layer of result.elsewhere) {
    out.line(`  ${layer.digest} is nondistributable and not in the source: its urls say where it is`)
  }
}
