/** Bytes that can be read from anywhere: a file, a Blob, an array. */
import { isBlob } from '../bytes.ts'
import { OciError } from '../errors.ts'

/** Bytes that can be read from anywhere. */
export interface RandomAccess {
  /** Bytes in all. */
  readonly size: number
  /** Exactly `length` bytes from `offset`, fewer only where the end comes first. */
  read(offset: number, length: number): Promise<Uint8Array>
}

/** Random access to bytes in memory (which are not copied) or to a Blob. */
export function randomAccess(content: Uint8Array | Blob): RandomAccess {
  if (content instanceof Uint8Array) {
    return {
      size: content.length,
      read: async (offset, length) => content.subarray(offset, offset + length),
    }
  }
  if (isBlob(content)) {
    return {
      size: content.size,
      read: async (offset, length) =>
        new Uint8Array(await content.slice(offset, offset + length).arrayBuffer()),
    }
  }
  throw new OciError('ARGUMENT_INVALID', 'Random access needs a Uint8Array or a Blob')
}
