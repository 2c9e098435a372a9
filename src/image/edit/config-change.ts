/**
 * Changes to an image config, each as the few edits of its JSON text that make it: all else in the document
 * stays as it was written.
 * @see https://github.com/opencontainers/image-spec/blob/main/config.md#properties
 */
import { OciError } from '../../errors.ts'
import type { ImageConfig, JsonEdit, Platform } from '../../spec/index.ts'

/** From the config as it is to the edits that change it. */
export type ConfigChange = (config: ImageConfig) => readonly JsonEdit[]

/** A moment: a `Date`, seconds since 1970 UTC (as SOURCE_DATE_EPOCH has them), or RFC 3339. */
export type Moment = Date | number | string

/**
 * Sets variables in place, adds new ones at the end, removes those that are undefined.
 * @throws OciError `ARGUMENT_INVALID` for a name that is empty or has `=` or NUL in it
 */
export function setEnv(variables: Readonly<Record<string, string | undefined>>): ConfigChange {
  for (const name of Object.keys(variables)) {
    if (name === '' || /[=\0]/.test(name)) {
      throw new OciError(
        'ARGUMENT_INVALID',
        `${JSON.stringify(name)} cannot be the name of an environment variable`,
      )
    }
  }
  return ({ config }) => {
    const present = (config?.Env ?? []).map((entry) => entry.split('=', 1)[0]!)
    const edits: JsonEdit[] = []
    for (const [name, value] of Object.entries(variables)) {
      // From the last on, so that removing one does not move those before it.
      for (let position = present.length - 1; position >= 0; position--) {
        if (present[position] !== name) continue
        const first = present.indexOf(name) === position
        const stays = first && value !== undefined
        edits.push({ path: ['config', 'Env', position], value: stays ? `${name}=${value}` : undefined })
        if (!stays) present.splice(position, 1)
      }
      if (value === undefined || present.includes(name)) continue
      edits.push({ path: ['config', 'Env', present.length], value: `${name}=${value}` })
      present.push(name)
    }
    return edits
  }
}

/** Sets a member of the part that says how to run it; undefined or null removes it. */
export function setExecution(
  name: 'Entrypoint' | 'Cmd' | 'User' | 'WorkingDir' | 'StopSignal',
  value: string | readonly string[] | null | undefined,
): ConfigChange {
  return () => [{ path: ['config', name], value: value ?? undefined }]
}

/** Sets labels, removes those that are undefined. */
export function setLabels(labels: Readonly<Record<string, string | undefined>>): ConfigChange {
  return () => Object.entries(labels).map(([name, value]) => ({ path: ['config', 'Labels', name], value }))
}

/**
 * Adds to or removes from a set: ports or volumes.
 * @throws OciError `ARGUMENT_INVALID` for a port that is not of the form `port[/tcp|udp|sctp]`
 */
export function setMember(set: 'ExposedPorts' | 'Volumes', member: string, present: boolean): ConfigChange {
  if (set === 'ExposedPorts' && !/^\d{1,5}(-\d{1,5})?(\/(tcp|udp|sctp))?$/.test(member)) {
    throw new OciError(
      'ARGUMENT_INVALID',
      `${JSON.stringify(member)} is not a port: give 8080, 8080/tcp or 53/udp`,
    )
  }
  return ({ config }) => {
    if (present && config?.[set] && Object.hasOwn(config[set], member)) return []
    return [{ path: ['config', set, member], value: present ? {} : undefined }]
  }
}

/** Sets who made the image; undefined removes it. */
export function setAuthor(author: string | undefined): ConfigChange {
  return () => [{ path: ['author'], value: author }]
}

/** Sets when the image was made; undefined removes it. */
export function setCreated(created: Moment | undefined): ConfigChange {
  const value = created === undefined ? undefined : formatMoment(created)
  return () => [{ path: ['created'], value }]
}

/** Sets what the image runs on; what the platform leaves out is removed. */
export function setPlatform(platform: Platform): ConfigChange {
  return () =>
    (['architecture', 'os', 'variant', 'os.version', 'os.features'] as const).map((name) => ({
      path: [name],
      value: platform[name],
    }))
}

/** Sets anything else by its path in the document; undefined removes it. */
export function setField(path: readonly (string | number)[], value: unknown): ConfigChange {
  return () => [{ path, value }]
}

/**
 * RFC 3339 in UTC, to the second where there is no fraction, as Go writes it.
 * @throws OciError `ARGUMENT_INVALID`
 */
export function formatMoment(moment: Moment): string {
  const date = typeof moment === 'number' ? new Date(moment * 1000) : new Date(moment)
  if (Number.isNaN(date.getTime())) {
    throw new OciError('ARGUMENT_INVALID', `${JSON.stringify(moment)} is not a date`)
  }
  // What was RFC 3339 already may be finer than a Date is: keep its own digits.
  if (typeof moment === 'string' && rfc3339.test(moment)) return moment
  return date.toISOString().replace('.000Z', 'Z')
}

const rfc3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/
