/** Which images are to be written somewhere: all of a store, some by name, or some that are at hand. */
import { OciError } from '../errors.ts'
import { Layout } from '../image/index.ts'
import type { Descriptor, Index } from '../spec/index.ts'
import { annotationKeys } from '../spec/index.ts'
import type { BlobStore, ImageStore, StoreOptions } from '../store/index.ts'
import { listReferences } from '../store/index.ts'

/** An image, index or artifact of any store: an `Image`, an `ImageIndex`, or a descriptor with its store. */
export interface NamedContent {
  readonly store: BlobStore
  readonly descriptor: Descriptor
  /** What it is to be called; as the descriptor's annotations say when absent. */
  readonly name?: string | undefined
}

/** Where images come from. */
export type ImageSource = Layout | ImageStore | NamedContent | Iterable<NamedContent>

/** Which images of a store are taken. */
export interface SelectImages extends StoreOptions {
  /**
   * By what the source calls them; or from what the source calls them to what they are to be called. All of a
   * source when absent, its entries without a name too.
   */
  readonly references?: readonly string[] | Readonly<Record<string, string>> | undefined
}

/** One image, index or artifact to be written. */
export interface SourceRoot {
  readonly store: BlobStore
  /** As the source's index has it. */
  readonly descriptor: Descriptor
  /** What it is to be called. */
  readonly name: string | undefined
  /** Whether somebody gave it that name just now. */
  readonly isRenamed: boolean
}

/** All that is to be written. */
export interface SourceRoots {
  readonly roots: readonly SourceRoot[]
  /** The store, where all of it is to be written. */
  readonly whole: ImageStore | undefined
  /** Its index as written, where it has one. */
  readonly index: Index | undefined
}

/**
 * Finds what is to be written.
 * @throws OciError `REFERENCE_NOT_FOUND`, `REFERENCE_AMBIGUOUS`; `ARGUMENT_INVALID` for `references` where the
 *   source is no store
 */
export async function collectRoots(source: ImageSource, options: SelectImages): Promise<SourceRoots> {
  const store = storeOf(source)
  const { references } = options
  if (store === undefined) {
    if (references !== undefined) {
      throw new OciError(
        'ARGUMENT_INVALID',
        'references choose among the images of a store: give one as the source',
      )
    }
    const members = Symbol.iterator in source ? [...source] : [source as NamedContent]
    const roots = members.map(({ store, descriptor, name }) => rootOf(store, descriptor, name))
    return { roots, whole: undefined, index: undefined }
  }
  if (references !== undefined) {
    const wanted = Array.isArray(references)
      ? (references as string[]).map((name) => [name, undefined] as const)
      : Object.entries(references as Readonly<Record<string, string>>)
    const roots: SourceRoot[] = []
    for (const [from, to] of wanted) roots.push(rootOf(store, await store.resolve(from, options), to))
    return { roots, whole: undefined, index: undefined }
  }
  const index = await store.index?.(options)
  const roots: SourceRoot[] = []
  if (index === undefined) {
    for await (const { name, descriptor } of store.references(options)) {
      roots.push({ ...rootOf(store, descriptor, name), isRenamed: false })
    }
  } else roots.push(...index.manifests.map((descriptor) => rootOf(store, descriptor, undefined)))
  return { roots, whole: store, index }
}

/** The entry that an index has for a root: its descriptor, under the name that it is to have. */
export function entryOf(root: SourceRoot): Descriptor {
  const { [annotationKeys.containerdImageName]: _, ...annotations } = root.descriptor.annotations ?? {}
  const { refName } = annotationKeys
  if (root.name === undefined || root.name === listReferences([root.descriptor])[0]?.name)
    return root.descriptor
  return { ...root.descriptor, annotations: { ...annotations, [refName]: root.name } }
}

function rootOf(store: BlobStore, descriptor: Descriptor, name: string | undefined): SourceRoot {
  const own = listReferences([descriptor])[0]?.name
  return { store, descriptor, name: name ?? own, isRenamed: name !== undefined }
}

function storeOf(source: ImageSource): ImageStore | undefined {
  if (source instanceof Layout) return source.store
  return 'resolve' in source && 'references' in source ? source : undefined
}
