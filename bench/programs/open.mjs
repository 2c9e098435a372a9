/** What the programs of the bench begin with: an image of the layout that is their first argument. */
import { readLayout } from '../../dist/index.js'

/** Opens the image with the tag `bench`, or the only one. */
export async function openBenchImage(path) {
  const layout = await readLayout(path)
  return layout.image('bench')
}

/** Calls `work` with each value, two at a time: while one waits for the thread pool the other goes on. */
export async function twoAtATime(values, work) {
  const rest = values[Symbol.iterator]()
  const lane = async () => {
    for (const value of rest) await work(value)
  }
  await Promise.all([lane(), lane()])
}

/** The largest first, so that none of them is left to the end alone. */
export function largestFirst(values, size) {
  return [...values].sort((a, b) => size(b) - size(a))
}
