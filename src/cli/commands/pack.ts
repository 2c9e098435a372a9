/** `oci-ts pack`: an image of a directory. */
import { statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { OciError } from '../../errors.ts'
import { decodeSnapshot, packChanges } from '../../filesystem/index.ts'
import { fromScratch, type ImageEdit } from '../../image/index.ts'
import type { ImageStore, Reference } from '../../store/index.ts'
import { applyChange, nameOf, writingOptions } from '../apply-change.ts'
import type { Change, WritingFlags } from '../change.ts'
import type { CommandContext } from '../context.ts'
import { openName } from '../open-image.ts'
import { sourceDateEpoch } from '../option-values.ts'
import { createProgress } from '../progress.ts'
import { makeAt, parseTarget } from '../target.ts'
import { printable } from '../terminal.ts'

/** Flags of the command. */
export interface PackCommandOptions extends WritingFlags {
  readonly base?: string
  readonly platform?: string
  readonly dest: string
  readonly since?: string
  readonly record?: string
  readonly history?: string
  /** In the order of the command line. */
  readonly changes: readonly Change[]
}

/** Runs the command; gives the exit code. */
export async function pack(
  directory: string,
  imageName: string,
  options: PackCommandOptions,
  context: CommandContext,
): Promise<number> {
  const { env, signal, stderr, out, err } = context
  const target = parseTarget(imageName)
  const name = target.reference
  if (name === undefined) {
    throw new OciError(
      'ARGUMENT_INVALID',
      `Say what the image is to be called, as in ${imageName.replace(/:+$/, '')}:NAME`,
    )
  }
  refuseMixed(options)
  // Before the target is made: a name mistyped leaves nothing behind.
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
    throw new OciError('PATH_NOT_FOUND', `There is no directory at ${JSON.stringify(directory)} to pack`, {
      path: directory,
    })
  }
  const opened = options.base === undefined ? undefined : await openName(options.base, signal)
  await using _ = opened?.layout
  const base = await opened?.layout.image(opened.name.reference, { platform: options.platform, signal })
  const epoch = sourceDateEpoch(env)
  // `linux` alone has this machine's architecture.
  let edit = base === undefined ? fromScratch({ platform: options.platform ?? 'linux' }) : base.edit()
  if (epoch !== undefined) edit = edit.created(epoch)
  const progress = createProgress(stderr)
  const writing = {
    ...writingOptions(options, env),
    onProgress: (bytes: number) => progress.show('packing', bytes),
  }
  const skipped: string[] = []
  edit = await addDirectory(edit, directory, options, writing, base !== undefined, (text) =>
    skipped.push(text),
  )
  for (const change of options.changes) edit = applyChange(edit, change, options, writing)
  const make = async (store: ImageStore): Promise<readonly Reference[]> => {
    const { descriptor } = await edit.commit(store, undefined, { signal })
    return [{ name, descriptor }]
  }
  let made: readonly Reference[]
  try {
    made = await makeAt(target, signal, make)
  } finally {
    progress.clear()
  }
  for (const text of skipped) err.line(`${err.style('yellow', 'not packed')}  ${printable(text)}`)
  out.line(`${printable(name)}  ${made[0]!.descriptor.digest}`)
  return 0
}

/** Adds the directory as a layer: as a tree of its own, as files for a base, or as what has changed. */
async function addDirectory(
  edit: ImageEdit,
  directory: string,
  options: PackCommandOptions,
  writing: ReturnType<typeof writingOptions>,
  onBase: boolean,
  skip: (text: string) => void,
): Promise<ImageEdit> {
  const { dest, since, record, chown, chmod, ignore = [] } = options
  const said =
    options.history ?? `${onBase && since === undefined ? 'COPY' : 'ADD'} ${nameOf(directory)} ${dest}`
  const history = { created_by: said }
  const packing = {
    prefix: dest,
    exclude: ignore,
    record,
    onSkipped: ({ path, why }: { readonly path: string; readonly why: string }) => skip(`${path}: ${why}`),
  }
  if (since !== undefined) {
    const snapshot = decodeSnapshot(await readFile(since))
    return edit.addLayer(packChanges(directory, snapshot, packing), { ...writing, history })
  }
  const asIs = !onBase && chown === undefined && chmod === undefined
  if (asIs || record !== undefined) {
    return edit.addLayer({ directory, root: !onBase, ...packing }, { ...writing, history })
  }
  return edit.copy(directory, dest, { ...writing, chown, chmod, ignore, history })
}

/** Owners and modes are either given or taken from what was noted of them. */
function refuseMixed(options: PackCommandOptions): void {
  for (const flag of ['chown', 'chmod'] as const) {
    for (const other of ['record', 'since'] as const) {
      if (options[flag] === undefined || options[other] === undefined) continue
      throw new OciError('ARGUMENT_INVALID', `--${flag} and --${other} exclude each other: leave one away`)
    }
  }
}
