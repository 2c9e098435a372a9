/**
 * Runs the suite on Node, Deno or Bun and prints its report, the last line of the output.
 * Arguments: the archive, the layout, an empty directory. Or: `tag`, a layout, a prefix, a count.
 */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { encodeUtf8 } from '../../../src/bytes.ts'
import { DirectoryStore } from '../../../src/store/index.ts'
import { runSuite } from '../suite.ts'

const [first = '', second = '', third = '', fourth = ''] = process.argv.slice(2)

/** The runtime by its own name: each of them also poses as Node. */
function runtimeName(): string {
  const { deno, bun, node } = process.versions as Record<string, string | undefined>
  if (deno !== undefined) return `Deno ${deno}`
  return bun === undefined ? `Node ${node}` : `Bun ${bun}`
}

/** How this very script is started again. */
function again(args: readonly string[]): readonly string[] {
  const script = fileURLToPath(import.meta.url)
  return process.versions.deno === undefined ? [script, ...args] : ['run', '-A', script, ...args]
}

if (first === 'tag') {
  await using store = await DirectoryStore.open(second, { sync: false })
  for (let i = 0; i < Number(fourth); i++) {
    await store.tag(await store.put(encodeUtf8(`${third}-${i}`)), `${third}-${i}`)
  }
} else {
  const report = await runSuite(runtimeName(), {
    archive: new Uint8Array(readFileSync(first)),
    disk: {
      archive: first,
      layout: second,
      directory: third,
      async tagElsewhere(layout, prefix, count) {
        await promisify(execFile)(process.execPath, again(['tag', layout, prefix, String(count)]))
      },
    },
  })
  process.stdout.write(`\n${JSON.stringify(report)}\n`)
}
