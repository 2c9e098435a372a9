/**
 * Which process something on disk belongs to, and whether that process still runs: what tells a lock or a
 * temporary file that is in use from one whose owner was killed.
 */
import { encodeUtf8 } from '../bytes.ts'
import { digestBytes, digestParts } from '../digest/index.ts'
import { builtin, requireBuiltin } from '../runtime.ts'

/**
 * - `gone`: it ran here and has ended
 * - `running`: another process of this machine
 * - `self`: this process, which may have other threads
 * - `unknown`: of another machine, another container or before a reboot, or not a name of ours
 */
export type OwnerState = 'gone' | 'running' | 'self' | 'unknown'

const namePattern = /^([0-9a-f]{16})-([0-9]{1,10})-([0-9]{1,20})-[0-9a-f]{16}$/

interface Identity {
  /** A hash of host, boot and process namespace: process ids mean the same only within these. */
  readonly machine: string
  readonly pid: number
  /** Ticks since boot at which the process started, so that a later process of the same id is not taken for it; `0` where unknown. */
  readonly started: string
}

let own: Identity | undefined

/** A name that nobody else makes, telling this process: `[0-9a-f-]` only. */
export function ownedName(): string {
  const { machine, pid, started } = ownIdentity()
  const random = crypto.getRandomValues(new Uint32Array(2))
  const hex = [...random].map((part) => part.toString(16).padStart(8, '0')).join('')
  return `${machine}-${pid}-${started}-${hex}`
}

/** What became of the process that made a name by {@link ownedName}. */
export function ownerState(name: string): OwnerState {
  const match = namePattern.exec(name)
  const me = ownIdentity()
  if (match === null || match[1] !== me.machine) return 'unknown'
  const pid = Number(match[2])
  const started = match[3] as string
  if (pid === me.pid) return started === me.started ? 'self' : 'gone'
  try {
    requireBuiltin('node:process', 'Asking for a process').kill(pid, 0)
  } catch (error) {
    const { code } = error as { code?: string }
    // EPERM: it runs, as another user.
    if (code === 'ESRCH') return 'gone'
    if (code !== 'EPERM') return 'unknown'
  }
  const stat = processStat(String(pid))
  // A killed process whose parent has not asked for it yet is a zombie: it will not do anything more.
  if (stat !== undefined && (stat.state === 'Z' || stat.state === 'X')) return 'gone'
  if (stat !== undefined && started !== '0' && stat.started !== started) return 'gone'
  return 'running'
}

function ownIdentity(): Identity {
  if (own !== undefined) return own
  const process = requireBuiltin('node:process', 'Writing an image layout')
  const os = builtin('node:os')
  const parts = [os?.hostname() ?? '', readText('/proc/sys/kernel/random/boot_id'), pidNamespace()]
  own = {
    machine: digestParts(digestBytes(encodeUtf8(parts.join('\n')))).encoded.slice(0, 16),
    pid: process.pid,
    started: processStat('self')?.started ?? '0',
  }
  return own
}

function pidNamespace(): string {
  try {
    return builtin('node:fs')?.readlinkSync('/proc/self/ns/pid') ?? ''
  } catch {
    return ''
  }
}

/** State and start of a process, where there is a `/proc` that tells: see proc(5). */
function processStat(pid: string): { state: string; started: string } | undefined {
  const text = readText(`/proc/${pid}/stat`)
  // The second field is the program's name in parentheses, which may itself hold spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [state, started] = [fields[0], fields[19]]
  return state !== undefined && started !== undefined && /^[0-9]+$/.test(started)
    ? { state, started }
    : undefined
}

function readText(path: string): string {
  try {
    return builtin('node:fs')?.readFileSync(path, 'utf8') ?? ''
  } catch {
    return ''
  }
}
