/** What is measured: each task as a program of its own would do it, with the library's own calls. */
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import {
  choosePlatform,
  collectGarbage,
  copyImage,
  createIndex,
  Layout,
  lintIndex,
  packDirectory,
  parseIndex,
  readLayout,
  unpackImage,
  validateGraph,
  writeArchive,
  writeArchiveFile,
} from '../../src/index.ts'
import type { Image } from '../../src/image/index.ts'
import { writeLayer } from '../../src/layer/index.ts'
import type { Descriptor } from '../../src/spec/index.ts'
import { DirectoryStore } from '../../src/store/index.ts'
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

/** One task. */
export type Task = (subject: Subject) => Promise<Told | void>

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
    await (await open(subject)).edit().label('scale', 'yes').addLayer(content(subject)).commit(store, 'edited')
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
    if (lintIndex(readIndexBytes(subject)).some(({ level }) => level === 'error')) throw new Error('not sound')
  },
  async 'index choose'(subject) {
    const { manifests } = parseIndex(readIndexBytes(subject))
    const wanted = platformOf(subject.count - 1)
    if (choosePlatform(wanted, manifests) === undefined) throw new Error('not found')
  },
  async 'index filter'(subject) {
    const layout = await readLayout(image(subject))
    const descriptor = await layout.store.resolve('scale')
    const half = Array.from({ length: Math.ceil(subject.count / 2) }, (_, i) => platformOf(i * 2))
    await selectPlatforms(layout.store, descriptor, half, {})
  },
  async 'index write'(subject) {
    const { manifests } = parseIndex(readIndexBytes(subject))
    const store = await DirectoryStore.create(scratch(subject), unsynced)
    for (const descriptor of manifests) await store.put(new Uint8Array(descriptor.size))
    await createIndex(manifests.map((descriptor) => ({ store, descriptor }))).commit(store, 'made')
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
  async 'layout copy'(subject) {
    const { writeLayout } = await import('../../src/transfer/index.ts')
    const source = await Layout.open(await openLayout(subject))
    await writeLayout(scratch(subject), source, { ...unsynced, maxIndexSize: 64 << 20 })
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
  async cleanAll({ directory }) {
    rmSync(directory, { recursive: true, force: true })
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
