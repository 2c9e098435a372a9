/**
 * From Docker's image config to OCI's. The two are one format but for what Docker notes of the container that an
 * image was built in; the way back needs nothing, since Docker reads OCI's.
 * @see https://github.com/opencontainers/image-spec/blob/main/config.md#properties
 * @see https://github.com/moby/docker-image-spec/blob/main/spec.md
 */
import { encodeUtf8 } from '../bytes.ts'
import { goCompact, goObject, goString, type JsonMember, membersOf, sortMembers } from './go-json.ts'
import type { ExecutionConfig, HistoryEntry, ImageConfig, RootFS } from './image-config.ts'
import { parseConfig } from './image-config.ts'
import { rawText } from './json.ts'
import { mediaTypes } from './media-type.ts'

/** A document that was converted. */
export interface ConvertedDocument {
  /** The same bytes where nothing had to change. */
  readonly bytes: Uint8Array<ArrayBuffer>
  /** What the other format cannot say and the document no longer does, each by its path. */
  readonly dropped: readonly (readonly (string | number)[])[]
}

/** Of the build's container, of the image's first format, and of the tool: nothing that a container is run by. */
const dockersOwn = [
  'id',
  'parent',
  'parent_id',
  'layer_id',
  'comment',
  'container',
  'container_config',
  'docker_version',
  'throwaway',
  'Size',
] as const

/** The same in `config`. */
const dockersExecution = [
  'Hostname',
  'Domainname',
  'AttachStdin',
  'AttachStdout',
  'AttachStderr',
  'PublishService',
  'Tty',
  'OpenStdin',
  'StdinOnce',
  'Image',
  'NetworkDisabled',
  'MacAddress',
  'VolumeDriver',
  'StopTimeout',
] as const

/**
 * Docker's, too, but a container is run by them: image-spec reserves their names, or Docker reads them from images
 * of OCI's type. They are kept unless they say nothing.
 */
const dockersMeaning = ['Memory', 'MemorySwap', 'CpuShares', 'Healthcheck', 'OnBuild', 'Shell'] as const

/**
 * Makes an image config OCI's. One without members of Docker's alone stays byte for byte. Of any other these
 * members are left out, and the rest is written as Go writes image-spec's own types, so that the digest is the
 * one that containers/image (skopeo, buildah, podman) gives; members that nobody knows come last, as they were.
 *
 * Unlike there, what Docker runs images of OCI's type by is kept: a health check, `OnBuild`, `Shell`.
 *
 * @param options.always writes it anew even where nothing is left out: for one that nobody has seen before
 * @throws OciError `JSON_INVALID`, `DOCUMENT_INVALID` with `issues`, `LIMIT_EXCEEDED`
 */
export function toOciConfig(
  bytes: Uint8Array,
  options: { readonly always?: boolean | undefined } = {},
): ConvertedDocument {
  const config = parseConfig(bytes, { mediaType: mediaTypes.dockerConfig })
  const dropped = [
    ...dockersOwn.filter((name) => Object.hasOwn(config, name)).map((name) => [name]),
    ...dockersExecution
      .filter((name) => Object.hasOwn(config.config ?? {}, name))
      .map((name) => ['config', name]),
  ]
  if (dropped.length === 0 && options.always !== true) return { bytes: new Uint8Array(bytes), dropped }
  return { bytes: encodeUtf8(writeConfig(config)), dropped }
}

/** How a member of a known name is written; undefined leaves it out. */
type Writer = (value: unknown) => string | undefined

/** In the order of image-spec's Go type, whose `config` is written even where there is none. */
function writeConfig(config: ImageConfig): string {
  const writers: Readonly<Record<keyof ImageConfig, Writer>> = {
    created: text,
    author: text,
    architecture: requiredText,
    os: requiredText,
    'os.version': text,
    'os.features': list,
    variant: text,
    config: (value) => writeExecution((value ?? {}) as ExecutionConfig),
    rootfs: (value) => writeRootFS(value as RootFS),
    history: (value) => {
      const entries = (value ?? []) as readonly HistoryEntry[]
      return entries.length === 0 ? undefined : `[${entries.map(writeHistory).join(',')}]`
    },
  }
  return write(config, writers, dockersOwn)
}

function writeExecution(config: ExecutionConfig): string {
  const writers = {
    User: text,
    ExposedPorts: set,
    Env: list,
    Entrypoint: list,
    Cmd: list,
    Volumes: set,
    WorkingDir: text,
    Labels: map,
    StopSignal: text,
    ArgsEscaped: flag,
  }
  const silent = dockersMeaning.filter((name) => {
    const value = config[name]
    return value === null || value === 0 || (Array.isArray(value) && value.length === 0)
  })
  return write(config, writers, [...dockersExecution, ...silent])
}

function writeRootFS(rootfs: RootFS): string {
  return write(rootfs, { type: requiredText, diff_ids: (value) => list(value) ?? '[]' }, [])
}

function writeHistory(entry: HistoryEntry): string {
  const writers = { created: text, created_by: text, author: text, comment: text, empty_layer: flag }
  return write(entry, writers, [])
}

/** The known members by their writers, then all others, as they are, save those left out. */
function write(value: object, writers: Readonly<Record<string, Writer>>, leftOut: readonly string[]): string {
  const members: JsonMember[] = []
  for (const [name, writer] of Object.entries(writers)) {
    const written = writer((value as Readonly<Record<string, unknown>>)[name])
    if (written !== undefined) members.push([name, written])
  }
  for (const [name, raw] of membersOf(rawText(value) ?? '{}')) {
    if (!Object.hasOwn(writers, name) && !leftOut.includes(name)) members.push([name, goCompact(raw)])
  }
  return goObject(members)
}

function requiredText(value: unknown): string {
  return goString((value ?? '') as string)
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? goString(value) : undefined
}

function flag(value: unknown): string | undefined {
  return value === true ? 'true' : undefined
}

function list(value: unknown): string | undefined {
  const items = (value ?? []) as readonly string[]
  return items.length === 0 ? undefined : `[${items.map(goString).join(',')}]`
}

function set(value: unknown): string | undefined {
  const members = Object.keys((value ?? {}) as object).map((name): JsonMember => [name, '{}'])
  return members.length === 0 ? undefined : goObject(sortMembers(members))
}

function map(value: unknown): string | undefined {
  const entries = Object.entries((value ?? {}) as Readonly<Record<string, string>>)
  const members = entries.map(([name, content]): JsonMember => [name, goString(content)])
  return members.length === 0 ? undefined : goObject(sortMembers(members))
}
