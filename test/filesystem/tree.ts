/** A tree on disk as lines: everything that a comparison has to see, content as a hash. */
import { createHash } from 'node:crypto'
import { chmodSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** What is said of one file. */
export interface ListedFile {
  readonly path: string
  readonly type: string
  readonly mode: string
  readonly uid: number
  readonly gid: number
  readonly size: number
  /** Nanoseconds, as text. */
  readonly mtime: string
  readonly target: string
  readonly device: string
  /** The first path with the same inode, where there are several. */
  readonly link: string
  readonly content: string
}

/** Every file of a tree, the root first as `.`, in order of names. */
export function listTree(root: string): ListedFile[] {
  const files: ListedFile[] = []
  const inodes = new Map<string, string>()
  // Names as Latin-1, so that every byte of them is kept.
  const visit = (bytes: string): void => {
    const path = Buffer.from(bytes, 'latin1').toString()
    const disk = Buffer.concat([Buffer.from(root), Buffer.from(bytes === '' ? '' : `/${bytes}`, 'latin1')])
    const status = lstatSync(disk, { bigint: true })
    const inode = `${status.dev}:${status.ino}`
    const first = inodes.get(inode)
    if (first === undefined) inodes.set(inode, path)
    const regular = status.isFile()
    files.push({
      path: path === '' ? '.' : path,
      type: typeOf(status),
      mode: (Number(status.mode) & 0o7777).toString(8).padStart(4, '0'),
      uid: Number(status.uid),
      gid: Number(status.gid),
      // What a directory takes on disk says nothing of the tree.
      size: status.isDirectory() ? 0 : Number(status.size),
      mtime: String(status.mtimeNs),
      target: status.isSymbolicLink() ? readlinkSync(disk) : '',
      device: status.isCharacterDevice() || status.isBlockDevice() ? String(status.rdev) : '',
      link: first ?? '',
      content: regular
        ? createHash('sha256')
            .update(opened(disk, status, 0o400, () => readFileSync(disk)))
            .digest('hex')
        : '',
    })
    if (status.isDirectory()) {
      opened(disk, status, 0o500, () => {
        const names = readdirSync(disk, { encoding: 'latin1' }).sort()
        for (const name of names) visit(bytes === '' ? name : `${bytes}/${name}`)
      })
    }
  }
  visit('')
  return files
}

/** Reads what its mode forbids even to its owner, unless that is root; the mode is then as it was. */
function opened<T>(disk: Buffer, status: import('node:fs').BigIntStats, needed: number, read: () => T): T {
  const mode = Number(status.mode) & 0o7777
  if ((mode & needed) === needed || process.getuid?.() === 0) return read()
  chmodSync(disk, mode | needed)
  try {
    return read()
  } finally {
    chmodSync(disk, mode)
  }
}

function typeOf(status: import('node:fs').BigIntStats): string {
  if (status.isFile()) return 'file'
  if (status.isDirectory()) return 'directory'
  if (status.isSymbolicLink()) return 'symlink'
  if (status.isFIFO()) return 'fifo'
  if (status.isCharacterDevice()) return 'character-device'
  if (status.isBlockDevice()) return 'block-device'
  return 'socket'
}
