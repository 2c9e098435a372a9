/** Other processes that run the library: a script bundled to plain JavaScript, since Node 20 runs no TypeScript. */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** A script under way. */
export interface Child {
  readonly process: ChildProcess
  /** Whole lines of stdout so far. */
  readonly lines: string[]
  /** Resolves when the process has ended; with its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string | null>
}

/** Bundles a script of this folder into a directory, and gives the path to run. */
export async function bundleScript(name: string, directory: string): Promise<string> {
  const outfile = join(directory, `${name}.mjs`)
  await build({
    entryPoints: [fileURLToPath(new URL(`./child/${name}.ts`, import.meta.url))],
    bundle: true,
    format: 'esm',
    platform: 'node',
    outfile,
  })
  return outfile
}

/** Starts a bundled script. */
export function startScript(script: string, args: readonly string[]): Child {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  let rest = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts)
  })
  const ended = new Promise<number | string | null>((resolve, reject) => {
    child.on('error', reject)
    // Not `exit`: what it printed before its end may still be on the way then.
    child.on('close', (code, signal) => resolve(signal ?? code))
  })
  return { process: child, lines, ended }
}
