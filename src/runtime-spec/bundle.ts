/**
 * Bundles: a root file system and its `config.json`, as runtimes start containers from.
 * @see https://github.com/opencontainers/runtime-spec/blob/main/bundle.md
 */
import {
  claimDirectory,
  readInside,
  type UnpackOptions,
  type UnpackReport,
  unpackLayers,
} from '../filesystem/index.ts'
import type { Layer } from '../layer/index.ts'
import { requireBuiltin } from '../runtime.ts'
import type { ImageConfig } from '../spec/index.ts'
import type { RuntimeConfig } from './runtime-config.ts'
import { type RuntimeConfigOptions, toRuntimeConfig } from './to-runtime-config.ts'

/** How a bundle is written. */
export interface BundleOptions
  extends UnpackOptions,
    Omit<RuntimeConfigOptions, 'passwd' | 'group' | 'rootPath' | 'rootless'> {
  /**
   * Whether the bundle is for a user who is not root, who becomes root in it: in a user namespace. When absent, so
   * it is for everybody but root.
   */
  readonly rootless?: boolean | undefined
}

/** A bundle that was written. */
export interface BundleReport extends UnpackReport {
  /** The absolute path of the bundle; `directory` is its `rootfs`. */
  readonly bundle: string
  /** What its `config.json` holds. */
  readonly config: RuntimeConfig
}

/** The largest `/etc/passwd` or `/etc/group` that is read: 16 MiB. */
const MAX_USER_FILE = 1 << 24

/**
 * Writes an image as a bundle: `rootfs`, unpacked as {@link unpackLayers} does, and `config.json`, converted as
 * {@link toRuntimeConfig} does, with users looked up in the image's own files. The directory must be absent or
 * empty, and has mode 0700, so that no other user of the machine can run what is in it. `config.json` comes last:
 * where it is, the bundle is whole.
 *
 * Runs on Node, Deno and Bun.
 *
 * @throws OciError what {@link unpackLayers} and {@link toRuntimeConfig} throw
 * @example
 * await writeBundle(image, './bundle')   // then: runc run --bundle ./bundle my-container
 */
export async function writeBundle(
  image: { readonly layers: readonly Layer[]; config(): Promise<ImageConfig> },
  directory: string | URL,
  options: BundleOptions = {},
): Promise<BundleReport> {
  const fs = requireBuiltin('node:fs', 'Writing a bundle')
  const { join } = requireBuiltin('node:path', 'Writing a bundle')
  const process = requireBuiltin('node:process', 'Writing a bundle')
  const imageConfig = await image.config()
  // What can be refused before gigabytes are written is: all but users by name.
  toRuntimeConfig(imageConfig, { ...withoutUnpacking(options), user: '0' })
  const claim = claimDirectory(directory)
  try {
    const report = await unpackLayers(image.layers, join(claim.root, 'rootfs'), options)
    const uid = process.geteuid?.() ?? 0
    const gid = process.getegid?.() ?? 0
    const config = toRuntimeConfig(imageConfig, {
      ...withoutUnpacking(options),
      passwd: readInside(report.directory, 'etc/passwd', MAX_USER_FILE),
      group: readInside(report.directory, 'etc/group', MAX_USER_FILE),
      rootless: (options.rootless ?? uid !== 0) ? { uid, gid } : undefined,
    })
    const path = join(claim.root, 'config.json')
    fs.writeFileSync(`${path}.unfinished`, `${JSON.stringify(config, undefined, 2)}\n`, { flag: 'wx' })
    fs.renameSync(`${path}.unfinished`, path)
    claim.succeed()
    return { ...report, bundle: claim.root, config }
  } catch (error) {
    try {
      claim.fail()
    } catch {}
    throw error
  }
}

function withoutUnpacking(options: BundleOptions): Omit<RuntimeConfigOptions, 'rootless'> {
  const { rootless: _, ...rest } = options
  return rest
}
