/**
 * From a value to JSON, where what was parsed and not changed keeps its own text: the order of integer-like
 * names, digits beyond 2^53 and escapes survive in every part that a change leaves alone.
 */
import { encodeUtf8 } from '../bytes.ts'
import { OciError } from '../errors.ts'
import { forbidden, rawText } from './json.ts'

/** Deepest nesting that is written: more is a value that holds itself. */
const MAX_DEPTH = 128

/**
 * JSON bytes of a value: compact, save for objects and arrays that {@link parseJson} gave, which keep the text
 * that they came from. So `{ ...manifest, annotations }` keeps each descriptor byte for byte, and a document
 * that is not changed keeps its digest. Members that are undefined are left out.
 *
 * A copy of an object forgets what its own members were written as: integer-like names go to the front, and an
 * integer beyond 2^53 is refused, since its digits are lost; `editJson` keeps both.
 *
 * @throws OciError `ARGUMENT_INVALID` for what JSON cannot say: functions, symbols, class instances, NaN,
 *   infinities, integers that are not exact, lone surrogates, noncharacters, values nested more than 128 deep
 */
export function serializeJson(value: unknown): Uint8Array<ArrayBuffer> {
  return encodeUtf8(stringifyJson(value))
}

/** {@link serializeJson} as text. */
export function stringifyJson(value: unknown): string {
  return rawText(value) ?? write(value, [])
}

function write(value: unknown, path: (string | number)[]): string {
  switch (typeof value) {
    case 'string':
      return writeString(value, path)
    case 'number':
      return writeNumber(value, path)
    case 'bigint':
      return String(value)
    case 'boolean':
      return String(value)
    case 'object':
      return value === null ? 'null' : writeContainer(value, path)
    default:
      return refuse(
        path,
        `is ${value === undefined ? 'undefined' : `a ${typeof value}`}, which JSON cannot say`,
      )
  }
}

function writeContainer(value: object, path: (string | number)[]): string {
  // The text of a whole document may begin and end with white space, which is its own affair.
  const raw = rawText(value)?.trim()
  if (raw !== undefined) return raw
  if (path.length >= MAX_DEPTH)
    refuse(path.slice(0, 8), `is nested more than ${MAX_DEPTH} deep, or holds itself`)
  const parts: string[] = []
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) parts.push(write(value[i], [...path, i]))
    return `[${parts.join(',')}]`
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && prototype !== Object.prototype && Object.getPrototypeOf(prototype) !== null) {
    refuse(path, `is a ${(value as object).constructor?.name ?? 'class instance'}: give a plain object`)
  }
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue
    parts.push(`${writeString(name, path)}:${write(member, [...path, name])}`)
  }
  return `{${parts.join(',')}}`
}

function writeString(text: string, path: (string | number)[]): string {
  if (forbidden.test(text)) refuse(path, 'has half of a surrogate pair, or a noncharacter of Unicode')
  return JSON.stringify(text)
}

function writeNumber(value: number, path: (string | number)[]): string {
  if (!Number.isFinite(value)) refuse(path, `is ${value}, which JSON cannot say`)
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    refuse(
      path,
      `is ${value}, beyond 2^53: its digits may be lost already; give a bigint, or leave it alone by editJson`,
    )
  }
  return JSON.stringify(value)
}

function refuse(path: readonly (string | number)[], problem: string): never {
  const place =
    path.length === 0 ? 'The value' : `The value at ${path.map((part) => JSON.stringify(part)).join(' ')}`
  throw new OciError('ARGUMENT_INVALID', `${place} cannot be written as JSON: it ${problem}`)
}
