/**
 * The contract of stores as a test suite, for whoever implements one: see `BlobStore` and `ImageStore`. It brings
 * its own assertions and takes `describe` and `test` from any test runner.
 */
export { ContractViolation } from './assertion.ts'
export { describeBlobStore } from './blob-store.ts'
export type { StoreContent, TestBlob } from './content.ts'
export type { ContractOptions, OptionalOperation, TestRunner } from './contract.ts'
export { describeImageStore, describeReadOnlyStore } from './image-store.ts'
export type { OpenStore } from './reading.ts'
