/** A layout with symbolic links and special files where blobs should be: they lead out of it, or hang. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { digestBytes } from '../../src/digest/index.ts'
import type { Descriptor } from '../../src/spec/index.ts'
import { DirectoryStore } from '../../src/store/index.ts'
import { collect, temporaryDirectory } from '../store/temporary-directory.ts'

const secret = new TextEncoder().encode('{"subject":"of no concern to the layout"}')
const descriptor: Descriptor = {
  mediaType: 'text/plain',
  digest: digestBytes(secret),
  size: secret.length,
}
const encoded = descriptor.digest.slice(7)
const unsafe = { code: 'PATH_UNSAFE' }

test('a blob that is a link is not followed, whether its content would be right or not', async () => {
  const outside = temporaryDirectory()
  writeFileSync(join(outside, encoded), secret)
  const store = await DirectoryStore.create(temporaryDirectory())
  const blob = join(store.path, 'blobs', 'sha256', encoded)
  for (const target of [join(outside, encoded), '/dev/zero', join(outside, 'absent')]) {
    symlinkSync(target, blob)
    await expect(store.has(descriptor), target).rejects.toMatchObject(unsafe)
    await expect(store.get(descriptor), target).rejects.toMatchObject(unsafe)
    await expect(store.put(secret, descriptor), target).rejects.toMatchObject(unsafe)
    expect(await collect(store.list())).toEqual([])
    expect(await collect(store.referrers(descriptor))).toEqual([])
    await store.delete(descriptor)
    expect(readdirSync(join(store.path, 'blobs', 'sha256'))).toEqual([])
  }
  expect(readFileSync(join(outside, encoded))).toEqual(Buffer.from(secret))
})

test('a directory of blobs that is a link is neither read nor written through', async () => {
  for (const part of ['blobs', 'blobs/sha256']) {
    const outside = temporaryDirectory()
    const { path } = await DirectoryStore.create(temporaryDirectory())
    rmSync(join(path, part), { recursive: true })
    symlinkSync(outside, join(path, part))
    mkdirSync(join(outside, 'sha256'))
    for (const place of [join(outside, encoded), join(outside, 'sha256', encoded)])
      writeFileSync(place, secret)
    const store = await DirectoryStore.open(path)
    await expect(store.has(descriptor)).rejects.toMatchObject(unsafe)
    await expect(store.get(descriptor)).rejects.toMatchObject(unsafe)
    await expect(store.put(new Uint8Array(1))).rejects.toMatchObject(unsafe)
    await expect(store.delete(descriptor)).rejects.toMatchObject(unsafe)
    expect(readdirSync(outside).sort()).toEqual([encoded, 'sha256'].sort())
    expect(readdirSync(path).sort()).toEqual(['blobs', 'index.json', 'oci-layout'])
  }
})

test('index.json and oci-layout that are links are not followed, and not replaced', async () => {
  for (const name of ['index.json', 'oci-layout']) {
    const outside = temporaryDirectory()
    const { path } = await DirectoryStore.create(temporaryDirectory())
    const store = await DirectoryStore.open(path)
    renameSync(join(path, name), join(outside, name))
    symlinkSync(join(outside, name), join(path, name))
    await expect(DirectoryStore.open(path), name).rejects.toMatchObject(unsafe)
    if (name === 'index.json') {
      await expect(store.tag(descriptor, 'v1')).rejects.toMatchObject(unsafe)
      await expect(store.resolve('v1')).rejects.toMatchObject(unsafe)
    }
  }
})

test('FIFOs in the place of files are refused instead of waited for', async () => {
  const store = await DirectoryStore.create(temporaryDirectory())
  execFileSync('mkfifo', [join(store.path, 'blobs', 'sha256', encoded), join(store.path, '.oci-ts.lock')])
  await expect(store.get(descriptor)).rejects.toMatchObject(unsafe)
  await expect(store.has(descriptor)).rejects.toMatchObject(unsafe)
  await expect(store.tag(descriptor, 'v1')).rejects.toMatchObject(unsafe)
  rmSync(join(store.path, 'index.json'))
  execFileSync('mkfifo', [join(store.path, 'index.json')])
  await expect(DirectoryStore.open(store.path)).rejects.toMatchObject(unsafe)
})

test('a lock that is a link to something else is not followed', async () => {
  const outside = join(temporaryDirectory(), 'precious')
  writeFileSync(outside, 'precious')
  const { path } = await DirectoryStore.create(temporaryDirectory())
  symlinkSync(outside, join(path, '.oci-ts.lock'))
  const store = await DirectoryStore.open(path, { lockTimeout: 50 })
  await expect(store.tag(descriptor, 'v1')).rejects.toMatchObject({ code: 'LOCK_TIMEOUT' })
  expect(readFileSync(outside, 'utf8')).toBe('precious')
})
