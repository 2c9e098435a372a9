/** What is measured: each task as a program of its own would do it, with the library's own calls. */
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Image } from '../../src/image/index.ts'
import {
  choosePlatform,
  collectGarbage,
  copyImage,
  createIndex,
  lintIndex,
  packDirectory,
  parseIndex,
  readLayout,
  unpackImage,
  validateGraph,
  writeArchive,
  writeArchiveFile,
  writeManifest,
} from '../../src/index.ts'
import { writeLayer } from '../../src/layer/index.ts'
import type { Descriptor } from '../../src/spec/index.ts'
import { mediaTypes } from '../../src/spec/index.ts'
import { DirectoryStore, MemoryStore } from '../../src/store/index.ts'
import { selectPlatforms } from '../../src/transfer/select-platforms.ts'
import { indexBytes, makeImage, makeLayout, manyEntries, oneFile, platformOf } from './content.ts'

/** What a task works on: all below one directory. */
export interface Subject {
  readonly directory: string
  /** Entries of the layer, or bytes of its one file; manifests of the index; blobs of the layout. */
  readonly kind: 'entries' | 'bytes' | 'manifests' | 'blobs'
  readonly count: number
}

/** What a task has to tell beside its figures: bytes that a merged tree holds. */
export interface Told {
  readonly held?: number
}

/** One task; what it resolves to may be {@link Told}. */
export type Task = (subject: Subject) => Promise<unknown>

// Without fsync: measured is the library, not the disk.
const unsynced = { sync: false }

const open = async (subject: Subject): Promise<Image> => (await readLayout(image(subject))).image('scale')
const image = ({ directory }: Subject): string => join(directory, 'image')
const rootfs = ({ directory }: Subject): string => join(directory, 'rootfs')
const scratch = ({ directory }: Subject): string => join(directory, 'scratch')
const content = ({ kind, count }: Subject) => (kind === 'entries' ? manyEntries(count) : oneFile(count))

/** Tasks on an image of one layer; `pack` needs what `unpack` left. */
export const imageTasks: Readonly<Record<string, Task>> = {
  async list(subject) {
    const { layers } = await open(subject)
    for await (const _ of layers[0]!.entries());
  },
  async verify(subject) {
    const { store, descriptor } = await open(subject)
    const { valid } = await validateGraph(store, [descriptor])
    if (!valid) throw new Error('The image is not sound')
  },
  async merge(subject) {
    const files = await (await open(subject)).filesystem()
    await files.stat('/')
    return { held: files.tree.byteLength }
  },
  async unpack(subject) {
    await unpackImage(await open(subject), rootfs(subject))
  },
  async pack(subject) {
    const store = await DirectoryStore.create(scratch(subject), unsynced)
    await writeLayer(store, packDirectory(rootfs(subject)))
  },
  async copy(subject) {
    const from = await DirectoryStore.open(image(subject))
    const to = await DirectoryStore.create(scratch(subject), unsynced)
    await copyImage(from, 'scale', to)
  },
  async 'docker-archive'(subject) {
    const source = await readLayout(image(subject))
    await writeArchiveFile(scratch(subject), source, { format: 'docker', ...unsynced })
  },
  async 'docker-stream'(subject) {
    const stream = writeArchive(await readLayout(image(subject)), { format: 'docker' })
    for await (const _ of stream);
  },
  async 'oci-archive'(subject) {
    const source = await readLayout(image(subject))
    await writeArchiveFile(scratch(subject), source, { format: 'oci', ...unsynced })
  },
  async edit(subject) {
    const store = await DirectoryStore.create(scratch(subject), unsynced)
    await (await open(subject))
      .edit()
      .label('scale', 'yes')
      .addLayer(content(subject))
      .commit(store, 'edited')
  },
  async flatten(subject) {
    const store = await DirectoryStore.create(scratch(subject), unsynced)
    await (await open(subject))
      .edit()
      .addLayer([{ path: 'added', content: new Uint8Array(100) }])
      .flatten()
      .commit(store, 'flat')
  },
}

/** Tasks on one index in a layout. */
export const indexTasks: Readonly<Record<string, Task>> = {
  async 'index parse'(subject) {
    parseIndex(readIndexBytes(subject))
  },
  async 'index lint'(subject) {
    if (lintIndex(readIndexBytes(subject)).some(({ level }) => level === 'error'))
      throw new Error('not sound')
  },
  async 'index choose'(subject) {
    const { manifests } = parseIndex(readIndexBytes(subject))
    const wanted = platformOf(subject.count - 1)
    if (choosePlatform(wanted, manifests) === undefined) throw new Error('not found')
  },
  async 'index filter'(subject) {
    const layout = await readLayout(image(subject))
    const descriptor = await layout.store.resolve('scale')
    const wanted = Array.from({ length: 10 }, (_, i) => platformOf(Math.floor((i * subject.count) / 10)))
    await selectPlatforms(layout.store, descriptor, wanted, {})
  },
  async 'index write'(subject) {
    const { manifests } = parseIndex(readIndexBytes(subject))
    const store = new MemoryStore()
    const members: { readonly store: MemoryStore; readonly descriptor: Descriptor }[] = []
    for (const { platform } of manifests) {
      // The members are there: an index is not made of what is nowhere.
      const config = await store.put(new TextEncoder().encode(JSON.stringify(platform)))
      const manifest = { schemaVersion: 2 as const, mediaType: mediaTypes.manifest, config, layers: [config] }
      const descriptor = await writeManifest(store, manifest)
      members.push({ store, descriptor: { ...descriptor, platform: platform! } })
    }
    await createIndex(members).commit(store, 'made')
  },
}

/** Tasks on a layout of many blobs. */
export const layoutTasks: Readonly<Record<string, Task>> = {
  async 'layout list'(subject) {
    const store = await openLayout(subject)
    let count = 0
    for await (const _ of store.list()) count++
    if (count < subject.count) throw new Error(`${count} blobs`)
  },
  async 'layout referrers'(subject) {
    const store = await openLayout(subject)
    const { manifests } = await store.index()
    for await (const _ of store.referrers(manifests[0]!));
  },
  async 'layout collect'(subject) {
    await collectGarbage(await openLayout(subject), { dryRun: true })
  },
  async 'layout validate'(subject) {
    const store = await openLayout(subject)
    const { manifests } = await store.index()
    const { valid, findings } = await validateGraph(store, manifests)
    if (!valid) throw new Error(JSON.stringify(findings[0]))
  },
}

/** What is not measured: making and removing what tasks work on, and nothing, which is what a process takes. */
export const preparations: Readonly<Record<string, Task>> = {
  async nothing() {},
  async make(subject) {
    if (subject.kind === 'blobs') await makeLayout(image(subject), subject.count)
    else if (subject.kind === 'manifests') {
      const store = await DirectoryStore.create(image(subject), unsynced)
      const descriptor = await store.put(indexBytes(subject.count), {
        mediaType: 'application/vnd.oci.image.index.v1+json',
      })
      await store.tag(descriptor, 'scale')
    } else await makeImage(image(subject), content(subject))
  },
  async clean(subject) {
    rmSync(scratch(subject), { recursive: true, force: true })
  },
  async cleanUnpacked(subject) {
    for (const path of [scratch(subject), rootfs(subject)]) rmSync(path, { recursive: true, force: true })
  },
}

function openLayout(subject: Subject): Promise<DirectoryStore> {
  return DirectoryStore.open(image(subject), { maxIndexSize: 64 << 20, ...unsynced })
}

function readIndexBytes(subject: Subject): Uint8Array {
  const { manifests } = JSON.parse(readFileSync(join(image(subject), 'index.json'), 'utf8')) as {
    manifests: Descriptor[]
  }
  return readFileSync(join(image(subject), 'blobs', manifests[0]!.digest.replace(':', '/')))
}
