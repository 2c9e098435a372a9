/**
 * The image configuration: what runs, as whom, with what, on which layers.
 * @see https://github.com/opencontainers/image-spec/blob/main/config.md
 */
import * as z from 'zod/mini'
import type { DiffID } from '../digest/index.ts'
import type { DocumentKind, ParseOptions } from './document.ts'
import { parseDocument } from './document.ts'
import type { JsonStructure } from './json.ts'
import { mediaTypes } from './media-type.ts'
import type { Schema } from './schema.ts'
import {
  dateTime,
  digest,
  flag,
  integer,
  listOf,
  nameSet,
  nullish,
  once,
  schemaOf,
  stringMap,
  text,
} from './schema.ts'

/** How Docker finds out whether a container is well; reserved in OCI. */
export interface Healthcheck {
  /** `[]` inherits, `['NONE']` turns off, `['CMD', …]` runs arguments, `['CMD-SHELL', command]` a shell. */
  readonly Test?: readonly string[] | null | undefined
  /** Nanoseconds between two checks. */
  readonly Interval?: number | null | undefined
  /** Nanoseconds that a check may take. */
  readonly Timeout?: number | null | undefined
  /** Nanoseconds after the start during which failures do not count. */
  readonly StartPeriod?: number | null | undefined
  /** Nanoseconds between two checks during the start period. */
  readonly StartInterval?: number | null | undefined
  /** Failures in a row after which the container is unwell. */
  readonly Retries?: number | null | undefined
}

/** What a container made of the image runs by default; `null` stands for absent, as Go writes it. */
export interface ExecutionConfig {
  /** `user`, `uid`, `user:group`, `uid:gid`, `uid:group` or `user:gid`. */
  readonly User?: string | null | undefined
  /** By `port/tcp`, `port/udp` or `port`. */
  readonly ExposedPorts?: Readonly<Record<string, object>> | null | undefined
  /** `NAME=value`. */
  readonly Env?: readonly string[] | null | undefined
  readonly Entrypoint?: readonly string[] | null | undefined
  /** Arguments of the entrypoint, or the command where there is none. */
  readonly Cmd?: readonly string[] | null | undefined
  /** By path. */
  readonly Volumes?: Readonly<Record<string, object>> | null | undefined
  readonly WorkingDir?: string | null | undefined
  readonly Labels?: Readonly<Record<string, string>> | null | undefined
  /** `SIGNAME`, for example `SIGTERM` or `SIGRTMIN+3`. */
  readonly StopSignal?: string | null | undefined
  /** Deprecated: Docker's, for Windows. */
  readonly ArgsEscaped?: boolean | null | undefined
  /** Reserved: Docker's, bytes. */
  readonly Memory?: number | null | undefined
  /** Reserved: Docker's, bytes. */
  readonly MemorySwap?: number | null | undefined
  /** Reserved: Docker's. */
  readonly CpuShares?: number | null | undefined
  /** Reserved: Docker's. */
  readonly Healthcheck?: Healthcheck | null | undefined
  /** Docker's: instructions that run when another image is built from this one. */
  readonly OnBuild?: readonly string[] | null | undefined
  /** Docker's: the shell of instructions in shell form. */
  readonly Shell?: readonly string[] | null | undefined
  /** Docker's, deprecated. */
  readonly MacAddress?: string | null | undefined
}

/** How one layer, or no layer (`empty_layer`), came to be. */
export interface HistoryEntry {
  /** RFC 3339. */
  readonly created?: string | null | undefined
  readonly author?: string | null | undefined
  /** The command. */
  readonly created_by?: string | null | undefined
  readonly comment?: string | null | undefined
  /** True where this step made no layer. */
  readonly empty_layer?: boolean | null | undefined
}

/** The image's root file system: the diffIDs of its layers, bottom to top. */
export interface RootFS {
  readonly type: 'layers'
  readonly diff_ids: readonly DiffID[]
}

/** An image configuration, OCI's or Docker's. */
export interface ImageConfig {
  /** RFC 3339. */
  readonly created?: string | null | undefined
  readonly author?: string | null | undefined
  /** As Go's GOARCH spells it. */
  readonly architecture: string
  /** As Go's GOOS spells it. */
  readonly os: string
  readonly 'os.version'?: string | null | undefined
  readonly 'os.features'?: readonly string[] | null | undefined
  readonly variant?: string | null | undefined
  readonly config?: ExecutionConfig | null | undefined
  readonly rootfs: RootFS
  /** First to last. */
  readonly history?: readonly HistoryEntry[] | null | undefined
}

const executionStructure: JsonStructure = {
  User: null,
  ExposedPorts: null,
  Env: null,
  Entrypoint: null,
  Cmd: null,
  Volumes: null,
  WorkingDir: null,
  Labels: null,
  StopSignal: null,
  ArgsEscaped: null,
  Memory: null,
  MemorySwap: null,
  CpuShares: null,
  Healthcheck: {
    Test: null,
    Interval: null,
    Timeout: null,
    StartPeriod: null,
    StartInterval: null,
    Retries: null,
  },
  OnBuild: null,
  Shell: null,
  MacAddress: null,
}

/** The names that mean something in a config. */
export const configStructure: JsonStructure = {
  created: null,
  author: null,
  architecture: null,
  os: null,
  'os.version': null,
  'os.features': null,
  variant: null,
  config: executionStructure,
  rootfs: { type: null, diff_ids: null },
  history: { created: null, author: null, created_by: null, comment: null, empty_layer: null },
}

const healthcheckSchema: () => Schema<Healthcheck> = /* @__PURE__ */ once(() =>
  schemaOf<Healthcheck>()(
    z.looseObject({
      Test: nullish(listOf(text())),
      Interval: nullish(integer()),
      Timeout: nullish(integer()),
      StartPeriod: nullish(integer()),
      StartInterval: nullish(integer()),
      Retries: nullish(integer()),
    }),
  ),
)

/** The schema of a config's `config`. */
export const executionSchema: () => Schema<ExecutionConfig> = /* @__PURE__ */ once(() =>
  schemaOf<ExecutionConfig>()(
    z.looseObject({
      User: nullish(text()),
      ExposedPorts: nullish(nameSet()),
      Env: nullish(listOf(text())),
      Entrypoint: nullish(listOf(text())),
      Cmd: nullish(listOf(text())),
      Volumes: nullish(nameSet()),
      WorkingDir: nullish(text()),
      Labels: nullish(stringMap()),
      StopSignal: nullish(text()),
      ArgsEscaped: nullish(flag()),
      Memory: nullish(integer()),
      MemorySwap: nullish(integer()),
      CpuShares: nullish(integer()),
      Healthcheck: nullish(healthcheckSchema()),
      OnBuild: nullish(listOf(text())),
      Shell: nullish(listOf(text())),
      MacAddress: nullish(text()),
    }),
  ),
)

const historySchema: () => Schema<HistoryEntry> = /* @__PURE__ */ once(() =>
  schemaOf<HistoryEntry>()(
    z.looseObject({
      created: nullish(dateTime()),
      author: nullish(text()),
      created_by: nullish(text()),
      comment: nullish(text()),
      empty_layer: nullish(flag()),
    }),
  ),
)

const rootfsSchema: () => Schema<RootFS> = /* @__PURE__ */ once(() =>
  schemaOf<RootFS>()(z.looseObject({ type: z.literal('layers'), diff_ids: listOf(digest()) })),
)

/** The schema of a config. */
export const imageConfigSchema: () => Schema<ImageConfig> = /* @__PURE__ */ once(() =>
  schemaOf<ImageConfig>()(
    z.looseObject({
      created: nullish(dateTime()),
      author: nullish(text()),
      architecture: text(),
      os: text(),
      'os.version': nullish(text()),
      'os.features': nullish(listOf(text())),
      variant: nullish(text()),
      config: nullish(executionSchema()),
      rootfs: rootfsSchema(),
      history: nullish(listOf(historySchema())),
    }),
  ),
)

/** What a config is. */
export const configKind: DocumentKind<ImageConfig> = {
  what: 'image config',
  structure: configStructure,
  schema: imageConfigSchema,
  // Docker before 1.10 and some registries after it call configs octet-streams.
  mediaTypes: [mediaTypes.config, mediaTypes.dockerConfig, 'application/octet-stream'],
}

/**
 * Parses an image configuration, OCI's or Docker's. Members that are not known pass, as the specification asks.
 *
 * @throws OciError `JSON_INVALID`, `DOCUMENT_INVALID` with `issues`, `LIMIT_EXCEEDED`; `MEDIA_TYPE_UNSUPPORTED`
 *   where `mediaType` is not that of a config: content of unknown types must not be parsed
 * @see https://github.com/opencontainers/image-spec/blob/main/config.md#properties
 */
export function parseConfig(bytes: Uint8Array | string, options: ParseOptions = {}): ImageConfig {
  return parseDocument(configKind, bytes, options)
}
