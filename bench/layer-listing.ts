/**
 * Listing and merging at scale: a million entries, and one file of 3 GiB. Each runs in a process of its own, bundled,
 * since what is measured is the peak of its memory; times are of the processor, so that they can be compared on a
 * machine that has other things to do.
 *
 * Run: npx tsx bench/layer-listing.ts
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openFilesystem } from '../src/filesystem/index.ts'
import { Layer, writeLayer } from '../src/layer/index.ts'
import type { Descriptor } from '../src/spec/index.ts'
import { DirectoryStore } from '../src/store/index.ts'
import type { TarEntryInput } from '../src/tar/index.ts'

const ENTRIES = 1_000_000
const FILE_SIZE = 3 * 2 ** 30
const directory = join(tmpdir(), 'oci-ts-bench-layers')

interface Figures {
  readonly seconds: number
  readonly peakMiB: number
  readonly more: string
}

const [task, kind, blob] = process.argv.slice(2)
if (task === undefined) await main()
else process.stdout.write(JSON.stringify(await run(task, kind!, JSON.parse(blob!) as Descriptor)))

async function main(): Promise<void> {
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory)
  const { buildSync } = await import('esbuild')
  const bundle = join(directory, 'bench.mjs')
  const entryPoints = [fileURLToPath(import.meta.url)]
  buildSync({
    entryPoints,
    bundle: true,
    outfile: bundle,
    platform: 'node',
    format: 'esm',
    external: ['esbuild'],
  })
  try {
    const blobs: Record<string, string> = {}
    for (const kind of ['entries', 'file']) blobs[kind] = JSON.stringify(await makeLayer(kind))
    console.log('task                     cpu s   wall s   peak MiB')
    for (const [task, kind] of [
      ['nothing', 'entries'],
      ['scan', 'entries'],
      ['loop', 'entries'],
      ['merge', 'entries'],
      ['scan', 'file'],
      ['loop', 'file'],
    ] as const) {
      const before = performance.now()
      const args = ['--expose-gc', bundle, task, kind, blobs[kind]!]
      const answer = execFileSync(process.execPath, args, { encoding: 'utf8' })
      const { seconds, peakMiB, more } = JSON.parse(answer) as Figures
      const wall = (performance.now() - before) / 1000
      const columns = [
        seconds.toFixed(2).padStart(7),
        wall.toFixed(2).padStart(8),
        peakMiB.toFixed(0).padStart(10),
      ]
      console.log(`${`${task} ${kind}`.padEnd(22)} ${columns.join(' ')}  ${more}`)
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** A layer in a layout, of a million empty files in directories of a hundred, or of one large file. */
async function makeLayer(kind: string): Promise<Descriptor> {
  const store = await DirectoryStore.openOrCreate(join(directory, 'layout'))
  const { descriptor } = await writeLayer(store, kind === 'entries' ? manyEntries() : oneFile(), { level: 1 })
  return descriptor
}

function* manyEntries(): Generator<TarEntryInput> {
  for (let i = 0; i < ENTRIES; i++) {
    const group = Math.floor(i / 100)
    const path = `usr/lib/modules/${group % 100}/package-${group}/`
    yield i % 100 === 0
      ? { path, mode: 0o755, mtime: i }
      : { path: `${path}file-number-${i % 100}.js`, uid: 1000, gid: 1000, mtime: i }
  }
}

function* oneFile(): Generator<TarEntryInput> {
  const chunk = new Uint8Array(1 << 20).map((_, i) => (Math.imul(i, 2654435761) >>> 20) & 0x3f)
  async function* content(): AsyncGenerator<Uint8Array> {
    for (let written = 0; written < FILE_SIZE; written += chunk.length) yield chunk
  }
  yield { path: 'large', size: FILE_SIZE, content: content() }
}

async function run(task: string, kind: string, descriptor: Descriptor): Promise<Figures> {
  const store = await DirectoryStore.open(join(directory, 'layout'))
  const layer = new Layer(store, descriptor, { position: 0 })
  let entries = 0
  let more = ''
  const start = process.cpuUsage()
  if (task === 'scan') {
    entries = (await layer.scan({ entry() {} })).entries
  } else if (task === 'loop') {
    for await (const _ of layer.entries()) entries++
  } else if (task === 'merge') {
    global.gc!()
    const before = memory()
    const files = await openFilesystem([layer])
    entries = files.size
    // Twice: array buffers are given back a turn later.
    global.gc!()
    await new Promise((resolve) => setTimeout(resolve, 100))
    global.gc!()
    const held = (memory() - before) / files.size
    more = `, ${held.toFixed(0)} bytes a path held, ${(files.tree.byteLength / files.size).toFixed(0)} by its own count`
    await files.stat('/usr')
  }
  const { user, system } = process.cpuUsage(start)
  const seconds = (user + system) / 1e6
  const rate =
    kind === 'entries'
      ? `${((seconds * 1e6) / entries).toFixed(2)} us an entry`
      : `${(FILE_SIZE / 2 ** 20 / seconds).toFixed(0)} MiB/s`
  return {
    seconds,
    peakMiB: process.resourceUsage().maxRSS / 1024,
    more: task === 'nothing' ? '' : rate + more,
  }
}

function memory(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
