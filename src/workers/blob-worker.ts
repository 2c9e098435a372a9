/** A worker thread, as the main thread has it: reads one blob at a time. */
import type { ByteSink } from '../bytes.ts'
import { isOciError, OciError } from '../errors.ts'
import { type LayerBytes, type LayerOptions, type LayerScan, readLayerBytes } from '../layer/index.ts'
import { accelerator } from '../runtime.ts'
import type { Descriptor } from '../spec/index.ts'
import { type BlobStore, blobFile } from '../store/index.ts'
import { type Job, type Outcome, type Reply, type Request, receiveError, sendError } from './messages.ts'

type Thread = import('node:worker_threads').Worker

/** Megabytes of V8's young generation: a worker makes little garbage, and each has one. */
const YOUNG_GENERATION = 4

/** The thread has ended, whatever it was at. */
function threadLost(cause?: Error): OciError {
  const why = cause === undefined ? '' : ` (${cause.message})`
  const message = `A worker thread ended while it was at work${why}: try again without workers`
  return new OciError('WORKER_LOST', message, { cause })
}

/**
 * One worker thread. Who starts it ends it by `close`.
 *
 * Everything is checked in the thread by the same calls as elsewhere. Where there are no threads, or this one cannot be
 * started (no permission, a bundle without its file), its methods say so by `undefined`, or do the work here.
 */
export class BlobWorker {
  readonly #thread: Thread | undefined
  /** Whether the thread has come up. */
  readonly #ready: Promise<boolean>
  #receive: ((reply: Reply) => void) | undefined
  #lost: ((error: Error) => void) | undefined
  #over = false

  constructor() {
    this.#thread = startThread()
    const thread = this.#thread
    if (thread === undefined) {
      this.#over = true
      this.#ready = Promise.resolve(false)
      return
    }
    this.#ready = new Promise((resolve) => {
      thread.on('message', (reply: Reply) => {
        if (reply.kind === 'ready') resolve(true)
        else this.#receive?.(reply)
      })
      thread.on('error', (error: Error) => {
        this.#over = true
        resolve(false)
        this.#lost?.(threadLost(error))
      })
      thread.on('exit', () => {
        this.#over = true
        resolve(false)
        this.#lost?.(threadLost())
      })
    })
  }

  /**
   * Reads all of a blob and holds it against its descriptor; undefined where this blob is nothing for the thread.
   * @throws OciError as `readBlob`
   */
  async verify(
    store: BlobStore,
    descriptor: Descriptor,
    options: LayerOptions = {},
  ): Promise<true | undefined> {
    const file = await this.#fileFor(store, descriptor)
    if (file === undefined) return undefined
    const job: Job = { task: 'verify', file, descriptor, options: {} }
    return (await this.#runUnlessLost(job, options))?.done && true
  }

  /**
   * Scans a layer, whose entries nobody wants to be told of; undefined where this blob is nothing for the thread.
   * @throws OciError as `scanLayer`
   */
  async scan(
    store: BlobStore,
    descriptor: Descriptor,
    options: LayerOptions = {},
  ): Promise<LayerScan | undefined> {
    const file = await this.#fileFor(store, descriptor)
    if (file === undefined) return undefined
    const { diffID, limits } = options
    const job: Job = { task: 'scan', file, descriptor, options: { diffID, limits } }
    return (await this.#runUnlessLost(job, options))?.outcome as LayerScan | undefined
  }

  /** `readLayerBytes`, with reading, hashes and decompression in the thread: what is left here is what the sink does. */
  readonly readLayerBytes: typeof readLayerBytes = async (store, descriptor, sink, options = {}) => {
    // Blocks are digested while they are read.
    const file = options.blocks === undefined ? await this.#fileFor(store, descriptor) : undefined
    if (file === undefined) return readLayerBytes(store, descriptor, sink, options)
    const { diffID, limits } = options
    const job: Job = { task: 'read', file, descriptor, options: { diffID, limits } }
    return this.#run(job, options, sink) as Promise<LayerBytes>
  }

  /** Ends the thread, whatever it is at. */
  async close(): Promise<void> {
    this.#over = true
    await this.#thread?.terminate()
  }

  async #fileFor(store: BlobStore, descriptor: Descriptor): Promise<string | undefined> {
    if (this.#over) return undefined
    const file = blobFile(store, descriptor)
    return file !== undefined && (await this.#ready) && !this.#over ? file : undefined
  }

  /** Undefined where the thread is lost over it (killed, out of memory): nothing has been given to anybody yet. */
  async #runUnlessLost(
    job: Job,
    options: LayerOptions,
  ): Promise<{ readonly done: true; readonly outcome: Outcome } | undefined> {
    try {
      return { done: true, outcome: await this.#run(job, options) }
    } catch (error) {
      if (isOciError(error, 'WORKER_LOST')) return undefined
      throw error
    }
  }

  #run(job: Job, { signal, onProgress }: LayerOptions, sink?: ByteSink): Promise<Outcome> {
    signal?.throwIfAborted()
    return new Promise<Outcome>((resolve, reject) => {
      /** What the sink failed with, or why it is to be given no more. */
      let refusal: { readonly reason: unknown } | undefined
      let taking: Promise<void> = Promise.resolve()
      /** Once the sink is at nothing any more: who gets the result may then take away what it writes to. */
      const settle = (how: () => void): void => {
        signal?.removeEventListener('abort', onAbort)
        this.#receive = undefined
        this.#lost = undefined
        void taking.then(how)
      }
      const onAbort = (): void => {
        refusal ??= { reason: signal?.reason }
        // The thread need not hear of it: what it is at would keep it busy.
        this.close().catch(() => {})
        settle(() => reject(signal?.reason))
      }
      const use = async (how: () => void | Promise<void>): Promise<void> => {
        if (refusal !== undefined) return
        try {
          const wait = how()
          if (wait !== undefined) await wait
        } catch (reason) {
          refusal ??= { reason }
          this.#send({ kind: 'refused', error: sendError(reason) })
        }
      }
      const take = async (buffer: ArrayBuffer, length: number): Promise<void> => {
        await use(() => sink?.write(new Uint8Array(buffer, 0, length)))
        if (refusal === undefined) this.#send({ kind: 'taken', buffer }, [buffer])
      }
      this.#lost = (error) => {
        settle(() => reject(refusal?.reason ?? error))
        refusal ??= { reason: error }
      }
      this.#receive = (reply) => {
        switch (reply.kind) {
          case 'progress':
            onProgress?.(reply.bytes)
            break
          case 'tar':
            taking = taking.then(() => take(reply.buffer, reply.length))
            break
          case 'end':
            taking = taking.then(() => use(() => sink?.end()))
            break
          // What the thread has sent is still being taken: that decides what the sink makes of it.
          case 'failed':
            settle(() => {
              const error = receiveError(reply.error)
              reject(refusal === undefined || comesFirst(error, refusal.reason) ? error : refusal.reason)
            })
            break
          case 'refused':
            settle(() => reject(refusal?.reason))
            break
          case 'done':
            settle(() => (refusal === undefined ? resolve(reply.outcome) : reject(refusal.reason)))
        }
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#send({ kind: 'job', job })
    })
  }

  #send(request: Request, transfer: ArrayBuffer[] = []): void {
    if (!this.#over) this.#thread?.postMessage(request, transfer)
  }
}

/**
 * Whether the thread's error is told instead of the sink's. The thread works ahead of the sink, so the sink has failed at
 * an earlier byte. As in `readLayerBytes`, a blob that is not what its digest says is the better reason for bad tar.
 */
function comesFirst(ofThread: Error, ofSink: unknown): boolean {
  const isDamage = (error: unknown) => isOciError(error) && /^(COMPRESSION|TAR)_/.test(error.code)
  if (!isDamage(ofSink) || !isOciError(ofThread)) return false
  return !isDamage(ofThread) && !['LIMIT_EXCEEDED', 'DIFF_ID_MISMATCH'].includes(ofThread.code)
}

/** Undefined where there are no threads. What fails only later is told by the thread itself. */
function startThread(): Thread | undefined {
  const threads = accelerator('node:worker_threads')
  if (threads === undefined) return undefined
  try {
    // The source is run as it is by Deno, Bun and newer Node. Not written as bundlers look for it: pages have no threads.
    // Undefined in bundles of CommonJS, where the next line throws.
    const here = import.meta.url
    const file = new URL(here.endsWith('.ts') ? './blob-worker-thread.ts' : './blob-worker-thread.js', here)
    return new threads.Worker(file, { resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION } })
  } catch {
    return undefined
  }
}
