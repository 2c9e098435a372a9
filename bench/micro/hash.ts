import { Bench } from 'tinybench'
import { createHasher } from '../../src/digest/index.ts'
import { setAccelerated } from '../../src/runtime.ts'
import { chunks, totalMiB } from './material.ts'
import { sampling } from './sampling.ts'

/** Digests of 16 MiB, by node:crypto and by noble. */
export function hash(): Bench {
  const bench = new Bench({ ...sampling, name: `hash ${totalMiB} MiB` })
  for (const algorithm of ['sha256', 'sha512', 'blake3']) {
    for (const accelerated of algorithm === 'blake3' ? [false] : [true, false]) {
      bench.add(`${algorithm}, ${accelerated ? 'node:crypto' : 'noble'}`, () => {
        setAccelerated(accelerated)
        const hasher = createHasher(algorithm)
        for (const chunk of chunks) hasher.update(chunk)
        hasher.digest()
        setAccelerated(true)
      })
    }
  }
  return bench
}
