/** Archives that ask for more than they should get, or end before they should. */
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import type { OciError } from '../../src/errors.ts'
import { ArchiveStore } from '../../src/store/index.ts'
import { collect, configOf, dockerArchive, file, layerOf, layoutFiles, tarOf } from '../store/archives.ts'

const tooLong = new Uint8Array((4 << 20) + 1).fill(0x20)

test('documents above 4 MiB are refused unread', async () => {
  for (const name of ['manifest.json', 'index.json', 'oci-layout']) {
    const others = name === 'manifest.json' ? [] : layoutFiles([]).filter((entry) => entry.path !== name)
    await expect(ArchiveStore.open(await tarOf([...others, file(name, tooLong)]))).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
      path: name,
    })
  }
  const config = await tarOf([
    file('c', tooLong),
    file('manifest.json', [{ Config: 'c', RepoTags: null, Layers: [] }]),
  ])
  await expect(ArchiveStore.open(config)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED', path: 'c' })
})

test('a manifest.json of too many images is refused', async () => {
  const record = { Config: 'c', RepoTags: null, Layers: null }
  const tar = await tarOf([file('c', configOf([])), file('manifest.json', new Array(10_001).fill(record))])
  await expect(ArchiveStore.open(tar)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED', expected: 10_000 })
})

test('more members than maxEntries are refused', async () => {
  const tar = await tarOf([...layoutFiles([]), file('a', ''), file('b', '')])
  await expect(ArchiveStore.open(tar, { maxEntries: 3 })).rejects.toMatchObject({
    code: 'LIMIT_EXCEEDED',
    message: expect.stringMatching(/maxEntries/),
  })
  await using store = await ArchiveStore.open(tar, { maxEntries: 4 })
  expect(store.format).toBe('oci')
})

test('a decompression bomb stops at the bound of the temporary file', async () => {
  const bomb = new Uint8Array(gzipSync(new Uint8Array(64 << 20)))
  await expect(ArchiveStore.open(bomb, { maxSpoolSize: 1 << 20 })).rejects.toMatchObject({
    code: 'LIMIT_EXCEEDED',
  })
})

test('an archive cut anywhere opens whole or not at all', async () => {
  const layer = await layerOf('etc/hostname', 'box\n')
  const whole = await dockerArchive([layer], ['a:1'])
  // What follows manifest.json's content is padding and the end marks, which tar does not need.
  const needed = whole.length - 1024 - 512 + JSON.stringify(lastContent(whole)).length
  const codes = new Set<string>()
  for (let length = 0; length < whole.length; length += 97) {
    try {
      await using store = await ArchiveStore.open(whole.slice(0, length))
      expect(await collect(store.references())).toHaveLength(1)
      expect(length).toBeGreaterThanOrEqual(needed)
    } catch (error) {
      expect((error as OciError).name, String(error)).toBe('OciError')
      codes.add((error as OciError).code)
    }
  }
  expect([...codes].sort()).toEqual(['ARCHIVE_INVALID', 'TAR_TRUNCATED'])
})

/** The JSON in the last block before the end marks. */
function lastContent(tar: Uint8Array): unknown {
  const text = new TextDecoder().decode(tar.subarray(tar.length - 1536, tar.length - 1024))
  return JSON.parse(text.slice(0, text.indexOf('\0')))
}
