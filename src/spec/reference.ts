/**
 * Full image names: `registry/repository:tag@digest`.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
 */
import type { Digest } from '../digest/index.ts'
import { digestProblem } from '../digest/index.ts'
import { OciError } from '../errors.ts'

/** The parts of a full image name. */
export interface ImageReference {
  /** Host and, where given, port: `registry.example.com:5000`, `localhost`, `[::1]:5000`. */
  readonly registry?: string | undefined
  /** Slash-separated names in lower case, 1 to 255 characters. */
  readonly repository: string
  /** 1 to 128 characters. */
  readonly tag?: string | undefined
  readonly digest?: Digest | undefined
}

/** How {@link parseReference} reads a name. */
export interface ParseReferenceOptions {
  /**
   * Fill in what Docker means by a short name: registry `docker.io`, `library/` before a single name, tag
   * `latest` where there is neither tag nor digest; `index.docker.io` becomes `docker.io`. Off by default.
   */
  readonly dockerHub?: boolean | undefined
}

/** Whether a string is a repository's name: distribution-spec's `<name>`, 1 to 255 characters. */
export function isRepositoryName(text: string): boolean {
  return repositoryProblem(text) === undefined
}

/** Whether a string is a tag: distribution-spec's `<reference>` as a tag, 1 to 128 characters. */
export function isTag(text: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/.test(text)
}

/**
 * Takes a full image name apart. What stands before the first `/` is the registry when it has a dot or a port,
 * is in brackets, or is `localhost`; nothing is filled in unless `dockerHub` asks for it.
 *
 * @throws OciError `REFERENCE_INVALID`, saying which part breaks which rule.
 * @example parseReference('ghcr.io/owner/app:1.2') // { registry: 'ghcr.io', repository: 'owner/app', tag: '1.2' }
 * @example parseReference('alpine', { dockerHub: true }) // docker.io, library/alpine, latest
 */
export function parseReference(text: string, options: ParseReferenceOptions = {}): ImageReference {
  const refuse = (problem: string): OciError =>
    new OciError('REFERENCE_INVALID', `Reference ${quote(text)} ${problem}`, { actual: text.slice(0, 512) })

  if (text === '') throw refuse('is empty')
  if (/\s/.test(text)) throw refuse('holds white space')
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text)
  if (scheme) throw refuse(`begins with "${scheme[0]}": write it without a scheme`)

  let rest = text
  let digest: Digest | undefined
  const at = rest.indexOf('@')
  if (at !== -1) {
    const encoded = rest.slice(at + 1)
    const problem = digestProblem(encoded)
    if (problem !== undefined) throw refuse(`has a digest that ${problem}`)
    digest = encoded as Digest
    rest = rest.slice(0, at)
  }

  let tag: string | undefined
  const colon = rest.lastIndexOf(':')
  if (colon > rest.lastIndexOf('/') && !rest.endsWith(']')) {
    tag = rest.slice(colon + 1)
    if (!isTag(tag)) throw refuse(`has the tag ${quote(tag)}, which ${tagProblem(tag)}`)
    rest = rest.slice(0, colon)
  }

  let registry: string | undefined
  let repository = rest
  const slash = rest.indexOf('/')
  const first = slash === -1 ? '' : rest.slice(0, slash)
  if (/[.:[\]]/.test(first) || first === 'localhost') {
    const problem = registryProblem(first)
    if (problem !== undefined) throw refuse(`has the registry ${quote(first)}, which ${problem}`)
    registry = first
    repository = rest.slice(slash + 1)
  }

  if (options.dockerHub) {
    if (registry === undefined || registry === 'index.docker.io') registry = 'docker.io'
    if (registry === 'docker.io' && repository !== '' && !repository.includes('/')) {
      if (/^[0-9a-f]{64}$/.test(repository)) {
        throw refuse('looks like an image ID (64 hexadecimal digits), which is no repository of Docker Hub')
      }
      repository = `library/${repository}`
    }
    if (tag === undefined && digest === undefined) tag = 'latest'
  }

  const problem = repositoryProblem(repository)
  if (problem !== undefined) throw refuse(`has the repository ${quote(repository)}, which ${problem}`)
  return {
    ...(registry === undefined ? {} : { registry }),
    repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  }
}

/**
 * The text of a full image name; {@link parseReference} gives the same parts again.
 * @throws OciError `REFERENCE_INVALID` where a part breaks its rule, or where the text would be read otherwise (a
 *   repository without a registry whose first name looks like one).
 */
export function formatReference(reference: ImageReference): string {
  const { registry, repository, tag, digest } = reference
  let text = registry === undefined ? repository : `${registry}/${repository}`
  if (tag !== undefined) text += `:${tag}`
  if (digest !== undefined) text += `@${digest}`
  const read = parseReference(text)
  if (
    read.registry !== registry ||
    read.repository !== repository ||
    read.tag !== tag ||
    read.digest !== digest
  ) {
    throw new OciError(
      'REFERENCE_INVALID',
      `The parts of this reference, written as ${quote(text)}, would be read as other parts: a registry needs a dot, a port or to be localhost`,
      { actual: text.slice(0, 512) },
    )
  }
  return text
}

function registryProblem(text: string): string | undefined {
  if (text.length > 261) return 'is longer than any host name with a port'
  const match = /^(\[[0-9A-Fa-f:.]*\]|[^:[\]]*)(?::([0-9]{1,5}))?$/.exec(text)
  if (match === null) {
    return text.includes('[') || text.split(':').length > 2
      ? 'is no host[:port]: write an IPv6 address in brackets'
      : 'is no host[:port]: the port must be 1 to 5 digits'
  }
  const [, host = '', port] = match
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65535)) return 'has a port beyond 1 to 65535'
  if (host.startsWith('['))
    return isIPv6(host.slice(1, -1)) ? undefined : 'has no IPv6 address in its brackets'
  if (!host.split('.').every((label) => /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/.test(label))) {
    return 'is no host name: letters, digits, inner dashes and single dots only'
  }
  return undefined
}

/** Eight groups, or fewer around one `::`; no zones and no embedded IPv4, which names of images never had. */
function isIPv6(text: string): boolean {
  const halves = text.split('::')
  if (halves.length > 2) return false
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')))
  if (!groups.every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group))) return false
  return halves.length === 2 ? groups.length < 8 : groups.length === 8
}

function repositoryProblem(text: string): string | undefined {
  if (text === '') return 'is empty'
  if (text.length > 255) return `is ${text.length} characters long: 255 at most`
  if (/^[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*)*$/.test(text)) {
    return undefined
  }
  if (/[A-Z]/.test(text)) return 'holds upper case: repositories are named in lower case'
  if (text.split('/').includes('')) return 'has an empty name between slashes'
  const foreign = /[^a-z0-9._/-]/u.exec(text)
  if (foreign)
    return `holds ${JSON.stringify(foreign[0])}: only a-z, 0-9, ".", "_", "-" and "/" may stand there`
  return 'begins or ends a name with a separator or doubles one: single ".", "_", "__" and "-" stand between letters or digits'
}

function tagProblem(text: string): string {
  if (text === '') return 'is empty'
  if (text.length > 128) return `is ${text.length} characters long: 128 at most`
  if (/^[.-]/.test(text)) return 'begins with a dot or dash'
  const foreign = /[^A-Za-z0-9._-]/u.exec(text)
  return `holds ${JSON.stringify(foreign?.[0] ?? '')}: only letters, digits, ".", "_" and "-" may stand there`
}

function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text)
}
