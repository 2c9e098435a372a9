/** The commands that make new images out of old ones. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Change, CompressionName } from '../change.ts'
import type { CommandContext } from '../context.ts'
import {
  parseCopy,
  parseLayerNumber,
  parseMoment,
  parseReplacement,
  sourceDateEpoch,
} from '../option-values.ts'
import { addChange, addConfigFlags, addWritingFlags } from './change-flags.ts'
import { type Run, withExamples } from './run.ts'

/** Where the new image goes, for the help of every command that makes one. */
const resultHelp = `The new image takes the name of the old one, whose blobs stay until \`oci-ts gc\`; --as gives it another name
in the same layout, --to puts it elsewhere. Of an index every image is changed, unless --platform chooses one.`

/** Adds `edit`, `flatten`, `rebase`. */
export function addChanging(program: Command, run: Run, context: CommandContext): void {
  const changes: Change[] = []
  const edit = addResultFlags(program.command('edit').description('change an image: every flag is a change'))
  addConfigFlags(edit, changes)
  addLayerFlags(edit, changes, context)
  addWritingFlags(edit, { files: 'the files that --copy brings' })
  withExamples(
    edit,
    [
      'oci-ts edit ./images:v1 --env NODE_ENV=production --label stage=test --as v2',
      'oci-ts edit ./images:v1 --copy dist:/app --chown 1000:1000 --entrypoint \'["node","/app/main.js"]\'',
      'oci-ts edit ./images:v1 --squash 2 --recompress zstd --to oci-archive:small.tar:v1',
    ],
    `Changes are made in the order in which they stand; layers are numbered from 1, the lowest, as they are then.
${resultHelp}
Where SOURCE_DATE_EPOCH is set, new layers, history entries and the image itself are not younger than it says.`,
  ).action((image, options) =>
    run(async (context) =>
      (await import('../commands/edit.ts')).edit(image, { ...options, changes }, context),
    ),
  )
  const flatten = addResultFlags(
    program.command('flatten').description('make one layer of all: what is left to see of them'),
  )
  withExamples(addWritingFlags(flatten, {}), ['oci-ts flatten ./images:v1 --as v1-flat'], resultHelp).action(
    (image, options) =>
      run(async (context) =>
        (await import('../commands/edit.ts')).edit(
          image,
          { ...options, changes: [{ kind: 'flatten' }] },
          context,
        ),
      ),
  )
  const rebase = addResultFlags(
    program.command('rebase').description('exchange the layers of the old base for those of a new one'),
  )
    .requiredOption('--old-base <image>', 'the image that its lowest layers come from')
    .requiredOption('--new-base <image>', 'the image whose layers come in their place')
  withExamples(
    rebase,
    ['oci-ts rebase ./images:app --old-base ./images:base-1 --new-base ./images:base-2'],
    resultHelp,
  ).action((image, options) =>
    run(async (context) => (await import('../commands/rebase.ts')).rebase(image, options, context)),
  )
}

function addResultFlags(command: Command): Command {
  return command
    .argument('<image>', 'image name')
    .option(
      '--platform <platform>',
      'of an index only the image for this platform: name the result by --as or --to',
    )
    .addOption(new Option('--as <name>', 'name of the new image in the same layout').conflicts('to'))
    .option('--to <image>', 'put the new image here: a layout or an archive, as in oci:DIR:REF')
}

function addLayerFlags(edit: Command, changes: Change[], context: CommandContext): void {
  const add = (flags: string, description: string, read: (text: string) => Change) =>
    addChange(edit, changes, flags, description, read)
  add('--remove-port <port>', 'take a port back', (text) => ({ kind: 'unexposePort', text }))
  add('--remove-volume <path>', 'take a volume back', (text) => ({ kind: 'removeVolume', text }))
  add('--set-platform <platform>', 'say what it runs on', (text) => ({ kind: 'platform', text }))
  add('--history <text>', 'add a history entry for a step that changed no file', (text) => ({
    kind: 'history',
    text,
  }))
  add('--copy <source:dest>', 'add a layer of a file or directory, which comes to lie at DEST', (text) => ({
    kind: 'copy',
    ...parseCopy(text),
  }))
  add('--add-layer <path>', 'add a layer: a directory as the root, or a tar, also compressed', (path) => ({
    kind: 'addLayer',
    path,
  }))
  add('--replace-layer <number=path>', "put a directory or tar in a layer's place", (text) => ({
    kind: 'replaceLayer',
    ...parseReplacement(text),
  }))
  add('--remove-layer <number>', 'take a layer out', (text) => ({
    kind: 'removeLayer',
    position: parseLayerNumber(text),
  }))
  add('--squash <number>', 'make one layer of those from this one up', (text) => ({
    kind: 'squash',
    position: parseLayerNumber(text),
  }))
  add('--recompress <kind>', 'compress every layer anew: gzip, zstd, none', (text) => {
    if (!['gzip', 'zstd', 'none'].includes(text)) throw new InvalidArgumentError('Give gzip, zstd or none.')
    return { kind: 'recompress', compression: text as CompressionName }
  })
  // Not by a parser, which is not called for a flag without a value.
  edit
    .option(
      '--clamp-times [time]',
      'make nothing younger than this: seconds since 1970, RFC 3339 (default: SOURCE_DATE_EPOCH)',
    )
    .on('option:clamp-times', (text: string | null) => {
      try {
        const moment = text === null ? sourceDateEpoch(context.env) : parseMoment(text)
        if (moment === undefined) throw new InvalidArgumentError('Give a time, or set SOURCE_DATE_EPOCH.')
        changes.push({ kind: 'clampTimes', moment })
      } catch (error) {
        if (!(error instanceof InvalidArgumentError)) throw error
        edit.error(`error: option '--clamp-times [time]' is invalid. ${error.message}`)
      }
    })
}
