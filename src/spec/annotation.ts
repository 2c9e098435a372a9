/**
 * Annotations: the keys that the specification defines, and the grammar of reference names.
 * @see https://github.com/opencontainers/image-spec/blob/main/annotations.md
 */

/** The annotation keys that image-spec defines, and those that image layouts carry in practice. */
export const annotationKeys = {
  /** When the image was built, RFC 3339. */
  created: 'org.opencontainers.image.created',
  authors: 'org.opencontainers.image.authors',
  url: 'org.opencontainers.image.url',
  documentation: 'org.opencontainers.image.documentation',
  source: 'org.opencontainers.image.source',
  version: 'org.opencontainers.image.version',
  revision: 'org.opencontainers.image.revision',
  vendor: 'org.opencontainers.image.vendor',
  /** An SPDX licence expression. */
  licenses: 'org.opencontainers.image.licenses',
  /** The name of a reference: means something on descriptors of a layout's `index.json` only. */
  refName: 'org.opencontainers.image.ref.name',
  title: 'org.opencontainers.image.title',
  description: 'org.opencontainers.image.description',
  /** The digest of the manifest of the image that this one stands on. */
  baseDigest: 'org.opencontainers.image.base.digest',
  /** The full name of the image that this one stands on. */
  baseName: 'org.opencontainers.image.base.name',
  /** The subject of a referrers response: on descriptors of a layout's `index.json`; image-spec's main branch. */
  referrerSubject: 'org.opencontainers.image.referrer.subject',
  /** `true` once a layout's fallback tags were converted; on its `index.json`; image-spec's main branch. */
  referrerConvert: 'org.opencontainers.image.referrer.convert',
  /** The full name of an image in a layout that containerd, BuildKit or Docker wrote. Not of image-spec. */
  containerdImageName: 'io.containerd.image.name',
} as const

/** The prefix that only OCI's own keys may have. */
export const reservedAnnotationPrefix = 'org.opencontainers.'

/** Whether it is a key under `org.opencontainers.image.` that image-spec defines. */
export function isDefinedAnnotation(key: string): boolean {
  return key.startsWith(reservedAnnotationPrefix) && (Object.values(annotationKeys) as string[]).includes(key)
}

/**
 * Whether a key uses the prefix that is reserved for OCI and is none of image-spec's: what linting warns of.
 * Keys of other OCI specifications (`org.opencontainers.distribution.…`) are among them.
 */
export function isReservedAnnotation(key: string): boolean {
  return key.startsWith(reservedAnnotationPrefix) && !isDefinedAnnotation(key)
}

/**
 * Whether a value of `org.opencontainers.image.ref.name` matches the specification's grammar: a SHOULD, so
 * reading lets others pass.
 * @see https://github.com/opencontainers/image-spec/blob/main/annotations.md#pre-defined-annotation-keys
 */
export function isRefName(text: string): boolean {
  return /^[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*(?:\/[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*)*$/.test(
    text,
  )
}
