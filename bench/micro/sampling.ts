import type { BenchOptions } from 'tinybench'

/** How often each is run: tinybench's 64 times at the least would take minutes with 16 MiB each. */
export const sampling: BenchOptions = { time: 500, iterations: 5, warmupTime: 100, warmupIterations: 1 }
