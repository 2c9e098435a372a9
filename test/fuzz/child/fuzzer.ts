/**
 * The process that fuzzes: its main thread watches, a worker works. The worker lays each input into shared memory
 * before it runs it, so that one that never comes back, or takes all memory, is known.
 */
import '../coverage.ts'
import { readFileSync } from 'node:fs'
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import type { Orders, Progress, Told } from '../campaign.ts'
import { kinds } from '../kinds/index.ts'
import { SharedInput } from './shared-input.ts'
import { Work, type WorkerData } from './work.ts'

/** Seconds that an input may take unless told otherwise: on a busy machine some need two. */
const defaultPatience = 20

/** MiB of a worker's heap. */
const workerHeap = 384

function tell(told: Told): void {
  process.stdout.write(`${JSON.stringify(told)}\n`)
}

async function watch(orders: Orders): Promise<void> {
  const kind = kinds[orders.kind]
  if (kind === undefined) throw new Error(`There is no kind ${orders.kind}: ${Object.keys(kinds).join(', ')}`)
  const only = orders.input === undefined ? undefined : new Uint8Array(readFileSync(orders.input))
  const begun = performance.now()
  let before: Progress | undefined
  for (let attempt = 0; ; attempt++) {
    const done = before?.runs ?? 0
    const spent = (performance.now() - begun) / 1000
    const data: WorkerData = {
      orders: {
        ...orders,
        seed: orders.seed + attempt,
        runs: orders.runs - done,
        seconds: orders.seconds === undefined ? undefined : orders.seconds - spent,
      },
      shared: new SharedArrayBuffer(SharedInput.size(kind.maxLength)),
      only,
    }
    const { last, finished, lost } = await watchWorker(data, orders.patience ?? defaultPatience)
    const runs: number = done + (lost?.runs ?? last?.runs ?? 0)
    before = {
      corpus: 0,
      reached: 0,
      memory: 0,
      slowest: 0,
      slowestInput: '',
      ...before,
      ...last,
      runs,
      seconds: (performance.now() - begun) / 1000,
      peakMemory: process.resourceUsage().maxRSS * 1024,
    }
    if (lost !== undefined) tell({ type: 'failure', message: lost.message, input: lost.input })
    if (finished || only !== undefined || runs >= orders.runs || attempt >= 20) break
  }
  tell({ type: 'done', ...before! })
}

interface Watched {
  readonly last: Progress | undefined
  readonly finished: boolean
  /** The input that the worker did not come back from. */
  readonly lost?: { readonly message: string; readonly input: string; readonly runs: number } | undefined
}

function watchWorker(data: WorkerData, patience: number): Promise<Watched> {
  const shared = new SharedInput(data.shared)
  const worker = new Worker(new URL(import.meta.url), {
    workerData: data,
    resourceLimits: { maxOldGenerationSizeMb: workerHeap },
  })
  return new Promise((resolve) => {
    let last: Progress | undefined
    let finished = false
    let ended = false
    const end = (message?: string): void => {
      if (ended) return
      ended = true
      clearInterval(timer)
      const lost = message === undefined ? undefined : { message, input: shared.base64(), runs: shared.runs }
      worker.terminate().then(() => resolve({ last, finished, lost }))
    }
    let seen = -1
    // Looks, not time: where the whole machine stands still, as busy ones do for half a minute, it is not the input.
    // Nor is it counted before the first input: to load the library takes such a machine longer than any input.
    let looks = 0
    const timer = setInterval(() => {
      if (shared.turn !== seen) {
        seen = shared.turn
        looks = 0
      } else if (seen > 0 && ++looks > patience * 4) end(`The input takes more than ${patience} seconds`)
    }, 250)
    worker.on('message', (told: Told) => {
      if (ended) return
      if (told.type === 'failure') tell(told)
      else {
        last = told
        if (told.type === 'progress') tell({ ...told, peakMemory: process.resourceUsage().maxRSS * 1024 })
        else finished = true
      }
    })
    worker.on('error', (error: Error & { code?: string }) => {
      end(
        error.code === 'ERR_WORKER_OUT_OF_MEMORY'
          ? `The input takes all memory (${workerHeap} MiB)`
          : `The worker failed: ${error.stack ?? error}`,
      )
    })
    worker.on('exit', () => {
      // With nothing left that could happen, a worker ends although it waits.
      end(
        finished
          ? undefined
          : 'The input is waited for, but nothing is under way: a promise that never settles',
      )
    })
  })
}

if (isMainThread) await watch(JSON.parse(process.argv[2] ?? '') as Orders)
else await new Work(workerData as WorkerData).run()
