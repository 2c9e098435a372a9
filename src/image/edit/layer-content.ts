/** What a new layer can be made of, and making it. */
import type { ByteSource } from '../../bytes.ts'
import { type PackOptions, packDirectory } from '../../filesystem/index.ts'
import { type WriteLayerOptions, writeLayer } from '../../layer/index.ts'
import { mediaTypes, withLayerCompression } from '../../spec/index.ts'
import type { TarEntryInput } from '../../tar/index.ts'
import type { DraftLayer } from './draft.ts'
import type { EditContext } from './edit-context.ts'

/** What a new layer is made of: entries; a tar archive, which is taken as it is; or a directory. */
export type LayerContent =
  | Iterable<TarEntryInput>
  | AsyncIterable<TarEntryInput>
  | { readonly tar: ByteSource }
  | ({ readonly directory: string | URL } & PackOptions)

/** Writes a layer into the edit's store, of the family (OCI's or Docker's) that the manifest is of. */
export async function writeContent(
  { draft, store, options }: EditContext,
  content: LayerContent,
  writing: WriteLayerOptions,
): Promise<DraftLayer> {
  const docker = draft.manifest.mediaType === mediaTypes.dockerManifest
  const compression = writing.compression ?? 'gzip'
  const mediaType =
    writing.mediaType ?? withLayerCompression(docker ? mediaTypes.dockerLayer : mediaTypes.layer, compression)
  const given = 'directory' in content ? packDirectory(content.directory, content) : content
  return writeLayer(store, given, { ...writing, ...options, compression, mediaType })
}
