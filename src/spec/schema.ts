/**
 * What the zod schemas of this folder are made of. zod only judges: what a parse function returns is the JSON
 * parser's own frozen value, never zod's copy, which would lose its text.
 *
 * Schemas are made when first asked for, so that importing one costs nothing and what is not used shakes out.
 */
import * as z from 'zod/mini'
import type { Digest } from '../digest/index.ts'
import { digestProblem } from '../digest/index.ts'
import type { DocumentProblem } from './finding.ts'
import { isMediaType } from './media-type.ts'
import { dateTimeProblem, uriProblem } from './text-format.ts'

/** A zod schema that takes any value and vouches for the type of what it lets pass. */
export type Schema<T> = z.ZodMiniType<T, unknown>

/** The members of an object type that have a name, each read-only, as zod's loose objects know them. */
type Known<T> = { readonly [K in keyof T as string extends K ? never : K]: T[K] }

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/**
 * A loose object schema for an interface. The two are held equal: where a member is missing, is too many, or has
 * another type, the argument is refused by the compiler. Called twice, since one type is given, the other found:
 * `schemaOf<Person>()(z.looseObject({ name: text() }))`.
 */
export function schemaOf<T>(): <S extends z.ZodMiniType>(
  schema: Same<Known<z.output<S>>, Known<T>> extends true ? S : never,
) => Schema<T> {
  return (schema) => schema as unknown as Schema<T>
}

/** A value made once, when it is first asked for. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

/** A member that may be missing. */
export function optional<T>(schema: Schema<T>): z.ZodMiniOptional<Schema<T>> {
  return z.optional(schema)
}

/** A member that may be missing or null, which a config's OPTIONAL ones all may. */
export function nullish<T>(schema: Schema<T>): z.ZodMiniOptional<z.ZodMiniNullable<Schema<T>>> {
  return z.optional(z.nullable(schema))
}

/** Any string. */
export function text(): Schema<string> {
  return z.string() as unknown as Schema<string>
}

/** A string on which a check finds nothing wrong; the check gives the end of a sentence. */
function textWith(problem: (text: string) => string | undefined, code: DocumentProblem): Schema<string> {
  return z.string().check((context) => {
    const message = problem(context.value)
    if (message !== undefined) context.issues.push(customIssue(context.value, [], code, message))
  }) as unknown as Schema<string>
}

/** An issue that a check of ours finds; the code travels in `params`. */
export function customIssue(
  input: unknown,
  path: string[],
  code: DocumentProblem,
  message: string,
): z.core.$ZodRawIssue {
  return { code: 'custom', input, path, message, params: { code } }
}

export function flag(): Schema<boolean> {
  return z.boolean() as unknown as Schema<boolean>
}

/** An integer that JavaScript holds exactly. */
export function integer(): Schema<number> {
  return z.number().check(
    z.refine((value) => Number.isSafeInteger(value), {
      error: 'must be an integer of at most 2^53 - 1',
      params: { code: 'integer-invalid' satisfies DocumentProblem },
    }),
  ) as unknown as Schema<number>
}

/** Bytes: an integer from 0 to 2^53 - 1. */
export function byteCount(): Schema<number> {
  return z.number().check(
    z.refine((value) => Number.isSafeInteger(value) && value >= 0, {
      error: 'must be an integer from 0 to 2^53 - 1',
      params: { code: 'size-invalid' satisfies DocumentProblem },
    }),
  ) as unknown as Schema<number>
}

/**
 * Places in one list or object at which no more are looked for. A document of 4 MiB has room for 1.3 million empty
 * objects where descriptors should be, and zod's own list needs 2 GB to say so of each.
 */
export const MAX_ISSUES = 100

/** A list; of what is wrong in it, the first hundred places. */
export function listOf<T>(item: Schema<T>): Schema<readonly T[]> {
  return z.unknown().check((context) => {
    const { value, issues } = context
    if (!Array.isArray(value)) {
      issues.push({ code: 'invalid_type', expected: 'array', input: value })
      return
    }
    for (let i = 0; i < value.length && issues.length < MAX_ISSUES; i++) {
      const result = item.safeParse(value[i])
      if (result.success) continue
      for (const issue of result.error.issues) {
        issues.push({ ...issue, input: value[i], path: [i, ...issue.path] } as z.core.$ZodRawIssue)
      }
    }
  }) as unknown as Schema<readonly T[]>
}

/**
 * A list that may be null, which `withEmptyList` makes an empty one: Go writes an empty list so, and
 * `umoci init` does.
 */
export function nullableListOf<T>(item: Schema<T>): Schema<readonly T[]> {
  return z.nullable(listOf(item)) as unknown as Schema<readonly T[]>
}

/** An object with free names. zod's record would pass over one that is named `__proto__`. */
export function mapOf<T>(
  problem: (value: unknown) => string | undefined,
): Schema<Readonly<Record<string, T>>> {
  return z.custom<Readonly<Record<string, T>>>(isObject, 'must be an object').check((context) => {
    if (!isObject(context.value)) return
    for (const [name, value] of Object.entries(context.value)) {
      if (context.issues.length >= MAX_ISSUES) return
      const message = problem(value)
      if (message !== undefined) context.issues.push(customIssue(value, [name], 'member-type', message))
    }
  }) as unknown as Schema<Readonly<Record<string, T>>>
}

/** An object of strings: annotations, labels. */
export function stringMap(): Schema<Readonly<Record<string, string>>> {
  return mapOf((value) => (typeof value === 'string' ? undefined : 'must be a string'))
}

/** An object of objects: what Go makes of a set of names. */
export function nameSet(): Schema<Readonly<Record<string, object>>> {
  return mapOf((value) => (isObject(value) ? undefined : 'must be an object'))
}

export function digest(): Schema<Digest> {
  return textWith(digestProblem, 'digest-invalid') as Schema<Digest>
}

/** A media type by RFC 6838, without parameters. */
export function mediaType(): Schema<string> {
  return textWith(
    (value) =>
      isMediaType(value) ? undefined : 'is not a media type of the form type/subtype (RFC 6838, section 4.2)',
    'media-type-invalid',
  )
}

/** A date and time by RFC 3339. */
export function dateTime(): Schema<string> {
  return textWith(dateTimeProblem, 'date-invalid')
}

/** A URI by RFC 3986. */
export function uri(): Schema<string> {
  return textWith(uriProblem, 'uri-invalid')
}

/** Whether a value is an object and neither null nor an array. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
