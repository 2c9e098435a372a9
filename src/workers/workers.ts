/** How many worker threads help, and for how long they are there. */
import { OciError } from '../errors.ts'
import { accelerator, builtin } from '../runtime.ts'
import { BlobWorker } from './blob-worker.ts'

/**
 * Worker threads that take a part of the work: so many, as many as pay (`auto`), or none (`false`). They are there
 * only where there is `node:worker_threads`, and for blobs that are files of an image layout.
 */
export type WorkersOption = number | 'auto' | false

/** What there is to do. */
export interface WorkAhead {
  /** Blobs that threads can work on at the same time: none where a store has no files of them (`hasBlobFiles`). */
  readonly blobs: number
  /** Bytes of all of them, as stored. */
  readonly bytes: number
}

/** Below this starting a thread (30 ms and 15 MB) costs more than it gives. */
const LEAST_BYTES = 50e6

/** More threads than this wait for the disk and for memory. */
const MOST = 3

/**
 * Starts worker threads. Who does so ends each by `close`.
 * @param option none where it is absent
 * @throws OciError `ARGUMENT_INVALID` for an option that is none
 */
export function startWorkers(option: WorkersOption | undefined, { blobs, bytes }: WorkAhead): BlobWorker[] {
  if (typeof option === 'number' && !(Number.isSafeInteger(option) && option >= 0)) {
    throw new OciError('ARGUMENT_INVALID', `Workers are a whole number of threads, not ${option}`)
  }
  if (option === undefined || option === false || accelerator('node:worker_threads') === undefined) return []
  // The main thread is one of those that work.
  const idle = (builtin('node:os')?.availableParallelism?.() ?? 1) - 1
  const wanted = option === 'auto' ? (bytes < LEAST_BYTES ? 0 : Math.min(idle, MOST)) : option
  return Array.from({ length: Math.max(0, Math.min(wanted, blobs)) }, () => new BlobWorker())
}
