/** What the descriptions of all commands have in common. */
import type { Command } from 'commander'
import type { CommandContext } from '../context.ts'

/** Runs a command's work and keeps its exit code. */
export type Run = (work: (context: CommandContext) => Promise<number>) => Promise<void>

/** Adds examples to a command's help. */
export function withExamples(command: Command, examples: readonly string[], notes = ''): Command {
  const shown = examples.map((example) => `  ${example}`).join('\n')
  const heading = examples.length === 1 ? 'Example' : 'Examples'
  return command.addHelpText('after', `${notes === '' ? '' : `\n${notes}\n`}\n${heading}:\n${shown}`)
}
