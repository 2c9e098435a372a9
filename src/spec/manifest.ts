/**
 * The image manifest: one config and its layers, or an artifact.
 * @see https://github.com/opencontainers/image-spec/blob/main/manifest.md
 */
import type { Annotations, Descriptor } from './descriptor.ts'

/** An image manifest (or Docker's manifest v2 schema 2, whose shape is the same). */
export interface Manifest {
  readonly schemaVersion: 2
  readonly mediaType?: string | undefined
  readonly artifactType?: string | undefined
  readonly config: Descriptor
  /** Bottom to top. */
  readonly layers: readonly Descriptor[]
  /** The manifest that this one says something about. */
  readonly subject?: Descriptor | undefined
  readonly annotations?: Annotations | undefined
}
