/** The commands that make new images out of old ones. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Change, CompressionName } from '../change.ts'
import type { CommandContext } from '../context.ts'
import {
  collectAssignments,
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

/** Adds `edit`, `flatten`, `rebase`, `convert`, `index`. */
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
  const convert = program
    .command('convert')
    .description("convert from Docker's form to OCI's or back; the blobs of layers stay as they are")
    .argument('<image>', 'image name; also of a Docker schema 1 manifest')
    .argument('<target>', 'image name of the result: a layout, or an archive to write')
    .addOption(new Option('--to <form>', 'what it is to be').choices(['oci', 'docker']).makeOptionMandatory())
    .option('--platform <platform>', 'of an index only the image for this platform')
    .option('--keep-config', 'on the way to OCI leave configs as they are, so that image IDs stay')
    .option('--refuse-loss', 'fail where the other form has no place for something')
    .option('--drop-artifacts', "on the way to Docker leave out an index's entries that are no images")
    .addOption(
      new Option('--recompress <kind>', "of layers in zstd, which Docker's form does not have").choices([
        'gzip',
        'none',
      ]),
    )
  withExamples(
    convert,
    ['oci-ts convert ./images:v1 ./images:v1-docker --to docker'],
    'What the other form cannot say (annotations, subjects, artifact types) is left out, and each is named on stderr.',
  ).action((image, target, options) =>
    run(async (context) => (await import('../commands/convert.ts')).convert(image, target, options, context)),
  )
  addIndex(program, run)
}

function addIndex(program: Command, run: Run): void {
  const index = program.command('index').description('make an index of images, add to it, remove from it')
  withExamples(index, [
    'oci-ts index create ./images:v1 ./images:v1-amd64 ./images:v1-arm64',
    'oci-ts index add ./images:v1 ./images:v1-riscv64 --as v1-more',
    'oci-ts index remove ./images:v1 linux/386',
  ])
  const create = index
    .command('create')
    .description('make an index of images, each with the platform that it runs on')
    .argument('<index>', 'name of the new index, as in ./images:v1')
    .argument('<images...>', 'image names; an index becomes one entry')
    .option('--docker', "make Docker's manifest list (default: only where all images are Docker's)")
  withExamples(addAnnotations(create), [
    'oci-ts index create ./images:v1 ./images:v1-amd64 ./images:v1-arm64',
  ]).action((name, images, options) =>
    run(async (context) =>
      (await import('../commands/index-edit.ts')).createCommand(name, images, options, context),
    ),
  )
  const as = new Option('--as <name>', 'name of the new index in the same layout (default: that of the old)')
  const add = index
    .command('add')
    .description('add images to an index')
    .argument('<index>', 'name of the index')
    .argument('<images...>', 'image names')
    .option('--platform <platform>', 'what the one image runs on (default: what it says itself)')
    .addOption(as)
  withExamples(addAnnotations(add), ['oci-ts index add ./images:v1 ./images:v1-riscv64']).action(
    (name, images, options) =>
      run(async (context) =>
        (await import('../commands/index-edit.ts')).addCommand(name, images, options, context),
      ),
  )
  const remove = index
    .command('remove')
    .description("take entries out of an index, with a build's attestations of them")
    .argument('<index>', 'name of the index')
    .argument('<entries...>', 'each by platform, by digest, or by number, 1 being the first')
    .addOption(as)
  withExamples(addAnnotations(remove), ['oci-ts index remove ./images:v1 linux/386']).action(
    (name, entries, options) =>
      run(async (context) =>
        (await import('../commands/index-edit.ts')).removeCommand(name, entries, options, context),
      ),
  )
}

function addAnnotations(command: Command): Command {
  return command.option(
    '--annotation <name=value>',
    'set an annotation of the index; NAME alone removes it',
    collectAssignments,
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
