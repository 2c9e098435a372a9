/** Where the cases that others wrote are, beside a checkout; tests that need them skip, saying so, elsewhere. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'vitest'

const beside = fileURLToPath(new URL('../../shared/cases', import.meta.url))

/** The directory of the cases, or undefined where it is absent. */
export const casesDirectory: string | undefined = existsSync(beside) ? beside : undefined

/** A test that needs the cases: it is given their directory, and skips with a reason where they are absent. */
export function caseTest(
  name: string,
  run: (directory: string) => void | Promise<void>,
  timeout?: number,
): void {
  if (casesDirectory === undefined) test.skip(`${name} (skipped: ../shared/cases is absent)`, () => {})
  else test(name, () => run(casesDirectory), timeout)
}
