/** Sparse files: a few bytes of archive that stand for terabytes, in five notations. All are refused by name. */
import { expect, test } from 'vitest'
import { list, thrown } from '../tar/listing.ts'
import { base256, block, end, gnu, join, pax, record } from '../tar/raw-archive.ts'

test('every notation of a sparse file', () => {
  const archives = {
    'old GNU': join(block({ name: 'bomb', type: 'S', magic: gnu, size: base256(2n ** 45n, 12) }), end),
    'GNU 0.0': join(
      pax([
        record('GNU.sparse.size', '1'),
        record('GNU.sparse.offset', '0'),
        record('GNU.sparse.numbytes', '1'),
      ]),
      block({ name: 'bomb' }),
      end,
    ),
    'GNU 0.1': join(pax([record('GNU.sparse.map', '0,1')]), block({ name: 'bomb' }), end),
    'GNU 1.0': join(
      pax([
        record('GNU.sparse.major', '1'),
        record('GNU.sparse.minor', '0'),
        record('GNU.sparse.name', 'x'),
        record('GNU.sparse.realsize', '35184372088832'),
      ]),
      block({ name: 'bomb' }),
      end,
    ),
    'a version to come': join(pax([record('GNU.sparse.major', '9')]), block({ name: 'bomb' }), end),
  }
  for (const [notation, archive] of Object.entries(archives)) {
    const error = thrown(() => list(archive))
    expect(error, notation).toMatchObject({ code: 'TAR_UNSUPPORTED', path: 'bomb', offset: 0 })
    expect((error as Error).message, notation).toContain('sparse')
  }
})
