import { describe, expect, test } from 'vitest'
import type { RandomAccess, TarIndexEntry } from '../../src/tar/index.ts'
import { indexTar, randomAccess } from '../../src/tar/index.ts'
import { archiveOf, headers } from './listing.ts'
import { base256, block, end, entry, join, pax, record, utf8 } from './raw-archive.ts'

async function all(entries: AsyncIterable<TarIndexEntry>): Promise<TarIndexEntry[]> {
  const result: TarIndexEntry[] = []
  for await (const found of entries) result.push(found)
  return result
}

/** Counts what is read. */
function counted(bytes: Uint8Array): RandomAccess & { reads: [number, number][] } {
  const reads: [number, number][] = []
  return {
    size: bytes.length,
    reads,
    read: async (offset, length) => {
      reads.push([offset, length])
      return bytes.subarray(offset, offset + length)
    },
  }
}

test('jumps over large contents', async () => {
  const archive = await archiveOf([
    { path: 'one', content: new Uint8Array(5_000_000) },
    { path: 'é', content: new Uint8Array(3_000_000) },
    { path: 'small', content: new Uint8Array(100) },
  ])
  const file = counted(archive)
  expect(await all(indexTar(file))).toEqual(headers(archive))
  expect(file.reads).toHaveLength(3)
  expect(file.reads.reduce((sum, [, length]) => sum + length, 0)).toBeLessThan(200_000)
})

test('reads many small entries in large windows', async () => {
  const archive = await archiveOf(
    Array.from({ length: 10_000 }, (_, i) => ({ path: `file-${i}`, content: new Uint8Array(i % 700) })),
  )
  const file = counted(archive)
  expect((await all(indexTar(file))).map(({ path }) => path)).toEqual(
    Array.from({ length: 10_000 }, (_, i) => `file-${i}`),
  )
  expect(file.reads.length).toBeLessThan(20)
})

test('a header may lie across a window’s end', async () => {
  for (const size of [65_536 - 1024, 65_536 - 1023, 65_536 - 512, 65_536 - 511, 65_536, 131_072]) {
    const archive = await archiveOf([
      { path: 'a', content: new Uint8Array(size) },
      { path: 'b', xattrs: new Map([['user.x', new Uint8Array(7_000)]]) },
      { path: 'c', content: utf8('c') },
    ])
    expect(await all(indexTar(counted(archive)))).toEqual(headers(archive))
    // However little a read gives.
    const slow: RandomAccess = {
      size: archive.length,
      read: async (offset) => archive.subarray(offset, offset + 333),
    }
    expect(await all(indexTar(slow))).toEqual(headers(archive))
  }
})

test('offsets point at the bytes', async () => {
  const archive = join(
    entry({ name: 'a' }, 'x'),
    pax([record('path', 'long')]),
    entry({ name: 'b' }, 'hello'),
    end,
  )
  const [first, second] = await all(indexTar(randomAccess(archive)))
  expect(first).toMatchObject({ headerOffset: 0, dataOffset: 512 })
  expect(second).toMatchObject({ path: 'long', headerOffset: 1024, dataOffset: 2560, size: 5 })
  expect(archive.subarray(2560, 2565)).toEqual(utf8('hello'))
})

describe('ends', () => {
  const one = entry({ name: 'a' }, 'x')

  test('as the parser does', async () => {
    for (const archive of [
      one,
      one.subarray(0, 513),
      join(one, end),
      join(one, new Uint8Array(512)),
      join(one, end, one),
    ]) {
      expect((await all(indexTar(randomAccess(archive)))).map(({ path }) => path)).toEqual(['a'])
    }
  })

  test('content beyond the end is truncation, noticed before anything is given', async () => {
    for (const archive of [
      one.subarray(0, 512),
      join(block({ name: 'a', size: base256(2n ** 52n, 12) }), end),
    ]) {
      await expect(indexTar(randomAccess(archive)).next()).rejects.toMatchObject({
        code: 'TAR_TRUNCATED',
        path: 'a',
        offset: 0,
      })
    }
    await expect(all(indexTar(randomAccess(join(one, one.subarray(0, 100)))))).rejects.toMatchObject({
      code: 'TAR_TRUNCATED',
    })
  })
})

test('a Blob, an array, and nothing else', async () => {
  const archive = await archiveOf([{ path: 'a' }])
  for (const content of [archive, new Blob([archive])]) {
    expect(await all(indexTar(randomAccess(content)))).toEqual(headers(archive))
  }
  expect(() => randomAccess('text' as unknown as Blob)).toThrow(/Uint8Array or a Blob/)
})

test('a signal stops it with its reason', async () => {
  const reason = new Error('enough')
  await expect(indexTar(randomAccess(end), { signal: AbortSignal.abort(reason) }).next()).rejects.toBe(reason)
})
