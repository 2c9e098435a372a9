/** `oci-ts ls`: what is in an image, or in one of its layers. */
import { OciError } from '../../errors.ts'
import type { FileStat } from '../../filesystem/index.ts'
import type { Image } from '../../image/index.ts'
import type { LayerEntryHeader } from '../../layer/index.ts'
import type { Timestamp } from '../../tar/index.ts'
import { type CommandContext, jsonText, writeOut } from '../context.ts'
import { openName } from '../open-image.ts'
import { printable, type Terminal } from '../terminal.ts'

/** Flags of the command. */
export interface LsOptions {
  readonly platform?: string
  readonly long?: boolean
  readonly recursive?: boolean
  readonly layer?: string
  readonly json?: boolean
}

/** One line. */
interface Row {
  readonly path: string
  readonly type: string
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly mtime: Timestamp
  /** Where a link leads. */
  readonly linkPath: string
  readonly device: string
  readonly layer: number
}

/** Text is written in pieces of about this many characters: a million lines are a million calls otherwise. */
const pieceSize = 1 << 16

/** Runs the command; gives the exit code. */
export async function ls(
  imageName: string,
  path: string | undefined,
  options: LsOptions,
  context: CommandContext,
): Promise<number> {
  const { out, signal } = context
  const { name, layout } = await openName(imageName, signal)
  await using _ = layout
  const image = await layout.image(name.reference, { platform: options.platform, signal })
  const rows =
    options.layer === undefined
      ? mergedRows(image, path ?? '/', options, signal)
      : layerRows(image, path, options.layer, signal)
  let text = options.json ? '[' : ''
  let first = true
  for await (const row of rows) {
    if (options.json) text += `${first ? '' : ','}\n  ${jsonText(row)}`
    else text += `${options.long ? longLine(out, row) : printable(row.path)}\n`
    first = false
    if (text.length < pieceSize) continue
    await writeOut(context, text)
    // Listing a tree in memory never waits, so nothing else would be noticed: a closed pipe, Ctrl-C.
    await new Promise((resume) => setImmediate(resume))
    text = ''
  }
  await writeOut(context, options.json ? `${text}${first ? '' : '\n'}]\n` : text)
  return 0
}

/** What a container of the image would find. */
async function* mergedRows(
  image: Image,
  path: string,
  options: LsOptions,
  signal: AbortSignal,
): AsyncGenerator<Row> {
  const files = await image.filesystem({ signal })
  const stat = await files.stat(path)
  if (options.recursive) for await (const entry of files.walk(path)) yield rowOf(entry)
  else if (stat.type !== 'directory') yield rowOf(await files.lstat(path))
  else for (const entry of await files.readdir(path, { withFileTypes: true })) yield rowOf(entry)
}

/** What a layer itself says, whiteouts among it, in the order that it says it. */
async function* layerRows(
  image: Image,
  path: string | undefined,
  which: string,
  signal: AbortSignal,
): AsyncGenerator<Row> {
  const number = Number(which)
  const layer = Number.isInteger(number) ? image.layers[number - 1] : undefined
  if (layer === undefined) {
    throw new OciError(
      'ARGUMENT_INVALID',
      `There is no layer ${which}: the image has 1 to ${image.layers.length}`,
    )
  }
  const below = (path ?? '').replace(/^\/+|\/+$/g, '')
  for await (const entry of layer.entries({ signal })) {
    if (below !== '' && entry.path !== below && !entry.path.startsWith(`${below}/`)) continue
    yield rowOf(entry, layer.position)
  }
}

function rowOf(entry: FileStat | LayerEntryHeader, position?: number): Row {
  const { path, type, mode, uid, gid, size, mtime, linkPath, deviceMajor, deviceMinor } = entry
  return {
    path: path.startsWith('/') ? path : `/${path}`,
    type,
    mode,
    uid,
    gid,
    size,
    mtime,
    linkPath,
    device: type.endsWith('device') ? `${deviceMajor}, ${deviceMinor}` : '',
    layer: (position ?? (entry as FileStat).layer) + 1,
  }
}

/** As `ls -l` shows it, with the number of the layer that the path came from. */
function longLine(out: Terminal, row: Row): string {
  const time = new Date(row.mtime.seconds * 1000)
  const shownTime = Number.isNaN(time.getTime())
    ? String(row.mtime.seconds)
    : time.toISOString().slice(0, 16).replace('T', ' ')
  const arrow =
    row.linkPath === '' ? '' : row.type === 'link' ? ` link to ${row.linkPath}` : ` -> ${row.linkPath}`
  return [
    modeText(row.type, row.mode),
    `${row.uid}:${row.gid}`.padStart(11),
    (row.device || String(row.size)).padStart(10),
    shownTime,
    out.style('dim', `layer ${row.layer}`),
    ` ${printable(row.path)}${out.style('dim', printable(arrow))}`,
  ].join(' ')
}

const typeLetters: Readonly<Record<string, string>> = {
  directory: 'd',
  symlink: 'l',
  link: 'h',
  fifo: 'p',
  'character-device': 'c',
  'block-device': 'b',
}

/** `-rwsr-xr-t`. */
export function modeText(type: string, mode: number): string {
  const bits = [8, 7, 6, 5, 4, 3, 2, 1, 0].map((bit) => (mode & (1 << bit) ? 'rwxrwxrwx'[8 - bit]! : '-'))
  const special = (at: number, flag: number, set: string) => {
    if (mode & flag) bits[at] = bits[at] === 'x' ? set : set.toUpperCase()
  }
  special(2, 0o4000, 's')
  special(5, 0o2000, 's')
  special(8, 0o1000, 't')
  return (typeLetters[type] ?? '-') + bits.join('')
}
