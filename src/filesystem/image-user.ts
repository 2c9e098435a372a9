/**
 * Who `Config.User` means, by the image's own `/etc/passwd` and `/etc/group`.
 * @see https://github.com/opencontainers/image-spec/blob/main/conversion.md#configuser
 */
import { OciError } from '../errors.ts'

/** A user found. */
export interface ImageUser {
  readonly uid: number
  readonly gid: number
  readonly additionalGids: readonly number[]
  /** The home directory, where the image's files tell it. */
  readonly home: string | undefined
}

/** The files that tell of users, as the image has them; undefined where it has none. */
export interface UserFiles {
  readonly passwd?: Uint8Array | string | undefined
  readonly group?: Uint8Array | string | undefined
}

interface PasswdLine {
  readonly name: string
  readonly uid: number
  readonly gid: number
  readonly home: string
}

interface GroupLine {
  readonly name: string
  readonly gid: number
  readonly members: readonly string[]
}

/** The greatest id: 2^32 - 1 stands for none. */
const MAX_ID = 0xffff_fffe

/**
 * Finds a user: `user`, `uid`, `user:group`, `uid:gid`, `uid:group` or `user:gid`; empty means root. Numbers are
 * taken as they are, whoever the files know. Additional groups belong to a user by name without a group (and to
 * root by default) alone.
 * @throws OciError `DOCUMENT_INVALID` for a name that the files do not have, or a number out of range.
 */
export function findImageUser(user: string, files: UserFiles): ImageUser {
  const colon = user.indexOf(':')
  const name = colon < 0 ? user : user.slice(0, colon)
  const groupName = colon < 0 ? '' : user.slice(colon + 1)
  const passwd = parsePasswd(files.passwd)
  const group = parseGroup(files.group)

  let found: PasswdLine | undefined
  let uid = 0
  if (isNumber(name)) {
    uid = toID(name, user, 'user')
    found = passwd.find((line) => line.uid === uid)
  } else if (name === '') {
    found = passwd.find((line) => line.uid === 0)
  } else {
    found = passwd.find((line) => line.name === name)
    if (found === undefined) throw unknown(user, 'user', name, '/etc/passwd', files.passwd)
    uid = found.uid
  }

  let gid = found?.gid ?? 0
  if (isNumber(groupName)) gid = toID(groupName, user, 'group')
  else if (groupName !== '') {
    const line = group.find((candidate) => candidate.name === groupName)
    if (line === undefined) throw unknown(user, 'group', groupName, '/etc/group', files.group)
    gid = line.gid
  }

  const member = found?.name
  const additionalGids =
    member === undefined || groupName !== '' || isNumber(name)
      ? []
      : group.filter((line) => line.members.includes(member)).map((line) => line.gid)
  return { uid, gid, additionalGids: [...new Set(additionalGids)], home: found?.home || undefined }
}

function parsePasswd(file: Uint8Array | string | undefined): PasswdLine[] {
  return lines(file).flatMap((fields) => {
    const [name = '', , uid = '', gid = '', , home = ''] = fields
    if (name === '' || !isNumber(uid) || !isNumber(gid)) return []
    return [{ name, uid: Number(uid), gid: Number(gid), home }]
  })
}

function parseGroup(file: Uint8Array | string | undefined): GroupLine[] {
  return lines(file).flatMap((fields) => {
    const [name = '', , gid = '', members = ''] = fields
    if (name === '' || !isNumber(gid)) return []
    return [{ name, gid: Number(gid), members: members.split(',').map((member) => member.trim()) }]
  })
}

/** Lines as fields; what is no line of such a file is passed over, as the C library does. */
function lines(file: Uint8Array | string | undefined): string[][] {
  if (file === undefined) return []
  const text = typeof file === 'string' ? file : new TextDecoder().decode(file)
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(':'))
}

function isNumber(text: string): boolean {
  return /^[0-9]+$/.test(text)
}

function toID(text: string, user: string, kind: 'user' | 'group'): number {
  const id = Number(text)
  if (id <= MAX_ID) return id
  throw invalid(`The image's config has the User ${JSON.stringify(user)}, whose ${kind} is above ${MAX_ID}`)
}

function unknown(
  user: string,
  kind: 'user' | 'group',
  name: string,
  path: string,
  file: Uint8Array | string | undefined,
): OciError {
  const why = file === undefined ? `the image has no ${path}` : `the image's ${path} has no such ${kind}`
  return invalid(
    `The image's config has the User ${JSON.stringify(user)}, but ${why} "${name}": name one that it has, or a number`,
  )
}

function invalid(message: string): OciError {
  return new OciError('DOCUMENT_INVALID', message, {
    issues: [{ path: ['config', 'User'], message }],
  })
}
