/** What a task of the bench is made of. */
import type { Workshop } from './workshop.ts'

/** A task that we and others do. */
export interface Task {
  /** For `--task`. */
  readonly name: string
  readonly title: string
  /** Makes what it works on; that is not measured. */
  prepare(workshop: Workshop): Comparison
}

/** Who does it. */
export interface Comparison {
  readonly ours: Side
  readonly peers: readonly Peer[]
  /** How many of what are counted in the time of one run. */
  readonly count?: { readonly of: string; readonly number: number; readonly goal: number } | undefined
  /** Makes room. */
  cleanUp?(): void
}

/** One way of doing it. */
export interface Side {
  /** Program and arguments, as a user would run them. */
  readonly command: readonly string[]
  /** Comes before each run; is not measured. */
  reset?(): void
  /**
   * Holds what came out against what is known; throws where it is wrong. Called after the first run, which does not
   * count. May give a word on it.
   */
  check(stdout: string): string | undefined
}

/** A side that stands beside ours. */
export interface Peer extends Side {
  readonly name: string
  readonly version: string
  /** How long we may take, as a part of its time; undefined where the row is for information. */
  readonly goal?: number | undefined
}

/** A peer that is not here, and why. */
export interface AbsentPeer {
  readonly name: string
  readonly absent: string
}
