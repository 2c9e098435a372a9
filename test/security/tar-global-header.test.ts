/**
 * Global extended headers: GNU tar and Python apply them to every entry that follows, Go (and with it containerd,
 * Docker, skopeo, umoci) to none. What runs is what Go sees, so a scanner must see the same.
 */
import { expect, test } from 'vitest'
import { list } from '../tar/listing.ts'
import { end, entry, join, pax, record } from '../tar/raw-archive.ts'

test('names, sizes and attributes of a global header apply to nothing', () => {
  const archive = join(
    pax(
      [
        record('path', 'renamed'),
        record('size', '512'),
        record('uid', '0'),
        record('SCHILY.xattr.user.x', '1'),
        record('GNU.sparse.major', '1'),
      ],
      'g',
    ),
    entry({ name: 'first', uid: 5 }, 'abc'),
    pax([record('comment', 'local')]),
    entry({ name: 'second', uid: 6 }, 'de'),
    end,
  )
  const { entries, globals } = list(archive)
  expect(entries.map(({ header: { path, size, uid, xattrs } }) => [path, size, uid, xattrs.size])).toEqual([
    ['first', 3, 5, 0],
    ['second', 2, 6, 0],
  ])
  expect(globals).toHaveLength(1)
})
