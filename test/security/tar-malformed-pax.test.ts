/** PAX records whose lengths, ends or keys lie, so that two readers split them differently. */
import { expect, test } from 'vitest'
import { list, thrown } from '../tar/listing.ts'
import { block, end, entry, join, record, utf8 } from '../tar/raw-archive.ts'

test('every malformed extended header is refused, wherever its bytes are cut', () => {
  for (const content of [
    'no length',
    '20 path=short\n',
    '13 path=evil?',
    '12 path=evil\n',
    '13 path=evil\n\n',
    '0 path=evil\n',
    '-1 path=evil\n',
    '1e1 path=e\n',
    '18446744073709551629 path=evil\n',
    '9 =value\n',
    '8 nokey\n',
    '14 pa\0th=evil\n',
    '14 path=ev\0il\n',
    '13 path=evil\n\0\0\0\0',
    '11 uid=ten\n',
    '11 size=-5\n',
    '15 mtime=never\n',
  ]) {
    for (const type of ['x', 'g']) {
      // In a global header only the form counts: its records apply to nothing.
      if (type === 'g' && /uid|size|mtime/.test(content)) continue
      const archive = join(entry({ name: 'PaxHeader', type }, utf8(content)), block({ name: 'a' }), end)
      for (const cut of [0, 1, 511, 512, 513, 516, 520, 1024]) {
        const error = thrown(() => list([archive.subarray(0, cut), archive.subarray(cut)]))
        expect(error, JSON.stringify(content)).toMatchObject({ code: 'TAR_INVALID', offset: 0 })
      }
    }
  }
})

test('a record cannot smuggle another: its length decides, not a line feed in its value', () => {
  const inner = '13 path=evil\n'
  const archive = join(entry({ type: 'x' }, record('comment', `x\n${inner}`)), block({ name: 'good' }), end)
  const { entries } = list(archive)
  expect(entries.map(({ header }) => header.path)).toEqual(['good'])
})
