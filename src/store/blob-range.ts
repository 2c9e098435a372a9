/** What stores agree on when a blob, or a part of one, is asked for. */
import { OciError } from '../errors.ts'
import type { Descriptor } from '../spec/index.ts'
import type { ByteRange } from './store.ts'

/**
 * The first byte that a range asks for and the one after its last, within a blob's size. A range that goes on
 * beyond the blob's end stops there.
 *
 * @throws OciError `ARGUMENT_INVALID` for a range that is none, or that begins beyond the end
 */
export function checkRange(range: ByteRange | undefined, size: number): { start: number; end: number } {
  if (range === undefined) return { start: 0, end: size }
  const { offset, length = size } = range
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0) {
    throw new OciError('ARGUMENT_INVALID', `A range needs whole numbers from 0, not ${offset} and ${length}`)
  }
  if (offset > size) {
    throw new OciError('ARGUMENT_INVALID', `A range from byte ${offset} is beyond the blob's ${size} bytes`, {
      expected: size,
      actual: offset,
    })
  }
  return { start: offset, end: Math.min(size, offset + length) }
}

/** The error for a blob that is not there. */
export function blobNotFound(descriptor: Descriptor, what: string, cause?: unknown): OciError {
  const { digest, urls } = descriptor
  const elsewhere = urls !== undefined && urls.length > 0 ? `; it may be had from ${urls[0]}` : ''
  return new OciError('BLOB_NOT_FOUND', `Blob ${digest} is not in ${what}${elsewhere}`, { digest, cause })
}
