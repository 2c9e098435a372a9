/**
 * Referrers: attaching artifacts to a manifest, and finding them again, in any store. A store that lists them
 * itself is asked; for one that does not they are kept in an index under a tag made of the subject's digest, as
 * clients do with a registry that has no referrers API.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
 */
import { type Digest, digestParts } from '../digest/index.ts'
import { isOciError } from '../errors.ts'
import { type ArtifactContent, createIndex, ImageIndex, readIndex, writeArtifact } from '../image/index.ts'
import type { Descriptor } from '../spec/index.ts'
import type { ImageStore, StoreOptions } from '../store/index.ts'

/** Which referrers are listed. */
export interface ListReferrersOptions extends StoreOptions {
  /** Only those of this type. */
  readonly artifactType?: string | undefined
}

/**
 * Writes an artifact about a manifest, so that whoever looks for what there is about the manifest finds it.
 *
 * In an image layout it also gets an entry in `index.json`, without a name: tools that go by the index alone find
 * it (oras), and do not throw it away (umoci's gc).
 *
 * @param subject what it is about; need not be in the store
 * @returns what points to the artifact
 * @throws OciError as `writeArtifact`; as tagging does, where the store does not list referrers itself
 * @example
 * const sbom = { content: bytes, mediaType: 'application/spdx+json' }
 * await attach(store, image.descriptor, { artifactType: 'application/spdx+json', blobs: [sbom] })
 */
export async function attach(
  store: ImageStore,
  subject: Descriptor,
  artifact: Omit<ArtifactContent, 'subject'>,
  options: StoreOptions = {},
): Promise<Descriptor> {
  const descriptor = await writeArtifact(store, { ...artifact, subject }, options)
  await recordReferrer(store, subject, descriptor, options)
  return descriptor
}

/**
 * The manifests that say something about a subject, each with its artifact type and annotations.
 *
 * @throws OciError as the store does; as `readIndex` for the index under the referrers tag
 * @example for await (const { digest } of listReferrers(store, image.descriptor)) console.log(digest)
 */
export async function* listReferrers(
  store: ImageStore,
  subject: Descriptor,
  options: ListReferrersOptions = {},
): AsyncGenerator<Descriptor, void, undefined> {
  if (store.referrers !== undefined) {
    yield* store.referrers(subject, options)
    return
  }
  const descriptor = await resolveTag(store, subject.digest, options)
  if (descriptor === undefined) return
  for (const referrer of (await readIndex(store, descriptor, options)).manifests) {
    const { artifactType } = options
    if (artifactType === undefined || referrer.artifactType === artifactType) yield referrer
  }
}

/**
 * Makes a referrer that is in a store be found: enters it into the store's index, or where the store has none and
 * does not list referrers itself, into the index under the referrers tag.
 *
 * Two processes that do the latter for one subject at the same moment may lose one of the two, as the
 * distribution-spec warns: a store has no way to replace a tag only if it is still the same.
 */
export async function recordReferrer(
  store: ImageStore,
  subject: Descriptor,
  referrer: Descriptor,
  options: StoreOptions = {},
): Promise<void> {
  if (store.addEntry !== undefined) {
    const entries = (await store.index?.(options))?.manifests ?? []
    if (!entries.some((entry) => entry.digest === referrer.digest)) await store.addEntry(referrer, options)
  } else if (store.referrers === undefined) {
    const present = await resolveTag(store, subject.digest, options)
    const index = present === undefined ? undefined : await ImageIndex.open(store, present, options)
    if (index?.index.manifests.some((entry) => entry.digest === referrer.digest)) return
    const edit = index?.edit() ?? createIndex([], { format: 'oci' })
    await edit.add({ store, descriptor: referrer }).commit(store, referrersTag(subject.digest), options)
  }
}

/** The tag under which a subject's referrers are: `sha256-…`. */
export function referrersTag(digest: Digest): string {
  const { algorithm, encoded } = digestParts(digest)
  return `${algorithm.slice(0, 32)}-${encoded.slice(0, 64)}`.replace(/[^A-Za-z0-9_.-]/g, '-')
}

async function resolveTag(
  store: ImageStore,
  digest: Digest,
  options: StoreOptions,
): Promise<Descriptor | undefined> {
  try {
    return await store.resolve(referrersTag(digest), options)
  } catch (error) {
    if (isOciError(error, 'REFERENCE_NOT_FOUND')) return undefined
    throw error
  }
}
