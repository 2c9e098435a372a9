/**
 * JSON as image-spec wants it: I-JSON, so that one text has one meaning whoever reads it. `JSON.parse` will not
 * do: it keeps the last of two members of one name, takes lone surrogates, and forgets the text that a value
 * came from, which is what keeps a document's digest when only a part of it changes.
 * @see https://datatracker.ietf.org/doc/html/rfc7493
 * @see https://github.com/opencontainers/image-spec/blob/main/considerations.md#json
 */
import { encodeUtf8 } from '../bytes.ts'
import type { OciErrorCode } from '../errors.ts'
import { OciError } from '../errors.ts'

/** Longest document that is parsed unless an option says otherwise, in bytes: 4 MiB, as registries have it. */
export const MAX_DOCUMENT_SIZE: number = 4 << 20

/** Deepest nesting that is parsed unless an option says otherwise: documents of image-spec need six. */
const MAX_DEPTH = 128

/**
 * Most objects and arrays with content that are parsed unless an option says otherwise. Each costs about 2 us and
 * 270 bytes for the text it came from, and 4 MiB have room for a million; an index of 10 000 manifests with
 * platforms and annotations has 30 001.
 */
const MAX_CONTAINERS = 200_000

/**
 * The member names that mean something in an object, each with the structure of what it holds (arrays are looked
 * through), or null where names are free or there is no object.
 */
export interface JsonStructure {
  readonly [name: string]: JsonStructure | null
}

/** What {@link parseJson} is told beside the bytes. */
export interface JsonOptions {
  /** Bytes, 4 MiB by default. */
  readonly maxSize?: number | undefined
  /** Arrays and objects in one another, 128 by default. */
  readonly maxDepth?: number | undefined
  /** Objects and arrays that are not empty, 200 000 by default. */
  readonly maxContainers?: number | undefined
  /**
   * Names of which no other spelling is taken. Go matches names without regard to case, so `Layers` would be
   * `layers` to half of the tools that read a document and an unknown member to the other half.
   */
  readonly structure?: JsonStructure | undefined
  /** What the text is, for messages: `manifest sha256:…`. */
  readonly what?: string | undefined
}

/** A JSON text and the value that it stands for. */
export class JsonDocument {
  /** The value; objects and arrays are frozen, whatever their depth. */
  readonly value: unknown
  /** The text, character for character. */
  readonly text: string

  constructor(text: string, value: unknown) {
    this.text = text
    this.value = value
  }

  /** The bytes that were parsed: a new array each time, so that nobody's change reaches another. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return encodeUtf8(this.text)
  }
}

/** Where in which text a parsed object or array was. */
interface Origin {
  readonly text: string
  readonly start: number
  readonly end: number
}

// Weak, so that a text lives no longer than a value that came from it.
const origins: WeakMap<object, Origin> = /* @__PURE__ */ new WeakMap()

/** The text that a parsed object or array came from, or undefined for a value that is not from a parse. */
export function rawText(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const origin = origins.get(value)
  return origin?.text.slice(origin.start, origin.end)
}

/**
 * The bytes that a parsed document, or an object or array within one, came from; undefined for a value that is
 * not from a parse, such as a changed copy of one.
 */
export function rawBytes(value: unknown): Uint8Array<ArrayBuffer> | undefined {
  const text = rawText(value)
  return text === undefined ? undefined : encodeUtf8(text)
}

/** Says that a frozen value stands for the same text as another that was parsed. */
export function inheritOrigin(value: object, from: object): void {
  const origin = origins.get(from)
  if (origin !== undefined) origins.set(value, origin)
}

/**
 * Parses I-JSON: UTF-8 without a byte order mark, no two members of one name, no lone surrogates or
 * noncharacters. Numbers become JavaScript numbers; a member named `__proto__` is a member like any other.
 *
 * @throws OciError `JSON_INVALID` with the byte `offset`; `LIMIT_EXCEEDED` above `maxSize` or `maxContainers`
 */
export function parseJson(bytes: Uint8Array | string, options: JsonOptions = {}): JsonDocument {
  const text = decodeText(bytes, options)
  const parser = new Parser(text, options)
  return new JsonDocument(text, parser.document(options.structure ?? null))
}

function decodeText(input: Uint8Array | string, options: JsonOptions): string {
  const limit = options.maxSize ?? MAX_DOCUMENT_SIZE
  const what = options.what ?? 'JSON document'
  if (input.length > limit) throw tooLarge(what, limit, input.length)
  let text: string
  if (typeof input === 'string') {
    // A character takes three bytes at most, so most strings need no second look.
    if (input.length * 3 > limit) {
      const size = encodeUtf8(input).length
      if (size > limit) throw tooLarge(what, limit, size)
    }
    text = input
  } else {
    try {
      text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(input)
    } catch (cause) {
      throw new OciError('JSON_INVALID', `The ${what} is not JSON: it is not UTF-8`, { cause })
    }
  }
  if (text.startsWith('\uFEFF')) {
    throw new OciError(
      'JSON_INVALID',
      `The ${what} begins with a byte order mark, which JSON must not have`,
      {
        offset: 0,
      },
    )
  }
  return text
}

function tooLarge(what: string, limit: number, actual: number): OciError {
  return new OciError(
    'LIMIT_EXCEEDED',
    `The ${what} is longer than the ${limit} bytes that a document may have; raise maxSize if it is trusted`,
    { expected: limit, actual },
  )
}

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const BACKSLASH = 0x5c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

const numberToken = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
const unicodeEscape = /[0-9a-fA-F]{4}/y
/**
 * Lone surrogates (pairs are one code point under the flag `u`) and noncharacters, neither of which I-JSON has.
 * @see https://datatracker.ietf.org/doc/html/rfc7493#section-2.1
 */
export const forbidden: RegExp = /[\p{Surrogate}\p{Noncharacter_Code_Point}]/u

const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

/** One pass over the text; `position` is the next character. */
class Parser {
  readonly text: string
  readonly options: JsonOptions
  readonly maxDepth: number
  readonly maxContainers: number
  containers = 0
  position = 0

  constructor(text: string, options: JsonOptions) {
    this.text = text
    this.options = options
    this.maxDepth = options.maxDepth ?? MAX_DEPTH
    this.maxContainers = options.maxContainers ?? MAX_CONTAINERS
  }

  document(structure: JsonStructure | null): unknown {
    // Outside of strings these characters are no JSON either, so the whole text is searched at once.
    const bad = this.text.search(forbidden)
    if (bad >= 0) {
      this.fail(`the character U+${hex(this.text.codePointAt(bad) as number)} must not be in JSON`, bad)
    }
    this.space()
    const value = this.value(structure, 0)
    this.space()
    if (this.position < this.text.length) this.fail('there is more after the end of the value')
    if (typeof value === 'object' && value !== null) {
      origins.set(value, { text: this.text, start: 0, end: this.text.length })
    }
    return value
  }

  value(structure: JsonStructure | null, depth: number): unknown {
    switch (this.text.charCodeAt(this.position)) {
      case OPEN_BRACE:
        return this.object(structure, depth + 1)
      case OPEN_BRACKET:
        return this.array(structure, depth + 1)
      case QUOTE:
        return this.string()
      case 0x74:
        return this.word('true', true)
      case 0x66:
        return this.word('false', false)
      case 0x6e:
        return this.word('null', null)
      default:
        return this.number()
    }
  }

  object(structure: JsonStructure | null, depth: number): object {
    const { text } = this
    const start = this.position++
    if (depth > this.maxDepth) this.fail(`it is nested more than ${this.maxDepth} deep`, start)
    const object: Record<string, unknown> = {}
    this.space()
    if (text.charCodeAt(this.position) === CLOSE_BRACE) {
      this.position++
      return Object.freeze(object)
    }
    for (;;) {
      const at = this.position
      if (text.charCodeAt(at) !== QUOTE) this.fail('a name in double quotes was expected')
      const name = this.string()
      if (Object.hasOwn(object, name)) this.fail(`the name ${quote(name)} is there twice in one object`, at)
      let inner: JsonStructure | null = null
      if (structure !== null) {
        if (Object.hasOwn(structure, name)) inner = structure[name] as JsonStructure | null
        else {
          const meant = misspelled(name, structure)
          if (meant !== undefined) {
            this.fail(
              `the name ${quote(name)} differs only in case from ${quote(meant)}, and tools disagree on which is meant`,
              at,
            )
          }
        }
      }
      this.space()
      if (text.charCodeAt(this.position) !== COLON) this.fail('":" was expected after a name')
      this.position++
      this.space()
      const value = this.value(inner, depth)
      if (name === '__proto__') {
        // Assigning it would set the object's prototype instead.
        Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true })
      } else object[name] = value
      this.space()
      const next = text.charCodeAt(this.position)
      if (next === CLOSE_BRACE) break
      if (next !== COMMA) this.fail('"," or "}" was expected after a member')
      this.position++
      this.space()
    }
    this.position++
    this.remember(object, start)
    return Object.freeze(object)
  }

  array(structure: JsonStructure | null, depth: number): readonly unknown[] {
    const { text } = this
    const start = this.position++
    if (depth > this.maxDepth) this.fail(`it is nested more than ${this.maxDepth} deep`, start)
    const array: unknown[] = []
    this.space()
    if (text.charCodeAt(this.position) === CLOSE_BRACKET) {
      this.position++
      return Object.freeze(array)
    }
    for (;;) {
      array.push(this.value(structure, depth))
      this.space()
      const next = text.charCodeAt(this.position)
      if (next === CLOSE_BRACKET) break
      if (next !== COMMA) this.fail('"," or "]" was expected after an element')
      this.position++
      this.space()
    }
    this.position++
    this.remember(array, start)
    return Object.freeze(array)
  }

  remember(container: object, start: number): void {
    if (++this.containers > this.maxContainers) {
      const what = this.options.what ?? 'JSON document'
      throw new OciError(
        'LIMIT_EXCEEDED',
        `The ${what} has more than ${this.maxContainers} objects and arrays; raise maxContainers if it is trusted`,
        { expected: this.maxContainers },
      )
    }
    origins.set(container, { text: this.text, start, end: this.position })
  }

  string(): string {
    const { text } = this
    const start = this.position + 1
    for (let i = start; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code === QUOTE) {
        this.position = i + 1
        return text.slice(start, i)
      }
      if (code === BACKSLASH) return this.escapedString(start, i)
      if (code < 0x20) this.fail(`the control character U+${hex(code)} must be escaped in a string`, i)
    }
    return this.fail('a string is not closed', start - 1)
  }

  escapedString(start: number, firstEscape: number): string {
    const { text } = this
    const parts = [text.slice(start, firstEscape)]
    let i = firstEscape
    for (;;) {
      if (i >= text.length) this.fail('a string is not closed', start - 1)
      const code = text.charCodeAt(i)
      if (code === QUOTE) break
      if (code < 0x20) this.fail(`the control character U+${hex(code)} must be escaped in a string`, i)
      if (code === BACKSLASH) {
        const kind = text.charAt(i + 1)
        if (kind === 'u') {
          unicodeEscape.lastIndex = i + 2
          const digits = unicodeEscape.exec(text)?.[0]
          if (digits === undefined) this.fail('"\\u" must be followed by four hexadecimal digits', i)
          parts.push(String.fromCharCode(Number.parseInt(digits as string, 16)))
          i += 6
        } else {
          const character = escapes[kind]
          if (character === undefined) this.fail(`"\\${kind}" is no escape that JSON has`, i)
          parts.push(character as string)
          i += 2
        }
      } else {
        const from = i
        while (i < text.length) {
          const next = text.charCodeAt(i)
          if (next === QUOTE || next === BACKSLASH || next < 0x20) break
          i++
        }
        parts.push(text.slice(from, i))
      }
    }
    this.position = i + 1
    const value = parts.join('')
    const bad = forbidden.exec(value)
    if (bad !== null) {
      const character = hex(bad[0].codePointAt(0) as number)
      this.fail(`an escaped U+${character} must not be in JSON: it is no character`, start - 1)
    }
    return value
  }

  word<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.position)) this.fail('a value was expected')
    this.position += word.length
    return value
  }

  number(): number {
    numberToken.lastIndex = this.position
    const token = numberToken.exec(this.text)?.[0]
    if (token === undefined) {
      return this.fail(this.position < this.text.length ? 'a value was expected' : 'it ends before its end')
    }
    this.position += token.length
    return Number(token)
  }

  space(): void {
    const { text } = this
    let i = this.position
    for (;;) {
      const code = text.charCodeAt(i)
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) break
      i++
    }
    this.position = i
  }

  fail(problem: string, at: number = this.position): never {
    throw jsonError(
      'JSON_INVALID',
      this.text,
      at,
      `The ${this.options.what ?? 'JSON document'} is not valid`,
      problem,
    )
  }
}

function jsonError(code: OciErrorCode, text: string, at: number, subject: string, problem: string): OciError {
  const before = text.slice(0, at)
  const line = before.split('\n').length
  const column = at - (before.lastIndexOf('\n') + 1) + 1
  return new OciError(code, `${subject} JSON at line ${line}, column ${column}: ${problem}`, {
    offset: encodeUtf8(before).length,
  })
}

/** The structural name that Go would take a name for, although it is spelled otherwise. */
function misspelled(name: string, structure: JsonStructure): string | undefined {
  const folded = foldCase(name)
  for (const known in structure) {
    if (known.length === folded.length && foldCase(known) === folded) return known
  }
  return undefined
}

/** Folds as Go's encoding/json does: the long s and the Kelvin sign are letters of ASCII to it. */
function foldCase(name: string): string {
  return name.toLowerCase().replaceAll('\u017F', 's')
}

function hex(code: number): string {
  return code.toString(16).toUpperCase().padStart(4, '0')
}

function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text)
}
