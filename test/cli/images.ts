/** Layouts for the command's tests, each in a directory of its own that goes when the test is over. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

/** The images that come with the project. */
export const fixtures: string = fileURLToPath(new URL('../../spec-fixtures/', import.meta.url))

/** An empty directory. */
export function emptyDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'oci-ts-cli-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** A copy of `spec-fixtures/my-image` in an empty directory, for changing. */
export function myImage(): string {
  const layout = join(emptyDirectory(), 'my-image')
  cpSync(join(fixtures, 'my-image'), layout, { recursive: true })
  return layout
}
