/**
 * The identities that are computed from digests: diffID, chainID, image ID.
 * @see https://github.com/opencontainers/image-spec/blob/main/config.md#layer-diffid
 */
import { encodeUtf8 } from '../bytes.ts'
import type { Digest } from './digest.ts'
import { digestBytes } from './hasher.ts'

/** The digest of a layer's uncompressed tar: the identity that no compression changes. */
export type DiffID = Digest

/** The digest of a stack of layers, bottom to top. */
export type ChainID = Digest

/** The digest of an image's config, which covers every diffID: the image's own identity. */
export type ImageID = Digest

/**
 * The chainID of each layer, bottom to top: `chainIDs(diffIDs).at(-1)` names the whole stack.
 * @see https://github.com/opencontainers/image-spec/blob/main/config.md#layer-chainid
 */
export function chainIDs(diffIDs: readonly DiffID[]): ChainID[] {
  const chain: ChainID[] = []
  for (const diffID of diffIDs) {
    const below = chain.at(-1)
    chain.push(below === undefined ? diffID : digestBytes(encodeUtf8(`${below} ${diffID}`)))
  }
  return chain
}

/** The image ID: the digest of the config's bytes. */
export function imageID(configBytes: Uint8Array): ImageID {
  return digestBytes(configBytes)
}
