/** `oci-ts attach` and `oci-ts referrers`: what is said about an image, and finding it again. */
import { createReadStream, statSync } from 'node:fs'
import { basename } from 'node:path'
import { OciError } from '../../errors.ts'
import type { Layout } from '../../image/index.ts'
import { annotationKeys, type Descriptor } from '../../spec/index.ts'
import { attach, listReferrers } from '../../transfer/index.ts'
import { type CommandContext, writeJson } from '../context.ts'
import { openName, openToChange } from '../open-image.ts'
import { count, formatSize, printable } from '../terminal.ts'

/** Flags of both commands. */
export interface AttachOptions {
  readonly platform?: string
  readonly artifactType?: string
  readonly mediaType?: string
  readonly annotation?: Readonly<Record<string, string | undefined>>
  readonly json?: boolean
}

/** Runs `attach`; gives the exit code. */
export async function attachCommand(
  imageName: string,
  files: readonly string[],
  { platform, artifactType, mediaType, annotation }: AttachOptions,
  { out, signal }: CommandContext,
): Promise<number> {
  for (const path of files) {
    if (statSync(path, { throwIfNoEntry: false })?.isFile()) continue
    throw new OciError('PATH_NOT_FOUND', `There is no file at ${JSON.stringify(path)} to attach`, { path })
  }
  const { name, layout, store } = await openToChange(imageName, signal)
  await using _ = layout
  const subject = await subjectOf(layout, name.reference, platform, signal)
  // The title is where oras and others put the name under which a file is saved again.
  const blobs = files.map((path) => ({
    content: () => createReadStream(path),
    mediaType,
    annotations: { [annotationKeys.title]: basename(path) },
  }))
  const annotations = annotation as Record<string, string> | undefined
  const { digest } = await attach(store, subject, { artifactType, blobs, annotations }, { signal })
  out.line(`${digest}  about ${subject.digest}`)
  return 0
}

/** Runs `referrers`; gives the exit code. */
export async function referrersCommand(
  imageName: string,
  { platform, artifactType, json }: AttachOptions,
  context: CommandContext,
): Promise<number> {
  const { out, signal } = context
  const { name, layout } = await openName(imageName, signal)
  await using _ = layout
  const subject = await subjectOf(layout, name.reference, platform, signal)
  const found: Descriptor[] = []
  for await (const referrer of listReferrers(layout.store, subject, { artifactType, signal }))
    found.push(referrer)
  if (json) {
    await writeJson(context, found)
    return 0
  }
  for (const { digest, artifactType: type = '(no type)', size, annotations = {} } of found) {
    out.line(`${digest}  ${printable(type)}  ${formatSize(size)}`)
    for (const [key, value] of Object.entries(annotations)) {
      out.line(`  ${printable(key)}  ${out.style('dim', printable(value))}`)
    }
  }
  out.line(`${count(found.length, 'referrer')} of ${subject.digest}`)
  return 0
}

/** What is spoken about: what the name stands for, or of an index one image. */
async function subjectOf(
  layout: Layout,
  reference: string | undefined,
  platform: string | undefined,
  signal: AbortSignal,
): Promise<Descriptor> {
  if (platform === undefined) return layout.resolve(reference, { signal })
  return (await layout.image(reference, { platform, signal })).descriptor
}
