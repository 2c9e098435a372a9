/**
 * That memory stays flat: each in a process of its own, bundled. The bounds leave a third of room and more above what was
 * measured (97 and 197 MiB); what they guard against is far above them. bench/scale.ts has the figures.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const directory = mkdtempSync(join(tmpdir(), 'oci-ts-memory-'))
const bundle = join(directory, 'child.mjs')

beforeAll(async () => {
  const child = fileURLToPath(new URL('./child/peak-memory.ts', import.meta.url))
  await build({ entryPoints: [child], bundle: true, outfile: bundle, platform: 'node', format: 'esm' })
})
afterAll(() => rmSync(directory, { recursive: true }))

/** MiB that a task needs at its peak. */
function peakOf(task: string, count: number): number {
  return Number(execFileSync(process.execPath, [bundle, task, String(count)], { encoding: 'utf8' }))
}

// Only Linux tells a program's own peak apart from its parent's.
describe.skipIf(!existsSync('/proc/self/status'))('peak memory', () => {
  for (const task of ['scan', 'list']) {
    test(`${task} of a layer of 512 MiB: nothing of it is kept`, () => {
      expect(peakOf(task, 512 << 20)).toBeLessThan(150)
    })
  }

  test('flattening 100 000 files: what waits for its layer is kept as numbers', () => {
    expect(peakOf('flatten', 100_000)).toBeLessThan(260)
  })
})
