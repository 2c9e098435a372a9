/** Names with a NUL: `evil.sh\0.txt` is a text file to one reader and a script to the one that stops at the NUL. */
import { expect, test } from 'vitest'
import { list, onlyHeader, thrown } from '../tar/listing.ts'
import { block, end, entry, gnu, join, latin1, pax, record } from '../tar/raw-archive.ts'

test('in records and long names they are refused', () => {
  for (const key of ['path', 'linkpath', 'uname', 'gname']) {
    const archive = join(pax([record(key, 'evil.sh\0.txt')]), block({ type: '2', linkName: 'x' }), end)
    expect(thrown(() => list(archive))).toMatchObject({ code: 'TAR_INVALID', offset: 0 })
  }
  for (const type of ['L', 'K']) {
    const archive = join(
      entry({ type, magic: gnu }, 'evil.sh\0.txt\0'),
      block({ type: '2', linkName: 'x' }),
      end,
    )
    expect(thrown(() => list(archive))).toMatchObject({ code: 'TAR_INVALID', offset: 0 })
  }
})

test('NULs at the end of a long name are its end; a field ends at its first', () => {
  expect(onlyHeader(join(entry({ type: 'L', magic: gnu }, 'name\0\0\0'), block({}), end)).path).toBe('name')
  expect(onlyHeader(join(block({ name: latin1('evil.sh\0.txt') }), end)).path).toBe('evil.sh')
})
