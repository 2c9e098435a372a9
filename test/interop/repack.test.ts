/** An unpacked image, changed, packed again: umoci makes the changed tree of it. */
import {
  appendFileSync,
  chmodSync,
  chownSync,
  cpSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { digestBytes } from '../../src/digest/index.ts'
import {
  decodeSnapshot,
  encodeSnapshot,
  packChanges,
  packDirectory,
  snapshotDirectory,
  unpackImage,
} from '../../src/filesystem/index.ts'
import { writeLayer } from '../../src/layer/index.ts'
import { DirectoryStore, readBlobBytes } from '../../src/store/index.ts'
import type { TarEntryInput } from '../../src/tar/index.ts'
import { openImage } from './open-image.ts'
import { runPeer } from './peers.ts'
import { realImageTest } from './real-image.ts'
import { largeScratch } from './scratch.ts'
import { listTree, treeDifferences } from './tree.ts'

const everything = { devices: true, setid: true, xattrs: true }

/** Puts a layer on top of an image, or in the place of all its layers, and tags the result. */
async function withLayer(
  layout: string,
  from: string,
  to: string,
  entries: AsyncIterable<TarEntryInput>,
  keep: boolean,
): Promise<void> {
  const store = await DirectoryStore.open(layout)
  const { descriptor, diffID } = await writeLayer(store, entries)
  const json = async (of: Parameters<typeof readBlobBytes>[1]) =>
    JSON.parse(new TextDecoder().decode(await readBlobBytes(store, of)))
  const manifest = await json(await store.resolve(from))
  const config = await json(manifest.config)
  config.rootfs.diff_ids = [...(keep ? config.rootfs.diff_ids : []), diffID]
  delete config.history
  const put = async (value: object, mediaType: string) => {
    const bytes = new TextEncoder().encode(JSON.stringify(value))
    return store.put(bytes, { mediaType, digest: digestBytes(bytes), size: bytes.length })
  }
  manifest.config = await put(config, manifest.config.mediaType)
  manifest.layers = [...(keep ? manifest.layers : []), descriptor]
  await store.tag(await put(manifest, manifest.mediaType ?? 'application/vnd.oci.image.manifest.v1+json'), to)
}

/** Times in whole seconds, which is what layers hold. */
const inSeconds = ({ mtime }: { mtime: string }) => ({ mtime: String(BigInt(mtime) / 1_000_000_000n) })

realImageTest('changes since a snapshot', ['root', 'umoci', 'getfattr'], async (image) => {
  const top = largeScratch()
  const layout = join(top, 'layout')
  cpSync(image.layout, layout, { recursive: true })
  const ours = join(top, 'ours')
  await unpackImage(await openImage(layout, image.reference), ours, everything)
  const before = decodeSnapshot(encodeSnapshot(await snapshotDirectory(ours)))

  rmSync(join(ours, 'usr/share/man'), { recursive: true, force: true })
  rmSync(join(ours, 'etc/hostname'), { force: true })
  appendFileSync(join(ours, 'etc/passwd'), 'app:x:1000:1000::/app:/bin/sh\n')
  mkdirSync(join(ours, 'app/deep'), { recursive: true })
  writeFileSync(join(ours, 'app/deep/file'), 'new')
  chownSync(join(ours, 'app/deep/file'), 1000, 1000)
  linkSync(join(ours, 'srv/special/linked'), join(ours, 'app/linked'))
  rmSync(join(ours, 'srv/special/again'))
  rmSync(join(ours, 'srv/many/10'), { recursive: true })
  symlinkSync('11', join(ours, 'srv/many/10'))
  rmSync(join(ours, 'srv/many/12'), { recursive: true })
  writeFileSync(join(ours, 'srv/many/12'), 'a file now')
  chmodSync(join(ours, 'srv/special/set-user-id'), 0o4711)
  await runPeer('setfattr', ['-n', 'user.new', '-v', 'value', join(ours, 'srv/special/capable')])
  await runPeer('mkfifo', [join(ours, 'app/pipe')])

  await withLayer(layout, image.reference, 'changed', packChanges(ours, before), true)
  const theirs = join(top, 'theirs')
  await runPeer('umoci', ['raw', 'unpack', '--image', `${layout}:changed`, theirs])
  expect(treeDifferences(theirs, ours, inSeconds)).toEqual([])
  const { stdout } = await runPeer('getfattr', ['-d', '-m', '-', join(theirs, 'srv/special/capable')])
  expect(stdout).toContain('user.new="value"')
  expect(stdout).toContain('security.capability=')
  expect(lstatSync(join(theirs, 'app/linked')).ino).toBe(lstatSync(join(theirs, 'srv/special/linked')).ino)
  expect(readFileSync(join(theirs, 'app/deep/file'), 'utf8')).toBe('new')
})

realImageTest('the whole directory as one layer', ['root', 'umoci', 'getfattr'], async (image) => {
  const top = largeScratch()
  const layout = join(top, 'layout')
  cpSync(image.layout, layout, { recursive: true })
  const ours = join(top, 'ours')
  await unpackImage(await openImage(layout, image.reference), ours, everything)
  await withLayer(layout, image.reference, 'flat', packDirectory(ours), false)
  const theirs = join(top, 'theirs')
  await runPeer('umoci', ['raw', 'unpack', '--image', `${layout}:flat`, theirs])
  expect(treeDifferences(theirs, ours, inSeconds)).toEqual([])
  expect(listTree(theirs).length).toBeGreaterThan(5000)
})
