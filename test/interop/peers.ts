/**
 * Tests against the tools that people use today. Where a tool is absent such a test is skipped, with the reason
 * in its name; where `CI` is set it fails instead, so that CI cannot pass by testing nothing.
 */
import { execFile } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { test } from 'vitest'

/** What a test needs: a program by its name, or `root` for the rights to own files as anybody. */
export type Peer = 'root' | (string & {})

/** How a program is run. */
export interface PeerOptions {
  readonly cwd?: string | undefined
  readonly env?: Readonly<Record<string, string>> | undefined
  /** What it reads from its standard input. */
  readonly input?: string | Uint8Array | undefined
  /** An exit code other than 0 is an answer, not an error. */
  readonly mayFail?: boolean | undefined
}

/** What a program answered. */
export interface PeerAnswer {
  readonly status: number
  readonly stdout: string
  /** The same as bytes. */
  readonly output: Buffer
  readonly stderr: string
}

/** Why a test with these peers cannot run here, or undefined where it can. */
export function peersProblem(peers: readonly Peer[]): string | undefined {
  const absent = peers.filter((peer) => (peer === 'root' ? process.getuid?.() !== 0 : !isInstalled(peer)))
  if (absent.length === 0) return undefined
  return absent.map((peer) => (peer === 'root' ? 'not run as root' : `${peer} is not installed`)).join(', ')
}

/** A test that needs peers. */
export function peerTest(
  name: string,
  peers: readonly Peer[],
  run: () => void | Promise<void>,
  timeout = 300_000,
): void {
  const problem = peersProblem(peers)
  if (problem === undefined) test(name, { timeout }, run)
  else if (process.env.CI) {
    test(name, () => {
      throw new Error(`CI must run this test, but: ${problem}`)
    })
  } else test.skip(`${name} (skipped: ${problem})`, () => {})
}

/** Runs a program to its end; throws with what it printed when it fails, unless it may. */
export function runPeer(
  command: string,
  args: readonly string[],
  options: PeerOptions = {},
): Promise<PeerAnswer> {
  const { cwd, env, input, mayFail = false } = options
  return new Promise((resolve, reject) => {
    const child = execFile(
      command,
      args,
      { cwd, env: { ...process.env, LC_ALL: 'C.UTF-8', ...env }, encoding: 'buffer', maxBuffer: 1 << 28 },
      (error, output, stderrBytes) => {
        const stderr = stderrBytes.toString()
        // A code that is text (ENOENT) or none (a signal) says that it did not come to an exit of its own.
        const status = error === null ? 0 : error.code
        if (error !== null && !(mayFail && typeof status === 'number')) {
          const line = [command, ...args].join(' ')
          reject(
            new Error(`${line}\nfailed with ${status ?? error.signal}: ${stderr}${output}`, { cause: error }),
          )
        } else resolve({ status: Number(status), stdout: output.toString(), output, stderr })
      },
    )
    // Who does not read all of its input closes it: the exit status tells whether that was wrong.
    child.stdin?.on('error', () => {})
    child.stdin?.end(input)
  })
}

function isInstalled(program: string): boolean {
  // umoci, skopeo and the like are in bin; debootstrap and setcap in sbin, which a user's PATH may lack.
  const directories = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']
  return directories.some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
