/** Running one task in a process of its own: what is measured is its whole memory, and nothing of ours. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import type { Subject } from './tasks.ts'

/** What one run of a task took. */
export interface Figures {
  /** Seconds. */
  readonly wall: number
  /** Seconds of all threads, in user and in system mode, without the start of the process. */
  readonly cpu: number
  /** The most memory that the process had in use, in bytes. */
  readonly peak: number
  /** Bytes that a merged tree holds by its own count. */
  readonly held?: number
}

/** A bundle of the child, for TypeScript's own loader would be counted. */
export async function bundleChild(file: string): Promise<void> {
  await build({
    entryPoints: [fileURLToPath(new URL('./child.ts', import.meta.url))],
    bundle: true,
    outfile: file,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  })
}

/** Runs a task in a new process. */
export async function measure(bundle: string, task: string, subject: Subject): Promise<Figures> {
  const { stdout } = await promisify(execFile)(process.execPath, [bundle, task, JSON.stringify(subject)])
  return JSON.parse(stdout) as Figures
}
