import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { encodeUtf8 } from '../../src/bytes.ts'
import { chainIDs, type DiffID, digestBytes, imageID } from '../../src/digest/index.ts'
import { caseTest } from '../cases.ts'

const a = digestBytes(encodeUtf8('layer A'))
const b = digestBytes(encodeUtf8('layer B'))
const c = digestBytes(encodeUtf8('layer C'))

/** The rule of the specification, once more and by other means. */
function sha256(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`
}

test('no layers have no chainIDs, and the lowest layer has its own diffID', () => {
  expect(chainIDs([])).toEqual([])
  expect(chainIDs([a])).toEqual([a])
})

test('each further chainID is the digest of the one below, a space, and the diffID', () => {
  const ab = sha256(`${a} ${b}`)
  expect(chainIDs([a, b, c])).toEqual([a, ab, sha256(`${ab} ${c}`)])
})

test('the order counts, and a layer that comes twice counts twice', () => {
  expect(chainIDs([a, b]).at(-1)).not.toBe(chainIDs([b, a]).at(-1))
  expect(new Set(chainIDs([a, a, a])).size).toBe(3)
})

caseTest(
  'of a real image: its ID is the digest of its config, its top layer has the diffID that the config says',
  (cases) => {
    const config = readFileSync(join(cases, 'mysterious-image', 'config.json'))
    expect(imageID(config)).toBe('sha256:8b2633baa7e149fe92e6d74b95e33d61b53ba129021ba251ac0c7ab7eafea825')
    const diffIDs = (JSON.parse(config.toString()) as { rootfs: { diff_ids: DiffID[] } }).rootfs.diff_ids
    expect(chainIDs(diffIDs)).toEqual([diffIDs[0], sha256(`${diffIDs[0]} ${diffIDs[1]}`)])
    const layer = readFileSync(join(cases, 'mysterious-image', 'my-file.tar'))
    expect(digestBytes(layer)).toBe('sha256:56e2c46a3576a8c1a222f9a263dc57ae3c6b8baf6a68d03065f4b3ea6c0ae8d1')
    expect(digestBytes(layer)).toBe(diffIDs[1])
  },
)
