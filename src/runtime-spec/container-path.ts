/** Paths in a container that an image's config names: they become mounts and directories of the runtime. */
import { OciError } from '../errors.ts'

/**
 * An absolute path without `.`, empty names or a slash at its end.
 * @param field Which field of the config it is, for the error.
 * @throws OciError `PATH_UNSAFE` for `..` anywhere, since what follows it could be a path of the host
 *   (CVE-2022-23648), and for NUL.
 */
export function containerPath(path: string, field: readonly string[]): string {
  const names = path.split('/').filter((name) => name !== '' && name !== '.')
  if (names.includes('..') || path.includes('\0')) {
    throw new OciError(
      'PATH_UNSAFE',
      `The image's ${field.join('.')} has the path ${JSON.stringify(path)}: neither ".." nor NUL may be in it`,
      { path, issues: [{ path: field, message: 'A path must hold neither ".." nor NUL' }] },
    )
  }
  return `/${names.join('/')}`
}

/**
 * The path of a volume: not the root, and nothing that the runtime itself mounts for its own protection.
 * @throws OciError `PATH_UNSAFE`
 */
export function volumePath(path: string): string {
  const destination = containerPath(path, ['config', 'Volumes'])
  if (destination === '/' || /^\/(?:proc|sys)(?:\/|$)|^\/dev$/.test(destination)) {
    throw new OciError(
      'PATH_UNSAFE',
      `The image has a volume at ${JSON.stringify(path)}, where the runtime's own file systems are`,
      { path, issues: [{ path: ['config', 'Volumes'], message: 'A volume must not be there' }] },
    )
  }
  return destination
}
