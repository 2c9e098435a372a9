export type { Digest, DigestParts, RegisteredAlgorithm } from './digest.ts'
export {
  compareDigests,
  digestParts,
  digestProblem,
  formatDigest,
  isDigest,
  isRegisteredAlgorithm,
  isRegisteredDigest,
  parseDigest,
} from './digest.ts'
export type { Hasher } from './hasher.ts'
export { createHasher, digestBytes } from './hasher.ts'
export type { ChainID, DiffID, ImageID } from './identity.ts'
export { chainIDs, imageID } from './identity.ts'
export type { ExpectedContent } from './verify.ts'
export { Verifier, verifyBytes, verifyChunks, verifyStream } from './verify.ts'
