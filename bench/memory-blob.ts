/**
 * How much memory it takes to put, verify and copy one large blob: it must not grow with the blob.
 *
 * npx esbuild bench/memory-blob.ts --bundle --platform=node --format=esm --outfile=.cache/memory-blob.mjs
 * node .cache/memory-blob.mjs [MiB, 2048 by default] [directory, that for temporary files by default]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DirectoryStore, readBlob } from '../src/store/index.ts'

const mebibytes = Number(process.argv[2] ?? 2048)
const directory = mkdtempSync(join(process.argv[3] ?? tmpdir(), 'oci-ts-bench-'))

/** Content that is made as it is read, in one buffer, and differs from one MiB to the next. */
async function* generated(): AsyncGenerator<Uint8Array> {
  const chunk = new Uint8Array(1 << 20).map((_, i) => (Math.imul(i, 2654435761) >>> 13) & 255)
  const counter = new DataView(chunk.buffer)
  for (let i = 0; i < mebibytes; i++) {
    counter.setUint32(0, i)
    yield chunk
  }
}

function peak(): string {
  return (process.resourceUsage().maxRSS / 1024).toFixed(0)
}

function report(step: string, started: number): void {
  const seconds = (performance.now() - started) / 1000
  console.log(
    `${step.padEnd(8)} ${seconds.toFixed(1).padStart(6)} s ${(mebibytes / seconds).toFixed(0).padStart(6)} MiB/s   peak RSS so far ${peak()} MiB`,
  )
}

try {
  const from = await DirectoryStore.create(join(directory, 'from'))
  console.log(`start: peak RSS ${peak()} MiB`)
  let started = performance.now()
  const descriptor = await from.put(generated())
  report('put', started)
  started = performance.now()
  for await (const _ of await readBlob(from, descriptor));
  report('verify', started)
  const to = await DirectoryStore.create(join(directory, 'to'))
  started = performance.now()
  await to.put(() => readBlob(from, descriptor), descriptor)
  report('copy', started)
} finally {
  rmSync(directory, { recursive: true, force: true })
}
