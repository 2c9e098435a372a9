#!/usr/bin/env node
/**
 * The `oci-ts` command: thin, all work is done by calls that a user of the library could make.
 *
 * Exit codes: 0 done and sound; 1 not done, or not sound; 2 wrong usage.
 */
import process from 'node:process'
import { Command, CommanderError } from 'commander'
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
  return program
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
