export {
  annotationKeys,
  isDefinedAnnotation,
  isRefName,
  isReservedAnnotation,
  reservedAnnotationPrefix,
} from './annotation.ts'
export type { Annotations, Descriptor } from './descriptor.ts'
export { artifactTypeOf, emptyContent, emptyDescriptor, isArtifact } from './empty-descriptor.ts'
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
export {
  choosePlatform,
  formatPlatform,
  hostPlatform,
  matchPlatform,
  normalizePlatform,
  parsePlatform,
} from './platform.ts'
export type { ImageReference, ParseReferenceOptions } from './reference.ts'
export { formatReference, isRepositoryName, isTag, parseReference } from './reference.ts'
