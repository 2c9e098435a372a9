/** What the library says to an input: a result, or an `OciError`. Anything else that it throws goes on. */
import { OciError, type OciErrorCode } from '../../src/errors.ts'
import { holds } from './kind.ts'

/** A result or the error. */
export type Verdict<T> =
  | { readonly value: T; readonly error?: undefined }
  | { readonly error: OciError; readonly value?: undefined }

function judged(error: unknown): { readonly error: OciError } {
  if (!(error instanceof OciError)) throw error
  holds(/^[A-Z_]+$/.test(error.code), 'An OciError has no code')
  holds(error.message.length < 20_000, "An error's message is endless", () => error.message)
  return { error }
}

/** Calls what answers at once. */
export function verdictOf<T>(call: () => T): Verdict<T> {
  try {
    return { value: call() }
  } catch (error) {
    return judged(error)
  }
}

/** Calls what answers later. */
export async function verdictLater<T>(call: () => T | Promise<T>): Promise<Verdict<T>> {
  try {
    return { value: await call() }
  } catch (error) {
    return judged(error)
  }
}

/** Fails where an error has none of the codes that the call's documentation names. */
export function onlyCodes(verdict: Verdict<unknown>, what: string, codes: readonly OciErrorCode[]): void {
  const { error } = verdict
  if (error !== undefined)
    holds(codes.includes(error.code), `${what} fails with ${error.code}`, () => error.message)
}

/** All of a value as a text, which compares a hundred times faster than objects do. The order of maps says nothing. */
export function textOf(value: unknown): string {
  return JSON.stringify(value, (_, part) =>
    part instanceof Map
      ? [...part].sort(([a], [b]) => (a < b ? -1 : 1))
      : part instanceof Uint8Array
        ? Buffer.from(part).toString('latin1')
        : part,
  )
}

/** Fails unless two verdicts are one: the same result, or the same code, place and words. */
export function sameVerdict(one: Verdict<unknown>, two: Verdict<unknown>, what: string): void {
  const [first, second] =
    one.error !== undefined || two.error !== undefined
      ? [one.error, two.error].map((error) => error && `${error.code} ${error.offset} ${error.message}`)
      : [textOf(one.value), textOf(two.value)]
  holds(first === second, what, () => [first, second])
}
