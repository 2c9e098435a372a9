/**
 * The runtime configuration: what a runtime such as runc needs to know to start a container. The part of it that
 * is made here; a caller may add any other field.
 * @see https://github.com/opencontainers/runtime-spec/blob/main/config.md
 */
import type { IDMapping } from '../filesystem/index.ts'

/** A file system that is mounted in the container. */
export interface RuntimeMount {
  /** Absolute path in the container. */
  readonly destination: string
  readonly type?: string | undefined
  readonly source?: string | undefined
  readonly options?: readonly string[] | undefined
}

/** Who the process runs as. */
export interface RuntimeUser {
  /** 0 to 2^32 - 2. */
  readonly uid: number
  readonly gid: number
  readonly additionalGids?: readonly number[] | undefined
}

/** The process that is started. */
export interface RuntimeProcess {
  readonly terminal?: boolean | undefined
  readonly user: RuntimeUser
  readonly args: readonly string[]
  /** `NAME=value`. */
  readonly env?: readonly string[] | undefined
  /** Absolute path in the container. */
  readonly cwd: string
  readonly capabilities?: Readonly<Record<string, readonly string[]>> | undefined
  readonly rlimits?:
    | readonly { readonly type: string; readonly hard: number; readonly soft: number }[]
    | undefined
  readonly noNewPrivileges?: boolean | undefined
}

/** A device rule of a control group. */
export interface RuntimeDeviceRule {
  readonly allow: boolean
  readonly access?: string | undefined
}

/** What only Linux has. */
export interface RuntimeLinux {
  readonly uidMappings?: readonly IDMapping[] | undefined
  readonly gidMappings?: readonly IDMapping[] | undefined
  readonly resources?: { readonly devices?: readonly RuntimeDeviceRule[] | undefined } | undefined
  readonly namespaces?: readonly { readonly type: string; readonly path?: string | undefined }[] | undefined
  readonly maskedPaths?: readonly string[] | undefined
  readonly readonlyPaths?: readonly string[] | undefined
}

/** A runtime configuration, the content of a bundle's `config.json`. */
export interface RuntimeConfig {
  readonly ociVersion: string
  readonly process: RuntimeProcess
  readonly root: { readonly path: string; readonly readonly?: boolean | undefined }
  readonly hostname?: string | undefined
  readonly mounts?: readonly RuntimeMount[] | undefined
  readonly annotations?: Readonly<Record<string, string>> | undefined
  readonly linux?: RuntimeLinux | undefined
}
