/**
 * One entry of a layer: a tar entry, its path in normal form, and what it means to the layers below.
 * @see https://github.com/opencontainers/image-spec/blob/main/layer.md
 */
import { encodeUtf8 } from '../bytes.ts'
import { OciError } from '../errors.ts'
import type { TarHeader } from '../tar/index.ts'
import { normalizePath } from './entry-path.ts'
import { isAufsMetadata, parseWhiteout, type Whiteout } from './whiteout.ts'

/** What a layer says of one entry. */
export interface LayerEntryHeader extends TarHeader {
  /** Relative to the root: no `/` at either end, none twice, no `.` or `..`; empty for the root itself. */
  readonly path: string
  /** The bytes of {@link LayerEntryHeader.path}, only where they are not valid UTF-8. */
  readonly pathBytes?: Uint8Array | undefined
  /** The name as the archive has it: `./etc/`, `/etc`, `a/../etc`. */
  readonly name: string
  /** The bytes of {@link LayerEntryHeader.name}, only where they are not valid UTF-8. */
  readonly nameBytes?: Uint8Array | undefined
  /** What the entry hides of the layers below, where it is a whiteout, else null. */
  readonly whiteout: Whiteout | null
  /** Of a hard link, the path that it is another name of, in the same form as `path`; else empty. */
  readonly linkTarget: string
  /** The bytes of {@link LayerEntryHeader.linkTarget}, only where they are not valid UTF-8. */
  readonly linkTargetBytes?: Uint8Array | undefined
  /** Why the entry must not be applied to a tree, as the end of a sentence; null for nearly all. */
  readonly unsafe: string | null
  /** Whether it is AUFS's own bookkeeping, which is part of no tree. */
  readonly aufs: boolean
  /** Where the entry's first header starts in the uncompressed tar, in bytes. */
  readonly headerOffset: number
  /** Where its content starts in the uncompressed tar, in bytes. */
  readonly dataOffset: number
}

/**
 * An entry as {@link readLayer} gives it. Its content can be read until the next entry is asked for; what is not
 * read is skipped. Once only.
 */
export interface LayerEntry extends LayerEntryHeader {
  /** The content as a stream. */
  content(): ReadableStream<Uint8Array>
  /** The content chunk by chunk; each chunk is the caller's to keep. */
  chunks(): AsyncIterable<Uint8Array>
  /**
   * The content as one array.
   * @param limit Bytes, 64 MiB when absent.
   * @throws OciError `LIMIT_EXCEEDED`
   */
  bytes(limit?: number): Promise<Uint8Array>
}

/**
 * A tar entry as an entry of a layer.
 * @throws OciError `PATH_UNSAFE` for `.wh.`, `.wh..` and `.wh...`, which stand for nothing
 */
export function layerEntryHeader(
  header: TarHeader,
  headerOffset: number,
  dataOffset: number,
): LayerEntryHeader {
  const { path, leavesRoot } = normalizePath(header.path)
  const aufs = isAufsMetadata(path)
  const whiteout = aufs ? null : parseWhiteout(path)
  if (whiteout === 'invalid') {
    throw new OciError(
      'PATH_UNSAFE',
      `Entry ${quote(header.path)} is a whiteout of nothing: its name must have more than ".wh." and be no "." or ".."`,
      { path: header.path, offset: headerOffset },
    )
  }
  let unsafe: string | null = leavesRoot ? 'its name leads outside of the root' : null
  let linkTarget = ''
  let linkTargetBytes: Uint8Array | undefined
  if (header.type === 'link') {
    const target = normalizePath(header.linkPath)
    linkTarget = target.path
    if (header.linkPathBytes !== undefined) linkTargetBytes = normalizeBytes(header.linkPathBytes)
    if (target.leavesRoot) unsafe ??= `it links to ${quote(header.linkPath)}, outside of the root`
  }
  if (path === '' && header.type !== 'directory') unsafe ??= `it makes the root a ${header.type}`
  // One literal with every field, in one order, so that all entries share a shape: a spread costs twice as much.
  return {
    path,
    pathBytes: header.pathBytes === undefined ? undefined : normalizeBytes(header.pathBytes),
    type: header.type,
    mode: header.mode,
    modeExtra: header.modeExtra,
    uid: header.uid,
    gid: header.gid,
    size: header.size,
    mtime: header.mtime,
    atime: header.atime,
    ctime: header.ctime,
    linkPath: header.linkPath,
    linkPathBytes: header.linkPathBytes,
    uname: header.uname,
    gname: header.gname,
    unameBytes: header.unameBytes,
    gnameBytes: header.gnameBytes,
    deviceMajor: header.deviceMajor,
    deviceMinor: header.deviceMinor,
    xattrs: header.xattrs,
    pax: header.pax,
    name: header.path,
    nameBytes: header.pathBytes,
    whiteout: header.pathBytes === undefined ? whiteout : whiteoutWithBytes(whiteout, header.pathBytes),
    linkTarget,
    linkTargetBytes,
    unsafe,
    aufs,
    headerOffset,
    dataOffset,
  }
}

/**
 * Refuses an entry that must not be applied to a tree.
 * @throws OciError `PATH_UNSAFE`
 */
export function refuseUnsafe(entry: LayerEntryHeader): void {
  if (entry.unsafe === null) return
  throw new OciError('PATH_UNSAFE', `Entry ${quote(entry.name)} is refused: ${entry.unsafe}`, {
    path: entry.name,
    offset: entry.headerOffset,
  })
}

/** Text as an error message shows it: quoted, cut to 200 characters. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text)
}

/** The normal form of a name's bytes: each byte stands as one character, so the rule is the same one. */
export function normalizeBytes(name: Uint8Array): Uint8Array {
  return fromBinary(normalizePath(toBinary(name)).path)
}

function whiteoutWithBytes(whiteout: Whiteout | null, name: Uint8Array): Whiteout | null {
  if (whiteout === null) return null
  const parsed = parseWhiteout(normalizePath(toBinary(name)).path)
  if (parsed === null || parsed === 'invalid') return whiteout
  const pathBytes = fromBinary(parsed.path)
  // The undecodable bytes may be in a directory's name only; of the opaque root nothing is left to keep.
  return pathBytes.length === encodeUtf8(whiteout.path).length && !whiteout.path.includes('\uFFFD')
    ? whiteout
    : { ...whiteout, pathBytes }
}

function toBinary(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}

function fromBinary(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}
