/**
 * What runs in a worker thread: reads one blob after the other by the same calls as the main thread would, and tells
 * what came of it. Started by `BlobWorker`.
 */
import { type ByteSink, CHUNK_SIZE, giveBack } from '../bytes.ts'
import { OciError } from '../errors.ts'
import { readLayerBytes, scanLayer } from '../layer/index.ts'
import { requireBuiltin } from '../runtime.ts'
import { BlobFile, readBlobChunks } from '../store/index.ts'
import type { Job, Outcome, Reply, Request } from './messages.ts'
import { receiveError, sendError } from './messages.ts'

/** Buffers of tar on their way to the main thread and back. */
const BUFFERS = 4

const { parentPort: port } = requireBuiltin('node:worker_threads', 'A worker')

function reply(message: Reply, transfer: ArrayBuffer[] = []): void {
  port?.postMessage(message, transfer)
}

/** The tar of the job at work. */
let tar: TarSender | undefined

/** Gathers tar in buffers that go to the main thread and come back from it. */
class TarSender implements ByteSink {
  readonly #spare: ArrayBuffer[] = []
  #made = 0
  #filling: Uint8Array | undefined
  #filled = 0
  #refusal: OciError | undefined
  #wake: (() => void) | undefined

  /** Whether it is the main thread's failure that a job ended with. */
  refusedWith(error: unknown): boolean {
    return this.#refusal !== undefined && error === this.#refusal
  }

  write(chunk: Uint8Array): void | Promise<void> {
    const taken = this.#take(chunk, 0)
    return taken === chunk.length ? undefined : this.#takeRest(chunk, taken)
  }

  end(): void {
    this.#send()
    reply({ kind: 'end' })
  }

  giveBack(buffer: ArrayBuffer): void {
    this.#spare.push(buffer)
    this.#goOn()
  }

  refuse(error: OciError): void {
    this.#refusal = error
    this.#goOn()
  }

  /** Takes as much as there are buffers for. */
  #take(chunk: Uint8Array, from: number): number {
    if (this.#refusal !== undefined) throw this.#refusal
    let at = from
    while (at < chunk.length) {
      if (this.#filling === undefined) {
        const buffer = this.#spare.pop() ?? (this.#made++ < BUFFERS ? new ArrayBuffer(CHUNK_SIZE) : undefined)
        if (buffer === undefined) return at
        this.#filling = new Uint8Array(buffer)
        this.#filled = 0
      }
      const part = chunk.subarray(at, at + this.#filling.length - this.#filled)
      this.#filling.set(part, this.#filled)
      this.#filled += part.length
      at += part.length
      if (this.#filled === this.#filling.length) this.#send()
    }
    return at
  }

  async #takeRest(chunk: Uint8Array, from: number): Promise<void> {
    for (let taken = from; taken < chunk.length; taken = this.#take(chunk, taken)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  #goOn(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  #send(): void {
    if (this.#filling === undefined) return
    const buffer = this.#filling.buffer as ArrayBuffer
    this.#filling = undefined
    reply({ kind: 'tar', buffer, length: this.#filled }, [buffer])
  }
}

async function run({ task, file, descriptor, options }: Job): Promise<Outcome> {
  const store = new BlobFile(file)
  const onProgress = (bytes: number): void => reply({ kind: 'progress', bytes })
  if (task === 'verify') {
    const chunks = await readBlobChunks(store, descriptor, { onProgress })
    for await (const chunk of chunks) chunks[giveBack]?.(chunk)
    return undefined
  }
  if (task === 'scan') return scanLayer(store, descriptor, { entry() {} }, { ...options, onProgress })
  tar = new TarSender()
  return readLayerBytes(store, descriptor, tar, { ...options, onProgress })
}

port?.on('message', (request: Request) => {
  if (request.kind === 'taken') tar?.giveBack(request.buffer)
  else if (request.kind === 'refused') {
    const error = receiveError(request.error)
    tar?.refuse(error instanceof OciError ? error : new OciError('ARGUMENT_INVALID', error.message))
  } else {
    tar = undefined
    run(request.job).then(
      (outcome) => reply({ kind: 'done', outcome }),
      (error) =>
        reply(tar?.refusedWith(error) ? { kind: 'refused' } : { kind: 'failed', error: sendError(error) }),
    )
  }
})
reply({ kind: 'ready' })
