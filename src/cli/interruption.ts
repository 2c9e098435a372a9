/** Being told to stop: Ctrl-C, a request to end, or a reader that has gone away. */

/** Why a run was stopped, and the exit code that says so: 128 and the signal's number, as shells count. */
export class Interruption extends Error {
  override readonly name: string = 'Interruption'
  readonly exitCode: number
  /** Whether the person has to be told: who closed the pipe knows. */
  readonly silent: boolean

  constructor(message: string, exitCode: number, silent = false) {
    super(message)
    this.exitCode = exitCode
    this.silent = silent
  }
}

/** What of Node's `process` is listened to. */
interface Listened {
  on(event: 'SIGINT' | 'SIGTERM' | 'SIGHUP', listener: () => void): unknown
  exit(code: number): void
  exitCode?: number | string | null | undefined
  readonly stdout: StreamErrors
  readonly stderr: StreamErrors & { write(text: string): unknown }
}

interface StreamErrors {
  on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown
}

/**
 * A signal that is aborted when the process is to stop. What is under way then takes away what it has begun; a
 * second signal from outside ends the process at once.
 *
 * A closed pipe (`| head`) counts as SIGPIPE does for other programs: silently 141, and not 0, for a verification
 * whose output nobody read to the end must not pass for one that found everything sound.
 */
export function watchForInterruption(process: Listened): AbortSignal {
  const controller = new AbortController()
  const stop = (reason: Error, code: number) => {
    if (controller.signal.aborted) return
    controller.abort(reason)
    // An error of the last write comes when the command is over: nobody else is left to tell of it.
    if (process.exitCode === undefined) return
    process.exitCode = code
    if (!(reason instanceof Interruption && reason.silent))
      process.stderr.write(`oci-ts: ${reason.message}\n`)
  }
  const signals = [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const
  for (const [name, code] of signals) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(code)
      else stop(new Interruption(`stopped by ${name}`, code), code)
    })
  }
  process.stdout.on('error', (error) => {
    if (error.code === 'EPIPE') stop(new Interruption('nobody reads the output any more', 141, true), 141)
    else stop(new Error(`Cannot write to standard output: ${error.message}`, { cause: error }), 1)
  })
  // Nobody is left to be told.
  process.stderr.on('error', () => {})
  return controller.signal
}
