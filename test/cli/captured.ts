/** Running the command line in this process, with all that it writes kept. */
import { main } from '../../src/cli/command-line.ts'
import { createContext } from '../../src/cli/context.ts'

/** What came of a run. */
export interface CapturedRun {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  readonly bytes: Uint8Array
}

/** The surroundings that a run is to find. */
export interface Surroundings {
  readonly env?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
  /** Whether both streams are terminals. */
  readonly terminal?: boolean
}

/** Runs `oci-ts` with some arguments. */
export async function oci(args: readonly string[], surroundings: Surroundings = {}): Promise<CapturedRun> {
  const { env = {}, signal = new AbortController().signal, terminal = false } = surroundings
  const [stdout, stderr] = [capture(terminal), capture(terminal)]
  const code = await main(args, createContext({ stdout, stderr, env, signal }))
  return {
    code,
    stdout: text(stdout.chunks),
    stderr: text(stderr.chunks),
    bytes: Buffer.concat(stdout.chunks),
  }
}

/** Runs `oci-ts`, which must succeed; gives what it printed. */
export async function ok(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await oci(args)
  if (code !== 0) throw new Error(`oci-ts ${args.join(' ')} exited with ${code}: ${stderr}`)
  return stdout
}

function capture(isTTY: boolean): {
  write(chunk: string | Uint8Array): boolean
  once(event: 'drain', listener: () => void): unknown
  readonly chunks: Buffer[]
  readonly isTTY: boolean
  readonly columns: number
  readonly rows: number
} {
  const chunks: Buffer[] = []
  return {
    chunks,
    isTTY,
    columns: 80,
    rows: 24,
    write: (chunk) => chunks.push(Buffer.from(chunk as Uint8Array)) > 0,
    once: () => undefined,
  }
}

function text(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString()
}
