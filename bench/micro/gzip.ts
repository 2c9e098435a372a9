import { gzipSync } from 'node:zlib'
import { Bench } from 'tinybench'
import { createCompressor, createDecompressor } from '../../src/compression/index.ts'
import { setAccelerated } from '../../src/runtime.ts'
import { Counter, chunks, feed, totalMiB } from './material.ts'
import { sampling } from './sampling.ts'

/** 16 MiB compressed by gzip -6, decompressed. */
export function gunzip(): Bench {
  const compressed = gzipSync(Buffer.concat(chunks))
  const pieces = [compressed.subarray(0, 1 << 20), compressed.subarray(1 << 20)]
  const bench = new Bench({ ...sampling, name: `gunzip to ${totalMiB} MiB` })
  for (const accelerated of [true, false]) {
    bench.add(accelerated ? 'node:zlib' : 'pako', async () => {
      setAccelerated(accelerated)
      await feed(createDecompressor('gzip', new Counter()), pieces)
      setAccelerated(true)
    })
  }
  return bench
}

/** 16 MiB, compressed in each way. */
export function gzip(): Bench {
  const bench = new Bench({ ...sampling, name: `gzip ${totalMiB} MiB` })
  for (const options of [
    { mode: 'fast', level: 1 },
    { mode: 'fast', level: 4 },
    { mode: 'fast', level: 6 },
    { mode: 'reproducible', level: 6 },
  ] as const) {
    bench.add(`${options.mode}, level ${options.level}`, () =>
      feed(createCompressor('gzip', new Counter(), options), chunks),
    )
  }
  return bench
}
