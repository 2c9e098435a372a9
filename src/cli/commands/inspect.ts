/** `oci-ts inspect`: an image laid open. */
import { isOciError, OciError } from '../../errors.ts'
import { Image, ImageIndex, type Layout } from '../../image/index.ts'
import type { Descriptor, ExecutionConfig, ImageConfig } from '../../spec/index.ts'
import { annotationKeys, formatPlatform, isIndexType, isManifestType, rawBytes } from '../../spec/index.ts'
import { readBlobBytes } from '../../store/index.ts'
import { type CommandContext, writeJson, writeOut } from '../context.ts'
import { openName } from '../open-image.ts'
import { count, formatSize, printable, shortDigest, type Terminal } from '../terminal.ts'

/** Flags of the command. */
export interface InspectOptions {
  readonly platform?: string
  readonly json?: boolean
  readonly raw?: boolean
  readonly config?: boolean
}

/** Runs the command; gives the exit code. */
export async function inspect(
  imageName: string,
  options: InspectOptions,
  context: CommandContext,
): Promise<number> {
  const { out, signal } = context
  const { name, layout } = await openName(imageName, signal)
  await using _ = layout
  if (options.raw || options.config) {
    await writeOut(context, await rawDocument(layout, name.reference, options))
    return 0
  }
  const listed = name.reference === undefined && isSeveral(layout)
  if (options.json) {
    const value = listed
      ? { references: layout.references, index: layout.index }
      : await describe(layout, name.reference, options)
    await writeJson(context, value)
    return 0
  }
  if (listed && options.platform === undefined) await printLayout(out, imageName, layout)
  else await printReference(out, imageName, layout, name.reference, options)
  return 0
}

/** Whether a layout without a name asked for leads to more than one thing. */
function isSeveral(layout: Layout): boolean {
  return new Set(layout.index.manifests.map((entry) => entry.digest)).size !== 1
}

async function rawDocument(
  layout: Layout,
  reference: string | undefined,
  options: InspectOptions,
): Promise<Uint8Array> {
  if (!options.config && options.platform === undefined) {
    if (reference === undefined && isSeveral(layout)) return rawBytes(layout.index) ?? new Uint8Array()
    return readBlobBytes(layout.store, await layout.resolve(reference))
  }
  const image = await layout.image(reference, { platform: options.platform })
  return readBlobBytes(layout.store, options.config ? image.manifest.config : image.descriptor)
}

/** What `--json` prints of one thing. */
async function describe(
  layout: Layout,
  reference: string | undefined,
  options: InspectOptions,
): Promise<Record<string, unknown>> {
  if (options.platform === undefined) {
    const descriptor = await resolveAny(layout, reference)
    if (descriptor !== undefined && isIndexType(descriptor.mediaType)) {
      const { index } = await ImageIndex.open(layout.store, descriptor)
      return { kind: 'index', descriptor, index }
    }
  }
  const image = await layout.image(reference, { platform: options.platform })
  const config = await configOf(image)
  const layers = await Promise.all(
    image.layers.map(async ({ position, digest, diffID, mediaType, size, descriptor, history }) => ({
      position,
      digest,
      diffID,
      mediaType,
      size,
      present: await layout.store.has(descriptor),
      history,
    })),
  )
  return {
    kind: config === undefined ? 'artifact' : 'image',
    descriptor: image.descriptor,
    ...(config === undefined ? {} : { imageID: image.id, platform: image.platform }),
    size: image.size,
    layers,
    manifest: image.manifest,
    ...(config === undefined || config instanceof OciError ? {} : { config }),
  }
}

/** What a name stands for; undefined where only choosing by platform will tell. */
async function resolveAny(layout: Layout, reference: string | undefined): Promise<Descriptor | undefined> {
  try {
    return await layout.resolve(reference)
  } catch (error) {
    if (error instanceof OciError && error.code === 'REFERENCE_AMBIGUOUS') return undefined
    throw error
  }
}

/** The config; the error where it is not in the store; undefined for an artifact, which has none. */
async function configOf(image: Image): Promise<ImageConfig | OciError | undefined> {
  try {
    return await image.config()
  } catch (error) {
    if (!(error instanceof OciError)) throw error
    return error.code === 'MEDIA_TYPE_UNSUPPORTED' ? undefined : error
  }
}

/** How an entry without a name is listed. */
const noName = '(no name)'

async function printLayout(out: Terminal, imageName: string, layout: Layout): Promise<void> {
  const { manifests } = layout.index
  const names = count(layout.references.length, 'reference')
  out.line(
    `${out.style('bold', printable(imageName))}  ${count(manifests.length, 'entry', 'entries')}, ${names}`,
  )
  if (manifests.length === 0) out.line('\nThe layout is empty.')
  const named = new Set(layout.references.map((reference) => reference.descriptor.digest))
  const unnamed = manifests.filter(({ digest }) => !named.has(digest))
  const labels = layout.references.map((reference) => printable(reference.name))
  const width = Math.max(unnamed.length > 0 ? noName.length : 0, ...labels.map((label) => label.length))
  for (const { name, descriptor } of layout.references) {
    const kind = await kindOf(layout, descriptor)
    out.line(
      `  ${out.style('cyan', printable(name).padEnd(width))}  ${out.style('dim', shortDigest(descriptor.digest))}  ${kind}`,
    )
  }
  for (const descriptor of unnamed) {
    const kind = await kindOf(layout, descriptor)
    out.line(`  ${noName.padEnd(width)}  ${out.style('dim', shortDigest(descriptor.digest))}  ${kind}`)
  }
  const [first] = layout.references
  if (first !== undefined) {
    out.line(`\nSay which to see more: oci-ts inspect ${printable(imageName)}:${printable(first.name)}`)
  }
}

/** What an entry is, in a few words; one that is broken does not keep the others from being listed. */
async function kindOf(layout: Layout, descriptor: Descriptor): Promise<string> {
  if (!(await layout.store.has(descriptor))) return 'not in this layout'
  try {
    return await soundKindOf(layout, descriptor)
  } catch (error) {
    if (!(error instanceof OciError)) throw error
    return `broken: ${printable(error.message)}`
  }
}

async function soundKindOf(layout: Layout, descriptor: Descriptor): Promise<string> {
  if (isIndexType(descriptor.mediaType)) {
    const { platforms } = await ImageIndex.open(layout.store, descriptor)
    return `index of ${platforms.map((platform) => printable(formatPlatform(platform))).join(', ') || 'no platform'}`
  }
  if (!isManifestType(descriptor.mediaType)) return printable(descriptor.mediaType)
  const image = await Image.open(layout.store, descriptor)
  const platform = image.platform === undefined ? '' : `${printable(formatPlatform(image.platform))}, `
  const type = image.manifest.artifactType ?? image.manifest.config.mediaType
  const kind = (await configOf(image)) === undefined ? `artifact ${printable(type)}, ` : platform
  return `${kind}${count(image.layers.length, 'layer')}, ${formatSize(image.size)}`
}

async function printReference(
  out: Terminal,
  imageName: string,
  layout: Layout,
  reference: string | undefined,
  options: InspectOptions,
): Promise<void> {
  const descriptor = await resolveAny(layout, reference)
  const index = descriptor !== undefined && isIndexType(descriptor.mediaType) ? descriptor : undefined
  let image: Image | undefined
  try {
    image = await layout.image(reference, { platform: options.platform })
  } catch (error) {
    // An index of images for other machines is no failure: it is shown, and nothing was asked for beyond it.
    const enough = index !== undefined && options.platform === undefined
    if (!enough || !isOciError(error, 'PLATFORM_NOT_FOUND')) throw error
  }
  if (index !== undefined) await printIndex(out, imageName, layout, index)
  if (index !== undefined) out.line()
  if (image !== undefined) await printImage(out, imageName, layout, image)
  else out.line('None of them is for this machine: say by --platform which to see')
}

async function printIndex(
  out: Terminal,
  imageName: string,
  layout: Layout,
  descriptor: Descriptor,
): Promise<void> {
  const { index } = await ImageIndex.open(layout.store, descriptor)
  field(out, 'Index', out.style('bold', printable(imageName)))
  field(out, 'Digest', descriptor.digest)
  for (const entry of index.manifests) {
    field(out, '', `${entryName(entry).padEnd(16)} ${out.style('dim', shortDigest(entry.digest))}`)
  }
  printMap(out, 'Annotations', index.annotations)
}

/** What an entry of an index is there for. */
function entryName({ platform, artifactType, mediaType }: Descriptor): string {
  if (isIndexType(mediaType)) return 'index'
  if (artifactType !== undefined) return printable(artifactType)
  return platform === undefined ? '(no platform)' : printable(formatPlatform(platform))
}

async function printImage(out: Terminal, imageName: string, layout: Layout, image: Image): Promise<void> {
  const config = await configOf(image)
  const found = config instanceof OciError ? undefined : config
  field(out, config === undefined ? 'Artifact' : 'Image', out.style('bold', printable(imageName)))
  field(out, 'Digest', image.descriptor.digest)
  if (config === undefined)
    field(out, 'Type', printable(image.manifest.artifactType ?? image.manifest.config.mediaType))
  else field(out, 'Image ID', image.id)
  if (config instanceof OciError) field(out, '', out.style('yellow', 'its config is not in this layout'))
  if (image.platform !== undefined) field(out, 'Platform', printable(formatPlatform(image.platform)))
  if (found?.created) field(out, 'Created', printable(found.created))
  if (found?.author) field(out, 'Author', printable(found.author))
  if (image.manifest.subject !== undefined) field(out, 'Subject', image.manifest.subject.digest)
  field(out, 'Size', `${formatSize(image.size)} in ${count(image.layers.length, 'layer')}, as stored`)
  out.line()
  out.line(out.style('bold', 'Layers, bottom to top'))
  await printLayers(out, layout, image, found)
  if (found?.config) printExecution(out, found.config)
  printMap(out, 'Labels', found?.config?.Labels ?? undefined)
  printMap(out, 'Annotations', image.manifest.annotations)
}

/** Each history entry with its layer, and then the layers that no entry speaks of. */
async function printLayers(
  out: Terminal,
  layout: Layout,
  image: Image,
  config: ImageConfig | undefined,
): Promise<void> {
  const steps = config === undefined ? [] : await image.history()
  const told = new Set(steps.flatMap((step) => (step.layer === null ? [] : [step.layer.position])))
  const untold = image.layers.filter((layer) => !told.has(layer.position)).map((layer) => ({ layer }))
  let absent = 0
  for (const step of [...steps, ...untold]) {
    const { layer } = step
    const title = layer?.descriptor.annotations?.[annotationKeys.title]
    const said =
      ('created_by' in step && step.created_by) || ('comment' in step && step.comment) || title || ''
    if (layer === null) {
      out.line(
        `  ${' '.padStart(3)}  ${'-'.padStart(8)}  ${''.padEnd(19)}  ${out.style('dim', clip(out, said, 38))}`,
      )
      continue
    }
    const present = await layout.store.has(layer.descriptor)
    if (!present) absent++
    const size = formatSize(layer.size).padStart(8)
    const digest = out.style('dim', shortDigest(layer.digest).padEnd(19))
    const mark = present ? '' : `${out.style('yellow', 'elsewhere')}  `
    out.line(
      `  ${String(layer.position + 1).padStart(3)}  ${size}  ${digest}  ${mark}${clip(out, said, present ? 38 : 49)}`,
    )
  }
  if (absent > 0) {
    const verb = absent === 1 ? 'is' : 'are'
    out.line(
      out.style(
        'yellow',
        `  ${count(absent, 'layer blob')} ${verb} not in this layout (${absent === 1 ? 'it' : 'they'} may be elsewhere)`,
      ),
    )
  }
}

function printExecution(out: Terminal, config: ExecutionConfig): void {
  const list = (value: readonly string[] | null | undefined) =>
    value && value.length > 0 ? printable(JSON.stringify(value)) : undefined
  const keys = (value: object | null | undefined) =>
    value ? printable(Object.keys(value).join(', ')) : undefined
  const rows: [string, string | null | undefined][] = [
    ['User', config.User && printable(config.User)],
    ['WorkingDir', config.WorkingDir && printable(config.WorkingDir)],
    ['Entrypoint', list(config.Entrypoint)],
    ['Cmd', list(config.Cmd)],
    ...(config.Env ?? []).map((variable): [string, string] => ['Env', printable(variable)]),
    ['ExposedPorts', keys(config.ExposedPorts)],
    ['Volumes', keys(config.Volumes)],
    ['StopSignal', config.StopSignal && printable(config.StopSignal)],
  ]
  const set = rows.filter(([, value]) => value)
  if (set.length === 0) return
  out.line()
  out.line(out.style('bold', 'Configuration'))
  for (const [position, [name, value]] of set.entries()) {
    field(out, name === set[position - 1]?.[0] ? '' : name, value ?? '', '  ', 13)
  }
}

function printMap(out: Terminal, title: string, map: Readonly<Record<string, string>> | undefined): void {
  const entries = Object.entries(map ?? {})
  if (entries.length === 0) return
  out.line()
  out.line(out.style('bold', title))
  for (const [key, value] of entries) out.line(`  ${printable(key)}  ${out.style('dim', printable(value))}`)
}

function field(out: Terminal, name: string, value: string, indent = '', width = 10): void {
  out.line(`${indent}${out.style('dim', name.padEnd(width))} ${value}`)
}

/** What fits behind what stands on the line already; history lines are often pages long. */
function clip(out: Terminal, text: string, used: number): string {
  const room = Math.max(40, out.columns - used)
  const line = printable(text.replaceAll(/\s+/g, ' '))
  return line.length > room ? `${line.slice(0, room - 1)}…` : line
}
