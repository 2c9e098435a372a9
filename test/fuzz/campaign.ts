/** One kind fuzzed in a process of its own, so that its memory is its own and whatever ends it ends nothing else. */
import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Instrumented } from './instrument.ts'

/** How a kind is fuzzed. */
export interface Campaign {
  readonly kind: string
  readonly seed: number
  /** Inputs at most. */
  readonly runs: number
  /** Seconds at most. */
  readonly seconds?: number | undefined
  /** An input, to be run alone. */
  readonly input?: string | undefined
  /** Seconds that one input may take. */
  readonly patience?: number | undefined
  /** Where failing inputs are saved. */
  readonly failures: string
}

/** What a process is told: the campaign, and what it cannot know. */
export interface Orders extends Campaign {
  readonly points: number
  /** The project's directory, for the seeds in it. */
  readonly project: string
}

/** An input for which something did not hold. */
export interface Failure {
  /** What did not hold, its first line the same for the same cause. */
  readonly message: string
  /** In base64. */
  readonly input: string
}

/** How far a campaign has come. */
export interface Progress {
  readonly runs: number
  readonly seconds: number
  /** Inputs kept because they reached something new. */
  readonly corpus: number
  /** Branches taken, of all that the bundle has. */
  readonly reached: number
  /** Bytes: the process's memory at its highest, and what is in use after the garbage was collected. */
  readonly peakMemory: number
  readonly memory: number
  /** Milliseconds of processor that the slowest input took, and that input in base64. */
  readonly slowest: number
  readonly slowestInput: string
}

/** What a process tells, one line of JSON each. */
export type Told =
  | ({ readonly type: 'failure' } & Failure)
  | ({ readonly type: 'progress' | 'done' } & Progress)

/** What came of a campaign. */
export interface Outcome extends Progress {
  readonly failures: readonly (Failure & { readonly file: string })[]
}

const project = fileURLToPath(new URL('../..', import.meta.url))

/** Memory of the heap in MiB: beyond it an input counts as one that takes all there is. */
const heapLimit = 512

/**
 * Fuzzes one kind.
 * @param onTold told of progress and of each failure as it comes
 */
export async function fuzzKind(
  bundle: Instrumented,
  campaign: Campaign,
  onTold: (told: Told, file?: string) => void = () => {},
): Promise<Outcome> {
  const orders: Orders = { ...campaign, points: bundle.points, project }
  const child = spawn(
    process.execPath,
    [`--max-old-space-size=${heapLimit}`, '--enable-source-maps', bundle.file, JSON.stringify(orders)],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  const failures: (Failure & { file: string })[] = []
  let last: Progress | undefined
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-10_000)
  })
  const exited = new Promise<string>((resolve) => {
    child.on('close', (code, signal) => resolve(signal ?? String(code)))
  })
  for await (const line of createInterface({ input: child.stdout })) {
    const told = JSON.parse(line) as Told
    if (told.type === 'failure') {
      const file = campaign.input ?? saveInput(campaign, failures.length + 1, told.input)
      failures.push({ message: told.message, input: told.input, file })
      onTold(told, file)
    } else {
      last = told
      onTold(told)
    }
  }
  const how = await exited
  if (how !== '0' || last === undefined) {
    throw new Error(`Fuzzing ${campaign.kind} with seed ${campaign.seed} ended with ${how}: ${errors}`)
  }
  return { ...last, failures }
}

/** Saves an input in base64, and gives the file. */
export function saveInput({ kind, seed, failures }: Campaign, name: string | number, input: string): string {
  mkdirSync(failures, { recursive: true })
  const file = join(failures, `${kind}-${seed}-${name}.bin`)
  writeFileSync(file, Buffer.from(input, 'base64'))
  return file
}
