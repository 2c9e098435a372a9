/**
 * The image index: a list of manifests, each for a platform or a purpose.
 * @see https://github.com/opencontainers/image-spec/blob/main/image-index.md
 */
import type { Annotations, Descriptor } from './descriptor.ts'

/** An image index (or Docker's manifest list, whose shape is the same). */
export interface Index {
  readonly schemaVersion: 2
  readonly mediaType?: string | undefined
  readonly artifactType?: string | undefined
  readonly manifests: readonly Descriptor[]
  readonly subject?: Descriptor | undefined
  readonly annotations?: Annotations | undefined
}
