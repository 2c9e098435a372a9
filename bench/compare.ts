/** Running the sides of a task in turns. */
import { type Figures, measure } from './measure.ts'
import type { Comparison, Side } from './task.ts'

/** What each side took, run by run: `peers[i]` is of the peer of that place. */
export interface Measured {
  readonly ours: readonly Figures[]
  readonly peers: readonly (readonly Figures[])[]
  /** What the check of each side had to say, ours first. */
  readonly notes: readonly (string | undefined)[]
}

/** Runs each side once and checks its result, then all in turns, so that what else the machine does meets all alike. */
export function compare({ ours, peers }: Comparison, runs: number): Measured {
  const sides: readonly Side[] = [ours, ...peers]
  const notes = sides.map((side) => side.check(runOnce(side).stdout))
  const figures: Figures[][] = sides.map(() => [])
  for (let run = 0; run < runs; run++) {
    for (const [i, side] of sides.entries()) {
      const { wall, cpu, peakMiB } = runOnce(side)
      figures[i]!.push({ wall, cpu, peakMiB })
    }
  }
  return { ours: figures[0]!, peers: figures.slice(1), notes }
}

function runOnce(side: Side) {
  side.reset?.()
  return measure(side.command)
}
