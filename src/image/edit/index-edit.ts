/** Making and changing indexes: immutable in, new index out. */
import { type Digest, digestBytes, isDigest } from '../../digest/index.ts'
import { OciError } from '../../errors.ts'
import type { Annotations, Descriptor, JsonEdit, Platform } from '../../spec/index.ts'
import {
  annotationKeys,
  artifactTypeOf,
  checkIndex,
  editJson,
  formatPlatform,
  isArtifact,
  isIndexType,
  isManifestType,
  mediaTypes,
  normalizePlatform,
  parseIndex,
  parsePlatform,
} from '../../spec/index.ts'
import type { BlobStore, ImageStore, StoreOptions } from '../../store/index.ts'
import { bringGraph } from '../bring-graph.ts'
import { attestedBy, filterEntries, manifestsFor } from '../filter-index.ts'
import { Image } from '../image.ts'
import type { ImageIndex } from '../image-index.ts'

/** What an index lists: an {@link Image}, an {@link ImageIndex}, or any descriptor of a store. */
export interface IndexMember {
  readonly store: BlobStore
  readonly descriptor: Descriptor
}

/**
 * Which entries are meant: that at a position, those of a digest, those for a platform (`linux/arm64`, as it is
 * written or as it is meant: `linux/arm64/v8` too), or those that a function picks.
 */
export type EntrySelector = number | string | ((entry: Descriptor, position: number) => boolean)

/** How an entry is added. */
export interface AddEntryOptions {
  /** What the image runs on: as its descriptor says, or else its config, when absent. */
  readonly platform?: string | Platform | undefined
  /** Annotations of the entry, beside those that its descriptor has. */
  readonly annotations?: Annotations | undefined
  /** Before the entry at this position; at the end when absent. */
  readonly position?: number | undefined
}

/** Whose form a new index has: see {@link createIndex}. */
export type IndexFormat = 'oci' | 'docker'

/** The index that an edit starts from. */
export interface IndexStart {
  readonly store: BlobStore
  readonly bytes: Uint8Array
  /** Whether it was not there before, so that its entries decide on its form. */
  readonly isNew: boolean
  /** The form that was asked for. */
  readonly format: IndexFormat | undefined
}

/** Opens the index that an edit has written: the view's own door, handed in since views stand above. */
export type OpenIndex = (
  store: BlobStore,
  descriptor: Descriptor,
  options: StoreOptions,
) => Promise<ImageIndex>

type Step = (context: IndexContext) => void | Promise<void>

/**
 * Changes to an index, collected by a chain of calls and made by {@link IndexEdit.commit}, in the order of the
 * calls. The index that it started from stays as it is, and so does every byte of the new one that no call was
 * about.
 *
 * @example
 * const next = await index.edit()
 *   .remove('linux/386')
 *   .add(image)
 *   .annotation('org.opencontainers.image.version', '2.0')
 *   .commit(store, 'app:2')
 */
export class IndexEdit {
  readonly #start: (options: StoreOptions) => Promise<IndexStart>
  readonly #open: OpenIndex
  readonly #steps: Step[] = []

  /** Use `index.edit()` or `createIndex`. */
  constructor(start: (options: StoreOptions) => Promise<IndexStart>, open: OpenIndex) {
    this.#start = start
    this.#open = open
  }

  /**
   * Adds an image, with the platform that it runs on; an index, as one entry; or an artifact, with its type. The
   * names that it has in its store do not come along: they mean something in the index of a layout alone.
   */
  add(member: IndexMember, options: AddEntryOptions = {}): this {
    return this.#step(async (context) => {
      const value = await context.entryOf(member, options)
      context.add(value, options.position)
    })
  }

  /** Takes entries out, with a build's attestations of them. */
  remove(which: EntrySelector): this {
    return this.#step((context) => context.remove(context.select(which)))
  }

  /**
   * Puts another image, index or artifact in an entry's place; what else the entry says stays, its annotations
   * among it. A build's attestations of the old image go.
   */
  replace(which: EntrySelector, member: IndexMember, options: Omit<AddEntryOptions, 'position'> = {}): this {
    return this.#step(async (context) => {
      const positions = context.select(which)
      const [position] = positions
      if (position === undefined || positions.length > 1) {
        throw new OciError(
          'ARGUMENT_INVALID',
          `${JSON.stringify(String(which))} stands for ${positions.length} entries: replace one at a time, by position`,
        )
      }
      const { annotations, ...made } = await context.entryOf(member, options)
      const { digest } = context.entries[position]!
      const path = ['manifests', position]
      context.edit([
        ...(['mediaType', 'digest', 'size', 'artifactType', 'platform', 'urls', 'data'] as const).map(
          (name) => ({
            path: [...path, name],
            value: made[name],
          }),
        ),
        ...annotationEdits([...path, 'annotations'], annotations ?? {}),
      ])
      if (made.digest !== digest) context.removeAttestations([digest])
    })
  }

  /** Keeps what a function picks among the entries, and a build's attestations of these. */
  filter(keep: (entry: Descriptor, position: number) => boolean): this {
    return this.#step((context) => {
      const entries = context.entries
      const kept = new Set(entries.filter(keep).map((entry) => entry.digest as string))
      const isGone = (entry: Descriptor, position: number) =>
        !keep(entry, position) && !kept.has(attestedBy(entry) ?? '')
      context.remove([...entries.keys()].filter((position) => isGone(entries[position]!, position)))
    })
  }

  /**
   * Keeps for each platform the image that suits it best, in indexes within the index too, with a build's
   * attestations of these.
   */
  platforms(platforms: readonly (string | Platform)[]): this {
    return this.#step((context) => context.keepPlatforms(platforms.map(toPlatform)))
  }

  /** Sets an annotation of the index; undefined removes it. */
  annotation(name: string, value: string | undefined): this {
    return this.annotations({ [name]: value })
  }

  /** Sets annotations of the index; removes those that are undefined. */
  annotations(annotations: Readonly<Record<string, string | undefined>>): this {
    return this.#step((context) => context.edit(annotationEdits(['annotations'], annotations)))
  }

  /** Sets annotations of entries; removes those that are undefined. */
  annotateEntries(which: EntrySelector, annotations: Readonly<Record<string, string | undefined>>): this {
    return this.#step((context) => {
      for (const position of context.select(which)) {
        context.edit(annotationEdits(['manifests', position, 'annotations'], annotations))
      }
    })
  }

  /** Says what an entry's image runs on; undefined takes that back. */
  entryPlatform(which: EntrySelector, platform: string | Platform | undefined): this {
    return this.#step((context) => {
      const value = platform === undefined ? undefined : toPlatform(platform)
      context.edit(
        context.select(which).map((position) => ({ path: ['manifests', position, 'platform'], value })),
      )
    })
  }

  /** Says what manifest the index is about, or takes that back. */
  subject(subject: Descriptor | undefined): this {
    return this.field(['subject'], subject)
  }

  /** Says what kind of artifact the index is, or takes that back. */
  artifactType(artifactType: string | undefined): this {
    return this.field(['artifactType'], artifactType)
  }

  /** Sets any field of the index by its path, known to the specification or not; undefined removes it. */
  field(path: readonly (string | number)[], value: unknown): this {
    return this.#step((context) => context.edit([{ path, value }]))
  }

  /**
   * Makes the new index in a store, with all that its entries lead to and the store lacks, and tags it where a
   * reference is given. A failure before the end leaves no more than blobs that nothing leads to.
   *
   * @throws OciError `ARGUMENT_INVALID` (an entry that is not there), `PLATFORM_NOT_FOUND`, `DOCUMENT_INVALID`
   *   where the result would not be valid, and as reading and writing do
   */
  async commit(
    store: BlobStore | ImageStore,
    reference?: string,
    options: StoreOptions = {},
  ): Promise<ImageIndex> {
    if (reference !== undefined && !('tag' in store)) {
      throw new OciError('STORE_UNSUPPORTED', 'This store keeps no references: commit without one')
    }
    const context = new IndexContext(await this.#start(options), store, options)
    for (const step of this.#steps) await step(context)
    const descriptor = await context.finish()
    if (reference !== undefined) await (store as ImageStore).tag(descriptor, reference, options)
    return this.#open(store, descriptor, options)
  }

  #step(step: Step): this {
    this.#steps.push(step)
    return this
  }
}

/** The index as the steps before have left it, and where the new one is being made. */
class IndexContext {
  readonly #start: IndexStart
  readonly #store: BlobStore
  readonly #options: StoreOptions
  #bytes: Uint8Array
  /** Entries added at the end that are not in the bytes yet. */
  #pending: JsonEdit[] = []
  /** How many entries there are, where that is known. */
  #length: number | undefined

  constructor(start: IndexStart, store: BlobStore, options: StoreOptions) {
    this.#start = start
    this.#store = store
    this.#options = options
    this.#bytes = start.bytes
  }

  get entries(): readonly Descriptor[] {
    return parseIndex(this.bytes).manifests
  }

  /** The document as the steps so far have left it. */
  get bytes(): Uint8Array {
    // Edits are made together: each by itself goes over the whole text, so that many would take the square of the time.
    if (this.#pending.length > 0) this.#bytes = editJson(this.#bytes, this.#pending)
    this.#pending = []
    return this.#bytes
  }

  edit(edits: readonly JsonEdit[]): void {
    for (const edit of edits) this.#pending.push(edit)
    this.#length = undefined
    // What cannot be done is refused by the step that asked for it.
    void this.bytes
  }

  /** Adds an entry before a position, or at the end. */
  add(value: Descriptor, position?: number): void {
    if (position !== undefined) {
      this.edit([{ path: ['manifests', position], value, insert: true }])
      return
    }
    const length = this.#length ?? this.entries.length
    this.#pending.push({ path: ['manifests', length], value, insert: true })
    this.#length = length + 1
  }

  /** Positions of the entries that are meant: at least one, unless a function picks none. */
  select(which: EntrySelector): number[] {
    const { entries } = this
    const positions = [...entries.keys()]
    if (typeof which === 'function')
      return positions.filter((position) => which(entries[position]!, position))
    if (typeof which === 'number') {
      if (which in entries) return [which]
      throw new OciError(
        'ARGUMENT_INVALID',
        `There is no entry at position ${which}: the index has ${entries.length}`,
        {
          actual: which,
          expected: entries.length,
        },
      )
    }
    if (isDigest(which)) {
      const found = positions.filter((position) => entries[position]!.digest === which)
      if (found.length > 0) return found
      throw new OciError('ARGUMENT_INVALID', `The index has no entry ${which}`, { digest: which })
    }
    const platform = parsePlatform(which)
    const found = positions.filter((position) => isSamePlatform(entries[position]!.platform, platform))
    if (found.length > 0) return found
    const there = entries.map((entry) =>
      entry.platform === undefined ? '(none given)' : formatPlatform(entry.platform),
    )
    throw new OciError(
      'PLATFORM_NOT_FOUND',
      `The index has no entry for ${formatPlatform(platform)}: it has ${[...new Set(there)].slice(0, 20).join(', ') || 'no entry at all'}`,
      { expected: formatPlatform(platform) },
    )
  }

  remove(positions: readonly number[]): void {
    const { entries } = this
    const gone = positions.map((position) => entries[position]!.digest)
    const downwards = [...positions].sort((a, b) => b - a)
    this.edit(downwards.map((position) => ({ path: ['manifests', position], value: undefined })))
    this.removeAttestations(gone)
  }

  /** Takes out what a build attested of images that are no longer there. */
  removeAttestations(of: readonly Digest[]): void {
    const { entries } = this
    const left = new Set<string>(entries.map((entry) => entry.digest))
    const gone = new Set<string>(of.filter((digest) => !left.has(digest)))
    const positions = [...entries.keys()].filter((position) => gone.has(attestedBy(entries[position]!) ?? ''))
    if (positions.length > 0) this.remove(positions)
  }

  /** The entry for a member, whose content is brought into the store. */
  async entryOf(
    { store, descriptor }: IndexMember,
    options: Omit<AddEntryOptions, 'position'>,
  ): Promise<Descriptor> {
    const { data: _, annotations: said = {}, ...rest } = descriptor
    const { [annotationKeys.refName]: _name, [annotationKeys.containerdImageName]: _full, ...others } = said
    const annotations = { ...others, ...options.annotations }
    let { platform, artifactType } = descriptor
    if (isManifestType(descriptor.mediaType)) {
      const image = await Image.open(store, descriptor, this.#options)
      platform ??= image.platform
      if (isArtifact(image.manifest)) artifactType ??= artifactTypeOf(image.manifest)
    } else if (!isIndexType(descriptor.mediaType)) {
      throw new OciError(
        'MEDIA_TYPE_UNSUPPORTED',
        `Content ${descriptor.digest} of media type ${JSON.stringify(descriptor.mediaType)} has no place in an index`,
        { digest: descriptor.digest, actual: descriptor.mediaType },
      )
    }
    if (options.platform !== undefined) platform = toPlatform(options.platform)
    await bringGraph(store, descriptor, this.#store, this.#options)
    return {
      ...rest,
      ...(artifactType === undefined ? {} : { artifactType }),
      ...(platform === undefined ? {} : { platform }),
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    }
  }

  async keepPlatforms(platforms: readonly Platform[]): Promise<void> {
    const { entries } = this
    const store = either(this.#store, this.#start.store)
    const kept = await manifestsFor(store, entries, platforms, 'The index', this.#options)
    const { edits, made } = await filterEntries(store, entries, kept, this.#options)
    for (const [digest, bytes] of made) {
      await this.#store.put(bytes, { mediaType: mediaTypes.index, digest, size: bytes.length }, this.#options)
    }
    this.edit(edits)
  }

  /** Writes the index, after what of its entries the store lacks. */
  async finish(): Promise<Descriptor> {
    const mediaType = this.#settleFormat()
    const bytes = checkIndex(this.bytes, { mediaType, allow: ['list-null'] })
    const source = either(this.#start.store, this.#store)
    for (const entry of this.entries) await bringGraph(source, entry, this.#store, this.#options)
    const { artifactType } = parseIndex(bytes)
    const digest = digestBytes(bytes)
    const stored = await this.#store.put(bytes, { mediaType, digest, size: bytes.length }, this.#options)
    return artifactType === undefined ? stored : { ...stored, artifactType }
  }

  /** A new index is Docker's list where all in it is Docker's; a list stays one as long as it can be. */
  #settleFormat(): string {
    const index = parseIndex(this.bytes)
    const isDockers =
      index.manifests.every((entry) => entry.mediaType === mediaTypes.dockerManifest) &&
      [index.annotations, index.subject, index.artifactType].every((member) => member === undefined) &&
      index.manifests.every((entry) => entry.annotations === undefined)
    const { format, isNew } = this.#start
    if (format === 'docker' && !isDockers) {
      throw new OciError(
        'ARGUMENT_INVALID',
        "Docker's list holds Docker's manifests without annotations, and nothing else: convert the images, or make an OCI index",
      )
    }
    const stays = index.mediaType === mediaTypes.dockerManifestList || (isNew && index.manifests.length > 0)
    const toBeDockers = format === 'docker' || (format === undefined && isDockers && stays)
    const mediaType = toBeDockers ? mediaTypes.dockerManifestList : mediaTypes.index
    // Older writers of OCI leave it out.
    const isUnsaid = index.mediaType === undefined && !toBeDockers
    if (index.mediaType !== mediaType && !isUnsaid) this.edit([{ path: ['mediaType'], value: mediaType }])
    return mediaType
  }
}

function annotationEdits(
  path: readonly (string | number)[],
  annotations: Readonly<Record<string, string | undefined>>,
): JsonEdit[] {
  return Object.entries(annotations).map(([name, value]) => ({ path: [...path, name], value }))
}

/** A variant that goes without saying is the same as one that is said; a version counts where it is asked for. */
function isSamePlatform(platform: Platform | undefined, wanted: Platform): boolean {
  if (platform === undefined) return false
  const [a, b] = [normalizePlatform(platform), normalizePlatform(wanted)]
  const version = b['os.version']
  return (
    a.os === b.os &&
    a.architecture === b.architecture &&
    a.variant === b.variant &&
    (version === undefined || a['os.version'] === version)
  )
}

function toPlatform(platform: string | Platform): Platform {
  return typeof platform === 'string' ? parsePlatform(platform) : platform
}

/** Two stores to read from as one: the second where the first lacks a blob. */
function either(first: BlobStore, second: BlobStore): BlobStore {
  if (first === second) return first
  return {
    has: async (descriptor, options) =>
      (await first.has(descriptor, options)) || second.has(descriptor, options),
    get: async (descriptor, options) =>
      ((await first.has(descriptor, options)) ? first : second).get(descriptor, options),
    put: (content, expected, options) => first.put(content, expected, options),
  }
}
