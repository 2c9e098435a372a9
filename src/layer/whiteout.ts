/**
 * Whiteouts: entries whose name says that something of a lower layer is gone.
 * @see https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts
 */
import { baseName, parentPath } from './entry-path.ts'

/** What every whiteout's name starts with. */
export const WHITEOUT_PREFIX = '.wh.'

/** The name of the entry that hides all that lower layers have in its directory. */
export const OPAQUE_WHITEOUT = '.wh..wh..opq'

/** What a layer's entry hides of the layers below it; never anything of its own layer. */
export interface Whiteout {
  /** `file`: the path and all below it. `opaque`: all below the path, which itself stays. */
  readonly kind: 'file' | 'opaque'
  /** What is hidden, or for `opaque` the directory whose content is: a normal path. */
  readonly path: string
  /** The path's bytes, only where they are not valid UTF-8. */
  readonly pathBytes?: Uint8Array | undefined
}

/**
 * What a path's last component says: a whiteout, an ordinary name (null), or a name that stands for nothing
 * (`invalid`): a bare `.wh.`, which image-spec's main branch forbids, and `.wh..` and `.wh...`, which would
 * remove the directory itself or the one above it.
 */
export function parseWhiteout(path: string): Whiteout | null | 'invalid' {
  // Asked for every entry of every layer: the cheap question first.
  if (!path.includes(WHITEOUT_PREFIX)) return null
  const name = baseName(path)
  if (!name.startsWith(WHITEOUT_PREFIX)) return null
  const directory = parentPath(path)
  if (name === OPAQUE_WHITEOUT) return { kind: 'opaque', path: directory }
  const hidden = name.slice(WHITEOUT_PREFIX.length)
  if (hidden === '' || hidden === '.' || hidden === '..') return 'invalid'
  return { kind: 'file', path: directory === '' ? hidden : `${directory}/${hidden}` }
}

/** The path of the entry that hides a path of the lower layers. */
export function whiteoutPath(hidden: string): string {
  const directory = parentPath(hidden)
  const name = WHITEOUT_PREFIX + baseName(hidden)
  return directory === '' ? name : `${directory}/${name}`
}

/** The path of the entry that hides all that lower layers have in a directory. */
export function opaquePath(directory: string): string {
  return directory === '' ? OPAQUE_WHITEOUT : `${directory}/${OPAQUE_WHITEOUT}`
}

/**
 * Whether a path is AUFS's own bookkeeping, which old Docker versions left at the root of layers
 * (`.wh..wh.aufs`, `.wh..wh.orph`, `.wh..wh.plnk/…`): part of no tree. containerd and Docker skip the same.
 */
export function isAufsMetadata(path: string): boolean {
  return path.startsWith('.wh..wh.') && path !== OPAQUE_WHITEOUT
}
