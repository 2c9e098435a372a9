/** `oci-ts verify`: everything that can be reached, read to its end and checked. */
import { OciError } from '../../errors.ts'
import { Image, isForRunning, type Layout, listManifests } from '../../image/index.ts'
import { type Descriptor, formatPlatform, isConfigType } from '../../spec/index.ts'
import { type Validation, type ValidationFinding, validateGraph } from '../../transfer/index.ts'
import { type CommandContext, writeJson } from '../context.ts'
import { openName } from '../open-image.ts'
import { createProgress, type Progress } from '../progress.ts'
import { count, formatSize, printable, type Terminal } from '../terminal.ts'

/** Flags of the command. */
export interface VerifyOptions {
  readonly deep?: boolean
  readonly shallow?: boolean
  readonly json?: boolean
}

/**
 * What is odd within layers, and no sign of damage: most real images have some of it, so only `--deep` tells. What
 * is an error is told always.
 */
const withinLayers: ReadonlySet<string> = new Set([
  'aufs-metadata',
  'duplicate-path',
  'link-target-unusable',
  'parent-not-directory',
  'reserved-name',
  'too-many-findings',
  'trailing-data',
  'whiteout-content',
  'whiteout-late',
])

/** Runs the command: gives exit code 1 where anything of level `error` was found. */
export async function verify(
  imageName: string,
  options: VerifyOptions,
  context: CommandContext,
): Promise<number> {
  const { out, stderr, signal } = context
  const { name, layout } = await openName(imageName, signal)
  await using _ = layout
  const roots = name.reference === undefined ? layout.index.manifests : [await layout.resolve(name.reference)]
  const progress = createProgress(stderr)
  const findings: ValidationFinding[] = []
  const told = new Set<string>()
  const onFinding = (finding: ValidationFinding) => {
    if (!options.deep && finding.level === 'warning' && withinLayers.has(finding.code)) return
    told.add(keyOf(finding))
    findings.push(finding)
    if (options.json) return
    progress.clear()
    printFinding(out, finding)
  }
  let validation: Validation
  try {
    validation = await validateGraph(layout.store, roots, {
      signal,
      workers: 'auto',
      layers: options.shallow ? 'blobs' : 'contents',
      onFinding,
      onProgress: ({ bytes, totalBytes }) => progress.show('verifying', bytes, totalBytes),
    })
    if (options.deep) {
      // What a layer shows by itself is found again when it is merged with others.
      const onTreeFinding = (finding: ValidationFinding) => told.has(keyOf(finding)) || onFinding(finding)
      await checkTrees(layout, roots, validation, { onFinding: onTreeFinding, progress, signal })
    }
  } finally {
    progress.clear()
  }
  const result = { ...validation, valid: findings.every(({ level }) => level !== 'error'), findings }
  if (options.json) await writeJson(context, result)
  else printSummary(out, imageName, result)
  return result.valid ? 0 : 1
}

function keyOf({ digest, code, path }: ValidationFinding): string {
  return JSON.stringify([digest, code, path])
}

/** Merges the layers of every image, and tells of what no tree can take; images with blobs amiss are told of already. */
async function checkTrees(
  layout: Layout,
  roots: readonly Descriptor[],
  { missing, corrupt }: Validation,
  told: {
    readonly onFinding: (finding: ValidationFinding) => unknown
    readonly progress: Progress
    readonly signal: AbortSignal
  },
): Promise<void> {
  const { signal } = told
  const amiss = new Set([...missing, ...corrupt].map(({ digest }) => digest))
  for (const descriptor of await presentManifests(layout, roots, amiss, signal)) {
    if (!isForRunning(descriptor) || amiss.has(descriptor.digest)) continue
    let image: Image
    try {
      image = await Image.open(layout.store, descriptor, { signal })
    } catch (error) {
      // Validation has said what is wrong with it.
      if (error instanceof OciError) continue
      throw error
    }
    const { config, layers } = image.manifest
    if (!isConfigType(config.mediaType) || [config, ...layers].some(({ digest }) => amiss.has(digest)))
      continue
    const platform = image.platform === undefined ? '' : ` ${formatPlatform(image.platform)}`
    told.progress.show(`merging the layers of${printable(platform)}`, 0)
    const { findings } = await image.filesystem({ problems: 'report', signal })
    for (const { layer, ...finding } of findings) {
      const { digest } = image.layers[layer]!
      told.onFinding({ ...finding, digest, place: `manifest${platform} › layer ${layer + 1}` })
    }
  }
}

/** The manifests that roots lead to, of those indexes that are there and whole. */
async function presentManifests(
  layout: Layout,
  roots: readonly Descriptor[],
  amiss: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<readonly Descriptor[]> {
  const found = new Map<string, Descriptor>()
  for (const root of roots) {
    if (amiss.has(root.digest)) continue
    try {
      for (const manifest of await listManifests(layout.store, [root], { signal })) {
        if (!found.has(manifest.digest)) found.set(manifest.digest, manifest)
      }
    } catch (error) {
      if (!(error instanceof OciError)) throw error
    }
  }
  return [...found.values()]
}

function printFinding(out: Terminal, finding: ValidationFinding): void {
  const level = finding.level === 'error' ? out.style('red', 'error  ') : out.style('yellow', 'warning')
  // Messages about a place in a document are the end of a sentence that begins with the place.
  const at = finding.path.length === 0 ? '' : `${printable(finding.path.join('.'))} `
  out.line(`${level}  ${out.style('bold', printable(finding.place))}: ${at}${printable(finding.message)}`)
  out.line(`         ${out.style('dim', `${finding.digest}  ${finding.code}`)}`)
}

function printSummary(out: Terminal, imageName: string, result: Validation): void {
  const warnings = result.findings.filter((finding) => finding.level === 'warning').length
  const errors = result.findings.length - warnings
  const verdict = result.valid ? out.style('green', 'sound') : out.style('red', 'not sound')
  out.line(
    `${printable(imageName)} is ${verdict}: ${count(result.verified, 'blob')} verified (${formatSize(result.verifiedBytes)}), ` +
      `${result.missing.length} missing, ${result.corrupt.length} corrupt; ${count(errors, 'error')}, ${count(warnings, 'warning')}`,
  )
}
