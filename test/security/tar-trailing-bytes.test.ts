/**
 * A second archive behind the two zero blocks: readers that go on (tar-stream, `tar -i`) see it, Go does not. It
 * must not be read, must not be lost from what is digested, and must be noticeable.
 */
import { expect, test } from 'vitest'
import { concatBytes } from '../../src/bytes.ts'
import { indexTar, randomAccess, readTar } from '../../src/tar/index.ts'
import { list } from '../tar/listing.ts'
import { end, entry, join } from '../tar/raw-archive.ts'

const hidden = entry({ name: 'hidden' }, 'evil')
const archive = join(entry({ name: 'seen' }, 'x'), end, hidden, end)

test('is not read by any of the readers, and is told of', async () => {
  const { entries, parser } = list(archive)
  expect(entries.map(({ header }) => header.path)).toEqual(['seen'])
  expect(parser).toMatchObject({
    trailingBytes: hidden.length + end.length,
    trailingNonZero: true,
    bytesRead: archive.length,
  })
  const paths: string[] = []
  for await (const { path } of indexTar(randomAccess(archive))) paths.push(path)
  expect(paths).toEqual(['seen'])
})

test('every byte of it goes by who digests the source', async () => {
  const passed: Uint8Array[] = []
  async function* observed() {
    for (let at = 0; at < archive.length; at += 700) {
      const piece = archive.slice(at, at + 700)
      passed.push(piece)
      yield piece
    }
  }
  const paths: string[] = []
  for await (const { path } of readTar(observed())) paths.push(path)
  expect(paths).toEqual(['seen'])
  expect(concatBytes(passed)).toEqual(archive)
})

test('one zero block does not hide anything: it is damage', () => {
  expect(() => list(join(entry({ name: 'seen' }, 'x'), new Uint8Array(512), hidden, end))).toThrow(
    /one zero block/,
  )
})
