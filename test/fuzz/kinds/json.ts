/** JSON documents: every parser and linter of `oci-ts/spec`, conversions, edits, and the texts that documents hold. */
import { isDeepStrictEqual } from 'node:util'
import { digestParts, parseDigest } from '../../../src/digest/index.ts'
import { toRuntimeConfig } from '../../../src/runtime-spec/index.ts'
import {
  checkConfig,
  checkDescriptor,
  checkIndex,
  checkLayout,
  checkManifest,
  choosePlatform,
  convertIndex,
  convertManifest,
  decodeBase64,
  detectDocument,
  dockerSaveLayers,
  editJson,
  encodeBase64,
  formatPlatform,
  formatReference,
  isMediaType,
  type LintFinding,
  lintConfig,
  lintDescriptor,
  lintIndex,
  lintLayout,
  lintManifest,
  matchPlatform,
  normalizePlatform,
  type ParseOptions,
  parseConfig,
  parseDescriptor,
  parseDockerRepositories,
  parseDockerSaveManifest,
  parseIndex,
  parseJson,
  parseLayout,
  parseManifest,
  parsePlatform,
  parseReference,
  parseSchema1,
  parseV1Compatibility,
  rawBytes,
  schema1Steps,
  schema1ToSchema2,
  serializeJson,
  toDockerMediaType,
  toOciConfig,
  toOciMediaType,
} from '../../../src/spec/index.ts'
import { holds, type Kind } from '../kind.ts'
import { type Dictionary, dictionaryOf, mutateJson } from '../mutation/json.ts'
import type { Random } from '../random.ts'
import { looksLikeJson, seedFiles } from '../seed-files.ts'
import { onlyCodes, verdictOf } from '../verdict.ts'

/** One kind of document: its parser, its linter, and the check before it is written. */
interface Family {
  readonly parse: (bytes: Uint8Array, options?: ParseOptions) => object
  readonly lint: (bytes: Uint8Array, options?: ParseOptions) => LintFinding[]
  readonly check: (value: unknown) => Uint8Array
}

const families: Readonly<Record<string, Family>> = {
  manifest: { parse: parseManifest, lint: lintManifest, check: checkManifest },
  index: { parse: parseIndex, lint: lintIndex, check: checkIndex },
  config: { parse: parseConfig, lint: lintConfig, check: checkConfig },
  descriptor: { parse: parseDescriptor, lint: lintDescriptor, check: checkDescriptor },
  layout: { parse: parseLayout, lint: lintLayout, check: checkLayout },
}

const familyNames = Object.keys(families)

/** Which family a detected document is of. */
const familyOf: Readonly<Record<string, string>> = {
  manifest: 'manifest',
  'docker-manifest': 'manifest',
  index: 'index',
  'docker-manifest-list': 'index',
  config: 'config',
  layout: 'layout',
  descriptor: 'descriptor',
}

/** Rules of level error that reading lets pass: docs of `LintCode` and of the parsers say so. */
const passedByParsing: readonly string[] = ['env-malformed', 'layout-version-unknown', 'data-invalid']

const parseCodes = ['JSON_INVALID', 'DOCUMENT_INVALID', 'LIMIT_EXCEEDED', 'MEDIA_TYPE_UNSUPPORTED'] as const

let dictionary: Dictionary | undefined

/** The JSON documents among the seeds, small ones. */
function jsonSeeds(): Uint8Array[] {
  return seedFiles(1 << 14)
    .map(({ bytes }) => bytes)
    .filter(looksLikeJson)
}

/** Names and values of all seeds. */
export function jsonDictionary(): Dictionary {
  dictionary ??= dictionaryOf(jsonSeeds())
  return dictionary
}

const made = [
  {
    schemaVersion: 1,
    name: 'a/b',
    tag: 't',
    architecture: 'amd64',
    fsLayers: [{ blobSum: `sha256:${'1'.repeat(64)}` }],
    history: [
      {
        v1Compatibility: JSON.stringify({
          id: 'a'.repeat(64),
          created: '2020-01-01T00:00:00Z',
          container_config: { Cmd: ['/bin/sh'] },
        }),
      },
    ],
  },
  [
    {
      Config: 'c.json',
      RepoTags: ['a:b'],
      Layers: ['l/layer.tar'],
      LayerSources: {
        [`sha256:${'1'.repeat(64)}`]: { mediaType: 'a/b', digest: `sha256:${'1'.repeat(64)}`, size: 1 },
      },
    },
  ],
  { 'a/b': { latest: '1'.repeat(64) } },
  { imageLayoutVersion: '1.0.0' },
  {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [
      {
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        digest: `sha256:${'1'.repeat(64)}`,
        size: 2,
        platform: {
          os: 'windows',
          architecture: 'arm',
          variant: 'v7',
          'os.version': '10.0.20348.1',
          'os.features': ['win32k'],
        },
        annotations: { 'org.opencontainers.image.ref.name': 'v1' },
      },
    ],
  },
  {
    mediaType: 'application/vnd.oci.empty.v1+json',
    digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
    size: 2,
    data: 'e30=',
    urls: ['https://example.com/a'],
  },
  {
    architecture: 'amd64',
    os: 'linux',
    config: {
      User: '1:2',
      Env: ['A=b'],
      Entrypoint: ['/a'],
      Cmd: ['b'],
      Labels: { a: 'b' },
      ExposedPorts: { '80/tcp': {} },
      Volumes: { '/v': {} },
      WorkingDir: '/',
      StopSignal: 'SIGTERM',
      Healthcheck: { Test: ['NONE'], Interval: 1e9 },
      Hostname: 'x',
      Memory: 0,
    },
    rootfs: { type: 'layers', diff_ids: [`sha256:${'1'.repeat(64)}`] },
    history: [{ created_by: '<&>', empty_layer: true }, { comment: '\u2028' }],
    docker_version: '1',
    container_config: {},
  },
]

/** JSON documents. */
export const json: Kind = {
  name: 'json',
  maxLength: 1 << 13,
  maxAllocation: 1 << 20,

  async seeds() {
    return [
      ...jsonSeeds(),
      ...made.map((document) => new Uint8Array(Buffer.from(JSON.stringify(document, undefined, 1)))),
    ]
  },

  mutate(random, input, other) {
    return mutateJson(random, input, other, jsonDictionary())
  },

  run(input, random) {
    const detected = detectDocument(input)
    const parsed = verdictOf(() => parseJson(input))
    onlyCodes(parsed, 'parseJson', ['JSON_INVALID', 'LIMIT_EXCEEDED'])
    // Not all of it on every input: each look costs a parse, and the next input is as good as this one.
    const name = random.oneIn(4)
      ? random.pick(familyNames)
      : (familyOf[detected.kind] ?? random.pick(familyNames))
    parseAndLint(name, input, detected.mediaType, random)
    if (detected.kind.startsWith('docker-schema1') || random.oneIn(8)) docker(input, random)
    if (parsed.error !== undefined) {
      const { offset } = parsed.error
      holds(
        offset === undefined || (offset >= 0 && offset <= input.length),
        'An offset lies outside of the text',
      )
      holds(detected.kind === 'unknown', 'What is no JSON is detected')
      return
    }
    const { text, value } = parsed.value
    if (random.oneIn(2)) meansTheSame(text, value, random)
    if (random.oneIn(3)) conversions(input)
    if (random.oneIn(2)) edits(input, value, random)
    const strings = stringsOf(value)
    if (strings.length > 0) for (let i = 3; i > 0; i--) texts(random.pick(strings), random)
  },
}

/** I-JSON is JSON: what ours takes, the language's takes, for the same value. */
function meansTheSame(text: string, value: unknown, random: Random): void {
  const theirs: unknown = JSON.parse(text)
  holds(JSON.stringify(theirs) === JSON.stringify(value), 'A text means something else to JSON.parse')
  if (typeof value === 'object' && value !== null) {
    holds(Object.isFrozen(value), 'A parsed document can be changed')
    const raw = rawBytes(value)
    holds(raw !== undefined && Buffer.from(raw).toString() === text, 'A document forgets its text')
  }
  if (!random.oneIn(3)) return
  // A copy has no text to remember; integers beyond 2^53 cannot be written from a number.
  const written = verdictOf(() => serializeJson(theirs))
  onlyCodes(written, 'serializeJson', ['ARGUMENT_INVALID'])
  if (written.error === undefined) {
    const again = parseJson(written.value).value
    holds(JSON.stringify(again) === JSON.stringify(value), 'What is written is read otherwise')
  }
}

function parseAndLint(name: string, input: Uint8Array, mediaType: string | undefined, random: Random): void {
  const { parse, lint, check } = families[name]!
  const options = random.oneIn(3) ? { mediaType } : {}
  const parsed = verdictOf(() => parse(input, options))
  onlyCodes(parsed, `Parsing a ${name}`, parseCodes)
  if (parsed.error?.code === 'MEDIA_TYPE_UNSUPPORTED') return
  const findings = lint(input, options)
  const errors = findings.filter(({ level }) => level === 'error')
  if (parsed.error !== undefined) {
    holds(errors.length > 0, `A ${name} that is refused lints without an error`, () => parsed.error.message)
    if (parsed.error.code === 'DOCUMENT_INVALID') {
      holds(
        isDeepStrictEqual(
          parsed.error.issues?.map(({ path }) => path),
          findings.map(({ path }) => path),
        ),
        `Parsing and linting a ${name} find different things`,
        () => [parsed.error.issues, findings],
      )
    }
    return
  }
  const surprising = errors.filter(({ code }) => !passedByParsing.includes(code))
  holds(surprising.length === 0, `A ${name} that parses lints with errors`, () => surprising)
  const raw = rawBytes(parsed.value)
  holds(raw !== undefined && Buffer.compare(raw, input) === 0, `A parsed ${name} forgets its bytes`)
  const checked = verdictOf(() => check(parsed.value))
  onlyCodes(checked, `Checking a ${name}`, ['DOCUMENT_INVALID', 'ARGUMENT_INVALID'])
  if (checked.error === undefined) {
    holds(Buffer.compare(checked.value, input) === 0, `Writing a parsed ${name} changes it`)
    holds(errors.length === 0, `A ${name} with errors may be written`)
  }
  if (name === 'config') {
    onlyCodes(
      verdictOf(() => toRuntimeConfig(parsed.value as ReturnType<typeof parseConfig>)),
      'toRuntimeConfig',
      ['ARGUMENT_INVALID', 'DOCUMENT_INVALID', 'PATH_UNSAFE', 'PATH_NOT_FOUND', 'MEDIA_TYPE_UNSUPPORTED'],
    )
  }
}

/** Docker's documents. */
function docker(input: Uint8Array, random: Random): void {
  const schema1 = verdictOf(() => parseSchema1(input))
  onlyCodes(schema1, 'parseSchema1', parseCodes)
  if (schema1.error === undefined) {
    const { manifest } = schema1.value
    const steps = verdictOf(() => schema1Steps(manifest))
    onlyCodes(steps, 'schema1Steps', parseCodes)
    if (steps.error === undefined) {
      const layers = steps.value
        .filter(({ isEmpty }) => !isEmpty)
        .map(({ layer }) => ({
          descriptor: {
            mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
            digest: layer.blobSum,
            size: 1,
          },
          diffID: layer.blobSum,
        }))
      const made = schema1ToSchema2(manifest, layers)
      parseManifest(made.manifest)
      onlyCodes(
        verdictOf(() => parseConfig(made.config)),
        'Parsing a config made of schema 1',
        parseCodes,
      )
    }
  }
  const text = Buffer.from(input).toString()
  switch (random.below(3)) {
    case 0:
      onlyCodes(
        verdictOf(() => parseDockerSaveManifest(input)),
        'parseDockerSaveManifest',
        parseCodes,
      )
      return
    case 1:
      onlyCodes(
        verdictOf(() => parseDockerRepositories(input)),
        'parseDockerRepositories',
        parseCodes,
      )
      return
    default:
      onlyCodes(
        verdictOf(() => parseV1Compatibility(text)),
        'parseV1Compatibility',
        parseCodes,
      )
  }
}

function conversions(input: Uint8Array): void {
  const config = verdictOf(() => toOciConfig(input))
  onlyCodes(config, 'toOciConfig', parseCodes)
  if (config.error === undefined) {
    parseConfig(config.value.bytes)
    const again = toOciConfig(config.value.bytes)
    holds(Buffer.compare(again.bytes, config.value.bytes) === 0, 'toOciConfig changes what it made')
    const layers = verdictOf(() => dockerSaveLayers(input))
    onlyCodes(layers, 'dockerSaveLayers', parseCodes)
    for (const layer of layers.value ?? []) JSON.parse(Buffer.from(layer.json).toString())
  }
  for (const family of ['oci', 'docker'] as const) {
    const manifest = verdictOf(() => convertManifest(input, family))
    onlyCodes(manifest, 'convertManifest', parseCodes)
    if (manifest.error === undefined) {
      parseManifest(manifest.value.bytes)
      const again = convertManifest(manifest.value.bytes, family)
      holds(Buffer.compare(again.bytes, manifest.value.bytes) === 0, 'convertManifest changes what it made')
    }
    const index = verdictOf(() => parseIndex(input))
    if (index.error === undefined) {
      const entries = index.value.manifests.map(({ mediaType, digest, size }) => ({
        mediaType,
        digest,
        size,
      }))
      const converted = verdictOf(() => convertIndex(input, family, entries))
      onlyCodes(converted, 'convertIndex', parseCodes)
      if (converted.error === undefined) parseIndex(converted.value.bytes)
    }
  }
}

type Path = (string | number)[]

/** Edits at a place that is there or not: what was asked for is then there, and the rest is as it was. */
function edits(input: Uint8Array, root: unknown, random: Random): void {
  const path: Path = []
  let at = root
  for (let depth = random.below(6); depth > 0; depth--) {
    if (Array.isArray(at)) {
      const position = random.below(at.length + 1)
      path.push(position)
      at = at[position]
    } else if (typeof at === 'object' && at !== null) {
      const names = Object.keys(at)
      const name =
        random.oneIn(4) || names.length === 0 ? random.pick(jsonDictionary().names) : random.pick(names)
      path.push(name)
      at = Object.hasOwn(at, name) ? (at as Record<string, unknown>)[name] : undefined
    } else if (random.oneIn(2)) path.push(random.oneIn(2) ? 'new' : random.below(2))
  }
  const value = random.oneIn(4) ? undefined : random.pick(jsonDictionary().values)
  const edit = { path, value, insert: random.oneIn(8) }
  const edited = verdictOf(() => editJson(input, [edit]))
  onlyCodes(edited, 'editJson', ['ARGUMENT_INVALID', 'JSON_INVALID'])
  if (edited.error !== undefined) return
  const result = parseJson(edited.value)
  if (value !== undefined) {
    const there = path.reduce<unknown>(
      (tree, key) => (tree as Record<string | number, unknown>)[key],
      result.value,
    )
    holds(JSON.stringify(there) === JSON.stringify(value), 'An edit leaves another value', () => [
      path,
      value,
      there,
    ])
  }
  if (!edit.insert && (value !== undefined || typeof path.at(-1) === 'string')) {
    const again = editJson(edited.value, [edit])
    holds(Buffer.compare(again, edited.value) === 0, 'An edit made twice makes another document', () => path)
  }
}

function stringsOf(value: unknown): string[] {
  const strings: string[] = []
  const visit = (part: unknown): void => {
    if (typeof part === 'string') strings.push(part)
    else if (typeof part === 'object' && part !== null) {
      for (const [name, member] of Object.entries(part)) {
        if (!Array.isArray(part)) strings.push(name)
        visit(member)
      }
    }
  }
  visit(value)
  return strings
}

/** References, platforms, digests, media types, base64. */
function texts(text: string, random: Random): void {
  const dockerHub = random.oneIn(2)
  const reference = verdictOf(() => parseReference(text, { dockerHub }))
  onlyCodes(reference, 'parseReference', ['REFERENCE_INVALID'])
  if (reference.error === undefined) {
    const written = formatReference(reference.value)
    holds(
      isDeepStrictEqual(parseReference(written), reference.value),
      'A reference is written as another one',
      () => text,
    )
  }
  const platform = verdictOf(() => parsePlatform(text))
  onlyCodes(platform, 'parsePlatform', ['PLATFORM_INVALID'])
  if (platform.error === undefined) {
    const again = parsePlatform(formatPlatform(platform.value))
    holds(isDeepStrictEqual(again, platform.value), 'A platform is written as another one', () => [
      text,
      platform.value,
      again,
    ])
    const normal = normalizePlatform(platform.value)
    holds(
      isDeepStrictEqual(normalizePlatform(normal), normal),
      'A normal platform has another normal form',
      () => text,
    )
    holds(matchPlatform(platform.value, platform.value), 'A platform does not match itself', () => text)
    const chosen = choosePlatform(platform.value, [{}, { platform: normal }])
    holds(chosen?.platform === normal, 'A platform is not chosen for itself', () => text)
  }
  const digest = verdictOf(() => parseDigest(text))
  onlyCodes(digest, 'parseDigest', ['DIGEST_INVALID'])
  if (digest.error === undefined) {
    const { algorithm, encoded } = digestParts(digest.value)
    holds(
      `${algorithm}:${encoded}` === text && !/[/\\]|\.\./.test(encoded),
      'A digest can be a path',
      () => text,
    )
  }
  if (isMediaType(text)) {
    const oci = toOciMediaType(text)
    const docker = toDockerMediaType(text)
    holds(oci === undefined || isMediaType(oci), 'A media type becomes none', () => text)
    holds(docker === undefined || isMediaType(docker), 'A media type becomes none', () => text)
  }
  const decoded = decodeBase64(text)
  if (decoded !== undefined) {
    holds(
      isDeepStrictEqual(decodeBase64(encodeBase64(decoded)), decoded),
      'base64 is written as other base64',
      () => text,
    )
  }
}
