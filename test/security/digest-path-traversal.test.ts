/** A descriptor whose "digest" is a path: nothing outside of the blobs may be read, written or removed. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Digest } from '../../src/digest/index.ts'
import type { Descriptor } from '../../src/spec/index.ts'
import { DirectoryStore, MemoryStore } from '../../src/store/index.ts'
import { temporaryDirectory } from '../store/temporary-directory.ts'

const attacks = [
  'sha256:../../../secret',
  'sha256:..',
  'sha256:.',
  'sha256:/etc/passwd',
  'sha256:a/b',
  'sha256:a\\b',
  '../..:secret',
  '..:secret',
  '/etc:passwd',
  'a/../../..:secret',
  'sha256:',
  ':secret',
  'secret',
  '',
  `sha256:${'A'.repeat(64)}`,
  `sha256:${'a'.repeat(63)}`,
  `sha256:${'a'.repeat(65)}`,
  `sha256:${'a'.repeat(64)}\u0000`,
  `sha256:${'a'.repeat(64)}\n`,
  `SHA256:${'a'.repeat(64)}`,
  `sha256:${'a'.repeat(60)}/../`,
  `x:${'a'.repeat(300)}`,
]

test('a digest that is a path is refused by every operation', async () => {
  const directory = temporaryDirectory()
  const secret = join(directory, 'secret')
  writeFileSync(secret, 'secret')
  const layout = await DirectoryStore.create(join(directory, 'layout'))
  mkdirSync(join(directory, 'a'))
  for (const store of [layout, new MemoryStore()]) {
    for (const digest of attacks) {
      const descriptor: Descriptor = { mediaType: 'text/plain', digest: digest as Digest, size: 6 }
      const refused = { code: 'DIGEST_INVALID' }
      await expect(store.has(descriptor), digest).rejects.toMatchObject(refused)
      await expect(store.get(descriptor), digest).rejects.toMatchObject(refused)
      await expect(store.put(new Uint8Array(6), descriptor), digest).rejects.toMatchObject(refused)
      await expect(store.put(new Uint8Array(6), { digest: digest as Digest })).rejects.toMatchObject(refused)
      await expect(store.delete(descriptor), digest).rejects.toMatchObject(refused)
      await expect(store.tag(descriptor, 'v1'), digest).rejects.toMatchObject({ code: 'DOCUMENT_INVALID' })
      await expect(store.referrers(descriptor).next(), digest).rejects.toMatchObject(refused)
    }
  }
  await expect(layout.putFile(secret, { digest: attacks[0] as Digest, size: 6 })).rejects.toThrow('Digest')
  expect(existsSync(secret)).toBe(true)
  expect(readdirSync(directory).sort()).toEqual(['a', 'layout', 'secret'])
  expect(readdirSync(layout.path, { recursive: true }).sort()).toEqual([
    'blobs',
    'blobs/sha256',
    'index.json',
    'oci-layout',
  ])
})

test('an index.json that names such a digest is no index', async () => {
  const { path } = await DirectoryStore.create(temporaryDirectory())
  const manifests = [{ mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: attacks[0], size: 6 }]
  writeFileSync(join(path, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }))
  await expect(DirectoryStore.open(path)).rejects.toMatchObject({ code: 'LAYOUT_INVALID' })
})
