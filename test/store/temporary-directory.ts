/** Directories that live as long as a test. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A new empty directory; removed when the test has finished. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'oci-ts-test-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}
