#!/usr/bin/env node
/**
 * The `oci-ts` command: thin, all work is done by calls that a user of the library could make.
 *
 * Exit codes: 0 done and sound; 1 not done, or not sound; 2 wrong usage.
 */
import process from 'node:process'
import { Command, CommanderError, Option } from 'commander'
import { OciError } from '../errors.ts'
import { imageNameHelp } from './image-name.ts'
import { createTerminal, printable } from './terminal.ts'
import { version } from './version.ts'

const exitCodes = `Exit codes: 0 done and sound; 1 not done, or not sound; 2 wrong usage.`

/** The command with its subcommands; each one's code is loaded when it is run. */
function createProgram(finish: (code: number) => void): Command {
  const program = new Command('oci-ts')
    .description(
      'Reads, verifies, explores, changes, builds and copies container images: no daemon, no root.',
    )
    .version(version)
    .showHelpAfterError('(add --help for the usage)')
    .exitOverride()
    .addHelpText('after', `\n${imageNameHelp}\n\n${exitCodes}`)
  program
    .command('inspect')
    .description('show an image: platforms, layers and what made them, configuration')
    .argument('<image>', 'image name')
    .option('--platform <platform>', 'of an index the image for this platform, as in linux/arm64')
    .option('--json', 'print JSON')
    .option('--raw', 'print the manifest or index, byte for byte')
    .option('--config', 'with --raw: the config instead')
    .action(async (image, options) =>
      finish(await (await import('./commands/inspect.ts')).inspect(image, options)),
    )
  program
    .command('verify')
    .description('read everything reachable to its end and check it: exits 1 on any error')
    .argument('<image>', 'image name; without a reference, all of the layout')
    .option('--json', 'print JSON')
    .action(async (image, options) =>
      finish(await (await import('./commands/verify.ts')).verify(image, options)),
    )
  program
    .command('ls')
    .description('list files: of the merged image, or of one layer')
    .argument('<image>', 'image name')
    .argument('[path]', 'a file or directory in the image')
    .option('--platform <platform>', 'of an index the image for this platform')
    .option('-l, --long', 'with mode, owner, size, time and layer')
    .option('-r, --recursive', 'with everything below')
    .option('--layer <number>', 'what this layer itself holds, whiteouts too; 1 is the lowest')
    .option('--json', 'print JSON')
    .action(async (image, path, options) =>
      finish(await (await import('./commands/ls.ts')).ls(image, path, options)),
    )
  program
    .command('cat')
    .description('print a file of the image')
    .argument('<image>', 'image name')
    .argument('<path>', 'the file in the image')
    .option('--platform <platform>', 'of an index the image for this platform')
    .action(async (image, path, options) =>
      finish(await (await import('./commands/cat.ts')).cat(image, path, options)),
    )
  unpackFlags(
    program.command('unpack').description('unpack the image into an empty or new directory'),
  ).action(async (image, directory, options) =>
    finish(await (await import('./commands/unpack.ts')).unpack(image, directory, options)),
  )
  unpackFlags(
    program.command('bundle').description('write an OCI runtime bundle: rootfs and config.json'),
  ).action(async (image, directory, options) =>
    finish(await (await import('./commands/unpack.ts')).bundle(image, directory, options)),
  )
  program
    .command('copy')
    .description('copy an image, byte for byte, and tag it when all of it has arrived')
    .argument('<source>', 'image name')
    .argument('<target>', 'image name of a layout directory, which is made where it is absent')
    .option('--platform <platforms...>', 'of an index only these')
    .option('--all', 'every reference of the source')
    .option('--referrers', 'also what refers to the image: signatures, SBOMs')
    .action(async (source, target, options) =>
      finish(await (await import('./commands/copy.ts')).copy(source, target, options)),
    )
  program
    .command('gc')
    .description('remove the blobs of a layout that nothing leads to')
    .argument('<layout>', 'a layout directory')
    .option('--dry-run', 'only print what would be removed')
    .action(async (layout, options) => finish(await (await import('./commands/gc.ts')).gc(layout, options)))
  return program
}

function unpackFlags(command: Command): Command {
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
    .option('--record <file>', 'write what could not be kept to a file, for packing to restore')
}

/** Runs the command line; gives the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  let code = 0
  try {
    await createProgram((result) => {
      code = result
    }).parseAsync([...args], { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    const out = createTerminal(process.stderr)
    if (!(error instanceof OciError)) throw error
    out.line(`${out.style('red', 'oci-ts:')} ${printable(error.message)}`)
    for (const issue of error.issues ?? []) {
      out.line(`  at ${printable(issue.path.join('.')) || 'the root'}: ${printable(issue.message)}`)
    }
    return error.code === 'ARGUMENT_INVALID' || error.code === 'REFERENCE_INVALID' ? 2 : 1
  }
}

process.exitCode = await main(process.argv.slice(2))
