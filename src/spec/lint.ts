/**
 * Linting: everything that is wrong with a document, or that the specification says SHOULD be otherwise, as a list.
 *
 * Parsing refuses what MUST NOT be, and lets the rest pass; linting reports both. Where parsing would refuse, what
 * it refuses for is all that is reported: the other rules need a document of the right shape.
 */
import { encodeUtf8 } from '../bytes.ts'
import { digestBytes, digestParts, digestProblem, isRegisteredAlgorithm } from '../digest/index.ts'
import { OciError } from '../errors.ts'
import { annotationKeys, isRefName, isReservedAnnotation } from './annotation.ts'
import type { Annotations, Descriptor } from './descriptor.ts'
import { descriptorKind } from './descriptor.ts'
import type { DocumentKind, ParseOptions } from './document.ts'
import { invalidDocument, issuesOf } from './document.ts'
import { emptyDescriptor } from './empty-descriptor.ts'
import type { DocumentProblem, Finding } from './finding.ts'
import type { ExecutionConfig, ImageConfig } from './image-config.ts'
import { configKind } from './image-config.ts'
import type { Index } from './image-index.ts'
import { indexKind } from './image-index.ts'
import type { ImageLayoutMarker } from './image-layout.ts'
import { IMAGE_LAYOUT_VERSION, layoutKind } from './image-layout.ts'
import { parseJson } from './json.ts'
import { stringifyJson } from './json-serialize.ts'
import type { Manifest } from './manifest.ts'
import { manifestKind } from './manifest.ts'
import {
  isConfigType,
  isIndexType,
  isLayerType,
  isManifestType,
  isNondistributable,
  mediaTypes,
} from './media-type.ts'
import type { Platform } from './platform.ts'
import { isKnownArchitecture, isKnownSystem } from './platform.ts'
import { dateTimeProblem, decodeBase64, uriProblem } from './text-format.ts'

/** The rules that linting knows beside those of parsing; of level `warning` unless it says error. */
export type LintCode =
  | DocumentProblem
  /** Error: not I-JSON. */
  | 'json-invalid'
  /** Error: above the size or the number of objects that is parsed. */
  | 'document-too-large'
  /** Error: an entry of `Env` is not `NAME=value`. */
  | 'env-malformed'
  /** Error: the layout is of a version that does not exist. */
  | 'layout-version-unknown'
  /** Null where a list belongs: parsing reads it as an empty one. */
  | 'list-null'
  /** A key without a dot: keys should be in reverse domain notation. */
  | 'annotation-name'
  /** A key under `org.opencontainers.` that image-spec does not define. */
  | 'annotation-reserved'
  /** The value of a defined key is not what the key is for. */
  | 'annotation-value'
  | 'args-escaped'
  /** More than 16 KiB embedded: registries bound the size of manifests. */
  | 'data-large'
  /** An algorithm that image-spec does not register: nobody can verify it. */
  | 'digest-unregistered'
  /** The media type of the empty descriptor, but other content than `{}`. */
  | 'empty-descriptor'
  | 'env-duplicate'
  | 'exposed-port'
  /** As many layers should be in history as there are diffIDs. */
  | 'history-layers'
  /** Not a layer that every implementation reads: artifacts have a config of their own type. */
  | 'layer-type-unknown'
  | 'layers-empty'
  /** Nondistributable layers. */
  | 'media-type-deprecated'
  | 'media-type-missing'
  /** OCI's types in Docker's manifest, or the other way round. */
  | 'media-type-mixed'
  /** Neither a manifest nor an index, in an index. */
  | 'manifest-type-unknown'
  | 'platform-architecture'
  | 'platform-feature'
  /** In an index to choose from, an image without a platform. */
  | 'platform-missing'
  | 'platform-os'
  | 'platform-variant'
  | 'ref-name'
  /** A member that is reserved for later versions of the specification. */
  | 'reserved-member'
  | 'stop-signal'
  /** Neither http nor https. */
  | 'url-scheme'
  | 'user-malformed'
  /** A path that is relative or climbs by `..`. */
  | 'volume-path'
  | 'working-dir'

/** What linting found at one place of a document. */
export type LintFinding = Finding<LintCode>

/** What a check of a document to be written lets pass. */
export interface CheckOptions extends ParseOptions {
  /** Rules that are not enforced. */
  readonly allow?: readonly LintCode[] | undefined
}

/** Embedded content above this, in bytes, is reported. */
const LARGE_DATA = 16 << 10

/** Rules that the JSON Schema enforces although the prose does not: enough to read, not enough to write. */
const STRICT: ReadonlySet<LintCode> = /* @__PURE__ */ new Set<LintCode>(['layers-empty', 'list-null'])

/**
 * Lints a descriptor.
 * @param document Bytes, text, or a value. Its content is never thrown for.
 */
export function lintDescriptor(document: unknown, options: ParseOptions = {}): LintFinding[] {
  return lint(descriptorKind, document, options, (descriptor, report) => {
    descriptorFindings(descriptor, [], report)
  })
}

/**
 * Lints an image manifest, OCI's or Docker's.
 * @param document Bytes, text, or a value. Its content is never thrown for.
 */
export function lintManifest(document: unknown, options: ParseOptions = {}): LintFinding[] {
  return lint(manifestKind, document, options, manifestFindings)
}

/**
 * Lints an image index, or Docker's manifest list.
 * @param document Bytes, text, or a value. Its content is never thrown for.
 */
export function lintIndex(document: unknown, options: ParseOptions = {}): LintFinding[] {
  return lint(indexKind, document, options, indexFindings)
}

/**
 * Lints an image configuration.
 * @param document Bytes, text, or a value. Its content is never thrown for.
 */
export function lintConfig(document: unknown, options: ParseOptions = {}): LintFinding[] {
  return lint(configKind, document, options, configFindings)
}

/**
 * Lints an `oci-layout` file.
 * @param document Bytes, text, or a value. Its content is never thrown for.
 */
export function lintLayout(document: unknown, options: ParseOptions = {}): LintFinding[] {
  return lint(layoutKind, document, options, layoutFindings)
}

/**
 * Checks a descriptor that is to be written; gives its bytes.
 * @throws OciError `DOCUMENT_INVALID` with `issues` where any rule of level error is broken; `ARGUMENT_INVALID`
 */
export function checkDescriptor(value: unknown, options: CheckOptions = {}): Uint8Array<ArrayBuffer> {
  return check(descriptorKind.what, value, lintDescriptor, options)
}

/**
 * Checks a manifest that is to be written; gives its bytes. Beside all errors, an empty `layers` is refused, as
 * the JSON Schema has it: allow `layers-empty` to write one.
 * @throws OciError `DOCUMENT_INVALID` with `issues`; `ARGUMENT_INVALID` for what JSON cannot say
 */
export function checkManifest(value: unknown, options: CheckOptions = {}): Uint8Array<ArrayBuffer> {
  return check(manifestKind.what, value, lintManifest, options)
}

/**
 * Checks an index that is to be written; gives its bytes.
 * @throws OciError `DOCUMENT_INVALID` with `issues`; `ARGUMENT_INVALID` for what JSON cannot say
 */
export function checkIndex(value: unknown, options: CheckOptions = {}): Uint8Array<ArrayBuffer> {
  return check(indexKind.what, value, lintIndex, options)
}

/**
 * Checks a config that is to be written; gives its bytes.
 * @throws OciError `DOCUMENT_INVALID` with `issues`; `ARGUMENT_INVALID` for what JSON cannot say
 */
export function checkConfig(value: unknown, options: CheckOptions = {}): Uint8Array<ArrayBuffer> {
  return check(configKind.what, value, lintConfig, options)
}

/**
 * Checks an `oci-layout` file that is to be written; gives its bytes.
 * @throws OciError `DOCUMENT_INVALID` with `issues`; `ARGUMENT_INVALID` for what JSON cannot say
 */
export function checkLayout(value: unknown, options: CheckOptions = {}): Uint8Array<ArrayBuffer> {
  return check(layoutKind.what, value, lintLayout, options)
}

function check(
  what: string,
  value: unknown,
  linter: (document: unknown, options: ParseOptions) => LintFinding[],
  options: CheckOptions,
): Uint8Array<ArrayBuffer> {
  const bytes = value instanceof Uint8Array ? new Uint8Array(value) : encodeUtf8(stringifyJson(value))
  const broken = linter(bytes, options).filter(
    ({ level, code }) => (level === 'error' || STRICT.has(code)) && options.allow?.includes(code) !== true,
  )
  if (broken.length > 0) throw invalidDocument(what, broken)
  return bytes
}

type Report = (
  level: Finding['level'],
  code: LintCode,
  path: readonly (string | number)[],
  message: string,
) => void

function lint<T>(
  kind: DocumentKind<T>,
  document: unknown,
  options: ParseOptions,
  rules: (value: T, report: Report) => void,
): LintFinding[] {
  const findings: LintFinding[] = []
  const report: Report = (level, code, path, message) => findings.push({ level, code, path, message })
  let value: unknown
  try {
    // A value is taken back to its text, since names that collide by case show only there.
    const text =
      document instanceof Uint8Array || typeof document === 'string' ? document : stringifyJson(document)
    value = parseJson(text, { maxSize: options.maxSize, structure: kind.structure, what: kind.what }).value
  } catch (error) {
    if (!(error instanceof OciError)) throw error
    report(
      'error',
      error.code === 'LIMIT_EXCEEDED' ? 'document-too-large' : 'json-invalid',
      [],
      error.message,
    )
    return findings
  }
  const issues = issuesOf(kind, value, options)
  for (const { code, path, message } of issues) report('error', code, path, message)
  if (issues.length === 0) rules(value as T, report)
  return findings
}

function manifestFindings(manifest: Manifest, report: Report): void {
  const { config, layers, subject, annotations } = manifest
  mediaTypeFinding(manifest.mediaType, mediaTypes.manifest, report)
  descriptorFindings(config, ['config'], report)
  if (layers === null) report('warning', 'list-null', ['layers'], 'is null: it should be a list')
  else if (layers.length === 0) {
    report(
      'warning',
      'layers-empty',
      ['layers'],
      'is empty: it should have one entry, the empty descriptor if need be',
    )
  }
  const ofImage = isConfigType(config.mediaType)
  const docker = manifest.mediaType === mediaTypes.dockerManifest
  for (const [i, layer] of (layers ?? []).entries()) {
    const path = ['layers', i]
    descriptorFindings(layer, path, report)
    if (ofImage && !isLayerType(layer.mediaType)) {
      const message = `is "${layer.mediaType}", which is no layer of an image`
      report('warning', 'layer-type-unknown', [...path, 'mediaType'], message)
    }
    mixedFinding(layer.mediaType, docker, path, report)
  }
  mixedFinding(config.mediaType, docker, ['config'], report)
  if (subject !== undefined) descriptorFindings(subject, ['subject'], report)
  annotationFindings(annotations, ['annotations'], report)
}

function indexFindings(index: Index, report: Report): void {
  const { manifests, subject, annotations } = index
  mediaTypeFinding(index.mediaType, mediaTypes.index, report)
  if (manifests === null) report('warning', 'list-null', ['manifests'], 'is null: it should be a list')
  const docker = index.mediaType === mediaTypes.dockerManifestList
  const images = (manifests ?? []).filter((each) => isManifestType(each.mediaType)).length
  for (const [i, manifest] of (manifests ?? []).entries()) {
    const path = ['manifests', i]
    descriptorFindings(manifest, path, report)
    const ofManifest = isManifestType(manifest.mediaType)
    if (!ofManifest && !isIndexType(manifest.mediaType)) {
      const message = `is "${manifest.mediaType}", which is neither a manifest nor an index`
      report('warning', 'manifest-type-unknown', [...path, 'mediaType'], message)
    }
    mixedFinding(manifest.mediaType, docker, path, report)
    // What has a name is found by it, and an artifact has no platform: only a choice needs one.
    const named = manifest.annotations?.[annotationKeys.refName] !== undefined
    if (ofManifest && images > 1 && !named && !manifest.artifactType && manifest.platform === undefined) {
      report('warning', 'platform-missing', path, 'has no platform, so it cannot be chosen by one')
    }
  }
  if (subject !== undefined) descriptorFindings(subject, ['subject'], report)
  annotationFindings(annotations, ['annotations'], report)
}

function layoutFindings({ imageLayoutVersion }: ImageLayoutMarker, report: Report): void {
  if (imageLayoutVersion === IMAGE_LAYOUT_VERSION) return
  const message = `is ${JSON.stringify(imageLayoutVersion.slice(0, 100))}: the only version there is is "${IMAGE_LAYOUT_VERSION}"`
  report('error', 'layout-version-unknown', ['imageLayoutVersion'], message)
}

function mediaTypeFinding(mediaType: string | undefined, wanted: string, report: Report): void {
  if (mediaType !== undefined) return
  report('warning', 'media-type-missing', ['mediaType'], `is missing: it should be "${wanted}"`)
}

/** The compatibility matrix calls them similar, not interchangeable: Docker's tools refuse a mixture. */
function mixedFinding(
  mediaType: string,
  docker: boolean,
  path: readonly (string | number)[],
  report: Report,
): void {
  if (!mediaType.startsWith(docker ? 'application/vnd.oci.' : 'application/vnd.docker.')) return
  const [one, other] = docker ? ["OCI's", "Docker's"] : ["Docker's", "OCI's"]
  report('warning', 'media-type-mixed', [...path, 'mediaType'], `is ${one}, in a document that is ${other}`)
}

function descriptorFindings(
  descriptor: Descriptor,
  path: readonly (string | number)[],
  report: Report,
): void {
  const { mediaType, digest, size, urls, data, platform, annotations } = descriptor
  digestFinding(digest, [...path, 'digest'], report)
  if (isNondistributable(mediaType)) {
    const message = `is "${mediaType}": nondistributable layers are deprecated`
    report('warning', 'media-type-deprecated', [...path, 'mediaType'], message)
  }
  if (mediaType === mediaTypes.empty && isSha256(digest)) {
    const empty = emptyDescriptor()
    if (digest !== empty.digest || size !== empty.size) {
      report('warning', 'empty-descriptor', path, `should be of the 2 bytes "{}" (${empty.digest})`)
    }
  }
  for (const [i, url] of (urls ?? []).entries()) {
    if (/^https?:/i.test(url)) continue
    report('warning', 'url-scheme', [...path, 'urls', i], 'should be of the scheme http or https')
  }
  const content = data === undefined ? undefined : decodeBase64(data)
  const { algorithm } = digestParts(digest)
  if (content !== undefined && isRegisteredAlgorithm(algorithm)) {
    const actual = digestBytes(content, algorithm)
    if (actual !== digest) {
      const message = `has digest ${actual}, not the one that digest says`
      report('error', 'data-invalid', [...path, 'data'], message)
    }
  }
  if (data !== undefined && size > LARGE_DATA) {
    const message = `embeds ${size} bytes: above ${LARGE_DATA}, registries may refuse the document`
    report('warning', 'data-large', [...path, 'data'], message)
  }
  if (platform !== undefined && !isAttestation(descriptor)) {
    platformFindings(platform, [...path, 'platform'], report)
  }
  annotationFindings(annotations, [...path, 'annotations'], report)
}

/** BuildKit gives what it attests of an image the platform `unknown/unknown`, so that nobody runs it. */
function isAttestation({ platform, annotations }: Descriptor): boolean {
  return (
    platform?.os === 'unknown' &&
    platform.architecture === 'unknown' &&
    annotations?.['vnd.docker.reference.type'] !== undefined
  )
}

function isSha256(digest: string): boolean {
  return digest.startsWith('sha256:')
}

function digestFinding(
  digest: Descriptor['digest'],
  path: readonly (string | number)[],
  report: Report,
): void {
  const { algorithm } = digestParts(digest)
  if (isRegisteredAlgorithm(algorithm)) return
  report('warning', 'digest-unregistered', path, `has the algorithm "${algorithm}", which is not registered`)
}

function annotationFindings(
  annotations: Annotations | null | undefined,
  path: readonly (string | number)[],
  report: Report,
): void {
  for (const [key, value] of Object.entries(annotations ?? {})) {
    const at = [...path, key]
    if (!key.includes('.')) {
      report('warning', 'annotation-name', at, 'should be named in reverse domain notation, com.example.key')
    }
    definedFindings(key, value, at, report)
  }
}

/** Of keys that annotations and labels share. */
function definedFindings(
  key: string,
  value: string,
  path: readonly (string | number)[],
  report: Report,
): void {
  if (isReservedAnnotation(key)) {
    report(
      'warning',
      'annotation-reserved',
      path,
      'is not defined: "org.opencontainers." is reserved for OCI',
    )
  }
  if (key === annotationKeys.refName && !isRefName(value)) {
    report('warning', 'ref-name', path, 'is not of the grammar of reference names')
  }
  const problem = valueProblem(key, value)
  if (problem !== undefined) report('warning', 'annotation-value', path, problem)
}

function valueProblem(key: string, value: string): string | undefined {
  switch (key) {
    case annotationKeys.created:
      return dateTimeProblem(value)
    case annotationKeys.baseDigest:
      return digestProblem(value)
    case annotationKeys.url:
    case annotationKeys.documentation:
    case annotationKeys.source:
      return value === '' ? undefined : uriProblem(value)
    default:
      return undefined
  }
}

const variants: Readonly<Record<string, RegExp>> = {
  amd64: /^v[1-4]$/,
  arm: /^v[5-8]$/,
  arm64: /^v[89](?:\.\d+)?$/,
  ppc64le: /^power\d+$/,
  riscv64: /^rva\d+u64$/,
}

function platformFindings(
  platform: Pick<ImageConfig, 'architecture' | 'os' | 'variant' | 'os.features'> & Pick<Platform, 'features'>,
  path: readonly (string | number)[],
  report: Report,
): void {
  const { os, architecture, variant, features } = platform
  if (!isKnownSystem(os)) {
    report(
      'warning',
      'platform-os',
      [...path, 'os'],
      `is ${JSON.stringify(os.slice(0, 100))}, which is no GOOS of Go`,
    )
  }
  if (!isKnownArchitecture(architecture)) {
    const message = `is ${JSON.stringify(architecture.slice(0, 100))}, which is no GOARCH of Go`
    report('warning', 'platform-architecture', [...path, 'architecture'], message)
  }
  if (!variant) {
    if (architecture === 'arm') {
      report('warning', 'platform-variant', path, 'has no variant: arm should say v6, v7 or v8')
    }
  } else {
    const known = Object.hasOwn(variants, architecture) ? variants[architecture] : undefined
    if (known !== undefined && !known.test(variant)) {
      const message = `is ${JSON.stringify(variant.slice(0, 100))}, which is no variant of ${architecture}`
      report('warning', 'platform-variant', [...path, 'variant'], message)
    }
  }
  for (const [i, feature] of (platform['os.features'] ?? []).entries()) {
    if (os !== 'windows' || feature === 'win32k') continue
    report('warning', 'platform-feature', [...path, 'os.features', i], 'should be "win32k" on Windows')
  }
  if (features !== undefined) {
    report(
      'warning',
      'reserved-member',
      [...path, 'features'],
      'is reserved for later versions of the specification',
    )
  }
}

function configFindings(image: ImageConfig, report: Report): void {
  platformFindings(image, [], report)
  for (const [i, diffID] of image.rootfs.diff_ids.entries()) {
    digestFinding(diffID, ['rootfs', 'diff_ids', i], report)
  }
  if (image.history) {
    const made = image.history.filter((entry) => entry.empty_layer !== true).length
    const layers = image.rootfs.diff_ids.length
    if (made !== layers) {
      report('warning', 'history-layers', ['history'], `tells of ${made} layers, but rootfs has ${layers}`)
    }
  }
  if (image.config) executionFindings(image.config, image.os, report)
}

function executionFindings(config: ExecutionConfig, os: string, report: Report): void {
  const seen = new Set<string>()
  for (const [i, entry] of (config.Env ?? []).entries()) {
    const path = ['config', 'Env', i]
    // Windows keeps its drives' directories under names such as "=C:".
    const equals = entry.indexOf('=', os === 'windows' ? 1 : 0)
    if (equals <= 0) {
      report(
        'error',
        'env-malformed',
        path,
        `is ${JSON.stringify(entry.slice(0, 100))}, not of the form NAME=value`,
      )
      continue
    }
    const name = os === 'windows' ? entry.slice(0, equals).toUpperCase() : entry.slice(0, equals)
    if (seen.has(name)) {
      report('warning', 'env-duplicate', path, `sets ${JSON.stringify(name.slice(0, 100))} again`)
    }
    seen.add(name)
  }
  for (const port of Object.keys(config.ExposedPorts ?? {})) {
    if (isPort(port)) continue
    report(
      'warning',
      'exposed-port',
      ['config', 'ExposedPorts', port],
      'is not of the form port, port/tcp or port/udp',
    )
  }
  for (const volume of Object.keys(config.Volumes ?? {})) {
    const problem = pathProblem(volume, os)
    if (problem !== undefined) report('warning', 'volume-path', ['config', 'Volumes', volume], problem)
  }
  const { WorkingDir, StopSignal, User } = config
  const problem = WorkingDir ? pathProblem(WorkingDir, os) : undefined
  if (problem !== undefined) report('warning', 'working-dir', ['config', 'WorkingDir'], problem)
  if (StopSignal && !/^(?:SIG[A-Z0-9]+(?:[+-]\d+)?|\d+)$/.test(StopSignal)) {
    report('warning', 'stop-signal', ['config', 'StopSignal'], 'is not the name of a signal, such as SIGTERM')
  }
  if (User && os !== 'windows' && !/^[^:]*(?::[^:]*)?$/.test(User)) {
    report('warning', 'user-malformed', ['config', 'User'], 'is not of the form user or user:group')
  }
  if (config.ArgsEscaped === true) {
    report('warning', 'args-escaped', ['config', 'ArgsEscaped'], 'is deprecated')
  }
  for (const [key, value] of Object.entries(config.Labels ?? {})) {
    definedFindings(key, value, ['config', 'Labels', key], report)
  }
}

function isPort(text: string): boolean {
  const match = /^(\d{1,5})(?:\/(?:tcp|udp|sctp))?$/.exec(text)
  return match !== null && Number(match[1]) >= 1 && Number(match[1]) <= 65535
}

/** What is wrong with a path in the container: `..` led out of it once (CVE-2022-23648). */
function pathProblem(path: string, os: string): string | undefined {
  const windows = os === 'windows'
  if (path.split(windows ? /[\\/]/ : '/').includes('..')) return 'has ".." in its path'
  if (path.includes('\0')) return 'has a NUL character in its path'
  return windows || path.startsWith('/') ? undefined : 'is a relative path'
}
