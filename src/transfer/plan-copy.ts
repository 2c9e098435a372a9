/** Planning a copy: everything that a root leads to, before any of it is moved. */
import type { Digest } from '../digest/index.ts'
import { OciError } from '../errors.ts'
import type { Descriptor } from '../spec/index.ts'
import type { BlobStore, ImageStore, StoreOptions } from '../store/index.ts'
import { isDocumentType, readSuccessors } from './graph.ts'
import { listReferrers } from './referrers.ts'

/** What a copy has to move. */
export interface CopyPlan {
  /** What points to nothing. */
  readonly blobs: readonly Descriptor[]
  /** What points to others, children before parents. */
  readonly documents: readonly Descriptor[]
  readonly referrers: readonly CopiedReferrer[]
  readonly bytes: number
}

/** A referrer that is copied along, and what it is about. */
export interface CopiedReferrer {
  readonly subject: Descriptor
  readonly referrer: Descriptor
}

/** Documents that one copy may hold: a bound for hostile graphs, far above any real one. */
const maxDocuments = 1_000_000

/** Indexes within indexes, subjects of subjects and referrers of referrers, together. */
const maxDepth = 64

/** What is copied beside the root and what it needs. */
export interface PlanOptions extends StoreOptions {
  readonly referrers?: boolean | undefined
  readonly subjects?: boolean | undefined
}

/**
 * Reads all documents that a root leads to, and lists what there is to copy: each piece of content once.
 * @throws OciError `LIMIT_EXCEEDED`; `STORE_UNSUPPORTED` for referrers of a store that keeps no references; as
 *   reading documents does
 */
export async function planCopy(
  store: BlobStore | ImageStore,
  root: Descriptor,
  options: PlanOptions,
): Promise<CopyPlan> {
  const seen = new Set<Digest>()
  const blobs: Descriptor[] = []
  const documents: Descriptor[] = []
  const referrers: CopiedReferrer[] = []
  let bytes = 0
  const visit = async (descriptor: Descriptor, depth: number): Promise<void> => {
    if (seen.has(descriptor.digest)) return
    seen.add(descriptor.digest)
    bytes += descriptor.size
    if (!isDocumentType(descriptor.mediaType)) {
      blobs.push(descriptor)
      return
    }
    if (depth > maxDepth) throw tooMuch(root, `leads deeper than ${maxDepth} levels`, maxDepth)
    const { successors } = await readSuccessors(store, descriptor, options)
    for (const successor of successors) {
      if (successor.role !== 'subject') await visit(successor.descriptor, depth + 1)
      else if (options.subjects && (await store.has(successor.descriptor, options))) {
        await visit(successor.descriptor, depth + 1)
      }
    }
    if (documents.push(descriptor) > maxDocuments) {
      throw tooMuch(root, `leads to more than ${maxDocuments} documents`, maxDocuments)
    }
    if (!options.referrers) return
    for await (const referrer of referrersOf(store, descriptor, options)) {
      referrers.push({ subject: descriptor, referrer })
      await visit(referrer, depth + 1)
    }
  }
  await visit(root, 0)
  return { blobs, documents, referrers, bytes }
}

function referrersOf(
  store: BlobStore | ImageStore,
  subject: Descriptor,
  options: StoreOptions,
): AsyncIterable<Descriptor> {
  if ('references' in store) return listReferrers(store, subject, options)
  throw new OciError(
    'STORE_UNSUPPORTED',
    'The store that is copied from keeps no references, so it cannot list referrers: copy without the option `referrers`',
  )
}

function tooMuch(root: Descriptor, what: string, limit: number): OciError {
  return new OciError('LIMIT_EXCEEDED', `${root.digest} ${what}`, { digest: root.digest, expected: limit })
}
