/** Blobs that lie in files, by the files alone: what a worker thread, which has no store, reads a blob from. */
import { streamOf } from '../bytes.ts'
import { OciError } from '../errors.ts'
import type { Descriptor } from '../spec/index.ts'
import { DirectoryStore } from './directory-store.ts'
import { filePieces } from './file-pieces.ts'
import { openPresent } from './regular-file.ts'
import type { BlobStore, StoreOptions } from './store.ts'

/** Whether a store keeps its blobs in files of their own. */
export function hasBlobFiles(store: BlobStore): boolean {
  return store instanceof DirectoryStore
}

/**
 * The file that a blob's bytes are in, where its store keeps it in one of its own; undefined elsewhere.
 * @throws OciError `DIGEST_INVALID`, `PATH_UNSAFE`, `STORE_FAILED`
 */
export function blobFile(store: BlobStore, descriptor: Descriptor): string | undefined {
  // Content that the descriptor carries in itself is read from there, whatever the store holds.
  if (!(store instanceof DirectoryStore) || descriptor.data !== undefined) return undefined
  return store.blobFile(descriptor.digest)
}

/** One blob in a file. As of any store, what it gives is verified by who reads it. */
export class BlobFile implements BlobStore {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  async has(): Promise<boolean> {
    return true
  }

  /** All of it: parts are asked for of stores only. */
  async get(_: Descriptor, { signal }: StoreOptions = {}): Promise<ReadableStream<Uint8Array>> {
    const path = this.#path
    const open = () => openPresent(path, 'BLOB_NOT_FOUND')
    return streamOf(filePieces({ open, path, signal }))
  }

  async put(): Promise<never> {
    throw new OciError(
      'STORE_UNSUPPORTED',
      `${JSON.stringify(this.#path)} is one blob, and nothing is put there`,
    )
  }
}
