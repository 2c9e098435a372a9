/** Bringing into a store all that a document which is written there leads to. */
import { OciError } from '../errors.ts'
import type { Descriptor } from '../spec/index.ts'
import { isIndexType, isManifestType } from '../spec/index.ts'
import type { BlobStore, StoreOptions } from '../store/index.ts'
import { bringBlob } from './bring-blob.ts'
import { maxDepth } from './choose-image.ts'
import { readIndex, readManifest } from './read-document.ts'

/**
 * Copies a document with all that it leads to, subjects left out, where the target lacks it: children before
 * parents, one after another. `copyGraph` does the same for many at once, with progress.
 */
export async function bringGraph(
  source: BlobStore,
  descriptor: Descriptor,
  target: BlobStore,
  options: StoreOptions,
  depth = 0,
): Promise<void> {
  if (source === target) return
  if (depth > maxDepth) {
    throw new OciError(
      'LIMIT_EXCEEDED',
      `Index ${descriptor.digest} nests indexes deeper than ${maxDepth} levels`,
      {
        digest: descriptor.digest,
        expected: maxDepth,
      },
    )
  }
  if (isIndexType(descriptor.mediaType)) {
    for (const entry of (await readIndex(source, descriptor, options)).manifests) {
      await bringGraph(source, entry, target, options, depth + 1)
    }
  } else if (isManifestType(descriptor.mediaType)) {
    const { config, layers } = await readManifest(source, descriptor, options)
    for (const content of [...layers, config]) await bringBlob(source, content, target, options)
  }
  await bringBlob(source, descriptor, target, options)
}
