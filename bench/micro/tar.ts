import { Bench } from 'tinybench'
import { readTar, type TarEntryInput, TarParser, TarWriter } from '../../src/tar/index.ts'
import { Counter } from './material.ts'
import { sampling } from './sampling.ts'

const COUNT = 10_000
const content = new TextEncoder().encode('module.exports = require("./lib")\n'.repeat(60))
const entries: readonly TarEntryInput[] = Array.from({ length: COUNT }, (_, i) => ({
  path: `srv/app/node_modules/package-${i % 100}/lib/file-${i}.js`,
  size: content.length,
  mtime: 499_162_500,
}))

/** 10 000 files of 2 kB, read and written. */
export async function tar(): Promise<Bench> {
  const archive: Uint8Array[] = []
  await write({
    write: (chunk) => {
      archive.push(chunk.slice())
    },
    end() {},
  })
  const bench = new Bench({ ...sampling, name: `tar of ${COUNT} files` })
  bench.add('TarParser', async () => {
    let seen = 0
    const parser = new TarParser({
      entry: () => {
        seen++
      },
    })
    for (const chunk of archive) await parser.write(chunk)
    await parser.end()
    if (seen !== COUNT) throw new Error(`${seen} entries`)
  })
  bench.add('readTar, for await', async () => {
    let seen = 0
    for await (const _ of readTar(inTurn(archive))) seen++
    if (seen !== COUNT) throw new Error(`${seen} entries`)
  })
  bench.add('TarWriter', () => write(new Counter()))
  return bench
}

async function write(sink: ConstructorParameters<typeof TarWriter>[0]): Promise<void> {
  const writer = new TarWriter(sink)
  for (const entry of entries) {
    await writer.entry(entry)
    await writer.data(content)
  }
  await writer.finish()
}

async function* inTurn(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks
}
