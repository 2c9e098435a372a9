/** What came out of the bench: rows of ratios. */
import type { Measured } from './compare.ts'
import type { Figures } from './measure.ts'
import { median, type Spread, spread } from './statistics.ts'
import type { Comparison, Task } from './task.ts'

/** The most memory that any task may take, in MiB. */
const MEMORY_GOAL = 128

/** One line of the table. */
export interface Row {
  readonly task: string
  readonly title: string
  /** Name and version of who stood beside us; undefined where the goal is a figure by itself. */
  readonly peer?: string | undefined
  /** Our time as a part of the peer's, of each pair of runs. */
  readonly wall?: Spread | undefined
  readonly cpu?: Spread | undefined
  readonly ours: Figures
  readonly theirs?: Figures | undefined
  /** What is to be at most `goal`: the wall ratio, or seconds for each of what is counted. */
  readonly value: number
  readonly goal?: number | undefined
  readonly note?: string | undefined
  /** Each run. */
  readonly runs: { readonly ours: readonly Figures[]; readonly theirs?: readonly Figures[] | undefined }
}

/** The rows of a task: one for each peer, and one for what is counted. */
export function rowsOf(task: Task, comparison: Comparison, { ours, peers, notes }: Measured): Row[] {
  const base = { task: task.name, title: task.title, ours: typical(ours) }
  const rows: Row[] = comparison.peers.map((peer, i) => {
    const theirs = peers[i]!
    const ratios = (of: 'wall' | 'cpu') => spread(ours.map((run, at) => run[of] / theirs[at]![of]))
    const wall = ratios('wall')
    const [we, they] = [notes[0], notes[i + 1]]
    return {
      ...base,
      peer: `${peer.name} ${peer.version}`,
      wall,
      cpu: ratios('cpu'),
      theirs: typical(theirs),
      value: wall.median,
      goal: peer.goal,
      note: we !== undefined && they !== undefined ? `${we} / ${they}` : undefined,
      runs: { ours, theirs },
    }
  })
  const { count } = comparison
  if (count !== undefined) {
    const value = median(ours.map(({ wall }) => wall)) / count.number
    const note = `${(value * 1e6).toFixed(2)} us an ${count.of}`
    rows.push({ ...base, value, goal: count.goal, note, runs: { ours } })
  }
  return rows
}

/** The row on memory: the highest peak of ours. */
export function memoryRow(rows: readonly Row[]): Row {
  const highest = rows.reduce((a, b) => (b.ours.peakMiB > a.ours.peakMiB ? b : a))
  return {
    task: 'memory',
    title: 'peak memory, the highest of ours',
    ours: highest.ours,
    value: highest.ours.peakMiB,
    goal: MEMORY_GOAL,
    note: `${highest.ours.peakMiB.toFixed(0)} MiB, by ${highest.task}`,
    runs: { ours: [] },
  }
}

/** Whether a row's goal is met; undefined where it has none. */
export function isMet({ value, goal }: Row): boolean | undefined {
  return goal === undefined ? undefined : value <= goal
}

/** Median times; of the memory the most. */
function typical(runs: readonly Figures[]): Figures {
  return {
    wall: median(runs.map(({ wall }) => wall)),
    cpu: median(runs.map(({ cpu }) => cpu)),
    peakMiB: Math.max(...runs.map(({ peakMiB }) => peakMiB)),
  }
}
