/**
 * From an image's configuration to a runtime's.
 * @see https://github.com/opencontainers/image-spec/blob/main/conversion.md
 */
import { OciError } from '../errors.ts'
import { findImageUser, type UserFiles } from '../filesystem/index.ts'
import type { ImageConfig } from '../spec/index.ts'
import { containerPath, volumePath } from './container-path.ts'
import { DEFAULT_PATH, defaultConfig, rootlessConfig } from './default-config.ts'
import type { RuntimeConfig, RuntimeMount } from './runtime-config.ts'

/** How an image's configuration is converted. What is given here counts more than what the image says. */
export interface RuntimeConfigOptions extends UserFiles {
  /** The arguments, in the place of the image's `Cmd`. */
  readonly args?: readonly string[] | undefined
  /** The program, in the place of the image's `Entrypoint`; the image's `Cmd` then does not count. */
  readonly entrypoint?: readonly string[] | undefined
  /** Environment variables to set; null takes one away. */
  readonly env?: Readonly<Record<string, string | null>> | undefined
  /** The user, in the place of the image's `User`. */
  readonly user?: string | undefined
  /** The working directory, in the place of the image's `WorkingDir`. */
  readonly cwd?: string | undefined
  /** Whether the process has a terminal. False when absent. */
  readonly terminal?: boolean | undefined
  /** `oci-ts` when absent. */
  readonly hostname?: string | undefined
  /** The root file system's path, from the bundle. `rootfs` when absent. */
  readonly rootPath?: string | undefined
  /** Whether the root file system is mounted so that it can only be read. False when absent. */
  readonly readonly?: boolean | undefined
  /**
   * What becomes of the image's volumes: a mount for each path (undefined for none). A tmpfs when absent, so that
   * what is written there does not go into the root file system.
   */
  readonly volume?: ((destination: string) => RuntimeMount | undefined) | undefined
  /** The user and group of this machine who are to be root in the container, where they are not root themselves. */
  readonly rootless?: { readonly uid: number; readonly gid: number } | undefined
  /** What the image does not say: the defaults of `runc spec` when absent. */
  readonly base?: RuntimeConfig | undefined
}

/**
 * Converts an image's configuration to a runtime's. Pure: the image's `/etc/passwd` and `/etc/group` are given as
 * bytes, and without them only numeric users can be found.
 *
 * @throws OciError `DOCUMENT_INVALID` (a user or group that the image does not have), `PATH_UNSAFE` (`..` in
 *   `WorkingDir` or `Volumes`), `ARGUMENT_INVALID` (an image that is not for Linux)
 * @example
 * const files = await image.filesystem()
 * const config = toRuntimeConfig(await image.config(), {
 *   passwd: await files.readFile('/etc/passwd'),
 *   group: await files.readFile('/etc/group'),
 * })
 */
export function toRuntimeConfig(image: ImageConfig, options: RuntimeConfigOptions = {}): RuntimeConfig {
  if (image.os !== 'linux') {
    throw new OciError(
      'ARGUMENT_INVALID',
      `The image is for ${JSON.stringify(image.os)}: only images for Linux can be converted`,
      { expected: 'linux', actual: image.os },
    )
  }
  const execution = image.config ?? {}
  const base = options.base ?? defaultConfig()
  const user = findImageUser(options.user ?? execution.User ?? '', options)
  const terminal = options.terminal ?? false
  const config: RuntimeConfig = {
    ...base,
    process: {
      ...base.process,
      terminal,
      user: {
        uid: user.uid,
        gid: user.gid,
        ...(user.additionalGids.length > 0 && { additionalGids: user.additionalGids }),
      },
      args: commandLine(image, options) ?? base.process.args,
      env: environment(execution.Env ?? [], base.process.env ?? [], options.env ?? {}, {
        PATH: DEFAULT_PATH,
        ...(terminal && { TERM: 'xterm' }),
        ...(user.home !== undefined && { HOME: user.home }),
      }),
      cwd: containerPath(options.cwd ?? (execution.WorkingDir || '/'), ['config', 'WorkingDir']),
    },
    root: {
      path: options.rootPath ?? base.root.path,
      readonly: options.readonly ?? base.root.readonly ?? false,
    },
    hostname: options.hostname ?? base.hostname,
    mounts: [...(base.mounts ?? []), ...volumes(image, options)],
    annotations: { ...base.annotations, ...annotations(image) },
  }
  return options.rootless === undefined
    ? config
    : rootlessConfig(config, options.rootless.uid, options.rootless.gid)
}

function commandLine(image: ImageConfig, options: RuntimeConfigOptions): readonly string[] | undefined {
  const { Entrypoint, Cmd } = image.config ?? {}
  const program = options.entrypoint ?? Entrypoint ?? []
  const args = options.args ?? (options.entrypoint === undefined ? (Cmd ?? []) : [])
  const line = [...program, ...args]
  return line.length > 0 ? line : undefined
}

/** The image's variables as they are, then what the caller sets, then what nobody has set. */
function environment(
  ofImage: readonly string[],
  ofBase: readonly string[],
  given: Readonly<Record<string, string | null>>,
  defaults: Readonly<Record<string, string>>,
): string[] {
  const nameOf = (variable: string): string => variable.split('=', 1)[0]!
  const set = new Set(ofImage.map(nameOf))
  const all = [...ofBase.filter((variable) => !set.has(nameOf(variable))), ...ofImage].filter(
    (variable) => !Object.hasOwn(given, nameOf(variable)),
  )
  for (const [name, value] of Object.entries(given)) if (value !== null) all.push(`${name}=${value}`)
  const known = new Set(all.map(nameOf))
  for (const [name, value] of Object.entries(defaults)) {
    if (!known.has(name) && given[name] !== null) all.push(`${name}=${value}`)
  }
  return all
}

function volumes(image: ImageConfig, options: RuntimeConfigOptions): RuntimeMount[] {
  const destinations = Object.keys(image.config?.Volumes ?? {}).map(volumePath)
  const mount = options.volume ?? temporary
  // Parents first, so that none hides another.
  return [...new Set(destinations)].sort().flatMap((destination) => mount(destination) ?? [])
}

function temporary(destination: string): RuntimeMount {
  return { destination, type: 'tmpfs', source: 'tmpfs', options: ['rw', 'nosuid', 'nodev', 'relatime'] }
}

/** What the image says that has no field of its own; its labels win over what is derived. */
function annotations(image: ImageConfig): Record<string, string> {
  const { Labels, StopSignal, ExposedPorts } = image.config ?? {}
  const derived: [string, string | null | undefined][] = [
    ['os', image.os],
    ['architecture', image.architecture],
    ['variant', image.variant],
    ['os.version', image['os.version']],
    ['os.features', image['os.features']?.join(',')],
    ['author', image.author],
    ['created', image.created],
    ['stopSignal', StopSignal],
    // Sorted, since JavaScript moves keys that look like numbers to the front.
    [
      'exposedPorts',
      Object.keys(ExposedPorts ?? {})
        .sort()
        .join(','),
    ],
  ]
  // `fromEntries` keeps a label named `__proto__`.
  return Object.fromEntries([
    ...derived
      .filter((pair): pair is [string, string] => Boolean(pair[1]))
      .map(([name, value]) => [`org.opencontainers.image.${name}`, value] as const),
    ...Object.entries(Labels ?? {}),
  ])
}
