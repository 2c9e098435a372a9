/**
 * The OCI container image in TypeScript: read, verify, explore, change, build and copy, wherever JavaScript runs.
 *
 * @example
 * import { readLayout } from 'oci-ts'
 *
 * await using layout = await readLayout('./image')
 * const image = await layout.image('v1.0', { platform: 'linux/arm64' })
 * for (const layer of image.layers) console.log(layer.digest, layer.size)
 *
 * @module
 */
export type { ByteSink, ByteSource } from './bytes.ts'
export type {
  Compression,
  CompressOptions,
  DecompressionLimits,
  DecompressOptions,
  ZstdEncoder,
} from './compression/index.ts'
export { compress, decompress, detectCompression } from './compression/index.ts'
export type {
  ChainID,
  DiffID,
  Digest,
  DigestParts,
  ExpectedContent,
  Hasher,
  ImageID,
  RegisteredAlgorithm,
} from './digest/index.ts'
export {
  chainIDs,
  compareDigests,
  createHasher,
  digestBytes,
  digestParts,
  formatDigest,
  imageID,
  isDigest,
  isRegisteredAlgorithm,
  parseDigest,
  verifyBytes,
  verifyStream,
} from './digest/index.ts'
export type { Issue, OciErrorCode, OciErrorDetails } from './errors.ts'
export { isOciError, OciError } from './errors.ts'
export type {
  FileStat,
  FilesystemFinding,
  IDMap,
  IDMapping,
  ImageFilesystem,
  OpenFilesystemOptions,
  OwnerMap,
  PackChangesOptions,
  PackEntryOptions,
  PackOptions,
  Skipped,
  SkippedKind,
  Snapshot,
  SnapshotFile,
  SnapshotOptions,
  SnapshotType,
  UnpackOptions,
  UnpackReport,
} from './filesystem/index.ts'
export {
  decodeSnapshot,
  encodeSnapshot,
  openFilesystem,
  packChanges,
  packDirectory,
  packFile,
  snapshotDirectory,
  unpackImage,
  unpackLayers,
  writeSnapshot,
} from './filesystem/index.ts'
export type {
  AddEntryOptions,
  AddLayerOptions,
  ArtifactBlob,
  ArtifactContent,
  ConvertOptions,
  ConvertSource,
  CopiedFiles,
  CopyFilesOptions,
  DroppedContent,
  EntrySelector,
  FlattenOptions,
  ImageHistoryEntry,
  IndexFormat,
  IndexMember,
  LayerContent,
  LayoutSource,
  Moment,
  PlatformOptions,
  ReadLayoutOptions,
  WriteDocumentOptions,
} from './image/index.ts'
export {
  convertImage,
  createIndex,
  createLayout,
  fromImage,
  fromScratch,
  Image,
  ImageEdit,
  ImageIndex,
  IndexEdit,
  Layout,
  openImage,
  readConfig,
  readIndex,
  readLayout,
  readManifest,
  writeArtifact,
  writeConfig,
  writeIndex,
  writeManifest,
} from './image/index.ts'
export type {
  AppliedLayer,
  ApplyLayersOptions,
  ApplyOptions,
  DiffOptions,
  FileAttributes,
  FileType,
  LayerEntry,
  LayerEntryHeader,
  LayerFinding,
  LayerFindingCode,
  LayerLimits,
  LayerOptions,
  LayerPart,
  LayerReadOptions,
  LayerScan,
  LayerSource,
  LayerVisitor,
  PathProblem,
  ReproducibleOptions,
  ResolveOptions,
  ScanLayerOptions,
  TreeChange,
  TreeLimits,
  TreeNode,
  Whiteout,
  WriteLayerOptions,
  WrittenLayer,
} from './layer/index.ts'
export {
  applyLayer,
  applyLayers,
  BlobBlocks,
  diffTrees,
  FileTree,
  Layer,
  readLayer,
  scanLayer,
  writeLayer,
} from './layer/index.ts'
export type {
  BundleOptions,
  BundleReport,
  RuntimeConfig,
  RuntimeConfigOptions,
  RuntimeDeviceRule,
  RuntimeLinux,
  RuntimeMount,
  RuntimeProcess,
  RuntimeUser,
  UserFiles,
} from './runtime-spec/index.ts'
export { toRuntimeConfig, writeBundle } from './runtime-spec/index.ts'
export * from './spec/index.ts'
export type {
  ArchiveFormat,
  ArchiveStoreOptions,
  BlobStore,
  ByteRange,
  DirectoryStoreOptions,
  GetOptions,
  ImageStore,
  PutFileOptions,
  ReadBlobBytesOptions,
  Reference,
  StoreOptions,
} from './store/index.ts'
export { ArchiveStore, DirectoryStore, MemoryStore, readBlob, readBlobBytes } from './store/index.ts'
export type { TarEntryInput, TarEntryType, TarHeader, Timestamp } from './tar/index.ts'
export type {
  ArchiveContentOptions,
  ArchiveProgress,
  CopyOptions,
  CopyProgress,
  CopyResult,
  Garbage,
  GarbageOptions,
  ImageSource,
  ListReferrersOptions,
  NamedContent,
  Role,
  SelectImages,
  Successor,
  ValidateOptions,
  Validation,
  ValidationFinding,
  ValidationProgress,
  WriteArchiveFileOptions,
  WriteArchiveOptions,
  WriteLayoutOptions,
} from './transfer/index.ts'
export {
  attach,
  collectGarbage,
  copyGraph,
  copyImage,
  listReferrers,
  referrersTag,
  validateGraph,
  validateImage,
  writeArchive,
  writeArchiveFile,
  writeLayout,
} from './transfer/index.ts'
export type { WorkersOption } from './workers/index.ts'
