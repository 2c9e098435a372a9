export type { UserFiles } from '../filesystem/index.ts'
export type { BundleOptions, BundleReport } from './bundle.ts'
export { writeBundle } from './bundle.ts'
export { defaultConfig, rootlessConfig } from './default-config.ts'
export type {
  RuntimeConfig,
  RuntimeDeviceRule,
  RuntimeLinux,
  RuntimeMount,
  RuntimeProcess,
  RuntimeUser,
} from './runtime-config.ts'
export type { RuntimeConfigOptions } from './to-runtime-config.ts'
export { toRuntimeConfig } from './to-runtime-config.ts'
