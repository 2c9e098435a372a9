/** Holding the results of two programs against each other. */

/** Gives a check that all results it is called with are the same text. */
export function agreement(what: string): (who: string, result: string) => void {
  let first: { who: string; result: string } | undefined
  return (who, result) => {
    first ??= { who, result }
    if (first.result !== result) {
      throw new Error(`${what}: ${first.who} and ${who} do not agree: ${difference(first.result, result)}`)
    }
  }
}

/** Fails where two values, which are written as JSON, differ. */
export function mustBe(what: string, actual: unknown, expected: unknown): void {
  const [a, b] = [JSON.stringify(actual, undefined, 1), JSON.stringify(expected, undefined, 1)]
  if (a !== b) throw new Error(`${what} is wrong: ${difference(a, b)}`)
}

function difference(a: string, b: string): string {
  const [left, right] = [new Set(a.split('\n')), new Set(b.split('\n'))]
  const only = (some: Set<string>, others: Set<string>) =>
    JSON.stringify([...some].filter((line) => !others.has(line)).slice(0, 5))
  return `only the one has ${only(left, right)}, only the other ${only(right, left)}`
}
