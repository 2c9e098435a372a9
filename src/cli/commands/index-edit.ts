/** `oci-ts index create|add|remove`: making and changing indexes. */
import { OciError } from '../../errors.ts'
import { createIndex, type IndexEdit } from '../../image/index.ts'
import type { ImageStore, Reference } from '../../store/index.ts'
import type { CommandContext } from '../context.ts'
import { type OpenedName, openName, openToChange } from '../open-image.ts'
import { makeAt, nameOfResult, parseTarget } from '../target.ts'
import { printable } from '../terminal.ts'

/** Flags of all three. */
export interface IndexCommandOptions {
  readonly as?: string
  readonly platform?: string
  readonly docker?: boolean
  /** Annotations of the index: undefined removes one. */
  readonly annotation?: Readonly<Record<string, string | undefined>>
}

/** Runs `index create`; gives the exit code. */
export async function createCommand(
  indexName: string,
  memberNames: readonly string[],
  { docker, annotation = {} }: IndexCommandOptions,
  context: CommandContext,
): Promise<number> {
  const { signal } = context
  const target = parseTarget(indexName)
  const name = target.reference
  if (name === undefined) {
    throw new OciError('ARGUMENT_INVALID', `Say what the index is to be called, as in ${indexName}:NAME`)
  }
  const begun = createIndex([], docker ? { format: 'docker' } : {}).annotations(annotation)
  return withMembers(memberNames, context, async (members) => {
    const edit = await addMembers(begun, members, undefined, signal)
    const make = async (store: ImageStore): Promise<readonly Reference[]> => {
      const { descriptor } = await edit.commit(store, undefined, { signal })
      return [{ name, descriptor }]
    }
    const [made] = await makeAt(target, signal, make)
    context.out.line(`${printable(name)}  ${made!.descriptor.digest}`)
    return 0
  })
}

/** Runs `index add`; gives the exit code. */
export async function addCommand(
  indexName: string,
  memberNames: readonly string[],
  options: IndexCommandOptions,
  context: CommandContext,
): Promise<number> {
  const { platform } = options
  if (platform !== undefined && memberNames.length > 1) {
    throw new OciError('ARGUMENT_INVALID', '--platform is for one image: add them one by one')
  }
  return withMembers(memberNames, context, (members) =>
    changeIndex(indexName, options, context, (edit) => addMembers(edit, members, platform, context.signal)),
  )
}

/** Runs `index remove`; gives the exit code. Entries are given by platform, digest, or number from 1. */
export function removeCommand(
  indexName: string,
  which: readonly string[],
  options: IndexCommandOptions,
  context: CommandContext,
): Promise<number> {
  // By number from the last on, so that taking one out does not move the others.
  const numbers = which.filter((text) => /^\d+$/.test(text)).map(Number)
  const named = which.filter((text) => !/^\d+$/.test(text))
  return changeIndex(indexName, options, context, async (begun) => {
    let edit = begun
    for (const number of [...new Set(numbers)].sort((a, b) => b - a)) {
      if (number === 0) throw new OciError('ARGUMENT_INVALID', 'Entries are numbered from 1')
      edit = edit.remove(number - 1)
    }
    for (const text of named) edit = edit.remove(text)
    return edit
  })
}

async function changeIndex(
  indexName: string,
  { as, annotation = {} }: IndexCommandOptions,
  { out, signal }: CommandContext,
  change: (edit: IndexEdit) => Promise<IndexEdit>,
): Promise<number> {
  const { name, layout, store } = await openToChange(indexName, signal)
  await using _ = layout
  const reference = await nameOfResult(layout, name.reference, as, 'by --as NAME')
  const index = await layout.imageIndex(name.reference, { signal })
  const edit = (await change(index.edit())).annotations(annotation)
  const { descriptor } = await edit.commit(store, reference, { signal })
  out.line(`${printable(reference)}  ${descriptor.digest}`)
  return 0
}

async function addMembers(
  edit: IndexEdit,
  members: readonly OpenedName[],
  platform: string | undefined,
  signal: AbortSignal,
): Promise<IndexEdit> {
  let added = edit
  for (const { name, layout } of members) {
    const descriptor = await layout.resolve(name.reference, { signal })
    added = added.add({ store: layout.store, descriptor }, { platform })
  }
  return added
}

/** Opens what the index is to list, for as long as it is made. */
async function withMembers(
  names: readonly string[],
  { signal }: CommandContext,
  work: (members: readonly OpenedName[]) => Promise<number>,
): Promise<number> {
  const members: OpenedName[] = []
  try {
    for (const name of names) members.push(await openName(name, signal))
    return await work(members)
  } finally {
    for (const { layout } of members) await layout[Symbol.asyncDispose]()
  }
}
