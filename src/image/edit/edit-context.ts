/** What each step of an edit works on. */
import { type ImageFilesystem, openFilesystem } from '../../filesystem/index.ts'
import { Layer } from '../../layer/index.ts'
import type { HistoryEntry } from '../../spec/index.ts'
import type { BlobStore, StoreOptions } from '../../store/index.ts'
import type { Draft } from './draft.ts'

/** The image as the steps before have left it, and where the new one is being made. */
export class EditContext {
  readonly draft: Draft
  readonly store: BlobStore
  readonly options: StoreOptions
  /** When new history entries were made, RFC 3339: what `ImageEdit.created` said last. */
  created: string | undefined

  constructor(draft: Draft, store: BlobStore, options: StoreOptions) {
    this.draft = draft
    this.store = store
    this.options = options
  }

  /** How many layers there are as they stand. */
  get layerCount(): number {
    return this.draft.manifest.layers.length
  }

  /** A history entry with the edit's date, where it has none of its own. */
  dated(entry: HistoryEntry): HistoryEntry {
    return this.created === undefined || entry.created !== undefined
      ? entry
      : { created: this.created, ...entry }
  }

  /** The layers as they stand, bottom to top. */
  layers(): readonly Layer[] {
    const { draft } = this
    const diffIDs = draft.hasConfig ? draft.config.rootfs.diff_ids : []
    return draft.manifest.layers.map((descriptor, position) => {
      const diffID = diffIDs[position]
      return new Layer(draft.sourceOf(descriptor), descriptor, { position, ...(diffID ? { diffID } : {}) })
    })
  }

  /** The merged tree of the layers as they stand. */
  filesystem(): Promise<ImageFilesystem> {
    return openFilesystem(this.layers(), this.options)
  }
}
