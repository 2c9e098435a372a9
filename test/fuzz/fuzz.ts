/**
 * Fuzzes the library: `npm run fuzz -- --kind tar --runs 1000000 --seed 7`.
 *
 *     --kind NAME      what to fuzz, several by commas; all kinds when absent
 *     --runs N         inputs of each kind; without end when absent, unless --seconds is given
 *     --seconds N      seconds for all kinds together
 *     --seed N         where chance begins; a new one, which is printed, when absent
 *     --input FILE     runs this one input instead
 *     --failures DIR   where failing inputs are saved; a directory of the system's for temporary files when absent
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Campaign, fuzzKind, type Outcome, type Progress, saveInput } from './campaign.ts'
import { instrument } from './instrument.ts'
import { kindNames } from './kind-names.ts'

const { values } = parseArgs({
  options: {
    kind: { type: 'string' },
    runs: { type: 'string' },
    seconds: { type: 'string' },
    seed: { type: 'string' },
    input: { type: 'string' },
    failures: { type: 'string' },
  },
})

const names = values.kind?.split(',') ?? kindNames
const wrong = names.filter((name) => !kindNames.includes(name))
if (wrong.length > 0) {
  console.error(`There is no kind ${wrong.join(', ')}: ${kindNames.join(', ')}`)
  process.exit(2)
}
const seed = number('seed') ?? Math.floor(Math.random() * 2 ** 31)
const seconds = number('seconds')
const failures = values.failures ?? join(tmpdir(), 'oci-ts-fuzz')

function number(name: 'runs' | 'seconds' | 'seed'): number | undefined {
  const text = values[name]
  if (text === undefined) return undefined
  if (/^\d{1,15}$/.test(text)) return Number(text)
  console.error(`--${name} takes a whole number, not ${JSON.stringify(text)}`)
  return process.exit(2)
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`
}

function line(
  kind: string,
  { runs, seconds, corpus, reached, peakMemory, memory, slowest }: Progress,
): string {
  return (
    `${kind}: ${runs} inputs in ${Math.round(seconds)} s (${Math.round(runs / Math.max(seconds, 0.001))}/s), ` +
    `${corpus} kept, ${reached} branches, slowest ${slowest} ms, ${mebibytes(memory)} in use, peak ${mebibytes(peakMemory)}`
  )
}

const directory = mkdtempSync(join(tmpdir(), 'oci-ts-fuzz-'))
let found = 0
try {
  const bundle = await instrument(directory)
  console.log(`seed ${seed}; ${bundle.points} branches`)
  for (const kind of names) {
    const campaign: Campaign = {
      kind,
      seed,
      runs: values.input === undefined ? (number('runs') ?? Number.MAX_SAFE_INTEGER) : 1,
      seconds: seconds === undefined ? undefined : seconds / names.length,
      input: values.input,
      failures,
    }
    const outcome: Outcome = await fuzzKind(bundle, campaign, (told, file) => {
      if (told.type !== 'failure') console.log(line(kind, told))
      else {
        console.log(
          `FAILED ${kind}: ${told.message}\n  again by: npm run fuzz -- --kind ${kind} --input ${file}`,
        )
      }
    })
    found += outcome.failures.length
    // Slow is no failure, but where to look for one.
    if (outcome.slowest > 1000)
      console.log(`  the slowest: ${saveInput(campaign, 'slowest', outcome.slowestInput)}`)
  }
} finally {
  rmSync(directory, { recursive: true })
}
if (found > 0) console.log(`${found} failures`)
process.exitCode = found > 0 ? 1 : 0
