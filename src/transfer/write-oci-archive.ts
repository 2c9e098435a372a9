/**
 * An OCI archive: an image layout as a tar.
 * @see https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */
import { giveBack } from '../bytes.ts'
import { compareDigests, type Digest, digestParts } from '../digest/index.ts'
import type { Descriptor, Index } from '../spec/index.ts'
import {
  checkIndex,
  IMAGE_LAYOUT_VERSION,
  isNondistributable,
  mediaTypes,
  serializeJson,
} from '../spec/index.ts'
import type { BlobStore, ImageStore } from '../store/index.ts'
import { readBlobChunks } from '../store/index.ts'
import type { TarWriter } from '../tar/index.ts'
import type { ArchiveContext } from './archive-context.ts'
import { entryOf, type SourceRoots } from './image-source.ts'
import { planCopy } from './plan-copy.ts'
import { selectPlatforms } from './select-platforms.ts'

/**
 * Writes the archive: what says that it is a layout, its index, then every blob in the order of their digests.
 * Nothing depends on when or by whom it is written.
 */
export async function writeOciArchive(
  tar: TarWriter,
  source: SourceRoots,
  context: ArchiveContext,
): Promise<void> {
  const { options } = context
  const { platforms } = options
  const blobs = new Map<Digest, { readonly store: BlobStore | ImageStore; readonly descriptor: Descriptor }>()
  const entries: Descriptor[] = []
  for (const root of source.roots) {
    const entry = entryOf(root)
    // Only an index has a choice: what stands beside it is taken as it is.
    const { descriptor, store } =
      platforms === undefined
        ? { descriptor: root.descriptor, store: root.store }
        : await selectPlatforms(root.store, root.descriptor, platforms, options)
    const { annotations } = entry
    entries.push(
      descriptor.digest === entry.digest ? entry : { ...descriptor, ...(annotations ? { annotations } : {}) },
    )
    const plan = await planCopy(store, descriptor, options)
    for (const content of [...plan.blobs, ...plan.documents]) {
      if (blobs.has(content.digest)) continue
      const isElsewhere = isNondistributable(content.mediaType) && !(await store.has(content, options))
      if (!isElsewhere) blobs.set(content.digest, { store, descriptor: content })
    }
  }
  const all = [...blobs.values()].sort((a, b) => compareDigests(a.descriptor.digest, b.descriptor.digest))
  context.begin(all.map(({ descriptor }) => descriptor))
  await tar.entry(file('oci-layout', serializeJson({ imageLayoutVersion: IMAGE_LAYOUT_VERSION })))
  await tar.entry(file('index.json', indexBytes(source.index, entries)))
  await tar.entry(directory('blobs/'))
  let algorithm = ''
  for (const { store, descriptor } of all) {
    const parts = digestParts(descriptor.digest)
    if (parts.algorithm !== algorithm) await tar.entry(directory(`blobs/${parts.algorithm}/`))
    algorithm = parts.algorithm
    await tar.entry(file(`blobs/${algorithm}/${parts.encoded}`, descriptor.size))
    const moved = context.start(descriptor)
    const chunks = await readBlobChunks(store, descriptor, { signal: options.signal })
    for await (const chunk of chunks) {
      const wait = tar.data(chunk)
      if (wait !== undefined) await wait
      moved(chunk.length)
      chunks[giveBack]?.(chunk)
    }
  }
}

/** The index of the source where all of it is written, else one of the entries. */
function indexBytes(index: Index | undefined, entries: readonly Descriptor[]): Uint8Array {
  const isSame =
    index !== undefined &&
    index.manifests.length === entries.length &&
    entries.every((entry, position) => entry === index.manifests[position])
  const made: Index = isSame ? index : { schemaVersion: 2, mediaType: mediaTypes.index, manifests: entries }
  return checkIndex(made, { mediaType: mediaTypes.index, allow: ['list-null'] })
}

function file(path: string, content: Uint8Array | number) {
  return typeof content === 'number' ? { path, size: content, mode: 0o644 } : { path, content, mode: 0o644 }
}

function directory(path: string) {
  return { path, mode: 0o755 }
}
