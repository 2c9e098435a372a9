/** Directories for large trees, on a memory file system where there is one, taken away when the test is over. */
import * as fs from 'node:fs'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { emptyDirectory } from '../../src/filesystem/unpack-claim.ts'

/** A new directory. */
export function largeScratch(): string {
  const directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'oci-ts-interop-'))
  onTestFinished(() => {
    emptyDirectory(fs, directory)
    rmSync(directory, { recursive: true, force: true })
  })
  return directory
}
