/** What the writers of archives of either kind share. */
import type { Descriptor, Platform } from '../spec/index.ts'
import type { SelectImages } from './image-source.ts'

/** How far an archive has come. */
export interface ArchiveProgress {
  /** The blob that is being written. */
  readonly descriptor: Descriptor
  readonly state: 'started' | 'moving' | 'done'
  /** Bytes of this blob that have been read so far. */
  readonly bytes: number
  /** Blobs and documents that the whole archive has. */
  readonly totalBlobs: number
  /** Their bytes, as the source stores them. */
  readonly totalBytes: number
}

/** What is written into an archive, and how it is told of. */
export interface ArchiveContentOptions extends SelectImages {
  /**
   * Of indexes only these. An archive of `docker save` holds one image under a name: without this, the only one
   * there is, or the one for this machine.
   */
  readonly platforms?: readonly (string | Platform)[] | undefined
  /** Also what refers to the images (signatures, SBOMs); of OCI archives alone. Default: false. */
  readonly referrers?: boolean | undefined
  readonly onProgress?: ((progress: ArchiveProgress) => void) | undefined
}

/** Options, and the counting of progress. */
export class ArchiveContext {
  readonly options: ArchiveContentOptions
  #totals = { totalBlobs: 0, totalBytes: 0 }

  constructor(options: ArchiveContentOptions) {
    this.options = options
  }

  /** Says what there is to write. */
  begin(blobs: readonly Descriptor[]): void {
    const totalBytes = blobs.reduce((sum, blob) => sum + blob.size, 0)
    this.#totals = { totalBlobs: blobs.length, totalBytes }
  }

  /** Says that a blob is begun; what is given back is told of each piece of it that was read. */
  start(descriptor: Descriptor): (bytes: number) => void {
    const { onProgress } = this.options
    const totals = this.#totals
    let bytes = 0
    const report = (state: ArchiveProgress['state']) => onProgress?.({ descriptor, state, bytes, ...totals })
    report('started')
    if (descriptor.size === 0) report('done')
    return (more) => {
      bytes += more
      report('moving')
      if (bytes === descriptor.size) report('done')
    }
  }
}
