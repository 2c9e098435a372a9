/** Copying images between any two stores, with all that belongs to them. */
import type { Descriptor, Platform } from '../spec/index.ts'
import { isNondistributable } from '../spec/index.ts'
import type { BlobStore, ImageStore, StoreOptions } from '../store/index.ts'
import { readBlobChunks } from '../store/index.ts'
import { atOnce, forEachConcurrent } from './concurrent.ts'
import { planCopy } from './plan-copy.ts'
import { recordReferrer } from './referrers.ts'
import { selectPlatforms } from './select-platforms.ts'

/** How far a blob has come. */
export interface CopyProgress {
  readonly descriptor: Descriptor
  /** `present`: the destination has it already; `elsewhere`: see {@link CopyResult.elsewhere}. */
  readonly state: 'started' | 'moving' | 'done' | 'present' | 'elsewhere'
  /** Bytes of this blob that have been read so far. */
  readonly bytes: number
  /** Blobs and documents that the whole copy has, those that are present among them. */
  readonly totalBlobs: number
  /** Their bytes. */
  readonly totalBytes: number
}

/** How a copy goes about it. */
export interface CopyOptions extends StoreOptions {
  /**
   * Of an index only these: one platform gives its manifest itself, several an index with the others left out
   * (whose digest is another one).
   */
  readonly platforms?: readonly (string | Platform)[] | undefined
  /** Also what refers to the manifests copied (signatures, SBOMs), with their own referrers. Default: false. */
  readonly referrers?: boolean | undefined
  /** Also what the manifests copied refer to. Default: false. */
  readonly subjects?: boolean | undefined
  /** Blobs under way at once, 1 or more; beyond 1024 there are no more. Default: 4. */
  readonly concurrency?: number | undefined
  /** Called as bytes move: for each blob at its start and its end, and for each chunk between. */
  readonly onProgress?: ((progress: CopyProgress) => void) | undefined
  /** Called before a blob or document is copied, when the destination does not have it. */
  readonly onBefore?: ((descriptor: Descriptor) => void | Promise<void>) | undefined
  /** Called when a blob or document has arrived whole. */
  readonly onAfter?: ((descriptor: Descriptor) => void | Promise<void>) | undefined
}

/** What a copy did. */
export interface CopyResult {
  /** What now stands in the destination: another than asked for only where platforms were chosen. */
  readonly descriptor: Descriptor
  /** Blobs and documents that were copied, and their bytes. */
  readonly copied: number
  readonly copiedBytes: number
  /** Blobs and documents that were there already. */
  readonly present: number
  /** Nondistributable layers that the source does not hold either: their `urls` say where they are. */
  readonly elsewhere: readonly Descriptor[]
}

/**
 * Copies an image (or index, or artifact) by name, and tags it in the destination when all of it has arrived.
 *
 * Bytes are copied, never written anew; each blob once however many point to it; what the destination has is not
 * sent again. Children arrive before parents and the tag last, so a copy that was interrupted leaves nothing
 * half, and run again completes.
 *
 * @param reference as the source names it
 * @param name as the destination shall name it; the same name when absent
 * @throws OciError `ARGUMENT_INVALID` (a concurrency that is no number of blobs), and as reading the source and writing
 *   the destination do
 * @example await copyImage(layout.store, 'app:2', new MemoryStore(), 'app:2', { referrers: true })
 */
export async function copyImage(
  from: ImageStore,
  reference: string,
  to: ImageStore,
  name: string = reference,
  options: CopyOptions = {},
): Promise<CopyResult> {
  const result = await copyGraph(from, await from.resolve(reference, options), to, options)
  await to.tag(result.descriptor, name, options)
  return result
}

/**
 * Copies a descriptor's content and everything that it leads to.
 * @throws OciError as {@link copyImage}; `BLOB_NOT_FOUND` where the source lacks something that is not
 *   nondistributable
 */
export async function copyGraph(
  from: BlobStore | ImageStore,
  root: Descriptor,
  to: BlobStore | ImageStore,
  options: CopyOptions = {},
): Promise<CopyResult> {
  const concurrency = atOnce(options.concurrency, 4)
  const { descriptor, store } =
    options.platforms === undefined
      ? { descriptor: root, store: from }
      : await selectPlatforms(from, root, options.platforms, options)
  const plan = await planCopy(store, descriptor, options)
  const tally = { copied: 0, copiedBytes: 0, present: 0, elsewhere: [] as Descriptor[] }
  const totals = { totalBlobs: plan.blobs.length + plan.documents.length, totalBytes: plan.bytes }
  const transfer = async (content: Descriptor, signal: AbortSignal | undefined): Promise<void> => {
    const report = (state: CopyProgress['state'], bytes: number) =>
      options.onProgress?.({ descriptor: content, state, bytes, ...totals })
    if (await to.has(content, { signal })) {
      tally.present++
      report('present', content.size)
      return
    }
    if (isNondistributable(content.mediaType) && !(await store.has(content, { signal }))) {
      tally.elsewhere.push(content)
      report('elsewhere', 0)
      return
    }
    await options.onBefore?.(content)
    report('started', 0)
    // A function, so that a destination which retries can read it again.
    const read = () =>
      readBlobChunks(store, content, { signal, onProgress: (bytes) => report('moving', bytes) })
    await to.put(read, content, { signal })
    tally.copied++
    tally.copiedBytes += content.size
    report('done', content.size)
    await options.onAfter?.(content)
  }
  // The largest first: with a few at once, a large one started last would run alone at the end.
  const blobs = plan.blobs.toSorted((a, b) => b.size - a.size)
  await forEachConcurrent(blobs, concurrency, options.signal, transfer)
  for (const document of plan.documents) await transfer(document, options.signal)
  if ('references' in to) {
    for (const { subject, referrer } of plan.referrers) await recordReferrer(to, subject, referrer, options)
  }
  return { descriptor, ...tally }
}
