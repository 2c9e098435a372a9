/** From bytes to a document: parsed as I-JSON, judged by its schema, then by the rules that no schema can say. */
import type { Issue } from '../errors.ts'
import { OciError } from '../errors.ts'
import type { DocumentIssue, DocumentProblem } from './finding.ts'
import type { JsonStructure } from './json.ts'
import { inheritOrigin, parseJson } from './json.ts'
import { mediaTypes } from './media-type.ts'
import type { Schema } from './schema.ts'
import { isObject } from './schema.ts'

/** What a parse function is told beside the bytes. */
export interface ParseOptions {
  /** What the descriptor that pointed here, or the registry, says that the content is. */
  readonly mediaType?: string | undefined
  /** Bytes, 4 MiB by default. */
  readonly maxSize?: number | undefined
}

/** How documents of one kind are told from all else. */
export interface DocumentKind<T> {
  /** For messages: `image manifest`. */
  readonly what: string
  readonly structure: JsonStructure
  readonly schema: () => Schema<T>
  /** What is wrong that the schema cannot say; the value passed the schema. */
  readonly rules?: ((value: T, options: ParseOptions) => DocumentIssue[]) | undefined
  /** Media types that a document of this kind goes by; none where it has none. */
  readonly mediaTypes?: readonly string[] | undefined
  /** Whether media types that are not known here are taken for this kind when the caller says so. */
  readonly takesUnknownTypes?: boolean | undefined
}

/** Issues that a message names; the error's `issues` has all. */
const NAMED_ISSUES = 3

/**
 * Parses a document of one kind.
 * @throws OciError `JSON_INVALID`, `DOCUMENT_INVALID` with `issues`, `LIMIT_EXCEEDED`, `MEDIA_TYPE_UNSUPPORTED`
 */
export function parseDocument<T>(
  kind: DocumentKind<T>,
  bytes: Uint8Array | string,
  options: ParseOptions = {},
): T {
  const { mediaType } = options
  const { what } = kind
  if (mediaType !== undefined && kind.mediaTypes !== undefined && !kind.mediaTypes.includes(mediaType)) {
    if (kind.takesUnknownTypes !== true || (Object.values(mediaTypes) as string[]).includes(mediaType)) {
      throw new OciError('MEDIA_TYPE_UNSUPPORTED', `Content of media type "${mediaType}" is no ${what}`, {
        expected: kind.mediaTypes[0],
        actual: mediaType,
      })
    }
  }
  const { value } = parseJson(bytes, { maxSize: options.maxSize, structure: kind.structure, what })
  const issues = issuesOf(kind, value, options)
  if (issues.length > 0) throw invalidDocument(what, issues)
  return value as T
}

/** All that is wrong with a parsed value as a document of one kind. */
export function issuesOf<T>(
  kind: DocumentKind<T>,
  value: unknown,
  options: ParseOptions = {},
): DocumentIssue[] {
  const result = kind.schema().safeParse(value)
  if (result.success) return kind.rules?.(value as T, options) ?? []
  const issues: DocumentIssue[] = []
  for (const issue of result.error.issues) {
    const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))
    issues.push({ path, ...describe(issue, valueAt(value, path)) })
  }
  return issues
}

/** The error that names the first places and carries all. */
export function invalidDocument(what: string, issues: readonly Issue[]): OciError {
  const named = issues.slice(0, NAMED_ISSUES).map(formatIssue)
  if (issues.length > named.length) named.push(`and ${issues.length - named.length} more (see issues)`)
  return new OciError('DOCUMENT_INVALID', `The ${what} breaks its specification: ${named.join('; ')}`, {
    issues,
  })
}

/** An issue as one sentence that begins with its place: `layers[2].size must be …`. */
export function formatIssue(issue: Issue): string {
  return `${formatPath(issue.path)} ${issue.message}`
}

/** A place in a document as people write it: `manifests[3].platform.os`, `annotations["a.b"]`. */
export function formatPath(path: readonly (string | number)[]): string {
  let text = ''
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`
    else if (/^[A-Za-z_$][\w$]*$/.test(part)) text += text === '' ? part : `.${part}`
    else text += `[${JSON.stringify(part.length > 100 ? `${part.slice(0, 100)}…` : part)}]`
  }
  return text === '' ? 'the document' : text
}

/**
 * The document with an empty list where a member is null, for members that `nullableListOf` let pass. It keeps
 * the text that it came from.
 */
export function withEmptyList<T extends object>(value: T, name: keyof T & string): T {
  if (value[name] !== null) return value
  const changed = Object.freeze({ ...value, [name]: Object.freeze([]) })
  inheritOrigin(changed, value)
  return changed
}

/**
 * Members that make a document be two things at once, so that two tools would follow different descriptors. Null
 * says nothing to any of them.
 * @see https://github.com/opencontainers/image-spec/security/advisories/GHSA-77vh-xpmg-72qh
 */
export function foreignMembers(document: object, names: readonly string[], what: string): DocumentIssue[] {
  const members = document as Readonly<Record<string, unknown>>
  return names
    .filter((name) => Object.hasOwn(members, name) && members[name] !== null)
    .map((name) => ({
      path: [name],
      code: 'document-ambiguous',
      message: `must not be in ${what}: it makes the document ambiguous`,
    }))
}

/** What is wrong with the media type that a document says of itself. */
export function mediaTypeIssues(
  embedded: string | undefined,
  allowed: readonly string[],
  options: ParseOptions,
): DocumentIssue[] {
  if (embedded === undefined) return []
  if (!allowed.includes(embedded)) {
    return [
      {
        path: ['mediaType'],
        code: 'media-type-wrong',
        message: `must be "${allowed.join('" or "')}", not ${show(embedded)}`,
      },
    ]
  }
  const { mediaType } = options
  if (mediaType === undefined || mediaType === embedded) return []
  return [
    {
      path: ['mediaType'],
      code: 'media-type-conflict',
      message: `is "${embedded}", but what points here says "${mediaType}": it is not clear what the document is`,
    },
  ]
}

function valueAt(root: unknown, path: readonly (string | number)[]): unknown {
  let value = root
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined
    value = (value as Record<string | number, unknown>)[part]
  }
  return value
}

interface ZodIssue {
  readonly code: string
  readonly message: string
  readonly expected?: unknown
  readonly values?: unknown
  readonly params?: { readonly code?: unknown } | undefined
}

/** zod's issue in our words: `zod/mini` brings no language of its own. */
function describe(issue: ZodIssue, value: unknown): { code: DocumentProblem; message: string } {
  if (issue.code === 'custom') {
    return { code: (issue.params?.code ?? 'member-type') as DocumentProblem, message: issue.message }
  }
  if (value === undefined) return { code: 'member-missing', message: 'is required, but missing' }
  if (issue.code === 'invalid_value' && Array.isArray(issue.values)) {
    const values = issue.values.map((each) => JSON.stringify(each)).join(' or ')
    return { code: 'member-value', message: `must be ${values}, not ${show(value)}` }
  }
  return { code: 'member-type', message: `must be ${article(String(issue.expected))}, not ${show(value)}` }
}

function article(type: string): string {
  return /^[aeio]/.test(type) ? `an ${type}` : `a ${type}`
}

function show(value: unknown): string {
  if (Array.isArray(value)) return 'an array'
  if (isObject(value)) return 'an object'
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value)
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}
