/**
 * The image configuration: what runs, as whom, with what, on which layers.
 * @see https://github.com/opencontainers/image-spec/blob/main/config.md
 */
import type { DiffID } from '../digest/index.ts'

/** What a container made of the image runs by default; `null` stands for absent, as Go writes it. */
export interface ExecutionConfig {
  readonly User?: string | null | undefined
  readonly ExposedPorts?: Readonly<Record<string, object>> | null | undefined
  readonly Env?: readonly string[] | null | undefined
  readonly Entrypoint?: readonly string[] | null | undefined
  readonly Cmd?: readonly string[] | null | undefined
  readonly Volumes?: Readonly<Record<string, object>> | null | undefined
  readonly WorkingDir?: string | null | undefined
  readonly Labels?: Readonly<Record<string, string>> | null | undefined
  readonly StopSignal?: string | null | undefined
  readonly ArgsEscaped?: boolean | null | undefined
  readonly Memory?: number | null | undefined
  readonly MemorySwap?: number | null | undefined
  readonly CpuShares?: number | null | undefined
  readonly Healthcheck?: object | null | undefined
}

/** How one layer, or no layer (`empty_layer`), came to be. */
export interface HistoryEntry {
  /** RFC 3339. */
  readonly created?: string | null | undefined
  readonly author?: string | null | undefined
  readonly created_by?: string | null | undefined
  readonly comment?: string | null | undefined
  readonly empty_layer?: boolean | null | undefined
}

/** The image's root file system: the diffIDs of its layers, bottom to top. */
export interface RootFS {
  readonly type: 'layers'
  readonly diff_ids: readonly DiffID[]
}

/** An image configuration. */
export interface ImageConfig {
  /** RFC 3339. */
  readonly created?: string | null | undefined
  readonly author?: string | null | undefined
  readonly architecture: string
  readonly os: string
  readonly 'os.version'?: string | null | undefined
  readonly 'os.features'?: readonly string[] | null | undefined
  readonly variant?: string | null | undefined
  readonly config?: ExecutionConfig | null | undefined
  readonly rootfs: RootFS
  readonly history?: readonly HistoryEntry[] | null | undefined
}
