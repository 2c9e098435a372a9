export { MemoryStore } from './memory-store.ts'
export type { ReadBlobBytesOptions } from './read-blob.ts'
export { readBlob, readBlobBytes } from './read-blob.ts'
export type { BlobStore, ByteRange, GetOptions, ImageStore, Reference, StoreOptions } from './store.ts'
