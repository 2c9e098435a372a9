/** `oci-ts copy`: an image from one place to another, with what belongs to it. */
import { statSync } from 'node:fs'
import { OciError } from '../../errors.ts'
import type { Layout } from '../../image/index.ts'
import type { Descriptor } from '../../spec/index.ts'
import type { ArchiveFormat, ImageStore, Reference } from '../../store/index.ts'
import { type CopyResult, copyGraph, type ImageSource, writeArchiveFile } from '../../transfer/index.ts'
import type { CommandContext } from '../context.ts'
import type { ImageName } from '../image-name.ts'
import { openName } from '../open-image.ts'
import { createProgress, type Progress } from '../progress.ts'
import { archiveFormat, makeAt, nameOfResult, namesOf, parseTarget } from '../target.ts'
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
  const { name, layout } = await openName(sourceName, context.signal)
  await using _ = layout
  const target = parseTarget(targetName)
  if (options.all && (name.reference ?? target.reference) !== undefined) {
    throw new OciError(
      'ARGUMENT_INVALID',
      'With --all every image keeps its name: give source and target without one',
    )
  }
  const format = archiveFormat(target)
  const progress = createProgress(context.stderr)
  try {
    if (format === undefined) {
      await copyToLayout(layout, name.reference, target, options, context, progress)
    } else {
      await copyToArchive(layout, name.reference, target, format, options, context, progress)
    }
  } finally {
    progress.clear()
  }
  return 0
}

async function copyToLayout(
  layout: Layout,
  reference: string | undefined,
  target: ImageName,
  { all, platform: platforms, referrers }: CopyCommandOptions,
  { out, signal }: CommandContext,
  progress: Progress,
): Promise<void> {
  const roots: readonly Reference[] = all
    ? layout.references
    : [
        {
          name: await nameOfResult(layout, reference, target.reference, 'as in DIR:NAME'),
          descriptor: await layout.resolve(reference, { signal }),
        },
      ]
  const results: CopyResult[] = []
  const make = async (store: ImageStore): Promise<readonly Reference[]> => {
    const made: Reference[] = []
    for (const root of roots) {
      const onProgress = showProgress(progress)
      const result = await copyGraph(layout.store, root.descriptor, store, {
        platforms,
        referrers,
        signal,
        onProgress,
      })
      results.push(result)
      made.push({ name: root.name, descriptor: result.descriptor })
    }
    return made
  }
  const made = await makeAt(target, signal, make)
  progress.clear()
  for (const [position, { name, descriptor }] of made.entries()) {
    const { copied, copiedBytes, present, elsewhere } = results[position]!
    const moved = `${count(copied, 'blob')} copied (${formatSize(copiedBytes)}), ${present} there already`
    out.line(`${printable(name)}  ${descriptor.digest}: ${moved}`)
    for (const layer of elsewhere) {
      out.line(`  ${layer.digest} is nondistributable and not in the source: its urls say where it is`)
    }
  }
}

/** Straight from the source into the archive, without a layout between. */
async function copyToArchive(
  layout: Layout,
  reference: string | undefined,
  { path, reference: wanted }: ImageName,
  format: ArchiveFormat,
  { all, platform: platforms, referrers }: CopyCommandOptions,
  { out, signal }: CommandContext,
  progress: Progress,
): Promise<void> {
  if (referrers && format === 'docker') {
    throw new OciError(
      'ARGUMENT_INVALID',
      'An archive of docker save has no place for referrers: leave --referrers away',
    )
  }
  const source = all ? { source: layout } : await archiveSource(layout, reference, wanted, signal)
  await writeArchiveFile(path, source.source, {
    ...source,
    format,
    platforms,
    referrers,
    signal,
    onProgress: showProgress(progress),
  })
  progress.clear()
  out.line(`${printable(path)}: ${formatSize(statSync(path).size)}`)
}

/** One image: by its name in the layout, which it keeps, or with another one. */
async function archiveSource(
  layout: Layout,
  reference: string | undefined,
  wanted: string | undefined,
  signal: AbortSignal,
): Promise<{ readonly source: ImageSource; readonly references?: readonly string[] }> {
  const { store } = layout
  const descriptor = await layout.resolve(reference, { signal })
  if (wanted !== undefined) return { source: [{ store, descriptor, name: wanted }] }
  const names = await namesOf(layout, reference)
  const same = layout.references.filter(({ descriptor: { digest } }) => digest === descriptor.digest)
  const kept = names.filter((name) => same.some((entry) => entry.name === name))
  return kept.length === 0 ? { source: [{ store, descriptor }] } : { source: layout, references: kept }
}

/** A bar for all of it, and one for each blob under way. */
function showProgress(
  progress: Progress,
): (step: {
  readonly descriptor: Descriptor
  readonly state: CopyState
  readonly bytes: number
  readonly totalBytes: number
}) => void {
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

/** As copies and archives tell it. */
type CopyState = 'started' | 'moving' | 'done' | 'present' | 'elsewhere'
