/**
 * What this JavaScript runtime offers beyond the web platform: the only place that asks.
 *
 * `process.getBuiltinModule` (Node 20.16, Deno 2, Bun 1.2) gives Node's modules without an `import`, so one
 * build serves every runtime and a bundler for browsers finds nothing to resolve.
 */
import { OciError } from './errors.ts'

interface BuiltinModules {
  'node:child_process': typeof import('node:child_process')
  'node:crypto': typeof import('node:crypto')
  'node:fs': typeof import('node:fs')
  'node:os': typeof import('node:os')
  'node:path': typeof import('node:path')
  'node:process': typeof import('node:process')
  'node:url': typeof import('node:url')
  'node:worker_threads': typeof import('node:worker_threads')
  'node:zlib': typeof import('node:zlib')
}

let accelerated = true

/**
 * Switches the accelerated path (`node:crypto`, `node:zlib`, worker threads) off or on, so that tests can hold
 * the portable path to the same results on the same machine. The file system is not an acceleration: it stays.
 */
export function setAccelerated(on: boolean): void {
  accelerated = on
}

/** Node's module of this name, or undefined where the runtime has none. */
export function builtin<Name extends keyof BuiltinModules>(name: Name): BuiltinModules[Name] | undefined {
  const host = (globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }).process
  return host?.getBuiltinModule?.(name) as BuiltinModules[Name] | undefined
}

/** A module that makes things faster, where there is one and it is not switched off. */
export function accelerator<Name extends 'node:crypto' | 'node:zlib' | 'node:worker_threads'>(
  name: Name,
): BuiltinModules[Name] | undefined {
  return accelerated ? builtin(name) : undefined
}

/**
 * A module without which the call cannot work.
 * @throws OciError `RUNTIME_UNSUPPORTED`, naming the purpose, where the runtime has none.
 */
export function requireBuiltin<Name extends keyof BuiltinModules>(
  name: Name,
  purpose: string,
): BuiltinModules[Name] {
  const module = builtin(name)
  if (module === undefined) {
    throw new OciError(
      'RUNTIME_UNSUPPORTED',
      `${purpose} needs ${name}, which this JavaScript runtime does not have: run it on Node, Deno or Bun`,
    )
  }
  return module
}

/** Milliseconds of work after which others of the process get their turn. */
const TURN = 50

/** When the turn at work began, by `performance.now`. */
let began: number | undefined
let ending: Promise<void> | undefined

/**
 * What to wait for where work has gone on for long, so that timers, signals and all else the process has to do come
 * first; undefined where it may go on. Small files are read by calls that block, which is what makes many of them fast:
 * by itself such work would never let anything else begin.
 */
export function endOfTurn(): Promise<void> | undefined {
  if (ending !== undefined) return ending
  const now = performance.now()
  began ??= now
  if (now - began < TURN) return undefined
  ending = new Promise((resolve) => {
    setTimeout(() => {
      began = performance.now()
      ending = undefined
      resolve()
    })
  })
  return ending
}

/**
 * The path that a path or a `file:` URL (also as a string) names.
 * @param what What should be there, for messages: `An archive`.
 * @throws OciError `ARGUMENT_INVALID` for a URL that names no file of this machine, `RUNTIME_UNSUPPORTED`
 */
export function filePath(source: string | URL, what: string): string {
  if (typeof source === 'string' && !source.startsWith('file:')) return source
  const { fileURLToPath } = requireBuiltin('node:url', 'Opening a file: URL')
  try {
    return fileURLToPath(new URL(source))
  } catch (cause) {
    throw new OciError(
      'ARGUMENT_INVALID',
      `${what}'s URL must be a file: URL of this machine, not ${JSON.stringify(String(source).slice(0, 512))} (${(cause as Error).message}); what is elsewhere is fetched first`,
      { cause },
    )
  }
}
