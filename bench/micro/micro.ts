/**
 * Micro-benchmarks of what everything stands on.
 *
 * Run: npm run bench:micro [hash|gunzip|gzip|tar|documents|streams]…
 */
import { documents } from './documents.ts'
import { gunzip, gzip } from './gzip.ts'
import { hash } from './hash.ts'
import { streams } from './streams.ts'
import { tar } from './tar.ts'

const groups = { hash, gunzip, gzip, tar, documents, streams }
const names = process.argv.slice(2)
const unknown = names.find((name) => !(name in groups))
if (unknown !== undefined) {
  throw new Error(`There is no ${unknown}: there are ${Object.keys(groups).join(', ')}`)
}
for (const [name, group] of Object.entries(groups)) {
  if (names.length > 0 && !names.includes(name)) continue
  const bench = await group()
  await bench.run()
  console.log(`\n${bench.name}`)
  console.table(
    bench.tasks.map(({ name, result }) => {
      if (!('latency' in result)) throw new Error(`${name} failed`, { cause: result })
      const { p50, rme, samplesCount } = result.latency
      return { task: name, 'median ms': p50.toFixed(3), 'error %': rme.toFixed(1), runs: samplesCount }
    }),
  )
}
