/** Doing many things a few at a time. */
import { OciError } from '../errors.ts'
import { endOfTurn } from '../runtime.ts'

/**
 * How many things may be under way at once, as the option `concurrency` says it.
 * @throws OciError `ARGUMENT_INVALID`
 */
export function atOnce(concurrency: number | undefined, absent: number): number {
  const number = concurrency ?? absent
  // Beyond this nothing is gained, and all of it would be prepared for.
  if (Number.isSafeInteger(number) && number >= 1) return Math.min(number, 1024)
  throw new OciError('ARGUMENT_INVALID', `The concurrency is a whole number from 1 up, not ${number}`)
}

/**
 * Runs a task for each item, at most `limit` at once, starting them in order. The first failure aborts the signal
 * that every task is given; it is thrown when all that were under way have ended, so that nothing goes on
 * behind the caller's back.
 *
 * @param limit 1 or more
 * @param task Its `lane` is below the limit; no two tasks of one lane run at the same time.
 */
export async function forEachConcurrent<T>(
  items: Iterable<T>,
  limit: number,
  signal: AbortSignal | undefined,
  task: (item: T, signal: AbortSignal, lane: number) => Promise<void>,
): Promise<void> {
  const failed = new AbortController()
  const either = signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal])
  const iterator = items[Symbol.iterator]()
  let failure: { readonly error: unknown } | undefined
  const work = async (_: unknown, lane: number): Promise<void> => {
    try {
      while (failure === undefined) {
        const { done, value } = iterator.next()
        if (done) return
        const turn = endOfTurn()
        if (turn !== undefined) await turn
        either.throwIfAborted()
        await task(value, either, lane)
      }
    } catch (error) {
      failure ??= { error }
      failed.abort(error)
    }
  }
  await Promise.all(Array.from({ length: Math.max(1, limit) }, work))
  if (failure !== undefined) throw (failure as { error: unknown }).error
}
