/** How the command names images: `oci:DIR:REF`, `docker-archive:FILE:REF`, a bare path; each with `@DIGEST`. */
import { isRegisteredDigest, parseDigest } from '../digest/index.ts'
import { OciError } from '../errors.ts'

/** What kind of thing holds the image: `path` is told apart by content. */
export type Transport = 'path' | 'oci' | 'oci-archive' | 'docker-archive'

/** A parsed image name. */
export interface ImageName {
  readonly transport: Transport
  readonly path: string
  /** The name or digest within: `v1`, `docker.io/library/alpine:3`, `sha256:…`, `v1@sha256:…`. */
  readonly reference?: string | undefined
}

const transports = ['oci', 'oci-archive', 'docker-archive'] as const

/**
 * Takes an image name apart. A colon may stand in a path and in a reference: the longest beginning that exists is
 * the path, or, where none does, what stands before the first colon.
 *
 * @param exists whether something is at a path
 * @throws OciError `REFERENCE_INVALID`
 */
export function parseImageName(text: string, exists: (path: string) => boolean): ImageName {
  const prefix = transports.find((name) => text.startsWith(`${name}:`))
  const rest = prefix === undefined ? text : text.slice(prefix.length + 1)
  const transport = prefix ?? 'path'
  const at = rest.lastIndexOf('@')
  const digest = at >= 0 && isRegisteredDigest(rest.slice(at + 1)) ? rest.slice(at + 1) : undefined
  // A digest with a slip of the pen must not pass for a name, which the image could have given itself.
  if (
    digest === undefined &&
    /^(sha256|sha512|blake3):/.test(rest.slice(at + 1)) &&
    at >= 0 &&
    !exists(rest)
  ) {
    parseDigest(rest.slice(at + 1))
  }
  const named = digest === undefined ? rest : rest.slice(0, at)
  const { path, reference } = splitPath(named, exists)
  if (path === '') {
    throw new OciError('REFERENCE_INVALID', `Image name ${JSON.stringify(text)} has no path in it`)
  }
  if (reference === '') {
    throw new OciError(
      'REFERENCE_INVALID',
      `Image name ${JSON.stringify(text)} ends in a colon with no name behind it`,
    )
  }
  if (digest === undefined) return { transport, path, reference }
  return { transport, path, reference: reference === undefined ? digest : `${reference}@${digest}` }
}

function splitPath(
  text: string,
  exists: (path: string) => boolean,
): { readonly path: string; readonly reference?: string | undefined } {
  if (exists(text)) return { path: text }
  for (let colon = text.lastIndexOf(':'); colon > 0; colon = text.lastIndexOf(':', colon - 1)) {
    const path = text.slice(0, colon)
    if (exists(path) && !isDrive(text, colon)) return { path, reference: text.slice(colon + 1) }
  }
  const first = text.indexOf(':')
  const colon = isDrive(text, first) ? text.indexOf(':', first + 1) : first
  return colon < 0 ? { path: text } : { path: text.slice(0, colon), reference: text.slice(colon + 1) }
}

/** Whether the colon is that of a Windows drive: `C:\images`. */
function isDrive(text: string, colon: number): boolean {
  return colon === 1 && /^[A-Za-z]:[\\/]/.test(text)
}
