export type { BlobStore, ByteRange, GetOptions, ImageStore, Reference, StoreOptions } from './store.ts'
