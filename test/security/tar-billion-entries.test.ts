/** Entries without end: cheap to send (they compress a thousandfold), dear to keep. */
import { expect, test } from 'vitest'
import { indexTar, randomAccess, readTar, TarParser } from '../../src/tar/index.ts'
import { thrown } from '../tar/listing.ts'
import { block, join, pax, record } from '../tar/raw-archive.ts'

const many = join(...Array.from({ length: 100 }, (_, i) => block({ name: `f${i}` })))

test('entries are counted, and the limit is the caller’s to set', async () => {
  const parser = new TarParser({ entry() {} }, { maxEntries: 250 })
  parser.write(many)
  parser.write(many)
  expect(thrown(() => parser.write(many))).toMatchObject({
    code: 'LIMIT_EXCEEDED',
    expected: 250,
    offset: 250 * 512,
  })
  for (const entries of [
    readTar(many, { maxEntries: 99 }),
    indexTar(randomAccess(many), { maxEntries: 99 }),
  ]) {
    await expect(
      (async () => {
        for await (const _ of entries);
      })(),
    ).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED', expected: 99 })
  }
})

test('global headers count too', () => {
  const globals = join(...Array.from({ length: 20 }, () => pax([record('comment', '')], 'g')))
  expect(thrown(() => new TarParser({ entry() {} }, { maxEntries: 19 }).write(globals))).toMatchObject({
    code: 'LIMIT_EXCEEDED',
  })
  expect(new TarParser({ entry() {} }, { maxEntries: 20 }).write(globals)).toBeUndefined()
})

test('a million entries leave nothing behind', () => {
  let entries = 0
  const parser = new TarParser({
    entry() {
      entries++
    },
  })
  for (let i = 0; i < 1000; i++) parser.write(many)
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < 9000; i++) parser.write(many)
  parser.end()
  expect(entries).toBe(1_000_000)
  // Garbage that waits to be collected, not a byte an entry: 900 000 of them would be far more.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(64 << 20)
})
