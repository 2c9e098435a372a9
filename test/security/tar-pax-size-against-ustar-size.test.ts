/**
 * CVE-2025-62518: a PAX record says the size, the ustar field says 0 (or the other way round). A reader that skips
 * by the wrong one takes the content for headers, and sees entries that no scanner saw.
 */
import { expect, test } from 'vitest'
import { indexTar, randomAccess } from '../../src/tar/index.ts'
import { list, listByLoop } from '../tar/listing.ts'
import { base256, block, end, entry, gnu, join, padded, pax, record } from '../tar/raw-archive.ts'

const hidden = join(entry({ name: 'hidden' }, 'evil'), entry({ name: 'hidden-too' }, 'evil'))

async function seen(archive: Uint8Array): Promise<string[][]> {
  const indexed: string[] = []
  for await (const { path } of indexTar(randomAccess(archive))) indexed.push(path)
  return [
    list(archive).entries.map(({ header }) => header.path),
    (await listByLoop(archive)).map(({ header }) => header.path),
    list(
      Array.from({ length: Math.ceil(archive.length / 100) }, (_, i) =>
        archive.subarray(i * 100, i * 100 + 100),
      ),
    ).entries.map(({ header }) => header.path),
    indexed,
  ]
}

test('the record counts for skipping too: an archive within a file stays content', async () => {
  const archive = join(
    pax([record('size', String(hidden.length))]),
    block({ name: 'outer', size: 0 }),
    hidden,
    entry({ name: 'after' }, 'x'),
    end,
  )
  for (const paths of await seen(archive)) expect(paths).toEqual(['outer', 'after'])
  expect(list(archive).entries[0]!.content).toEqual(hidden)
})

test('also where the record is the smaller one', async () => {
  const archive = join(
    pax([record('size', '4')]),
    block({ name: 'outer', size: 4096 }),
    padded('1234'),
    entry({ name: 'after' }, 'x'),
    end,
  )
  for (const paths of await seen(archive)) expect(paths).toEqual(['outer', 'after'])
})

test('also with a long name between the record and the entry', async () => {
  const archive = join(
    pax([record('size', String(hidden.length))]),
    entry({ name: '././@LongLink', type: 'L', magic: gnu }, 'long\0'),
    block({ name: 'outer', size: 0 }),
    hidden,
    end,
  )
  for (const paths of await seen(archive)) expect(paths).toEqual(['long'])
})

test('the record is not about the extended header or long name itself', async () => {
  const archive = join(
    pax([record('size', '5')]),
    entry({ name: '././@LongLink', type: 'L', magic: gnu }, `${'n'.repeat(700)}\0`),
    block({ name: 'outer' }),
    padded('12345'),
    end,
  )
  for (const paths of await seen(archive)) expect(paths).toEqual(['n'.repeat(700)])
})

test('nor about entries without content, or about the next one', async () => {
  const archive = join(
    pax([record('size', '512')]),
    block({ name: 'dir/', type: '5' }),
    entry({ name: 'file' }, 'x'),
    block({ name: 'link', type: '1', linkName: 'file', size: base256(512n, 12) }),
    entry({ name: 'last' }, 'y'),
    end,
  )
  for (const paths of await seen(archive)) expect(paths).toEqual(['dir/', 'file', 'link', 'last'])
})
