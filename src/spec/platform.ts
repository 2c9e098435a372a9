/**
 * Platforms: what an image runs on, how that is written, and which image of an index suits a wish.
 * @see https://github.com/opencontainers/image-spec/blob/main/image-index.md#image-index-property-descriptions
 */
import { OciError } from '../errors.ts'
import { builtin } from '../runtime.ts'

/** What an image runs on; values as Go's GOOS and GOARCH spell them. */
export interface Platform {
  readonly architecture: string
  readonly os: string
  readonly 'os.version'?: string | undefined
  readonly 'os.features'?: readonly string[] | undefined
  readonly variant?: string | undefined
  readonly features?: readonly string[] | undefined
}

/**
 * Reads a platform as commands take it: `os/architecture[/variant]`, `os` alone (the architecture is then this
 * host's) or `architecture` alone (the system is then linux, as that is what images are for). The system may
 * carry a version and features as containerd writes them: `windows(10.0.17763+win32k)/amd64`.
 *
 * Aliases become Go's names (`x86_64` → `amd64`, `aarch64` → `arm64`, `i386` → `386`, `armhf` → `arm/v7`, `armel` →
 * `arm/v6`, `macos` → `darwin`); the variant stays as it is written.
 *
 * @throws OciError `PLATFORM_INVALID`
 * @example parsePlatform('linux/arm64/v8') // { os: 'linux', architecture: 'arm64', variant: 'v8' }
 */
export function parsePlatform(text: string): Platform {
  const refuse = (problem: string): OciError =>
    new OciError(
      'PLATFORM_INVALID',
      `Platform ${quote(text)} ${problem}: write it as os/architecture[/variant], for example linux/arm64`,
      { actual: text.slice(0, 512) },
    )
  if (text === '') throw refuse('is empty')
  if (text.length > 512) throw refuse('is longer than 512 characters')
  const [system = '', ...others] = text.split('/')
  if (others.length > 2) throw refuse('has more than three parts')
  const parts = /^([A-Za-z0-9_-]+)(?:\(([^()+]*)((?:\+[^()+]+)*)\))?$/.exec(system)
  if (parts === null) {
    throw refuse(
      system === '' ? 'has no operating system' : `has ${quote(system)} where the system should be`,
    )
  }
  for (const part of others) {
    if (!/^[A-Za-z0-9_.-]+$/.test(part))
      throw refuse(part === '' ? 'has an empty part' : `has the part ${quote(part)}`)
  }
  const decode = (option: string): string => {
    try {
      return decodeURIComponent(option)
    } catch {
      throw refuse(`has ${quote(option)}, whose % escapes are broken,`)
    }
  }
  const version = decode(parts[2] ?? '')
  const features = (parts[3] ?? '').split('+').slice(1).map(decode)
  const options = {
    ...(version === '' ? {} : { 'os.version': version }),
    ...(features.length === 0 ? {} : { 'os.features': features }),
  }
  const os = systemName(parts[1] ?? '')
  const [architecture, variant] = others
  if (architecture !== undefined) return { os, ...architectureName(architecture, variant), ...options }

  if (isKnownSystem(os)) {
    const host = hostPlatform()
    if (host === undefined)
      throw refuse('has no architecture, and this JavaScript runtime does not tell its own')
    return {
      os,
      architecture: host.architecture,
      ...(host.variant === undefined ? {} : { variant: host.variant }),
      ...options,
    }
  }
  const alone = architectureName(system, undefined)
  if (!isKnownArchitecture(alone.architecture))
    throw refuse('is no operating system and no architecture known here')
  return { os: 'linux', ...alone }
}

/**
 * Writes a platform as {@link parsePlatform} reads it.
 * @example formatPlatform({ os: 'linux', architecture: 'arm', variant: 'v7' }) // 'linux/arm/v7'
 */
export function formatPlatform(platform: Platform): string {
  const version = escapeOption(platform['os.version'] ?? '')
  const features = (platform['os.features'] ?? []).map((feature) => `+${escapeOption(feature)}`).join('')
  const options = version + features
  const system = options === '' ? platform.os : `${platform.os}(${options})`
  const parts = [system, platform.architecture]
  if (platform.variant) parts.push(platform.variant)
  return parts.join('/')
}

/**
 * The canonical form of a platform, for comparing: lower case, Go's names, the default variant left out (`arm64/v8`,
 * `amd64/v1`) except for `arm`, whose default `v7` is spelled out; features sorted, each once; empty fields gone.
 */
export function normalizePlatform(platform: Platform): Platform {
  const { architecture, variant } = architectureName(platform.architecture, platform.variant || undefined)
  const shown =
    (architecture === 'arm64' && variant === 'v8') || (architecture === 'amd64' && variant === 'v1')
      ? undefined
      : architecture === 'arm'
        ? (variant ?? 'v7')
        : variant
  const features = [...new Set(platform['os.features'] ?? [])].sort()
  return {
    architecture,
    os: systemName(platform.os),
    ...(platform['os.version'] ? { 'os.version': platform['os.version'] } : {}),
    ...(features.length === 0 ? {} : { 'os.features': features }),
    ...(shown === undefined ? {} : { variant: shown }),
  }
}

/**
 * Whether what is made for one platform runs on another.
 *
 * - System and architecture are equal; another architecture never is a match (containerd lets amd64 run 386 and arm64
 *   run arm; containers/image does not, nor does this).
 * - Variants, as containerd: `arm` means v7, `arm64` v8, `amd64` v1; a wished arm vN takes v5 to vN, amd64 vN takes v1
 *   to vN, arm64 v8.N takes v8 to v8.N and v9.N also v8 to v8.(N+5). Of other architectures, a wished variant
 *   takes the same or none.
 * - `os.version`, where both have one: the same, or one beginning with the wished numbers. For Windows the revision
 *   does not count, and from build 20348 (Server 2022) on, builds from 20348 up to the wished one are taken.
 * - `os.features` of what is available are all among the wished ones.
 *
 * @see https://learn.microsoft.com/virtualization/windowscontainers/deploy-containers/version-compatibility
 */
export function matchPlatform(wanted: Platform, available: Platform): boolean {
  return distance(normalizePlatform(wanted), normalizePlatform(available)) !== undefined
}

/**
 * The descriptor that suits a platform best: the nearest variant, then the nearest `os.version`; among equals the first
 * in the list, as image-spec has it. Descriptors without a platform are passed over. Undefined where none suits.
 */
export function choosePlatform<D extends { readonly platform?: Platform | undefined }>(
  wanted: Platform,
  descriptors: readonly D[],
): D | undefined {
  const wish = normalizePlatform(wanted)
  let best: D | undefined
  let nearest = Number.POSITIVE_INFINITY
  for (const descriptor of descriptors) {
    if (!descriptor.platform) continue
    const far = distance(wish, normalizePlatform(descriptor.platform))
    if (far !== undefined && far < nearest) {
      best = descriptor
      nearest = far
    }
  }
  return best
}

/**
 * The platform that this program runs on, with Windows' `os.version`; undefined where the runtime does not tell, as in a
 * browser. On macOS it is darwin: who wants the images that run in its Linux machine asks for linux.
 */
export function hostPlatform(): Platform | undefined {
  const os = builtin('node:os')
  if (os === undefined) return undefined
  const systems: Record<string, string> = { win32: 'windows', sunos: 'solaris' }
  const architectures: Record<string, string> = {
    x64: 'amd64',
    ia32: '386',
    mipsel: 'mipsle',
    ...(os.endianness() === 'LE' ? { ppc64: 'ppc64le', mips64: 'mips64le', mips64el: 'mips64le' } : {}),
  }
  const system = os.platform() as string
  const machine = os.arch() as string
  const armVersion = (globalThis as { process?: { config?: { variables?: { arm_version?: unknown } } } })
    .process?.config?.variables?.arm_version
  return {
    architecture: architectures[machine] ?? machine,
    os: systems[system] ?? system,
    ...(system === 'win32' ? { 'os.version': os.release() } : {}),
    ...(machine === 'arm' && /^[5-8]$/.test(String(armVersion)) ? { variant: `v${armVersion}` } : {}),
  }
}

/** 0 for the same, more the less it is what was wished for, undefined where it does not suit. Both normalized. */
function distance(wanted: Platform, available: Platform): number | undefined {
  if (wanted.os !== available.os || wanted.architecture !== available.architecture) return undefined
  const wished = wanted['os.features'] ?? []
  if (!(available['os.features'] ?? []).every((feature) => wished.includes(feature))) return undefined
  const variant = variantDistance(wanted.architecture, wanted.variant, available.variant)
  if (variant === undefined) return undefined
  const version = versionDistance(wanted.os, wanted['os.version'], available['os.version'])
  return version === undefined ? undefined : variant * VERSION_SPAN + version
}

/** More than any distance between two versions: builds of Windows are 16-bit numbers. */
const VERSION_SPAN = 1 << 20

function variantDistance(
  architecture: string,
  wanted: string | undefined,
  available: string | undefined,
): number | undefined {
  if (wanted === available) return 0
  const from = variantRank(architecture, wanted)
  const to = variantRank(architecture, available)
  if (from !== undefined && to !== undefined) return runsOn(architecture, from, to)
  // A variant that has no order: the baseline, which names none, runs everywhere.
  return available === undefined ? 1 : undefined
}

interface VariantRank {
  readonly major: number
  readonly minor: number
}

/** The numbers of a variant of an architecture whose variants have an order. */
function variantRank(architecture: string, variant: string | undefined): VariantRank | undefined {
  if (architecture === 'amd64') return ranked(/^v([1-9])$/, variant ?? 'v1')
  if (architecture === 'arm') return ranked(/^v([5-8])$/, variant ?? 'v7')
  if (architecture === 'arm64') return ranked(/^v([89])(?:\.(\d{1,2}))?$/, variant ?? 'v8')
  return undefined
}

function ranked(pattern: RegExp, variant: string): VariantRank | undefined {
  const match = pattern.exec(variant)
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2] ?? 0) }
}

function runsOn(architecture: string, wanted: VariantRank, available: VariantRank): number | undefined {
  if (available.major > wanted.major) return undefined
  if (available.major === wanted.major) {
    return available.minor > wanted.minor ? undefined : wanted.minor - available.minor
  }
  if (architecture !== 'arm64') return wanted.major - available.major
  // Arm's v9.N is v8.(N+5) and more.
  const highest = wanted.minor + 5
  return available.minor > highest ? undefined : wanted.minor + 1 + highest - available.minor
}

function versionDistance(
  os: string,
  wanted: string | undefined,
  available: string | undefined,
): number | undefined {
  if (wanted === undefined || wanted === available) return 0
  if (available === undefined) return VERSION_SPAN - 1
  if (available.startsWith(`${wanted}.`)) return 1
  if (os !== 'windows') return undefined
  const [major, minor, build] = windowsVersion(wanted)
  const [otherMajor, otherMinor, otherBuild] = windowsVersion(available)
  if (build === undefined || otherBuild === undefined || major !== otherMajor || minor !== otherMinor)
    return undefined
  if (build === otherBuild) return 2
  return otherBuild >= 20348 && otherBuild < build ? 2 + build - otherBuild : undefined
}

function windowsVersion(text: string): number[] {
  return /^\d{1,5}\.\d{1,5}\.\d{1,5}(?:\.|$)/.test(text) ? text.split('.', 3).map(Number) : []
}

function systemName(os: string): string {
  const name = os.toLowerCase()
  return name === 'macos' ? 'darwin' : name
}

function architectureName(
  architecture: string,
  variant: string | undefined,
): { architecture: string; variant?: string } {
  const name = architecture.toLowerCase()
  let shown = variant?.toLowerCase()
  switch (name) {
    case 'x86_64':
    case 'x86-64':
      return named('amd64', shown)
    case 'i386':
      return named('386', undefined)
    case 'armhf':
      return named('arm', 'v7')
    case 'armel':
      return named('arm', 'v6')
    case 'aarch64':
    case 'arm64':
    case 'arm':
      if (shown !== undefined && /^[5-9]$/.test(shown)) shown = `v${shown}`
      return named(name === 'arm' ? 'arm' : 'arm64', shown)
    default:
      return named(name, shown)
  }
}

function named(
  architecture: string,
  variant: string | undefined,
): { architecture: string; variant?: string } {
  return variant === undefined ? { architecture } : { architecture, variant }
}

/** Whether it is a name of an operating system that Go knows as GOOS. */
export function isKnownSystem(os: string): boolean {
  return 'aix android darwin dragonfly freebsd hurd illumos ios js linux netbsd openbsd plan9 solaris wasip1 windows zos'
    .split(' ')
    .includes(os)
}

/** Whether it is a name of an architecture that Go knows as GOARCH. */
export function isKnownArchitecture(architecture: string): boolean {
  return '386 amd64 arm arm64 loong64 mips mips64 mips64le mipsle ppc64 ppc64le riscv64 s390x wasm'
    .split(' ')
    .includes(architecture)
}

function escapeOption(text: string): string {
  return text.replace(/[%+()/]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
}

function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text)
}
