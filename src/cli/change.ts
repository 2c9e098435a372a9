/**
 * The changes that flags ask for, in the order in which they stand on the command line, as data: what reads the
 * command line need not load what changes images.
 */

/** One change to an image. Layers are given by their position, 0 being the lowest. */
export type Change =
  | {
      readonly kind: 'env' | 'label' | 'annotation'
      readonly name: string
      readonly value: string | undefined
    }
  | { readonly kind: 'entrypoint' | 'command'; readonly words: readonly string[] | null }
  | {
      readonly kind: 'user' | 'workingDirectory' | 'stopSignal' | 'author'
      /** Null removes it. */
      readonly text: string | null
    }
  | {
      readonly kind: 'exposePort' | 'unexposePort' | 'volume' | 'removeVolume' | 'platform' | 'history'
      readonly text: string
    }
  | { readonly kind: 'created'; readonly moment: number | string | undefined }
  | { readonly kind: 'clampTimes'; readonly moment: number | string }
  | { readonly kind: 'addLayer'; readonly path: string }
  | { readonly kind: 'replaceLayer'; readonly position: number; readonly path: string }
  | { readonly kind: 'copy'; readonly source: string; readonly destination: string }
  | { readonly kind: 'removeLayer' | 'squash'; readonly position: number }
  | { readonly kind: 'flatten' }
  | { readonly kind: 'recompress'; readonly compression: CompressionName }
  | {
      readonly kind: 'configField' | 'manifestField'
      readonly path: readonly (string | number)[]
      /** Undefined removes it. */
      readonly value: unknown
    }

/** How layers can be compressed. */
export type CompressionName = 'gzip' | 'zstd' | 'none'

/** Flags that say how files and layers are written, whatever the changes are. */
export interface WritingFlags {
  readonly chown?: string
  readonly chmod?: string
  readonly ignore?: readonly string[]
  readonly compression?: CompressionName
  readonly reproducible?: boolean
}
