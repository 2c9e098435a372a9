/** Findings: what judging content gives, where an error would stop at the first. */
import type { Issue } from '../errors.ts'

/**
 * One thing that is not as it should be, at one place.
 *
 * `error` breaks a MUST, or a rule that the specification's JSON Schema enforces; `warning` goes against a SHOULD,
 * or is likely a mistake.
 */
export interface Finding<Code extends string = string> extends Issue {
  readonly level: 'error' | 'warning'
  /** Which rule, in kebab case. */
  readonly code: Code
}

/** Why a document does not parse: the rules that {@link Finding}s of level `error` name. */
export type DocumentProblem =
  /** The document says in its config that it has no type, and in itself neither. */
  | 'artifact-type-missing'
  /** `data` is not base64, or not the content that size and digest name. */
  | 'data-invalid'
  | 'date-invalid'
  | 'digest-invalid'
  /** Members of two kinds of document in one. */
  | 'document-ambiguous'
  /** A number with a fraction, or beyond 2^53. */
  | 'integer-invalid'
  /** The media type that the document says of itself is not the one that what points to it says. */
  | 'media-type-conflict'
  /** Not a media type by RFC 6838. */
  | 'media-type-invalid'
  /** The media type that the document says of itself is not one of its kind. */
  | 'media-type-wrong'
  | 'member-missing'
  | 'member-type'
  | 'member-value'
  /** Layers and history of schema 1 do not fit. */
  | 'schema1-inconsistent'
  /** Negative, with a fraction, or beyond 2^53. */
  | 'size-invalid'
  | 'uri-invalid'

/** An issue of a document, with the rule that it breaks. */
export interface DocumentIssue extends Issue {
  readonly code: DocumentProblem
}
