/** Collecting garbage: removing what no reference leads to, and never a blob more. */
import { concatBytes, readChunks } from '../bytes.ts'
import { type Digest, digestBytes, digestParts, isDigest, isRegisteredAlgorithm } from '../digest/index.ts'
import { isOciError, OciError } from '../errors.ts'
import { endOfTurn } from '../runtime.ts'
import type { Descriptor } from '../spec/index.ts'
import { isConfigType, isLayerType, isSchema1Type, mediaTypes, parseJson } from '../spec/index.ts'
import type { ImageStore, StoreOptions } from '../store/index.ts'
import { readBlobBytes } from '../store/index.ts'
import { forEachConcurrent } from './concurrent.ts'
import { embeddedContent, isDocumentType, successorsOf } from './graph.ts'

/** How garbage is collected. */
export interface GarbageOptions extends StoreOptions {
  /** Only tells what would be removed. Default: false. */
  readonly dryRun?: boolean | undefined
  /** More to keep, with all that it leads to, though no reference does. */
  readonly keep?: readonly Descriptor[] | undefined
}

/** What was collected. */
export interface Garbage {
  /** What was removed, or would have been. */
  readonly removed: readonly Digest[]
  /** Blobs that stay. */
  readonly kept: number
}

/** Documents are at most this long, in bytes: what is longer leads nowhere. */
const maxDocumentSize = 4 * 1024 * 1024

/**
 * Removes every blob that nothing leads to: neither an entry of the store's index (named or not), nor `keep`,
 * nor a referrer of anything kept, for a signature or an SBOM belongs to its image. An entry without a name that
 * is such a referrer goes with its subject. A document of an unknown
 * kind keeps every blob that it mentions anywhere. Where a document cannot be read to its end and understood,
 * nothing is removed.
 *
 * Blobs of an image that another process is just writing look like garbage until it is tagged: collect while
 * nobody writes.
 *
 * @throws OciError `STORE_UNSUPPORTED` where the store cannot list or delete; as reading a document does
 */
export async function collectGarbage(store: ImageStore, options: GarbageOptions = {}): Promise<Garbage> {
  const { list, delete: remove } = store
  if (list === undefined || remove === undefined) {
    throw new OciError(
      'STORE_UNSUPPORTED',
      'This store cannot list and delete its blobs, so nothing can be collected',
    )
  }
  const all: Digest[] = []
  for await (const digest of list.call(store, options)) all.push(digest)
  const marks = new Marks(store, options)
  const { roots, attached } = await rootsOf(store, marks, options)
  for (const root of roots) await marks.follow(root)
  await marks.followReferrers(all)
  const removed = all.filter((digest) => !marks.kept.has(digest))
  if (!options.dryRun) {
    // Asked for together: a layout's index is then written once, not once for each.
    const gone = attached.filter((entry) => !marks.kept.has(entry.digest))
    await forEachConcurrent(gone, gone.length, options.signal, async (entry, signal) =>
      store.removeEntry?.(entry, { ...options, signal }),
    )
    for (const digest of removed) await remove.call(store, unknownBlob(digest), options)
  }
  return { removed, kept: all.length - removed.length }
}

/** Where marking starts, and the entries that are about something that is here. */
interface Roots {
  readonly roots: readonly Descriptor[]
  readonly attached: readonly Descriptor[]
}

async function rootsOf(store: ImageStore, marks: Marks, options: GarbageOptions): Promise<Roots> {
  const roots: Descriptor[] = [...(options.keep ?? [])]
  const attached: Descriptor[] = []
  for await (const reference of store.references(options)) roots.push(reference.descriptor)
  const index = await store.index?.(options)
  for (const entry of index?.manifests ?? []) {
    // An attached artifact stands in the index to be found there: it stays with its subject, and goes with it.
    // One with a name is a root by its name.
    const isAttached = store.removeEntry !== undefined && (await marks.isAboutPresent(entry))
    if (isAttached) attached.push(entry)
    else roots.push(entry)
  }
  if (index?.subject !== undefined) roots.push(index.subject)
  return { roots, attached }
}

class Marks {
  readonly kept = new Set<Digest>()
  readonly #store: ImageStore
  readonly #options: StoreOptions
  /** By digest and media type: the same bytes may be a leaf to one document and a document to another. */
  readonly #followed = new Set<string>()

  constructor(store: ImageStore, options: StoreOptions) {
    this.#store = store
    this.#options = options
  }

  /** Keeps a piece of content and all that it leads to. */
  async follow(root: Descriptor): Promise<void> {
    const pending: Descriptor[] = [root]
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const key = `${next.digest} ${next.mediaType}`
      if (this.#followed.has(key)) continue
      this.#followed.add(key)
      this.kept.add(next.digest)
      if (isLayerType(next.mediaType) || isConfigType(next.mediaType)) continue
      // One by one: a hostile document has more than a call can have arguments.
      for (const successor of await this.#leadsTo(next)) pending.push(successor)
    }
  }

  /** Keeps every manifest, among all there are, whose subject is kept; and so on, for theirs. */
  async followReferrers(all: readonly Digest[]): Promise<void> {
    const waiting = new Map<Digest, Descriptor[]>()
    for (const digest of all) {
      const referrer = await this.#asReferrer(digest)
      if (referrer === undefined) continue
      const others = waiting.get(referrer.subject)
      if (others === undefined) waiting.set(referrer.subject, [referrer.descriptor])
      else others.push(referrer.descriptor)
    }
    if (waiting.size === 0) return
    // The set gives what is added to it while it is gone through, so each digest that is kept is looked up once.
    for (const subject of this.kept) {
      for (const referrer of waiting.get(subject) ?? []) await this.follow(referrer)
    }
  }

  /** Whether an entry is about something else that is in the store. */
  async isAboutPresent({ digest }: Descriptor): Promise<boolean> {
    const [store, options] = [this.#store, this.#options]
    if (!(await store.has(unknownBlob(digest), options))) return false
    const referrer = await this.#asReferrer(digest)
    return referrer !== undefined && (await store.has(unknownBlob(referrer.subject), options))
  }

  async #leadsTo(descriptor: Descriptor): Promise<readonly Descriptor[]> {
    const known = isDocumentType(descriptor.mediaType) && !isSchema1Type(descriptor.mediaType)
    if (!known && descriptor.size > maxDocumentSize) return []
    let bytes: Uint8Array
    try {
      bytes = await readBlobBytes(this.#store, descriptor, this.#options)
    } catch (error) {
      if (isOciError(error, 'BLOB_NOT_FOUND')) return []
      throw error
    }
    if (known) return successorsOf(descriptor.mediaType, bytes).map((successor) => successor.descriptor)
    const { descriptors, digests } = embeddedContent(bytes)
    for (const digest of digests) this.kept.add(digest)
    return descriptors
  }

  /** A blob of which nothing but the digest is known, when it is a document with a subject. */
  async #asReferrer(digest: Digest): Promise<{ descriptor: Descriptor; subject: Digest } | undefined> {
    const bytes = await this.#jsonBytes(digest)
    const head = bytes === undefined ? undefined : referrerHead(bytes)
    if (bytes === undefined || head === undefined) return undefined
    return { descriptor: { mediaType: head.mediaType, digest, size: bytes.length }, subject: head.subject }
  }

  /** A blob's bytes where they can be a document: not too long, and begun by a brace. Layers end at their first byte. */
  async #jsonBytes(digest: Digest): Promise<Uint8Array | undefined> {
    const turn = endOfTurn()
    if (turn !== undefined) await turn
    const chunks: Uint8Array[] = []
    let length = 0
    for await (const chunk of readChunks(await this.#store.get(unknownBlob(digest), this.#options))) {
      length += chunk.length
      if (chunks.length === 0 && chunk.length > 0 && chunk[0] !== openBrace) return undefined
      if (length > maxDocumentSize) return undefined
      if (chunk.length > 0) chunks.push(chunk)
    }
    const bytes = concatBytes(chunks)
    const { algorithm } = digestParts(digest)
    // What is not what its name says is no document that anybody could have meant.
    return isRegisteredAlgorithm(algorithm) && digestBytes(bytes, algorithm) === digest ? bytes : undefined
  }
}

const openBrace = 0x7b

/** What makes a document a referrer, whatever else is in it. */
function referrerHead(bytes: Uint8Array): { mediaType: string; subject: Digest } | undefined {
  let value: { mediaType?: unknown; subject?: { digest?: unknown } | null; manifests?: unknown }
  try {
    value = parseJson(bytes).value as typeof value
  } catch (error) {
    if (error instanceof OciError) return undefined
    throw error
  }
  const subject = value.subject?.digest
  if (!isDigest(subject)) return undefined
  const implied = value.manifests === undefined ? mediaTypes.manifest : mediaTypes.index
  return { mediaType: typeof value.mediaType === 'string' ? value.mediaType : implied, subject }
}

/** A descriptor for a blob whose size is not known: the most that there can be. */
function unknownBlob(digest: Digest): Descriptor {
  return { mediaType: 'application/octet-stream', digest, size: Number.MAX_SAFE_INTEGER }
}
