/** Running a command once and knowing what it took. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const wrapper = fileURLToPath(new URL('measure.py', import.meta.url))

/** What a run took. */
export interface Figures {
  /** Seconds. */
  readonly wall: number
  /** Seconds of user and system time, of the process and of its children. */
  readonly cpu: number
  /** The peak of the resident memory of its largest process. */
  readonly peakMiB: number
}

/** What a run took, and what it printed. */
export interface Run extends Figures {
  readonly stdout: string
}

/** Runs a command to its end; throws with what it printed when it fails. */
export function measure(command: readonly string[]): Run {
  const directory = mkdtempSync(join(tmpdir(), 'oci-ts-measure-'))
  const report = join(directory, 'report.json')
  try {
    // -S and -I: less of Python is loaded, which is memory that a small command would be charged with.
    const stdout = run('python3', ['-S', '-I', wrapper, report, ...command])
    return { ...(JSON.parse(readFileSync(report, 'utf8')) as Figures), stdout }
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** Runs a command whose cost does not matter, and gives what it printed. */
export function run(program: string, args: readonly string[], cwd?: string): string {
  const { NODE_OPTIONS: _, ...env } = process.env
  const result = spawnSync(program, args, {
    cwd,
    env: { ...env, LC_ALL: 'C.UTF-8' },
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  })
  if (result.error !== undefined) throw result.error
  if (result.status !== 0) {
    const line = [program, ...args].join(' ').slice(0, 2000)
    throw new Error(`${line}\nfailed with ${result.status ?? result.signal}: ${result.stderr.slice(0, 4000)}`)
  }
  return result.stdout
}
