/**
 * The suite that every runtime passes: written once, free of any test framework and of `node:` imports. Drivers in
 * `child/` run it and print the report; `runtimes.test.ts` starts them.
 */
import { builtin } from '../../src/runtime.ts'
import { abortChecks } from './abort-checks.ts'
import { type Check, type Facts, type Fixtures, type Report, runChecks } from './check.ts'
import { decoderChecks, hasZstdEncoder } from './decoder-checks.ts'
import { diskChecks } from './disk-checks.ts'
import { imageChecks } from './image-checks.ts'
import { layerChecks } from './layer-checks.ts'

/** What holds on every runtime. */
export const portableChecks: readonly Check[] = [
  ...decoderChecks,
  ...layerChecks,
  ...imageChecks,
  ...abortChecks,
]

/** What holds where there is a file system. */
export { diskChecks }

/** Runs all that the fixtures allow. */
export async function runSuite(runtime: string, fixtures: Fixtures): Promise<Report> {
  const checks = fixtures.disk === undefined ? portableChecks : [...portableChecks, ...diskChecks]
  return { runtime, facts: await facts(), results: await runChecks(checks, fixtures) }
}

async function facts(): Promise<Facts> {
  const host = (globalThis as { process?: { getBuiltinModule?: unknown } }).process
  return {
    getBuiltinModule: typeof host?.getBuiltinModule === 'function',
    fileSystem: builtin('node:fs') !== undefined,
    nativeGzip: builtin('node:zlib') !== undefined,
    nativeHash: builtin('node:crypto') !== undefined,
    zstdEncoder: await hasZstdEncoder(),
  }
}
