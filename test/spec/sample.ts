/** Valid documents that tests change one thing of. */
import type { Digest } from '../../src/digest/index.ts'
import type { Descriptor, ImageConfig, Index, Manifest } from '../../src/spec/index.ts'

export const digestA = `sha256:${'a'.repeat(64)}` as Digest

export const layer: Descriptor = {
  mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
  digest: digestA,
  size: 148,
}

export const manifest: Manifest = {
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestA, size: 1470 },
  layers: [layer],
}

export const index: Index = {
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.index.v1+json',
  manifests: [
    {
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      digest: digestA,
      size: 7143,
      platform: { architecture: 'ppc64le', os: 'linux' },
    },
  ],
}

export const config: ImageConfig = {
  architecture: 'amd64',
  os: 'linux',
  config: { Env: ['PATH=/bin'] },
  rootfs: { type: 'layers', diff_ids: [digestA] },
  history: [{ created_by: 'ADD' }, { created_by: 'ENV', empty_layer: true }],
}

/** A copy with another value at a path; undefined removes what is there. */
export function changed<T extends object>(document: T, path: (string | number)[], value: unknown): T {
  const copy = structuredClone(document)
  let at = copy as Record<string | number, unknown>
  for (const part of path.slice(0, -1)) {
    at[part] ??= {}
    at = at[part] as Record<string | number, unknown>
  }
  const last = path.at(-1) as string | number
  if (value === undefined) delete at[last]
  else at[last] = value
  return copy
}
