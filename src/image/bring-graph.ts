/** Bringing into a store all that a document which is written there leads to. */
import type { Digest } from '../digest/index.ts'
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
 *
 * @throws OciError `LIMIT_EXCEEDED` beyond 8 levels of indexes; as reading and writing do
 */
export async function bringGraph(
  source: BlobStore,
  root: Descriptor,
  target: BlobStore,
  options: StoreOptions,
): Promise<void> {
  if (source === target) return
  // Eight levels of a hundred times the same index would be 100^8.
  const seen = new Set<Digest>()
  const visit = async (descriptor: Descriptor, depth: number): Promise<void> => {
    if (seen.has(descriptor.digest)) return
    seen.add(descriptor.digest)
    if (isIndexType(descriptor.mediaType)) {
      if (depth >= maxDepth) throw tooDeep(descriptor)
      for (const entry of (await readIndex(source, descriptor, options)).manifests)
        await visit(entry, depth + 1)
    } else if (isManifestType(descriptor.mediaType)) {
      const { config, layers } = await readManifest(source, descriptor, options)
      for (const content of [...layers, config]) await bringBlob(source, content, target, options)
    }
    await bringBlob(source, descriptor, target, options)
  }
  await visit(root, 0)
}

/** The error for indexes in indexes in indexes. */
export function tooDeep({ digest }: Descriptor): OciError {
  return new OciError('LIMIT_EXCEEDED', `Index ${digest} nests indexes deeper than ${maxDepth} levels`, {
    digest,
    expected: maxDepth,
  })
}
