export type { Annotations, Descriptor } from './descriptor.ts'
export type { ExecutionConfig, HistoryEntry, ImageConfig, RootFS } from './image-config.ts'
export type { Index } from './image-index.ts'
export type { Manifest } from './manifest.ts'
export type { LayerCompression } from './media-type.ts'
export {
  isConfigType,
  isIndexType,
  isLayerType,
  isManifestType,
  isMediaType,
  isNondistributable,
  isSchema1Type,
  layerCompression,
  mediaTypes,
  toDockerMediaType,
  toOciMediaType,
  withLayerCompression,
} from './media-type.ts'
export type { Platform } from './platform.ts'
