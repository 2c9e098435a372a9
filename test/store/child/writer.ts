/**
 * Puts blobs and tags them in a layout, one line on stdout for each tag that is done.
 * Arguments: layout, prefix of the names, how many, sync (`true`, `false`), and optionally the call of the file
 * system, from 1, right before which the process kills itself.
 */
import fs from 'node:fs'
import { DirectoryStore, type ImageStore } from '../../../src/store/index.ts'

const [layout, prefix, count, sync, crash] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string?,
]

/** Makes the process end, as by `kill -9`, at a call of the file system that changes something. */
function crashAt(call: string): void {
  let calls = 0
  const table = fs as unknown as Record<string, (...args: unknown[]) => unknown>
  const names = ['openSync', 'symlinkSync', 'mkdirSync', 'renameSync', 'unlinkSync', 'rmSync', 'closeSync']
  for (const name of [...names, 'write', 'fsync', 'fdatasync', 'fchmodSync']) {
    const original = table[name] as (...args: unknown[]) => unknown
    table[name] = (...args) => {
      if (++calls === Number(call)) {
        process.kill(process.pid, 'SIGKILL')
        // The signal arrives when the system likes; nothing may happen until then.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
      }
      return original.apply(fs, args)
    }
  }
}

const store: ImageStore = await DirectoryStore.open(layout, { sync: sync === 'true' })
if (crash !== undefined) crashAt(crash)
for (let i = 0; i < Number(count); i++) {
  const name = `${prefix}-${i}`
  const content = new TextEncoder().encode(`${name} `.repeat(1 + ((i * 7919) % 20_000)))
  const descriptor = await store.put(content)
  await store.tag(descriptor, name)
  process.stdout.write(`${name} ${descriptor.digest} ${descriptor.size}\n`)
}
process.stdout.write('end\n')
