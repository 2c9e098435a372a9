/** `oci-ts unpack` and `oci-ts bundle`: an image onto a disk. */
import process from 'node:process'
import type { UnpackOptions, UnpackReport } from '../../filesystem/index.ts'
import { unpackImage } from '../../filesystem/index.ts'
import type { Image } from '../../image/index.ts'
import { writeBundle } from '../../runtime-spec/index.ts'
import { openName } from '../open-image.ts'
import { count, createProgressLine, createTerminal, formatSize, printable } from '../terminal.ts'

/** Flags of both commands. */
export interface UnpackCommandOptions {
  readonly platform?: string
  readonly owner?: 'preserve' | 'current'
  readonly devices?: boolean
  readonly setid?: boolean
  readonly allXattrs?: boolean
  readonly record?: string
}

/** Runs `unpack`; gives the exit code. */
export function unpack(imageName: string, directory: string, options: UnpackCommandOptions): Promise<number> {
  return toDisk(imageName, options, (image, unpacking) => unpackImage(image, directory, unpacking))
}

/** Runs `bundle`; gives the exit code. */
export function bundle(imageName: string, directory: string, options: UnpackCommandOptions): Promise<number> {
  return toDisk(imageName, options, (image, unpacking) => writeBundle(image, directory, unpacking))
}

async function toDisk(
  imageName: string,
  options: UnpackCommandOptions,
  write: (image: Image, unpacking: UnpackOptions) => Promise<UnpackReport>,
): Promise<number> {
  const { name, layout } = await openName(imageName)
  await using _ = layout
  const image = await layout.image(name.reference, { platform: options.platform })
  const total = image.layers.reduce((sum, layer) => sum + layer.size, 0)
  const progress = createProgressLine(process.stderr)
  const { owner, devices, setid, record } = options
  const report = await write(image, {
    owner,
    devices,
    setid,
    record,
    ...(options.allXattrs ? { xattrs: true } : {}),
    onProgress: (bytes) => progress.show(`unpacking ${formatSize(bytes)} of ${formatSize(total)}`),
  })
  progress.clear()
  const warnings = createTerminal(process.stderr)
  for (const { path, what, why } of report.skipped) {
    warnings.line(`${warnings.style('yellow', 'not kept')}  ${printable(path)}: ${what}: ${printable(why)}`)
  }
  const skipped = Object.values(report.skippedCounts).reduce((sum, number) => sum + number, 0)
  if (skipped > report.skipped.length) warnings.line(`and ${skipped - report.skipped.length} more`)
  createTerminal(process.stdout).line(
    `${report.directory}: ${count(report.entries, 'entry', 'entries')}, ${formatSize(report.bytes)} of files`,
  )
  return 0
}
