/**
 * The `oci-layout` file: what marks a directory or an archive as an image layout.
 * @see https://github.com/opencontainers/image-spec/blob/main/image-layout.md#oci-layout-file
 */
import * as z from 'zod/mini'
import type { DocumentKind, ParseOptions } from './document.ts'
import { parseDocument } from './document.ts'
import type { Schema } from './schema.ts'
import { once, schemaOf, text } from './schema.ts'

/** The content of the `oci-layout` file. */
export interface ImageLayoutMarker {
  /** {@link IMAGE_LAYOUT_VERSION}, until the layout itself changes. */
  readonly imageLayoutVersion: string
}

/** The one version of the image layout there is. */
export const IMAGE_LAYOUT_VERSION = '1.0.0'

/** The schema of the `oci-layout` file. */
export const imageLayoutMarkerSchema: () => Schema<ImageLayoutMarker> = /* @__PURE__ */ once(() =>
  schemaOf<ImageLayoutMarker>()(z.looseObject({ imageLayoutVersion: text() })),
)

/** What an `oci-layout` file is. */
export const layoutKind: DocumentKind<ImageLayoutMarker> = {
  what: 'oci-layout file',
  structure: { imageLayoutVersion: null },
  schema: imageLayoutMarkerSchema,
}

/**
 * Parses the `oci-layout` file. Whether the version is one that can be read is for the reader of the layout to
 * say; `lintLayout` reports any that is not {@link IMAGE_LAYOUT_VERSION}.
 *
 * @throws OciError `JSON_INVALID`, `DOCUMENT_INVALID` with `issues`, `LIMIT_EXCEEDED`
 */
export function parseLayout(bytes: Uint8Array | string, options: ParseOptions = {}): ImageLayoutMarker {
  return parseDocument(layoutKind, bytes, { maxSize: options.maxSize })
}
