/**
 * Worker threads in tests. Node 20 runs no TypeScript in a thread: the thread's file is bundled, and the `Worker` that
 * the library asks Node for starts the bundle.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import threads, { Worker, type WorkerOptions } from 'node:worker_threads'
import { build } from 'esbuild'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'

/** What is known of the threads of a test. */
export interface Threads {
  /** Those that were started, in order. */
  readonly started: Worker[]
  /** Names of the files that the library wanted to start. */
  readonly asked: string[]
  /** What is started instead of the thread's file. */
  file: URL | undefined
}

/** Makes threads start, from here to the end of the file's tests. */
export function useThreads(): Threads {
  const known: Threads = { started: [], asked: [], file: undefined }
  let directory: string
  let bundled: URL
  class BundledWorker extends Worker {
    constructor(file: URL, options: WorkerOptions) {
      super(known.file ?? bundled, options)
      known.asked.push(file.pathname.replace(/^.*\//, ''))
      known.started.push(this)
    }
  }
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'oci-ts-thread-'))
    const outfile = join(directory, 'thread.mjs')
    await build({
      entryPoints: [fileURLToPath(new URL('../../src/workers/blob-worker-thread.ts', import.meta.url))],
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile,
      logLevel: 'silent',
    })
    bundled = pathToFileURL(outfile)
    threads.Worker = BundledWorker as unknown as typeof Worker
  })
  beforeEach(() => {
    known.started.length = 0
    known.asked.length = 0
    known.file = undefined
  })
  afterEach(async () => {
    await Promise.all(known.started.map((thread) => thread.terminate()))
  })
  afterAll(() => {
    threads.Worker = Worker
    rmSync(directory, { recursive: true, force: true })
  })
  return known
}
