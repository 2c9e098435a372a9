/** The loop: take an input, change it, run it, keep it if it reached something new. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { parentPort } from 'node:worker_threads'
import type { Orders, Progress, Told } from '../campaign.ts'
import { Coverage } from '../coverage.ts'
import type { Kind } from '../kind.ts'
import { Violation } from '../kind.ts'
import { kinds } from '../kinds/index.ts'
import { hashOf, Random } from '../random.ts'
import { SharedInput } from './shared-input.ts'

/** What a worker is given. */
export interface WorkerData {
  readonly orders: Orders
  readonly shared: SharedArrayBuffer
  /** The one input to run. */
  readonly only?: Uint8Array | undefined
}

/** Inputs kept, at the most: beyond it a new one takes the place of an old one. */
const maxCorpus = 20_000

/** Different failures told, at the most. */
const maxFailures = 20

/** How often memory is looked at: milliseconds. */
const memoryInterval = 5_000

/** What may stay behind for each input before it is a leak, in bytes: nothing should, but samples differ. */
const leakPerRun = 64
const leakAllowance = 24 << 20

/** How much more memory the process may take for a single input than it ever had, in bytes. */
const jumpAllowance = 256 << 20

/** Runs and tries to make a failing input smaller. */
const shrinkTries = 400
const shrinkMilliseconds = 4_000

/** Calls that an error names while nothing is told of it: most inputs end in an error, and naming ten takes half of the time. */
const shortTrace = 2

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** One worker's work. */
export class Work {
  readonly #orders: Orders
  readonly #only: Uint8Array | undefined
  readonly #shared: SharedInput
  readonly #kind: Kind
  readonly #coverage: Coverage
  readonly #random: Random
  readonly #corpus: Uint8Array[] = []
  #corpusBytes = 0
  readonly #failures = new Set<string>()
  readonly #begun = performance.now()
  #runs = 0
  #slowest = 0
  #slowestInput: Uint8Array = new Uint8Array(0)
  #peak = 0
  #memory = 0
  #baseline: { readonly runs: number; readonly memory: number } | undefined
  #unhandled: unknown

  constructor({ orders, shared, only }: WorkerData) {
    this.#orders = orders
    this.#only = only
    this.#shared = new SharedInput(shared)
    this.#kind = kinds[orders.kind]!
    this.#coverage = new Coverage(orders.points)
    this.#random = new Random(orders.seed)
    process.on('unhandledRejection', (reason) => {
      this.#unhandled = new Violation('A promise was rejected that nobody waits for', { cause: reason })
    })
  }

  async run(): Promise<void> {
    Error.stackTraceLimit = this.#only === undefined ? shortTrace : 30
    if (this.#only !== undefined) await this.#repeat(this.#only)
    else {
      const seeds = await this.#kind.seeds()
      for (const seed of seeds) {
        this.#shared.live()
        if (this.#isOver()) break
        if (seed.length <= this.#kind.maxLength) await this.#take(seed)
      }
      await this.#explore(seeds)
    }
    this.#tell({ type: 'done', ...this.#progress() })
  }

  /** The one input, as often as there are runs: what stays behind shows after many. */
  async #repeat(input: Uint8Array): Promise<void> {
    while (!this.#isOver()) {
      await this.#take(input)
      await this.#turn()
      if (this.#unhandled !== undefined) await this.#fail(input, this.#unhandled, false)
      if (this.#runs === 1) await this.#lookAtMemory()
    }
    await this.#lookAtMemory()
  }

  /** A turn of the event loop: a rejection that nobody waits for is told of by then. */
  #turn(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve))
  }

  async #explore(seeds: readonly Uint8Array[]): Promise<void> {
    const random = this.#random
    let nextLook = performance.now() + memoryInterval
    let nextWord = performance.now() + 30_000
    while (!this.#isOver()) {
      const from = this.#corpus.length === 0 ? seeds : this.#corpus
      // The younger ones reached what was hard to reach, the shorter ones are run sooner.
      const one =
        from[
          random.oneIn(3)
            ? from.length - 1 - random.below(Math.ceil(from.length / 8))
            : random.below(from.length)
        ]!
      const two = random.pick(from)
      const [input, other] = two.length < one.length && random.oneIn(2) ? [two, one] : [one, two]
      let changed = this.#kind.mutate(random, input, other)
      if (changed.length > this.#kind.maxLength) changed = changed.subarray(0, this.#kind.maxLength)
      await this.#take(changed)
      if (this.#runs % 128 === 0) {
        await this.#turn()
        const now = performance.now()
        if (now > nextLook) {
          await this.#lookAtMemory()
          nextLook = performance.now() + memoryInterval
        }
        if (now > nextWord) {
          this.#tell({ type: 'progress', ...this.#progress() })
          nextWord = now + 30_000
        }
      }
    }
    await this.#lookAtMemory()
  }

  #isOver(): boolean {
    const { runs, seconds } = this.#orders
    return this.#runs >= runs || (seconds !== undefined && performance.now() - this.#begun > seconds * 1000)
  }

  async #take(input: Uint8Array): Promise<void> {
    this.#runs++
    const peak = this.#peak
    this.#coverage.reset()
    const begun = performance.now()
    const failure = await this.#failureOf(input)
    const took = performance.now() - begun
    if (took > this.#slowest) await this.#time(input)
    if (this.#runs % 16 === 0 || took > 50) {
      this.#peak = process.resourceUsage().maxRSS * 1024
      if (peak > 0 && this.#peak - peak > jumpAllowance) {
        await this.#fail(input, new Violation('The process took more than 256 MiB at once'), false)
      }
    }
    if (failure !== undefined) await this.#fail(input, failure, true)
    else if (this.#coverage.isNew()) this.#keep(input)
  }

  /** Runs an input that seemed slow once more and counts the processor's time: others may have had the machine. */
  async #time(input: Uint8Array): Promise<void> {
    // Counted anew, so that what is kept does not depend on what was slow.
    this.#coverage.reset()
    const before = process.cpuUsage()
    await this.#failureOf(input)
    const { user, system } = process.cpuUsage(before)
    const took = (user + system) / 1000
    if (took <= this.#slowest) return
    this.#slowest = took
    this.#slowestInput = input.slice()
  }

  /** What does not hold of an input, if anything. */
  async #failureOf(input: Uint8Array): Promise<unknown> {
    this.#shared.begin(input)
    try {
      // A copy, so that whatever the library does to it shows nowhere else.
      const wait = this.#kind.run(input.slice(), new Random(hashOf(input)))
      if (wait !== undefined) await wait
      const { largestAllocation } = this.#coverage
      if (largestAllocation > this.#kind.maxAllocation) {
        throw new Violation(
          `An array of more than ${this.#kind.maxAllocation} bytes was made (${largestAllocation})`,
        )
      }
      if (this.#unhandled !== undefined) throw this.#unhandled
    } catch (error) {
      this.#unhandled = undefined
      return error ?? new Violation('Nothing was thrown')
    }
    return undefined
  }

  #keep(input: Uint8Array): void {
    const kept = input.slice()
    if (this.#corpus.length < maxCorpus) this.#corpus.push(kept)
    else {
      const place = this.#random.below(maxCorpus)
      this.#corpusBytes -= this.#corpus[place]!.length
      this.#corpus[place] = kept
    }
    this.#corpusBytes += kept.length
  }

  async #fail(input: Uint8Array, error: unknown, shrink: boolean): Promise<void> {
    const signature = signatureOf(error)
    if (this.#failures.has(signature) || this.#failures.size >= maxFailures) return
    this.#failures.add(signature)
    const smaller = shrink && this.#only === undefined ? await this.#shrink(input, signature) : input
    Error.stackTraceLimit = 30
    const last = (shrink ? await this.#failureOf(smaller) : undefined) ?? error
    Error.stackTraceLimit = shortTrace
    this.#tell({ type: 'failure', message: described(last), input: Buffer.from(smaller).toString('base64') })
  }

  /** Takes parts away as long as the failure stays the same. */
  async #shrink(input: Uint8Array, signature: string): Promise<Uint8Array> {
    const until = performance.now() + shrinkMilliseconds
    let smallest = input
    let tries = 0
    for (let size = input.length >> 1; size >= 1; size >>= 1) {
      for (let at = 0; at + size <= smallest.length; ) {
        if (tries++ >= shrinkTries || performance.now() > until) return smallest
        const shorter = new Uint8Array(smallest.length - size)
        shorter.set(smallest.subarray(0, at))
        shorter.set(smallest.subarray(at + size), at)
        const failure = await this.#failureOf(shorter)
        if (failure !== undefined && signatureOf(failure) === signature) smallest = shorter
        else at += size
      }
    }
    return smallest
  }

  /** Fails where what is in use grows with the number of inputs, or the process is too large. */
  async #lookAtMemory(): Promise<void> {
    this.#shared.live()
    // Twice: what has a finalizer goes with the second.
    collectGarbage()
    await this.#turn()
    collectGarbage()
    const { heapUsed, external } = process.memoryUsage()
    this.#memory = heapUsed + external - this.#corpusBytes
    this.#baseline ??= { runs: this.#runs, memory: this.#memory }
    const grown = this.#memory - this.#baseline.memory
    if (grown > leakAllowance + leakPerRun * (this.#runs - this.#baseline.runs)) {
      const message = `Memory in use grows: ${grown} bytes more after ${this.#runs - this.#baseline.runs} inputs`
      await this.#fail(new Uint8Array(0), new Violation(message), false)
    }
    this.#shared.live()
  }

  #progress(): Progress {
    return {
      runs: this.#runs,
      seconds: (performance.now() - this.#begun) / 1000,
      corpus: this.#corpus.length,
      reached: this.#coverage.reached,
      peakMemory: process.resourceUsage().maxRSS * 1024,
      memory: this.#memory,
      slowest: Math.round(this.#slowest),
      slowestInput: Buffer.from(this.#slowestInput).toString('base64'),
    }
  }

  #tell(told: Told): void {
    parentPort!.postMessage(told)
  }
}

/** What failures of one cause have in common: message and place without what differs from input to input. */
function signatureOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const message = error.message
    .split(':')[0]!
    .replace(/[0-9a-f]{8,}|\d+|"[^"]*"/g, '#')
    .slice(0, 200)
  const place = error instanceof Violation ? '' : (/\n\s+at (\S+)/.exec(error.stack ?? '')?.[1] ?? '')
  return `${error.name} ${message} ${place}`
}

function described(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? '' : `\ncaused by ${described(error.cause)}`
  return `${error.stack ?? error}${cause}`
}
