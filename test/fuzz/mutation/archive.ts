/** Changes to image archives: to a document or layer in it with every digest put right that leads to it, or to the tar. */

import { createHash } from 'node:crypto'
import { concatBytes } from '../../../src/bytes.ts'
import { block } from '../../tar/raw-archive.ts'
import type { Random } from '../random.ts'
import { type Dictionary, mutateJson } from './json.ts'
import { mutateLayer, tarIn } from './layer.ts'
import { headersOf, mutateTar } from './tar.ts'

/** One member of an archive. */
export interface Member {
  path: string
  bytes: Uint8Array
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** The files of an archive, as far as a lenient reader finds them. */
function membersOf(bytes: Uint8Array): Member[] {
  return headersOf(bytes).flatMap((at) => {
    const text = (from: number, length: number): string =>
      Buffer.from(bytes.subarray(at + from, at + from + length))
        .toString('latin1')
        .split('\0')[0]!
    const type = bytes[at + 156]
    if (type !== 0x30 && type !== 0) return []
    const prefix = text(345, 155)
    const size = Number.parseInt(text(124, 12), 8) || 0
    const path = prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`
    return [{ path, bytes: bytes.slice(at + 512, at + 512 + size) }]
  })
}

/** An archive of these files, as plainly as can be. */
function archiveOf(members: readonly Member[]): Uint8Array {
  const parts: Uint8Array[] = []
  for (const { path, bytes } of members) {
    parts.push(
      block({ name: Buffer.from(path, 'latin1').subarray(0, 100), size: bytes.length }),
      bytes,
      new Uint8Array((512 - (bytes.length % 512)) % 512),
    )
  }
  return concatBytes([...parts, new Uint8Array(1024)])
}

/** A changed archive. */
export function mutateArchive(
  random: Random,
  input: Uint8Array,
  other: Uint8Array,
  dictionary: Dictionary,
): Uint8Array {
  if (random.oneIn(4)) return mutateTar(random, input, other)
  const members = membersOf(input)
  const member = random.pick(members)
  if (member === undefined) return mutateTar(random, input, other)
  const theirs = random.pick(membersOf(other))?.bytes ?? member.bytes
  switch (random.below(12)) {
    case 0:
      members.splice(members.indexOf(member), 1)
      break
    case 1:
      members.splice(random.below(members.length), 0, {
        path: member.path,
        bytes: random.oneIn(2) ? member.bytes : theirs,
      })
      break
    case 2:
      member.path = random.oneIn(2) ? `./${member.path}` : random.pick(members).path
      break
    case 3:
      replace(members, member, theirs, random)
      break
    default: {
      const isJson = member.bytes[0] === 0x7b || member.bytes[0] === 0x5b
      const changed = isJson
        ? mutateJson(random, member.bytes, theirs, dictionary)
        : mutateLayer(random, member.bytes, theirs)
      replace(members, member, changed, random)
    }
  }
  return archiveOf(members)
}

/** Exchanges a member's bytes, and mostly whatever says what they hash to, up to the top. */
function replace(members: Member[], member: Member, bytes: Uint8Array, random: Random): void {
  const work: { readonly old: Uint8Array; readonly member: Member }[] = [{ old: member.bytes, member }]
  member.bytes = bytes
  if (random.oneIn(12)) return
  for (let rounds = 0; work.length > 0 && rounds < 40; rounds++) {
    const { old, member: changed } = work.pop()!
    const pairs: [string, string][] = [[sha256(old), sha256(changed.bytes)]]
    // A diffID is of what is in a layer.
    if (old[0] === 0x1f || old[0] === 0x28) pairs.push([sha256(tarIn(old)), sha256(tarIn(changed.bytes))])
    for (const one of members) {
      const hex = pairs[0]!
      if (one.path.includes(hex[0])) one.path = one.path.replace(hex[0], hex[1])
      if (one === changed || (one.bytes[0] !== 0x7b && one.bytes[0] !== 0x5b)) continue
      const text = Buffer.from(one.bytes).toString('latin1')
      let next = text
      for (const [from, to] of pairs) next = next.replaceAll(from, to)
      if (next === text) continue
      next = withSize(next, `sha256:${hex[1]}`, old.length, changed.bytes.length)
      work.push({ old: one.bytes, member: one })
      one.bytes = Buffer.from(next, 'latin1')
    }
  }
}

/** The size beside a digest, put right. */
function withSize(text: string, digest: string, old: number, size: number): string {
  let next = text
  for (let at = next.indexOf(digest); at >= 0; at = next.indexOf(digest, at + 1)) {
    const from = next.lastIndexOf('{', at)
    const to = next.indexOf('}', at)
    const object = next.slice(from, to)
    next =
      next.slice(0, from) +
      object.replace(new RegExp(`("size"\\s*:\\s*)${old}\\b`), `$1${size}`) +
      next.slice(to)
  }
  return next
}
