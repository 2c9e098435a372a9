/** Whose the files on disk are to be, given whose they are in the layers; and back. */
import { OciError } from '../errors.ts'

/** A range of ids in the image and the ids that stand for them on this machine, as the runtime-spec maps them. */
export interface IDMapping {
  /** First id in the image: 0 to 2^32 - 2. */
  readonly containerID: number
  /** First id on this machine: 0 to 2^32 - 2. */
  readonly hostID: number
  /** How many ids. */
  readonly size: number
}

/** How ids are mapped: by ranges, or by a function from the image's id to this machine's (or back, in packing). */
export type IDMap = readonly IDMapping[] | ((id: number) => number)

/** Maps of users and groups. */
export interface OwnerMap {
  readonly uid: IDMap
  readonly gid: IDMap
}

/** The greatest id there is: 2^32 - 1 means "leave as it is" to `chown`. */
const MAX_ID = 0xffff_fffe

/** The id on this machine for one in the image, undefined where no range holds it. */
export function toHost(map: IDMap, id: number): number | undefined {
  if (typeof map === 'function') return map(id)
  for (const { containerID, hostID, size } of map) {
    if (id >= containerID && id < containerID + size) return hostID + (id - containerID)
  }
  return undefined
}

/** The id in the image for one on this machine, undefined where no range holds it. */
export function toContainer(map: IDMap, id: number): number | undefined {
  if (typeof map === 'function') return map(id)
  for (const { containerID, hostID, size } of map) {
    if (id >= hostID && id < hostID + size) return containerID + (id - hostID)
  }
  return undefined
}

/** Whether `chown` takes an id. */
export function isOwnerID(id: number): boolean {
  return Number.isInteger(id) && id >= 0 && id <= MAX_ID
}

/** An id that a map gave, or the error that says that it gave none. */
export function mappedID(mapped: number | undefined, id: number, kind: 'uid' | 'gid', path: string): number {
  if (mapped !== undefined && isOwnerID(mapped)) return mapped
  throw new OciError(
    'ARGUMENT_INVALID',
    mapped === undefined
      ? `No range of the owner map holds the ${kind} ${id} of "${path}": add one that does`
      : `The owner map gives ${mapped} for the ${kind} ${id} of "${path}": an id is from 0 to ${MAX_ID}`,
    { path, actual: id },
  )
}
