/** What a kind of input is to the fuzzer. */
import type { Random } from './random.ts'

/** One kind of input: where it begins, how it is changed, what must hold of it. */
export interface Kind {
  readonly name: string
  /** Bytes that an input may grow to. */
  readonly maxLength: number
  /** Bytes that the library may ask for at once while it works on one input, whatever that claims. */
  readonly maxAllocation: number
  /** Inputs to begin with. */
  seeds(): Promise<Uint8Array[]>
  /** A changed copy of an input; `other` is one more to take parts from. */
  mutate(random: Random, input: Uint8Array, other: Uint8Array): Uint8Array
  /**
   * Works on an input and throws where something does not hold. All that is chosen on the way comes from `random`,
   * which follows from the input.
   */
  run(input: Uint8Array, random: Random): void | Promise<void>
}

/** Something that must hold did not. */
export class Violation extends Error {
  override readonly name = 'Violation'
}

/** Fails unless it is so. */
export function holds(condition: boolean, message: string, detail?: () => unknown): asserts condition {
  if (condition) return
  throw new Violation(detail === undefined ? message : `${message}: ${shown(detail())}`)
}

function shown(value: unknown): string {
  const text =
    JSON.stringify(value, (_, part) =>
      part instanceof Map
        ? [...part]
        : part instanceof Uint8Array
          ? `bytes ${Buffer.from(part).toString('hex')}`
          : part,
    ) ?? String(value)
  return text.length > 1500 ? `${text.slice(0, 1500)}…` : text
}
