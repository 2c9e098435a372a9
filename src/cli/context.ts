/** What a command is given beside its arguments: where it writes, what surrounds it, and when it has to stop. */
import { createTerminal, type Output, type Terminal } from './terminal.ts'

/** The surroundings of one run: those of the process, or those of a test. */
export interface CommandContext {
  /** For results as they are: documents, files. */
  readonly stdout: Output
  /** For progress, which only a terminal gets. */
  readonly stderr: Output
  /** Lines of results. */
  readonly out: Terminal
  /** Lines of warnings and errors. */
  readonly err: Terminal
  /** Environment variables. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Aborted by Ctrl-C, by a request to end, and when nobody reads what is written any more. */
  readonly signal: AbortSignal
}

/** The surroundings, with a terminal for each stream. */
export function createContext({
  stdout,
  stderr,
  env,
  signal,
}: Pick<CommandContext, 'stdout' | 'stderr' | 'env' | 'signal'>): CommandContext {
  return {
    stdout,
    stderr,
    env,
    signal,
    out: createTerminal(stdout, env),
    err: createTerminal(stderr, env),
  }
}

/**
 * Writes bytes or text as they are, and waits while the reader is slower.
 * @throws the signal's reason, also when the reader is gone
 */
export async function writeOut(context: CommandContext, chunk: string | Uint8Array): Promise<void> {
  const { stdout, signal } = context
  signal.throwIfAborted()
  if (stdout.write(chunk)) return
  await new Promise<void>((resolve, reject) => {
    const stop = () => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    stdout.once('drain', () => {
      signal.removeEventListener('abort', stop)
      resolve()
    })
  })
}

/**
 * Writes a value as indented JSON. JSON itself escapes most control characters; those that it leaves (C1, and what
 * turns a text around) are escaped too, which changes nothing about the value.
 */
export async function writeJson(context: CommandContext, value: unknown): Promise<void> {
  await writeOut(context, `${jsonText(value, 2)}\n`)
}

/** JSON that is safe on a terminal. */
export function jsonText(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(
    /[\u007f-\u009f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
