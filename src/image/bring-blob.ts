/** Bringing a blob into a store where a document that points to it is written. */
import type { Descriptor } from '../spec/index.ts'
import { isNondistributable } from '../spec/index.ts'
import type { BlobStore, StoreOptions } from '../store/index.ts'
import { readBlob } from '../store/index.ts'

/** Copies a blob where the target lacks it. Nondistributable layers may be nowhere near. */
export async function bringBlob(
  source: BlobStore,
  descriptor: Descriptor,
  target: BlobStore,
  options: StoreOptions,
): Promise<void> {
  if (source === target || (await target.has(descriptor, options))) return
  if (isNondistributable(descriptor.mediaType) && !(await source.has(descriptor, options))) return
  await target.put(() => readBlob(source, descriptor, options), descriptor, options)
}
