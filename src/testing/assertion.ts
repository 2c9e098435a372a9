/** Assertions of the contract suites: their own, so that any test runner serves. */
import { equalBytes } from '../bytes.ts'
import type { OciErrorCode } from '../errors.ts'
import { OciError } from '../errors.ts'

/** A store does not keep its contract. */
export class ContractViolation extends Error {
  override readonly name: string = 'ContractViolation'
}

/** Fails unless a condition holds. */
export function assert(condition: unknown, problem: string): asserts condition {
  if (!condition) throw new ContractViolation(problem)
}

/** Fails unless two plain values are the same by their members, undefined ones left out. */
export function assertSame(actual: unknown, expected: unknown, what: string): void {
  const [found, wanted] = [canonical(actual), canonical(expected)]
  assert(found === wanted, `${what} must be ${wanted}, not ${found}`)
}

/** Fails unless two arrays hold the same bytes. */
export function assertBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  assert(
    actual.length === expected.length,
    `${what} must have ${expected.length} bytes, not ${actual.length}`,
  )
  assert(equalBytes(actual, expected), `${what} has other bytes than it must have`)
}

/** Fails unless a promise rejects with an OciError of a code; gives that error. */
export async function assertRejects(
  promise: Promise<unknown>,
  code: OciErrorCode,
  what: string,
): Promise<OciError> {
  const error = await rejection(promise, what)
  assert(error instanceof OciError, `${what} must reject with an OciError, not ${String(error)}`)
  assert(error.code === code, `${what} must reject with ${code}, not ${error.code}: ${error.message}`)
  return error
}

/** Fails unless a promise rejects with this very value. */
export async function assertRejectsWith(
  promise: Promise<unknown>,
  reason: unknown,
  what: string,
): Promise<void> {
  const error = await rejection(promise, what)
  assert(error === reason, `${what} must reject with ${String(reason)}, not ${String(error)}`)
}

async function rejection(promise: Promise<unknown>, what: string): Promise<unknown> {
  let value: unknown
  try {
    value = await promise
  } catch (error) {
    return error
  }
  throw new ContractViolation(`${what} must reject, but gave ${String(value)}`)
}

function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_, member: unknown) =>
      typeof member === 'object' && member !== null && !Array.isArray(member)
        ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
        : member,
    ) ?? 'undefined'
  )
}
