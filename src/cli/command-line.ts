/**
 * The command line of `oci-ts`: thin, all work is done by calls that a user of the library could make. What a
 * command needs is loaded when it runs: `--version` costs no more than Node's start and that of the parser.
 */
import { Command, CommanderError } from 'commander'
import { OciError, type OciErrorCode } from '../errors.ts'
import type { CommandContext } from './context.ts'
import { Interruption } from './interruption.ts'
import { printable } from './terminal.ts'
import { addChanging } from './usage/changing.ts'
import { addDisk } from './usage/disk.ts'
import { addReading } from './usage/reading.ts'
import type { Run } from './usage/run.ts'
import { addStores } from './usage/stores.ts'
import { version } from './version.ts'

const generalHelp = `
IMAGE is one of
  PATH[:REF]                  a layout directory or an archive, told apart by content
  oci:DIR[:REF]               an image layout directory
  oci-archive:FILE[:REF]      an image layout in a tar archive
  docker-archive:FILE[:REF]   an archive of docker save
REF is a tag or a full name; any of them may end in @DIGEST.

Exit codes:
  0    done, and what was checked is sound
  1    not done, or not sound
  2    wrong usage
  130  stopped by Ctrl-C (143: by SIGTERM, 129: by SIGHUP); nothing half is left behind
  141  nobody read the output to its end

Environment:
  NO_COLOR, FORCE_COLOR   no colours; colours although there is no terminal
  SOURCE_DATE_EPOCH       the latest time, in seconds since 1970, of what pack and edit make
  OCI_TS_DEBUG=1          print errors with their stacks`

/** What is wrong with the command line rather than with images. */
const usageCodes: readonly OciErrorCode[] = ['ARGUMENT_INVALID', 'PLATFORM_INVALID', 'REFERENCE_INVALID']

/**
 * Runs a command line, the name of the program left out; gives the exit code and never throws.
 * @example process.exitCode = await main(['inspect', './images:v1'], context)
 */
export async function main(args: readonly string[], context: CommandContext): Promise<number> {
  let code = 0
  const run: Run = async (work) => {
    code = await work(context)
  }
  try {
    await createProgram(context, run).parseAsync([...args], { from: 'user' })
    context.signal.throwIfAborted()
    return code
  } catch (error) {
    return report(error, context)
  }
}

function createProgram(context: CommandContext, run: Run): Command {
  const { out, err, stdout, stderr } = context
  const program = new Command('oci-ts')
    .description(
      'Reads, verifies, explores, changes, builds and copies container images: no daemon, no root.',
    )
    .version(version)
    .showHelpAfterError('(add --help for the usage)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text),
      getOutHelpWidth: () => out.columns,
      getErrHelpWidth: () => err.columns,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .addHelpText('after', generalHelp)
  program.commandsGroup('Looking at images:')
  addReading(program, run)
  program.commandsGroup('Between images and disks:')
  addDisk(program, run)
  program.commandsGroup('Making new images:')
  addChanging(program, run, context)
  program.commandsGroup('Moving and keeping:')
  addStores(program, run)
  program.helpCommand('help [command]', 'show how a command is used')
  return program
}

/** Says what went wrong in one line, and a line for each issue of a document; gives the exit code. */
function report(error: unknown, { err, signal, env }: CommandContext): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  const cause = signal.aborted ? signal.reason : error
  const silent = cause instanceof Interruption && cause.silent
  if (!silent) {
    const message = cause instanceof Error ? cause.message : String(cause)
    err.line(`${err.style('red', 'oci-ts:')} ${printable(message)}`)
    for (const issue of cause instanceof OciError ? (cause.issues ?? []) : []) {
      err.line(`  at ${printable(issue.path.join('.')) || 'the root'}: ${printable(issue.message)}`)
    }
    if (env.OCI_TS_DEBUG === '1') printStacks(cause, err)
  }
  if (cause instanceof Interruption) return cause.exitCode
  return cause instanceof OciError && usageCodes.includes(cause.code) ? 2 : 1
}

/** The stack of an error and of each that it came from. */
function printStacks(error: unknown, err: CommandContext['err']): void {
  for (let next = error, depth = 0; next instanceof Error && depth < 10; next = next.cause, depth++) {
    for (const line of (next.stack ?? String(next)).split('\n')) err.line(printable(line))
  }
}
