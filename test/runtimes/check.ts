/**
 * What the suite is made of: checks that know nothing of a test framework and import no `node:` module, so that the
 * same code runs on every runtime. What runs them hands on a {@link Report}, as JSON.
 */
import { isOciError } from '../../src/errors.ts'

/** What a runtime's driver brings. */
export interface Fixtures {
  /** `spec-fixtures/my-image` as a tar archive, made by a tool that is not the library. */
  readonly archive: Uint8Array
  readonly disk?: DiskFixtures | undefined
}

/** What a driver brings where there is a file system. */
export interface DiskFixtures {
  /** An empty directory, taken away by whoever made it. */
  readonly directory: string
  /** The path of `spec-fixtures/my-image`, and that of the same as a tar archive. */
  readonly layout: string
  readonly archive: string
  /** Runs the driver once more, in a process of its own, to tag so many references with a prefix. */
  readonly tagElsewhere: (layout: string, prefix: string, count: number) => Promise<void>
}

/** One check; what it throws is its failure. */
export interface Check {
  readonly name: string
  readonly run: (fixtures: Fixtures) => Promise<void>
}

/** What came of the checks. */
export interface Report {
  /** What the runtime calls itself, with its version. */
  readonly runtime: string
  readonly facts: Facts
  /** By name: null where the check passed, else what was wrong. */
  readonly results: Readonly<Record<string, string | null>>
}

/** What a runtime has: `docs/runtimes.md` says so, and the test holds it to that. */
export interface Facts {
  readonly getBuiltinModule: boolean
  readonly fileSystem: boolean
  readonly nativeGzip: boolean
  readonly nativeHash: boolean
  readonly zstdEncoder: boolean
}

/** Runs checks one after another; each failure is kept and the rest still runs. */
export async function runChecks(
  checks: readonly Check[],
  fixtures: Fixtures,
): Promise<Record<string, string | null>> {
  const results: Record<string, string | null> = {}
  for (const { name, run } of checks) {
    try {
      await run(fixtures)
      results[name] = null
    } catch (error) {
      results[name] = describe(error)
    }
  }
  return results
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return `threw ${String(error)}`
  const code = isOciError(error) ? ` ${error.code}` : ''
  return `${error.name}${code}: ${error.message}\n${error.stack ?? ''}`
}

/** Throws unless the two are the same: values, byte arrays, plain objects and arrays of these. */
export function same(actual: unknown, expected: unknown, what: string): void {
  const [is, should] = [show(actual), show(expected)]
  if (is !== should) throw new Error(`${what}: ${clip(is)}, but should be ${clip(should)}`)
}

function show(value: unknown): string {
  return JSON.stringify(value, (_, part) =>
    part instanceof Uint8Array
      ? `bytes ${part.length}: ${Array.from(part, (byte) => byte.toString(16).padStart(2, '0')).join('')}`
      : part === undefined
        ? 'undefined'
        : part,
  )
}

function clip(text: string): string {
  return text.length > 2000 ? `${text.slice(0, 2000)}… (${text.length} characters)` : text
}

/** The code of the `OciError` that a promise rejects with, or `none`; what else it rejects with is thrown on. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    if (isOciError(error)) return error.code
    throw error
  }
  return 'none'
}

/** What a promise rejects with. */
export async function reasonOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('it did not reject')
}
