/** The commands between an image and files on a disk. */
import { type Command, Option } from 'commander'
import type { Change } from '../change.ts'
import { addConfigFlags, addWritingFlags } from './change-flags.ts'
import { type Run, withExamples } from './run.ts'

/** Adds `unpack`, `bundle`, `pack`. */
export function addDisk(program: Command, run: Run): void {
  withExamples(
    addUnpackFlags(
      program.command('unpack').description('unpack an image into an empty or new directory'),
    ).option('--snapshot <file>', 'write how the tree looks now to a file, for `pack --since`'),
    [
      'oci-ts unpack ./images:v1 ./rootfs',
      'oci-ts unpack ./images:v1 ./rootfs --record ./rootfs.record --snapshot ./rootfs.snapshot',
    ],
  ).action((image, directory, options) =>
    run(async (context) =>
      (await import('../commands/unpack.ts')).unpack(image, directory, options, context),
    ),
  )
  withExamples(
    addUnpackFlags(
      program.command('bundle').description('write an OCI runtime bundle: rootfs and config.json'),
    ),
    ['oci-ts bundle ./images:v1 ./bundle && runc run --bundle ./bundle my-container'],
  ).action((image, directory, options) =>
    run(async (context) =>
      (await import('../commands/unpack.ts')).bundle(image, directory, options, context),
    ),
  )
  const changes: Change[] = []
  const pack = program
    .command('pack')
    .description('make an image of a directory, from nothing or on a base')
    .argument('<directory>', 'what comes into the image')
    .argument('<image>', 'name of the new image, as in ./images:v1')
    .option('--base <image>', 'the image to build on (default: nothing)')
    .option(
      '--platform <platform>',
      "what it runs on (default: linux, this machine's architecture); of a base the image for this platform",
    )
    .option('--dest <path>', 'where in the image the directory comes to lie', '/')
    .option('--since <file>', 'only what changed since this snapshot of `unpack --snapshot`')
    .option('--record <file>', 'restore what `unpack --record` wrote down')
    .option(
      '--history <text>',
      "what the history says of the layer (default: ADD or COPY and the directory's name)",
    )
  addWritingFlags(pack, { files: 'the files' })
  addConfigFlags(pack, changes)
  withExamples(
    pack,
    [
      'oci-ts pack ./rootfs ./images:base --platform linux/amd64 --cmd sh',
      "oci-ts pack ./dist ./images:app --base ./images:base --dest /app --entrypoint 'node /app/main.js'",
    ],
    `Without --base, files keep the owners that they have on disk; those of a user who is not root become root's.
With --base they are root's, and symlinks of the base on the way to --dest are followed.`,
  ).action((directory, image, options) =>
    run(async (context) =>
      (await import('../commands/pack.ts')).pack(directory, image, { ...options, changes }, context),
    ),
  )
}

function addUnpackFlags(command: Command): Command {
  return command
    .argument('<image>', 'image name')
    .argument('<directory>', 'where to: must be absent or empty')
    .option('--platform <platform>', 'of an index the image for this platform')
    .addOption(
      new Option(
        '--owner <whose>',
        'whose the files are to be (default: preserve as root, else current)',
      ).choices(['preserve', 'current']),
    )
    .option('--devices', 'make device nodes')
    .option('--setid', 'keep set-user-ID and set-group-ID bits of files')
    .option('--all-xattrs', 'keep security.* extended attributes too, file capabilities among them')
    .option('--record <file>', 'write what could not be kept to a file, for `pack --record` to restore')
}
