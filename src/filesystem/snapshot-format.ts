/**
 * Snapshots as bytes: JSON, one line a file, each path as what it does not share with the one before. About 80
 * bytes a file.
 *
 *     {"oci-ts-snapshot":1,"xattrs":true}
 *     [0,"","d",493,0,0,0,1700000000000,1700000000000.25]
 *     [0,"etc","d",493,0,0,0,…]
 *     [3,"/passwd","f",420,0,0,1024,…,131075,{"digest":"sha256:…"}]
 */
import { encodeUtf8 } from '../bytes.ts'
import { invalidSnapshot, type Snapshot, type SnapshotFile } from './snapshot.ts'

/** A snapshot's bytes. */
export function encodeSnapshot(snapshot: Snapshot): Uint8Array<ArrayBuffer> {
  const lines = [JSON.stringify({ 'oci-ts-snapshot': 1, xattrs: snapshot.xattrs })]
  let before = ''
  for (const [path, file] of snapshot.files) {
    const { type, mode, uid, gid, size, mtime, ctime, inode, ...rest } = file
    let shared = 0
    while (shared < path.length && path[shared] === before[shared]) shared++
    const fields: unknown[] = [shared, path.slice(shared), type, mode, uid, gid, size, mtime, ctime]
    if (inode !== undefined) fields.push(inode)
    if (Object.values(rest).some((value) => value !== undefined)) fields.push(rest)
    lines.push(JSON.stringify(fields))
    before = path
  }
  return encodeUtf8(`${lines.join('\n')}\n`)
}

/**
 * The snapshot of bytes that {@link encodeSnapshot} gave.
 * @throws OciError `DOCUMENT_INVALID`
 */
export function decodeSnapshot(bytes: Uint8Array): Snapshot {
  const files = new Map<string, SnapshotFile>()
  let header: Record<string, unknown> | undefined
  let path = ''
  let number = 0
  for (const line of new TextDecoder().decode(bytes).split('\n')) {
    number++
    if (line === '') continue
    let value: unknown
    try {
      value = JSON.parse(line)
    } catch (error) {
      throw invalidSnapshot(`line ${number} is not JSON`, error)
    }
    if (header === undefined) {
      header = value as Record<string, unknown>
      if (header?.['oci-ts-snapshot'] !== 1) throw invalidSnapshot('it is none of version 1')
      continue
    }
    if (!Array.isArray(value)) throw invalidSnapshot(`line ${number} is no file`)
    const [shared, suffix, type, mode, uid, gid, size, mtime, ctime, ...more] = value as unknown[]
    const numbered = typeof more[0] === 'number' ? { inode: more.shift() } : {}
    const [rest = {}] = more
    const numbers = [shared, mode, uid, gid, size, mtime, ctime]
    if (
      typeof suffix !== 'string' ||
      typeof type !== 'string' ||
      !/^[fdlpcb]$/.test(type) ||
      !numbers.every((field) => typeof field === 'number' && Number.isFinite(field)) ||
      typeof rest !== 'object' ||
      rest === null
    ) {
      throw invalidSnapshot(`line ${number} is no file`)
    }
    path = path.slice(0, shared as number) + suffix
    files.set(path, { type, mode, uid, gid, size, mtime, ctime, ...numbered, ...rest } as SnapshotFile)
  }
  if (header === undefined) throw invalidSnapshot('it is empty')
  return { files, xattrs: header.xattrs === true }
}
