/**
 * Snapshots as bytes: JSON, one line a file, each path as what it does not share with the one before. About 80
 * bytes a file.
 *
 *     {"oci-ts-snapshot":1,"xattrs":true}
 *     [0,"","d",493,0,0,0,1700000000000,1700000000000.25]
 *     [0,"etc","d",493,0,0,0,…]
 *     [3,"/passwd","f",420,0,0,1024,…,131075,{"digest":"sha256:…"}]
 */
import { concatBytes, encodeUtf8 } from '../bytes.ts'
import { EncodedFiles, filesInOrder } from './encoded-files.ts'
import { invalidSnapshot, type Look, type Snapshot, type SnapshotFile } from './snapshot.ts'

/** Characters that are encoded together. */
const PIECE_LENGTH = 1 << 16

/** A snapshot's bytes. */
export function encodeSnapshot(snapshot: Snapshot): Uint8Array<ArrayBuffer> {
  const encoder = new SnapshotEncoder(snapshot.xattrs)
  const pieces: Uint8Array[] = []
  for (const [path, file] of filesInOrder(snapshot.files)) {
    const piece = encoder.add(path, file)
    if (piece !== undefined) pieces.push(piece)
  }
  return concatBytes([...pieces, encoder.rest()])
}

/** The bytes of a snapshot, as it is taken: it is never held as a whole. */
export async function* encodeLook(look: Look): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const encoder = new SnapshotEncoder(look.xattrs)
  for await (const [path, file] of look.files) {
    const piece = encoder.add(path, file)
    if (piece !== undefined) yield piece
  }
  yield encoder.rest()
}

/**
 * The snapshot of bytes that {@link encodeSnapshot} gave.
 * @throws OciError `DOCUMENT_INVALID`
 */
export function decodeSnapshot(bytes: Uint8Array): Snapshot {
  const text = new TextDecoder().decode(bytes)
  const end = text.indexOf('\n')
  const first = end < 0 ? text : text.slice(0, end)
  if (first === '') throw invalidSnapshot('it is empty')
  let header: Record<string, unknown> | null
  try {
    header = JSON.parse(first)
  } catch (error) {
    throw invalidSnapshot('line 1 is not JSON', error)
  }
  if (header?.['oci-ts-snapshot'] !== 1) throw invalidSnapshot('it is none of version 1')
  return { files: new EncodedFiles(text, first.length + 1), xattrs: header.xattrs === true }
}

/** Makes lines of files, given in order. */
class SnapshotEncoder {
  #text: string
  #before = ''

  constructor(xattrs: boolean) {
    this.#text = `${JSON.stringify({ 'oci-ts-snapshot': 1, xattrs })}\n`
  }

  /** Adds a file's line; gives what has been gathered once it is worth it. */
  add(path: string, file: SnapshotFile): Uint8Array<ArrayBuffer> | undefined {
    const { type, mode, uid, gid, size, mtime, ctime, inode, ...rest } = file
    const before = this.#before
    let shared = 0
    while (shared < path.length && path[shared] === before[shared]) shared++
    const fields: unknown[] = [shared, path.slice(shared), type, mode, uid, gid, size, mtime, ctime]
    if (inode !== undefined) fields.push(inode)
    if (Object.values(rest).some((value) => value !== undefined)) fields.push(rest)
    this.#text += `${JSON.stringify(fields)}\n`
    this.#before = path
    return this.#text.length < PIECE_LENGTH ? undefined : this.rest()
  }

  /** What has been gathered since. */
  rest(): Uint8Array<ArrayBuffer> {
    const bytes = encodeUtf8(this.#text)
    this.#text = ''
    return bytes
  }
}
