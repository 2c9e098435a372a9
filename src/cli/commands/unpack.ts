/** `oci-ts unpack` and `oci-ts bundle`: an image onto a disk. */
import type { UnpackOptions, UnpackReport } from '../../filesystem/index.ts'
import { placeOfSnapshot, unpackImage, writeSnapshot } from '../../filesystem/index.ts'
import type { Image } from '../../image/index.ts'
import { writeBundle } from '../../runtime-spec/index.ts'
import type { CommandContext } from '../context.ts'
import { openName } from '../open-image.ts'
import { createProgress } from '../progress.ts'
import { count, formatSize, printable } from '../terminal.ts'

/** Flags of both commands. */
export interface UnpackCommandOptions {
  readonly platform?: string
  readonly owner?: 'preserve' | 'current'
  readonly devices?: boolean
  readonly setid?: boolean
  readonly allXattrs?: boolean
  readonly record?: string
  readonly snapshot?: string
}

/** Runs `unpack`; gives the exit code. */
export async function unpack(
  imageName: string,
  directory: string,
  options: UnpackCommandOptions,
  context: CommandContext,
): Promise<number> {
  const { signal } = context
  // Before the work, not after it.
  if (options.snapshot !== undefined) placeOfSnapshot(directory, options.snapshot)
  await toDisk(imageName, directory, options, context, (image, unpacking) =>
    unpackImage(image, directory, { ...unpacking, workers: 'auto' }),
  )
  if (options.snapshot !== undefined) {
    await writeSnapshot(directory, options.snapshot, { signal })
  }
  return 0
}

/** Runs `bundle`; gives the exit code. */
export async function bundle(
  imageName: string,
  directory: string,
  options: UnpackCommandOptions,
  context: CommandContext,
): Promise<number> {
  await toDisk(imageName, directory, options, context, (image, unpacking) =>
    writeBundle(image, directory, unpacking),
  )
  return 0
}

/** Lines about what could not be kept: of a system that somebody unpacks who is not root there are thousands. */
const skippedShown = 20

async function toDisk(
  imageName: string,
  directory: string,
  options: UnpackCommandOptions,
  { out, err, stderr, signal }: CommandContext,
  write: (image: Image, unpacking: UnpackOptions) => Promise<UnpackReport>,
): Promise<void> {
  const { name, layout } = await openName(imageName, signal)
  await using _ = layout
  const image = await layout.image(name.reference, { platform: options.platform, signal })
  const total = image.layers.reduce((sum, layer) => sum + layer.size, 0)
  const progress = createProgress(stderr)
  const { owner, devices, setid, record } = options
  let report: UnpackReport
  try {
    report = await write(image, {
      owner,
      devices,
      setid,
      record,
      signal,
      ...(options.allXattrs ? { xattrs: true } : {}),
      onProgress: (bytes) => progress.show('unpacking', bytes, total),
    })
  } finally {
    progress.clear()
  }
  for (const { path, what, why } of report.skipped.slice(0, skippedShown)) {
    err.line(`${err.style('yellow', 'not kept')}  ${printable(path)}: ${what}: ${printable(why)}`)
  }
  const skipped = Object.values(report.skippedCounts).reduce((sum, number) => sum + number, 0)
  if (skipped > skippedShown) err.line(`and ${skipped - skippedShown} more (--record writes them all down)`)
  out.line(
    `${printable(directory)}: ${count(report.entries, 'entry', 'entries')}, ${formatSize(report.bytes)} of files`,
  )
}
