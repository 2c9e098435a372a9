/** The files of a snapshot, kept as the lines that they were written as. */
import { compareNames } from './disk-name.ts'
import { invalidSnapshot, type SnapshotFile } from './snapshot.ts'

/**
 * A map that makes its files as it is gone through: of 100 000 files the lines take 8 MB, a map 40. It becomes a map
 * when a path is asked for.
 */
export class EncodedFiles implements ReadonlyMap<string, SnapshotFile> {
  readonly size: number
  readonly #text: string
  readonly #start: number
  #map: ReadonlyMap<string, SnapshotFile> | undefined

  /**
   * @param start Where the first file's line begins.
   * @throws OciError `DOCUMENT_INVALID`
   */
  constructor(text: string, start: number) {
    this.#text = text
    this.#start = start
    let size = 0
    let before: string | undefined
    for (const [path] of this.#decode()) {
      if (before !== undefined && compareNames(before, path) >= 0) {
        throw invalidSnapshot(`${JSON.stringify(path)} is out of order, or there twice`)
      }
      before = path
      size++
    }
    this.size = size
  }

  get(path: string): SnapshotFile | undefined {
    return this.#made().get(path)
  }

  has(path: string): boolean {
    return this.#made().has(path)
  }

  forEach(
    call: (file: SnapshotFile, path: string, files: ReadonlyMap<string, SnapshotFile>) => void,
    self?: unknown,
  ): void {
    for (const [path, file] of this) call.call(self, file, path, this)
  }

  entries(): MapIterator<[string, SnapshotFile]> {
    return this.#decode()
  }

  *keys(): MapIterator<string> {
    for (const [path] of this.#decode()) yield path
  }

  *values(): MapIterator<SnapshotFile> {
    for (const [, file] of this.#decode()) yield file
  }

  [Symbol.iterator](): MapIterator<[string, SnapshotFile]> {
    return this.#decode()
  }

  #made(): ReadonlyMap<string, SnapshotFile> {
    this.#map ??= new Map(this.#decode())
    return this.#map
  }

  *#decode(): Generator<[string, SnapshotFile], undefined, undefined> {
    const text = this.#text
    let path = ''
    // The first line was the header.
    let number = 1
    for (let from = this.#start; from < text.length; ) {
      const end = text.indexOf('\n', from)
      const to = end < 0 ? text.length : end
      const line = text.slice(from, to)
      from = to + 1
      number++
      if (line === '') continue
      let value: unknown
      try {
        value = JSON.parse(line)
      } catch (error) {
        throw invalidSnapshot(`line ${number} is not JSON`, error)
      }
      const [shared, suffix, file] = parseLine(value, number)
      if (shared < 0 || shared > path.length)
        throw invalidSnapshot(`line ${number} shares more than there is`)
      path = path.slice(0, shared) + suffix
      yield [path, file]
    }
    return undefined
  }
}

/** The files in the order of their paths, as a snapshot has them unless somebody made it by hand. */
export function filesInOrder(files: ReadonlyMap<string, SnapshotFile>): Iterable<[string, SnapshotFile]> {
  // Of these it was found out as they were read.
  if (files instanceof EncodedFiles) return files
  let before: string | undefined
  for (const path of files.keys()) {
    if (before !== undefined && compareNames(before, path) > 0) {
      return [...files].sort(([a], [b]) => compareNames(a, b))
    }
    before = path
  }
  return files
}

function parseLine(line: unknown, number: number): [shared: number, suffix: string, file: SnapshotFile] {
  if (!Array.isArray(line)) throw invalidSnapshot(`line ${number} is no file`)
  const [shared, suffix, type, mode, uid, gid, size, mtime, ctime, ...more] = line as unknown[]
  const inode = typeof more[0] === 'number' ? more.shift() : undefined
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
  const { target, device, group, digest, xattrs } = rest as Partial<SnapshotFile>
  // Of the shape that those have which were just taken.
  const file = { type, mode, uid, gid, size, mtime, ctime, inode, target, device, group, digest, xattrs }
  return [shared as number, suffix, file as SnapshotFile]
}
