/** What the two sides of a worker thread say to each other. */
import { isOciError, OciError, type OciErrorCode, type OciErrorDetails } from '../errors.ts'
import type { LayerBytes, LayerOptions, LayerScan, ScanLayerOptions } from '../layer/index.ts'
import type { Descriptor } from '../spec/index.ts'

/** Work on one blob. */
export interface Job {
  /**
   * `verify`: reads all of a blob and holds it against its descriptor. `scan`: a layer, its entries included. `read`:
   * a layer, whose tar is given back.
   */
  readonly task: 'verify' | 'scan' | 'read'
  /** The file that the blob is. */
  readonly file: string
  readonly descriptor: Descriptor
  readonly options: Pick<LayerOptions, 'diffID' | 'limits'> & Pick<ScanLayerOptions, 'findDuplicates'>
}

/** To the worker. */
export type Request =
  | { readonly kind: 'job'; readonly job: Job }
  /** A buffer of tar that has been used up, to be filled again. */
  | { readonly kind: 'taken'; readonly buffer: ArrayBuffer }
  /** Who took the tar has failed: whether a layer's own damage is why decides whether its digest is of interest. */
  | { readonly kind: 'refused'; readonly error: SentError }

/** What a job comes to. */
export type Outcome = LayerScan | LayerBytes | undefined

/** From the worker. */
export type Reply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'progress'; readonly bytes: number }
  /** The next `length` bytes of tar. */
  | { readonly kind: 'tar'; readonly buffer: ArrayBuffer; readonly length: number }
  /** The tar has come to its end; what is checked behind it is still to come. */
  | { readonly kind: 'end' }
  | { readonly kind: 'done'; readonly outcome: Outcome }
  | { readonly kind: 'failed'; readonly error: SentError }
  /** The job ended with what the taker of the tar had failed with. */
  | { readonly kind: 'refused' }

/** An error on its way between threads: structured clones keep neither its class nor what it carries. */
export interface SentError {
  readonly code?: OciErrorCode
  readonly message: string
  /** What errors of the system and of zlib, which are causes, are told apart by. */
  readonly foreign?: { readonly name: string; readonly code?: unknown }
  readonly details?: OciErrorDetails
}

/** Makes an error ready to be sent. */
export function sendError(error: unknown): SentError {
  if (!isOciError(error)) {
    if (!(error instanceof Error)) return { message: String(error) }
    const { name, message, code } = error as Error & { readonly code?: unknown }
    return { message, foreign: { name, ...(typeof code === 'string' ? { code } : {}) } }
  }
  const { code, message, expected, actual, path, digest, offset, issues, cause } = error
  const reason = cause === undefined ? undefined : sendError(cause)
  return { code, message, details: { expected, actual, path, digest, offset, issues, cause: reason } }
}

/** The error that was sent. */
export function receiveError({ code, message, details, foreign }: SentError): Error {
  if (code === undefined) return Object.assign(new Error(message), foreign)
  const cause = details?.cause === undefined ? undefined : receiveError(details.cause as SentError)
  return new OciError(code, message, { ...details, cause })
}
