export {
  annotationKeys,
  isDefinedAnnotation,
  isRefName,
  isReservedAnnotation,
  reservedAnnotationPrefix,
} from './annotation.ts'
export type { ConvertedDocument } from './convert-config.ts'
export { toOciConfig } from './convert-config.ts'
export type { ConvertManifestOptions, DocumentFamily, ReplacedContent } from './convert-manifest.ts'
export { attestedDigest, convertIndex, convertManifest } from './convert-manifest.ts'
export type { MeasuredLayer, Schema1Step, Schema2Documents } from './convert-schema1.ts'
export { schema1Steps, schema1ToSchema2 } from './convert-schema1.ts'
export type { Annotations, Descriptor } from './descriptor.ts'
export { descriptorSchema, parseDescriptor } from './descriptor.ts'
export type { DetectedDocument, DocumentType } from './detect-document.ts'
export { detectDocument } from './detect-document.ts'
export type { DockerRepositories, DockerSaveImage } from './docker-save.ts'
export { parseDockerRepositories, parseDockerSaveManifest } from './docker-save.ts'
export type { DockerSaveLayer } from './docker-save-legacy.ts'
export { dockerSaveLayers } from './docker-save-legacy.ts'
export type { ParseOptions } from './document.ts'
export { artifactTypeOf, emptyContent, emptyDescriptor, isArtifact } from './empty-descriptor.ts'
export type { DocumentIssue, DocumentProblem, Finding } from './finding.ts'
export type { ExecutionConfig, Healthcheck, HistoryEntry, ImageConfig, RootFS } from './image-config.ts'
export { imageConfigSchema, parseConfig } from './image-config.ts'
export type { Index } from './image-index.ts'
export { indexSchema, parseIndex } from './image-index.ts'
export type { ImageLayoutMarker } from './image-layout.ts'
export { IMAGE_LAYOUT_VERSION, imageLayoutMarkerSchema, parseLayout } from './image-layout.ts'
export type { JsonDocument, JsonOptions, JsonStructure } from './json.ts'
export { MAX_DOCUMENT_SIZE, parseJson, rawBytes } from './json.ts'
export type { JsonEdit } from './json-edit.ts'
export { editJson } from './json-edit.ts'
export { serializeJson } from './json-serialize.ts'
export type { CheckOptions, LintCode, LintFinding } from './lint.ts'
export {
  checkConfig,
  checkDescriptor,
  checkIndex,
  checkLayout,
  checkManifest,
  lintConfig,
  lintDescriptor,
  lintIndex,
  lintLayout,
  lintManifest,
} from './lint.ts'
export type { Manifest } from './manifest.ts'
export { manifestSchema, parseManifest } from './manifest.ts'
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
export type { Schema } from './schema.ts'
export type {
  Schema1Document,
  Schema1History,
  Schema1Layer,
  Schema1Manifest,
  V1Compatibility,
} from './schema1.ts'
export { parseSchema1, parseV1Compatibility } from './schema1.ts'
export { decodeBase64, encodeBase64 } from './text-format.ts'
