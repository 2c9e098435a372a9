/**
 * The members of a tar archive by path: where each one's bytes are. Links are followed inside the archive only,
 * and a name that stands for two different contents is refused: one tool would take the first and another the
 * last, so such an archive shows its checker something else than its user.
 */
import { CHUNK_SIZE, equalBytes } from '../bytes.ts'
import { OciError } from '../errors.ts'
import type { RandomAccess, TarHeader } from '../tar/index.ts'

/** Links followed for one path before it is called a cycle; `docker save` needs one. */
const MAX_LINKS = 16

/** Directories in one another, links resolved; `docker save` needs one, image layouts two. */
const MAX_DEPTH = 64

/** Characters of a path that is asked for, or that a link leads to. */
const MAX_PATH_LENGTH = 4096

/** A member that has bytes. */
export interface ArchiveMember {
  /** Its own path: that of the file that links lead to, without `./` and doubled slashes. */
  readonly path: string
  /** Where its content starts in the archive, in bytes. */
  readonly offset: number
  /** Bytes of content. */
  readonly size: number
}

/** One name's members in the order of the archive: nearly always one. */
interface Named {
  readonly type: TarHeader['type']
  readonly offset: number
  readonly size: number
  readonly linkPath: string
  /** A later member of the same name. */
  readonly before?: Named | undefined
}

/** The directory of a tar archive. */
export class ArchiveMembers {
  readonly #bytes: RandomAccess
  readonly #members: ReadonlyMap<string, Named>
  /** What was found out about names that are there more than once, by path. */
  readonly #agreed = new Map<string, Promise<void>>()

  private constructor(bytes: RandomAccess, members: ReadonlyMap<string, Named>) {
    this.#bytes = bytes
    this.#members = members
  }

  /**
   * Reads the headers of a tar, whose content is passed over.
   *
   * @param limits.maxEntries members that are taken at the most
   * @throws OciError `LIMIT_EXCEEDED`, `PATH_UNSAFE` for a member name with `..`, and as reading the headers does
   */
  static async build(
    bytes: RandomAccess,
    headers: AsyncIterable<TarHeader & { readonly dataOffset: number }>,
    limits: { readonly maxEntries: number },
  ): Promise<ArchiveMembers> {
    const members = new Map<string, Named>()
    let count = 0
    for await (const header of headers) {
      if (++count > limits.maxEntries) {
        throw new OciError(
          'LIMIT_EXCEEDED',
          `The archive has more than ${limits.maxEntries} members; raise maxEntries if it is trusted`,
          { expected: limits.maxEntries },
        )
      }
      const path = memberPath(header.path)
      if (path === '') continue
      const { type, size, linkPath, dataOffset } = header
      const before = members.get(path)
      if (before?.type === 'directory' && type === 'directory') continue
      members.set(path, { type, offset: dataOffset, size, linkPath, before })
    }
    return new ArchiveMembers(bytes, members)
  }

  /** The paths of all members, directories among them, in the order of their first mention. */
  paths(): IterableIterator<string> {
    return this.#members.keys()
  }

  /** Whether a member of this very path is there, whatever it is. */
  has(path: string): boolean {
    return this.#members.has(path)
  }

  /**
   * The file that a path leads to, through links; undefined where nothing is there.
   *
   * @throws OciError `PATH_UNSAFE` where the path or a link leads outside of the archive or in a circle,
   *   `ARCHIVE_INVALID` where it leads to something that is no file, or stands for two contents
   */
  async find(path: string): Promise<ArchiveMember | undefined> {
    let names = splitPath(path)
    boundNames(names, path)
    for (let links = 0; links <= MAX_LINKS; links++) {
      const found = await this.#walk(names, path)
      if (!Array.isArray(found)) return found
      names = found
    }
    throw unsafe(path, `leads through more than ${MAX_LINKS} links: they go in a circle`)
  }

  /** The file at the end of the names; or, at the first link among them, the names that it makes of them. */
  async #walk(names: readonly string[], asked: string): Promise<ArchiveMember | string[] | undefined> {
    let path = ''
    for (const [depth, name] of names.entries()) {
      path = depth === 0 ? name : `${path}/${name}`
      const member = this.#members.get(path)
      // Directories need no member of their own.
      if (member === undefined) continue
      if (member.before !== undefined) await this.#agree(path)
      const rest = names.slice(depth + 1)
      // A hard link names its target from the archive's root, a symlink from where it stands.
      if (member.type === 'link') return linkedNames([], member.linkPath, rest, asked)
      if (member.type === 'symlink') return linkedNames(names.slice(0, depth), member.linkPath, rest, asked)
      if (rest.length === 0) return fileOf(member, path, asked)
      if (member.type !== 'directory') return undefined
    }
    return undefined
  }

  /** Refuses a name whose members differ; the same content twice is only a waste, and some tools write it. */
  #agree(path: string): Promise<void> {
    let agreed = this.#agreed.get(path)
    if (agreed === undefined) {
      agreed = this.#compare(path)
      this.#agreed.set(path, agreed)
    }
    return agreed
  }

  async #compare(path: string): Promise<void> {
    const last = this.#members.get(path) as Named
    for (let other = last.before; other !== undefined; other = other.before) {
      const same =
        other.type === last.type &&
        other.size === last.size &&
        other.linkPath === last.linkPath &&
        (await this.#sameBytes(other, last))
      if (!same) {
        throw new OciError(
          'ARCHIVE_INVALID',
          `The archive has ${JSON.stringify(path)} twice with different content, at bytes ${other.offset} and ${last.offset}: tools disagree on which one counts, so neither is taken`,
          { path, offset: last.offset },
        )
      }
    }
  }

  async #sameBytes(a: Named, b: Named): Promise<boolean> {
    for (let at = 0; at < a.size; at += CHUNK_SIZE) {
      const length = Math.min(CHUNK_SIZE, a.size - at)
      const [one, two] = await Promise.all([
        this.#bytes.read(a.offset + at, length),
        this.#bytes.read(b.offset + at, length),
      ])
      if (!equalBytes(one, two)) return false
    }
    return true
  }
}

function fileOf(member: Named, path: string, asked: string): ArchiveMember {
  if (member.type !== 'file') {
    throw new OciError(
      'ARCHIVE_INVALID',
      `${JSON.stringify(asked)} in the archive is no file but a ${member.type}`,
      { path: asked, actual: member.type },
    )
  }
  return { path, offset: member.offset, size: member.size }
}

/** A member's name without `./`, leading and doubled slashes. */
function memberPath(name: string): string {
  return splitPath(name).join('/')
}

/** @throws OciError `PATH_UNSAFE` for a path with `..`, which another tool would take to some other place */
function splitPath(path: string): string[] {
  const names = path.split('/').filter((name) => name !== '' && name !== '.')
  if (names.includes('..')) throw unsafe(path, 'holds "..", which no path in an image archive needs')
  return names
}

/**
 * Where a link leads: its target seen from `start`, then the rest of the path. Only the first names of a target
 * may be `..`: after another name, which may be a link again, tools disagree on what it leaves.
 */
function linkedNames(
  start: readonly string[],
  target: string,
  rest: readonly string[],
  asked: string,
): string[] {
  const refuse = (problem: string): OciError =>
    unsafe(asked, `leads through a link to ${JSON.stringify(target.slice(0, 100))}, which ${problem}`)
  if (target.startsWith('/')) throw refuse('is outside of the archive')
  const names = [...start]
  let descends = false
  for (const name of target.split('/')) {
    if (name === '' || name === '.') continue
    if (name !== '..') {
      descends = true
      names.push(name)
    } else if (descends) throw refuse('holds ".." after a name')
    else if (names.pop() === undefined) throw refuse('is outside of the archive')
  }
  names.push(...rest)
  boundNames(names, asked)
  return names
}

/** Each directory of a path is looked up under its whole name, so the cost grows with depth times length. */
function boundNames(names: readonly string[], asked: string): void {
  if (names.length > MAX_DEPTH || names.join('/').length > MAX_PATH_LENGTH) {
    throw unsafe(
      asked,
      `is longer than ${MAX_PATH_LENGTH} characters or deeper than ${MAX_DEPTH} directories`,
    )
  }
}

function unsafe(path: string, problem: string): OciError {
  const shown = path.length > 100 ? `${path.slice(0, 100)}…` : path
  return new OciError('PATH_UNSAFE', `The path ${JSON.stringify(shown)} in the archive ${problem}`, { path })
}
