/** Sizes of 2^62 and the like: nothing is allocated for them, and no sum of them wraps. */
import { expect, test } from 'vitest'
import { indexTar, randomAccess, readTar } from '../../src/tar/index.ts'
import { list, thrown } from '../tar/listing.ts'
import { base256, block, end, join, pax, record } from '../tar/raw-archive.ts'

test('sizes that a number cannot hold, or that end behind 2^53, are refused', () => {
  for (const size of [
    2n ** 62n,
    2n ** 63n - 1n,
    2n ** 64n,
    2n ** 53n,
    2n ** 53n - 1n,
    2n ** 53n - 600n,
    -1n,
    -(2n ** 62n),
  ]) {
    const error = thrown(() => list(join(block({ name: 'huge', size: base256(size, 12) }), end)))
    expect(error, String(size)).toMatchObject({ code: 'TAR_INVALID', path: 'huge', offset: 0 })
  }
  for (const size of [
    '4611686018427387904',
    '9007199254740992',
    '18446744073709551616',
    '9'.repeat(1000),
    '9007199254740991',
  ]) {
    expect(thrown(() => list(join(pax([record('size', size)]), block({}), end)))).toMatchObject({
      code: 'TAR_INVALID',
    })
  }
})

test('a size that is merely not there is truncation, and takes no memory', async () => {
  const archive = join(block({ name: 'huge', size: base256(2n ** 52n, 12) }), end)
  const before = process.memoryUsage()
  expect(thrown(() => list(archive))).toMatchObject({
    code: 'TAR_TRUNCATED',
    expected: 2 ** 52,
    actual: 1024,
  })
  await expect(indexTar(randomAccess(archive)).next()).rejects.toMatchObject({ code: 'TAR_TRUNCATED' })
  for await (const entry of readTar(archive)) {
    await expect(entry.bytes()).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
    await expect(entry.bytes(Number.MAX_SAFE_INTEGER)).rejects.toMatchObject({ code: 'TAR_TRUNCATED' })
    break
  }
  const after = process.memoryUsage()
  expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(1 << 24)
})
