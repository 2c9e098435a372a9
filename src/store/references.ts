/**
 * Names in an index: which entries answer to a name, and what has to change there when a name is set or
 * forgotten. Shared by all stores that keep references as an image layout does. Only the entries of the
 * layout's own index carry names, never those of indexes within it.
 *
 * An entry is listed under its full name where it has one (`io.containerd.image.name`, as containerd, BuildKit
 * and Docker write it), else under its `org.opencontainers.image.ref.name`. It answers to either, and to the tag
 * of the full name.
 * @see https://github.com/opencontainers/image-spec/blob/main/image-layout.md#indexjson-file
 */
import { type Digest, isRegisteredDigest } from '../digest/index.ts'
import { OciError } from '../errors.ts'
import type { Annotations, Descriptor } from '../spec/index.ts'
import {
  annotationKeys,
  isRefName,
  isTag,
  parseDescriptor,
  parseReference,
  serializeJson,
} from '../spec/index.ts'
import type { Reference } from './store.ts'

/** Names that an error message lists, at the most. */
const namesShown = 20

/** One change to the entries of an index. Positions are those before any change; at most one for each. */
export interface EntryChange {
  /** The entry that changes; that after the last adds one. */
  readonly position: number
  /**
   * What stands there then: another descriptor, nothing (`remove`), or the same without its
   * `org.opencontainers.image.ref.name` (`unname`).
   */
  readonly to: Descriptor | 'remove' | 'unname'
}

/** Every named entry, in the order of the index. */
export function listReferences(entries: readonly Descriptor[]): Reference[] {
  const references: Reference[] = []
  for (const descriptor of entries) {
    const name = nameOf(descriptor)
    if (name !== undefined) references.push({ name, descriptor })
  }
  return references
}

/**
 * The entry that a name stands for; in this order: the name an entry is listed under, its `ref.name`, the tag of
 * its full name, its digest.
 *
 * @param what the store, for messages: `the layout at ./images`
 * @throws OciError `REFERENCE_NOT_FOUND`, listing what there is; `REFERENCE_AMBIGUOUS` where entries with
 *   different digests answer; `DIGEST_MISMATCH` where the name is a digest or ends in one, and the entry of that
 *   name has another
 */
export function resolveReference(entries: readonly Descriptor[], name: string, what: string): Descriptor {
  const answers = answering(entries, name).map((position) => entries[position] as Descriptor)
  const digest = digestIn(name)
  // Whoever asks by digest gets that or nothing, whatever an index calls its entries.
  const sound = digest === undefined ? answers : answers.filter((entry) => entry.digest === digest)
  if (sound.length === 0 && digest === name) {
    const entry = entries.find((descriptor) => descriptor.digest === name)
    if (entry !== undefined) return entry
  }
  const [first, ...others] = sound
  if (first === undefined) {
    const [liar] = answers
    if (liar !== undefined) {
      throw new OciError(
        'DIGEST_MISMATCH',
        `The entry that ${what} has under ${JSON.stringify(name)} has digest ${liar.digest}, not the one that its name says`,
        { digest, expected: digest, actual: liar.digest },
      )
    }
    const names = listReferences(entries).map((reference) => reference.name)
    throw new OciError(
      'REFERENCE_NOT_FOUND',
      `There is no ${JSON.stringify(name)} in ${what}; ${names.length === 0 ? unnamed(entries) : `it has ${enumerate(names)}`}`,
      { actual: name },
    )
  }
  if (others.some((other) => other.digest !== first.digest)) throw ambiguous(name, [first, ...others], what)
  return first
}

/**
 * What changes when a name is to stand for a descriptor: it takes the place of the entry of that name, or comes
 * last. Another entry whose `ref.name` it is, but which is listed under a full name, keeps the full name alone.
 *
 * @throws OciError `REFERENCE_INVALID`, `DOCUMENT_INVALID` (the descriptor is none)
 */
export function setReference(
  entries: readonly Descriptor[],
  descriptor: Descriptor,
  name: string,
): EntryChange[] {
  checkName(name, descriptor)
  const { [annotationKeys.containerdImageName]: _, ...annotations } = descriptor.annotations ?? {}
  const named: Descriptor = { ...descriptor, annotations: { ...annotations, [annotationKeys.refName]: name } }
  parseDescriptor(serializeJson(named))
  const changes: EntryChange[] = []
  let placed = false
  for (const [position, entry] of entries.entries()) {
    if (nameOf(entry) === name) {
      changes.push({ position, to: placed ? 'remove' : named })
      placed = true
    } else if (entry.annotations?.[annotationKeys.refName] === name) changes.push({ position, to: 'unname' })
  }
  if (!placed) changes.push({ position: entries.length, to: named })
  return changes
}

/**
 * What changes when an entry is added as it is: nothing where an equal one stands there.
 * @throws OciError `DOCUMENT_INVALID` (the descriptor is none)
 */
export function addEntry(entries: readonly Descriptor[], descriptor: Descriptor): EntryChange[] {
  parseDescriptor(serializeJson(descriptor))
  if (equalEntries(entries, descriptor).length > 0) return []
  return [{ position: entries.length, to: descriptor }]
}

/** What changes when an entry is taken out: nothing where none equals it. */
export function removeEntry(entries: readonly Descriptor[], descriptor: Descriptor): EntryChange[] {
  return equalEntries(entries, descriptor).map((position) => ({ position, to: 'remove' }))
}

/**
 * What changes when a name is forgotten: its entries go, and the content stays.
 * @throws OciError `REFERENCE_AMBIGUOUS` where it is short for several full names
 */
export function forgetReference(entries: readonly Descriptor[], name: string, what: string): EntryChange[] {
  const answers = answering(entries, name)
  const answered = answers.map((position) => entries[position] as Descriptor)
  if (new Set(answered.map(nameOf)).size > 1) throw ambiguous(name, answered, what)
  return answers.map((position) => ({ position, to: 'remove' }))
}

/** Entries as they are after changes. */
export function changeEntries(entries: readonly Descriptor[], changes: readonly EntryChange[]): Descriptor[] {
  const changed: (Descriptor | undefined)[] = [...entries]
  for (const { position, to } of changes) {
    if (to === 'remove') changed[position] = undefined
    else if (to === 'unname') changed[position] = withoutRefName(entries[position] as Descriptor)
    else changed[position] = to
  }
  return changed.filter((entry) => entry !== undefined)
}

/** Positions of the entries that a name means, by the first of the ways to mean one that finds any. */
function answering(entries: readonly Descriptor[], name: string): number[] {
  const ways: ((annotations: Annotations, entry: Descriptor) => boolean)[] = [
    (_, entry) => nameOf(entry) === name,
    (annotations) => annotations[annotationKeys.refName] === name,
    (annotations) => tagOf(annotations[annotationKeys.containerdImageName]) === name,
  ]
  for (const answers of ways) {
    const positions: number[] = []
    for (const [position, entry] of entries.entries()) {
      if (entry.annotations !== undefined && answers(entry.annotations, entry)) positions.push(position)
    }
    if (positions.length > 0) return positions
  }
  return []
}

/** The name that an entry is listed under. An empty one is none. */
function nameOf(entry: Descriptor): string | undefined {
  const { annotations } = entry
  return (
    annotations?.[annotationKeys.containerdImageName] || annotations?.[annotationKeys.refName] || undefined
  )
}

/** The digest that a name is or ends in. */
function digestIn(name: string): Digest | undefined {
  const digest = name.slice(name.lastIndexOf('@') + 1)
  return isRegisteredDigest(digest) ? digest : undefined
}

function tagOf(fullName: string | undefined): string | undefined {
  if (fullName === undefined) return undefined
  const text = fullName.split('@', 1)[0] as string
  const colon = text.lastIndexOf(':')
  return colon > text.lastIndexOf('/') ? text.slice(colon + 1) : undefined
}

/** Positions of the entries that say the same as a descriptor. */
function equalEntries(entries: readonly Descriptor[], descriptor: Descriptor): number[] {
  const text = stringOf(descriptor)
  const positions: number[] = []
  for (let position = 0; position < entries.length; position++) {
    const entry = entries[position] as Descriptor
    if (entry.digest === descriptor.digest && stringOf(entry) === text) positions.push(position)
  }
  return positions
}

/** A descriptor as text that does not depend on the order and the white space that it was written with. */
function stringOf(descriptor: Descriptor): string {
  return JSON.stringify(descriptor, (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  )
}

function withoutRefName(entry: Descriptor): Descriptor {
  const { [annotationKeys.refName]: _, ...annotations } = entry.annotations ?? {}
  return { ...entry, annotations }
}

/**
 * The grammar of `ref.name` is a SHOULD and has no room for every tag and repository that registries allow
 * (`v1_`, `a__b`): those pass too, so that a copy never fails at its last step, the tag.
 */
function checkName(name: string, descriptor: Descriptor): void {
  const digest = digestIn(name)
  const problem =
    digest === name
      ? `A reference cannot be a digest (${name}): it would stand for other content than it says`
      : digest !== undefined && digest !== descriptor.digest
        ? `A reference to ${descriptor.digest} cannot end in another digest, as ${JSON.stringify(name.slice(-255))} does`
        : isRefName(name) || isTag(name) || isFullName(name)
          ? undefined
          : `${JSON.stringify(name.slice(0, 100))} is no reference: it must be a tag (v1.2) or a full name (registry/repository:tag)`
  if (problem !== undefined) {
    throw new OciError('REFERENCE_INVALID', problem, { actual: name.slice(0, 512) })
  }
}

function isFullName(name: string): boolean {
  try {
    parseReference(name)
    return true
  } catch {
    return false
  }
}

function ambiguous(name: string, entries: readonly Descriptor[], what: string): OciError {
  const names = [...new Set(entries.map((entry) => nameOf(entry) ?? entry.digest))]
  const digests = [...new Set(entries.map((entry) => entry.digest))]
  return new OciError(
    'REFERENCE_AMBIGUOUS',
    `${JSON.stringify(name)} stands for ${entries.length} entries in ${what}, so say which: ${enumerate(names.length > 1 ? names : digests)}`,
    { actual: name },
  )
}

function unnamed(entries: readonly Descriptor[]): string {
  if (entries.length === 0) return 'it is empty'
  return `its entries have no names: use a digest, one of ${enumerate(entries.map((entry) => entry.digest))}`
}

function enumerate(names: readonly string[]): string {
  const shown = names.slice(0, namesShown).join(', ')
  return names.length > namesShown ? `${shown} and ${names.length - namesShown} more` : shown
}
