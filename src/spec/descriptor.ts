/**
 * The descriptor: how one piece of content points to another.
 * @see https://github.com/opencontainers/image-spec/blob/main/descriptor.md
 */
import type { Digest } from '../digest/index.ts'
import type { Platform } from './platform.ts'

/** Arbitrary metadata of the creator: keys are unique, by convention in reverse domain notation. */
export type Annotations = Readonly<Record<string, string>>

/** Points to a piece of content: what it is, what it is named, how long it is. */
export interface Descriptor {
  /** Media type of the content, as RFC 6838 spells it. */
  readonly mediaType: string
  readonly digest: Digest
  /** Bytes, 0 to 2^53 - 1. */
  readonly size: number
  /** Where else the content can be downloaded from. */
  readonly urls?: readonly string[] | undefined
  readonly annotations?: Annotations | undefined
  /** The content itself, base64. */
  readonly data?: string | undefined
  /** The type of an artifact that the descriptor points to. */
  readonly artifactType?: string | undefined
  /** Only in an index: what the image runs on. */
  readonly platform?: Platform | undefined
}
