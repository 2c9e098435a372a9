/**
 * A lock between processes, by a file: robust against owners that are killed.
 *
 * The lock is a symbolic link whose target is the owner's name, so that the lock and its owner come to be in one
 * step and a kill leaves no lock without an owner (a file where links cannot be made). A dead owner's lock is
 * removed only by who holds a second lock, named after the first lock's own unique name, and has looked again:
 * so two processes that find the same dead lock never remove the live one that the faster of them has made since.
 * The second lock is one of the same kind, with the same rules: whoever is killed there is followed likewise.
 */
import { encodeUtf8 } from '../bytes.ts'
import { digestBytes, digestParts } from '../digest/index.ts'
import { OciError } from '../errors.ts'
import { requireBuiltin } from '../runtime.ts'
import { ownedName, ownerState } from './process-identity.ts'
import { readRegular, systemError } from './regular-file.ts'

/** Milliseconds between two signs of life of a lock's holder. */
const HEARTBEAT = 2000

/**
 * Milliseconds without a sign of life after which a holder that cannot be asked for (another machine or container,
 * another thread of this process) is taken for dead.
 */
const STALE_AFTER = 10_000

/** Longest wait between two attempts, in milliseconds; the first is 1. */
const LONGEST_WAIT = 32

/** Longest content of a lock that is a file, in bytes. */
const longestName = 4096

/** How a lock is waited for. */
export interface LockOptions {
  /** Milliseconds. */
  readonly timeout: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Runs a task while holding the lock at a path. The task asks `isHeld` right before the step that must not happen
 * twice: a holder that was stopped for so long that it was taken for dead learns it there.
 *
 * @throws OciError `LOCK_TIMEOUT`, `STORE_FAILED`
 */
export async function withLock<T>(
  path: string,
  options: LockOptions,
  task: (isHeld: () => boolean) => Promise<T>,
): Promise<T> {
  const name = await acquire(path, options, performance.now() + options.timeout)
  const heartbeat = setInterval(() => touch(path), HEARTBEAT)
  try {
    return await task(() => holder(path) === name)
  } finally {
    clearInterval(heartbeat)
    release(path, name)
  }
}

async function acquire(path: string, options: LockOptions, deadline: number): Promise<string> {
  let seen: { readonly name: string; readonly beat: bigint; readonly since: number } | undefined
  for (let wait = 1; ; wait = Math.min(wait * 2, LONGEST_WAIT)) {
    options.signal?.throwIfAborted()
    const name = ownedName()
    if (create(path, name)) return name
    const current = holder(path)
    if (current === undefined) {
      wait = 1
      continue
    }
    const beat = lastBeat(path)
    const now = performance.now()
    if (seen === undefined || seen.name !== current || seen.beat !== beat) {
      seen = { name: current, beat, since: now }
    }
    const state = ownerState(current)
    if (state === 'gone' || (state !== 'running' && now - seen.since > STALE_AFTER)) {
      await removeStale(path, current, options, deadline)
      wait = 1
      continue
    }
    if (now > deadline) throw timedOut(path, current, options.timeout)
    // Spread, so that two processes do not try in step for ever.
    await sleep(wait * (0.5 + Math.random()), options.signal)
  }
}

async function removeStale(
  path: string,
  name: string,
  options: LockOptions,
  deadline: number,
): Promise<void> {
  const fs = requireBuiltin('node:fs', 'Locking an image layout')
  const breaker = `${path}.${hashOf(name)}`
  const breakerName = await acquire(breaker, options, deadline)
  try {
    if (holder(path) === name) fs.unlinkSync(path)
  } catch (error) {
    throw systemError(error, 'remove the lock', path)
  } finally {
    release(breaker, breakerName)
  }
}

/**
 * Removes the second locks that killed processes have left after the first lock was gone, which is all that can be
 * left of a lock for ever. A first lock's name never comes back, so nobody can be at work under them.
 */
export function removeAbandonedLocks(path: string): void {
  const fs = requireBuiltin('node:fs', 'Locking an image layout')
  const { basename, dirname, join } = requireBuiltin('node:path', 'Locking an image layout')
  try {
    for (const name of fs.readdirSync(dirname(path))) {
      if (!name.startsWith(`${basename(path)}.`)) continue
      const breaker = join(dirname(path), name)
      const dot = breaker.lastIndexOf('.')
      const current = holder(breaker.slice(0, dot))
      const isNeeded = current !== undefined && hashOf(current) === breaker.slice(dot + 1)
      const owner = holder(breaker)
      if (!isNeeded && owner !== undefined && ownerState(owner) === 'gone') fs.unlinkSync(breaker)
    }
  } catch {
    // What cannot be removed does no harm.
  }
}

function hashOf(name: string): string {
  return digestParts(digestBytes(encodeUtf8(name))).encoded.slice(0, 16)
}

/** Makes the lock; false where there is one. */
function create(path: string, name: string): boolean {
  const fs = requireBuiltin('node:fs', 'Locking an image layout')
  try {
    fs.symlinkSync(name, path)
    return true
  } catch (error) {
    if ((error as { code?: string }).code === 'EEXIST') return false
  }
  try {
    fs.writeFileSync(path, name, { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as { code?: string }).code === 'EEXIST') return false
    throw systemError(error, 'make the lock', path)
  }
}

/** The name of who holds the lock; undefined where nobody does. */
function holder(path: string): string | undefined {
  const fs = requireBuiltin('node:fs', 'Locking an image layout')
  try {
    return fs.readlinkSync(path)
  } catch (error) {
    const { code } = error as { code?: string }
    if (code === 'ENOENT') return undefined
    // EINVAL, or UNKNOWN on Windows: no link.
    if (code !== 'EINVAL' && code !== 'UNKNOWN') throw systemError(error, 'read the lock', path)
  }
  const text = readRegular(path, longestName)
  return text === undefined ? undefined : new TextDecoder().decode(text)
}

function release(path: string, name: string): void {
  const fs = requireBuiltin('node:fs', 'Locking an image layout')
  try {
    if (holder(path) === name) fs.unlinkSync(path)
  } catch {
    // What was done under the lock is done. A lock that stays is removed by the next one who wants it.
  }
}

function touch(path: string): void {
  const fs = requireBuiltin('node:fs', 'Locking an image layout')
  const now = Date.now() / 1000
  fs.lutimes(path, now, now, () => {})
}

/** When the holder last gave a sign of life, by the clock of the file system. */
function lastBeat(path: string): bigint {
  const fs = requireBuiltin('node:fs', 'Locking an image layout')
  return fs.lstatSync(path, { bigint: true, throwIfNoEntry: false })?.mtimeNs ?? 0n
}

function timedOut(path: string, name: string, timeout: number): OciError {
  const pid = ownerState(name) === 'running' ? `process ${name.split('-')[1]}` : 'another process'
  return new OciError(
    'LOCK_TIMEOUT',
    `${JSON.stringify(path)} has been held by ${pid} for more than ${timeout} ms; try again, or end that process if it hangs`,
    { path, expected: timeout, actual: name },
  )
}

function sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const aborted = (): void => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', aborted)
      resolve()
    }, milliseconds)
    signal?.addEventListener('abort', aborted, { once: true })
  })
}
