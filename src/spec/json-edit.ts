/**
 * Changes to a JSON text that touch nothing else: every byte outside of what was addressed stays, its white
 * space, the order of names, integer-like names, digits beyond 2^53, escapes and nulls.
 *
 * The text is split level by level, and only where an edit leads, into pieces that join to the same text again;
 * an edit exchanges pieces.
 */
import { encodeUtf8 } from '../bytes.ts'
import { OciError } from '../errors.ts'
import { formatPath } from './document.ts'
import type { JsonOptions } from './json.ts'
import { parseJson } from './json.ts'
import { stringifyJson } from './json-serialize.ts'

/** One change to a JSON text. */
export interface JsonEdit {
  /** Names of members and positions of elements, from the root; the position after the last element appends. */
  readonly path: readonly (string | number)[]
  /** What is to be there; undefined removes what is there, and does nothing where there is nothing. */
  readonly value: unknown
  /** Puts the value before the element at the position, instead of in its place. */
  readonly insert?: boolean | undefined
}

/**
 * Makes changes, each to what those before it left. A member that is not there is added at the end of its
 * object; objects on the way that are missing or null are made; what is added follows the indentation that is
 * there. A value that equals what stands there, but for white space, changes nothing.
 *
 * @throws OciError `JSON_INVALID`, `LIMIT_EXCEEDED`; `ARGUMENT_INVALID` where a path leads through a string,
 *   number or boolean, names a member of an array, or leaves a gap in one
 * @example editJson(config, [{ path: ['config', 'Labels', 'stage'], value: 'test' }])
 */
export function editJson(
  bytes: Uint8Array | string,
  edits: readonly JsonEdit[],
  options: JsonOptions = {},
): Uint8Array<ArrayBuffer> {
  const { text } = parseJson(bytes, options)
  const start = skipSpace(text, 0)
  const end = valueEnd(text, start)
  const root: Node = { text: text.slice(start, end), parts: undefined }
  const style = styleOf(root)
  for (const edit of edits) apply(root, edit, style)
  const pieces = [text.slice(0, start)]
  print(root, pieces)
  pieces.push(text.slice(end))
  return encodeUtf8(pieces.join(''))
}

/** A value: its text, or its parts once they are looked at. */
interface Node {
  text: string
  parts: Parts | undefined
}

/** What an object or array is made of: its items, or the white space where there are none. */
interface Parts {
  readonly isObject: boolean
  items: Item[]
  inner: string
}

/** A member or element, with all characters between the commas around it. */
interface Item {
  /** White space before it. */
  lead: string
  /** A member's name, decoded. */
  readonly name: string | undefined
  /** A member's name as written, in its quotes. */
  readonly label: string
  /** The colon of a member and the white space around it. */
  readonly colon: string
  value: Node
  /** White space after it. */
  trail: string
}

/** How a document is written. */
interface Style {
  /** A line break and one step of indentation; undefined where the document is on one line. */
  readonly newline: string | undefined
  readonly indent: string
  readonly colon: string
  /** White space after a comma on one line. */
  readonly gap: string
}

function apply(root: Node, edit: JsonEdit, style: Style): void {
  const { path, value } = edit
  const refusal = (problem: string): OciError =>
    new OciError('ARGUMENT_INVALID', `Edit of ${formatPath(path)}: ${problem}`)
  let node = root
  let indent = ''
  let pretty = style.newline !== undefined
  for (let depth = 0; depth < path.length; depth++) {
    const key = path[depth] as string | number
    const last = depth === path.length - 1
    if (node.text === 'null' && node.parts === undefined) {
      if (value === undefined) return
      node.text = typeof key === 'number' ? '[]' : '{}'
    }
    const parts = partsOf(node)
    if (parts === undefined) {
      throw refusal(
        `${formatPath(path.slice(0, depth))} is ${node.text.slice(0, 50)}, which holds nothing else`,
      )
    }
    if (parts.isObject !== (typeof key === 'string')) {
      const place = formatPath(path.slice(0, depth))
      throw refusal(
        parts.isObject ? `${place} is an object, so give a name` : `${place} is an array, so give a position`,
      )
    }
    const position = typeof key === 'number' ? key : parts.items.findIndex((item) => item.name === key)
    if (typeof key === 'number' && (!Number.isInteger(key) || key < 0 || key > parts.items.length)) {
      throw refusal(`the array has ${parts.items.length} elements`)
    }
    if (parts.items.length > 0) pretty = (parts.items[0] as Item).lead.includes('\n')
    let item = position >= 0 ? parts.items[position] : undefined
    if (item !== undefined && !(last && edit.insert === true && !parts.isObject)) {
      if (item.lead.includes('\n')) indent = indentOf(item)
      if (last) {
        if (value === undefined) remove(parts, position)
        else replace(item.value, stringifyJson(value), style, indent, pretty)
        return
      }
    } else {
      if (value === undefined) return
      const at = parts.isObject ? parts.items.length : position
      item = add(parts, at, parts.isObject ? (key as string) : undefined, style, indent, pretty)
      if (item.lead.includes('\n')) indent = indentOf(item)
      if (last) {
        item.value.text = format(stringifyJson(value), style, indent, pretty)
        return
      }
      item.value.text = typeof path[depth + 1] === 'number' ? '[]' : '{}'
    }
    node = item.value
  }
  if (value === undefined) throw refusal('the whole document cannot be removed')
  replace(root, stringifyJson(value), style, '', pretty)
}

function replace(node: Node, text: string, style: Style, indent: string, pretty: boolean): void {
  const old: string[] = []
  print(node, old)
  if (compact(old.join('')) === compact(text)) return
  node.text = format(text, style, indent, pretty)
  node.parts = undefined
}

function remove(parts: Parts, position: number): void {
  const [removed] = parts.items.splice(position, 1) as [Item]
  const last = parts.items.at(-1)
  // The white space before the closing bracket belongs to the bracket, that after the opening one to it.
  if (last === undefined) parts.inner = ''
  else if (position === parts.items.length) last.trail = removed.trail
  else if (position === 0) (parts.items[0] as Item).lead = removed.lead
}

/** Adds an item without a value yet. */
function add(
  parts: Parts,
  position: number,
  name: string | undefined,
  style: Style,
  indent: string,
  pretty: boolean,
): Item {
  const { items } = parts
  const first = items[0]
  const item: Item = {
    lead: '',
    name,
    label: name === undefined ? '' : stringifyJson(name),
    colon: name === undefined ? '' : (first?.colon ?? style.colon),
    value: { text: '', parts: undefined },
    trail: '',
  }
  if (first === undefined) {
    if (pretty && style.newline !== undefined) {
      item.lead = style.newline + indent + style.indent
      item.trail = style.newline + indent
    }
    parts.inner = ''
  } else {
    const between = items[1]?.lead ?? (first.lead === '' ? style.gap : first.lead)
    if (position === 0) {
      item.lead = first.lead
      first.lead = between
    } else item.lead = between
    const before = items.at(-1)
    if (position === items.length && before !== undefined) {
      item.trail = before.trail
      before.trail = ''
    }
  }
  items.splice(position, 0, item)
  return item
}

function indentOf(item: Item): string {
  return item.lead.slice(item.lead.lastIndexOf('\n') + 1)
}

function styleOf(root: Node): Style {
  const items = partsOf(root)?.items ?? []
  const first = items[0]
  // An index or config begins with members on the root; where it is an array, its first object tells.
  const member = first?.name === undefined && first !== undefined ? partsOf(first.value)?.items[0] : first
  const colon = member?.colon || ':'
  const lead = first?.lead ?? ''
  const broken = /\r?\n/.exec(lead)
  return {
    newline: broken?.[0],
    indent: lead.slice(lead.lastIndexOf('\n') + 1),
    colon,
    gap: items[1] !== undefined && broken === null ? items[1].lead : colon.endsWith(' ') ? ' ' : '',
  }
}

/** The parts of an object or array; undefined for other values. */
function partsOf(node: Node): Parts | undefined {
  if (node.parts !== undefined) return node.parts
  const { text } = node
  const isObject = text.startsWith('{')
  if (!isObject && !text.startsWith('[')) return undefined
  const parts: Parts = { isObject, items: [], inner: '' }
  node.parts = parts
  let position = skipSpace(text, 1)
  if (position === text.length - 1) {
    parts.inner = text.slice(1, position)
    return parts
  }
  let leadStart = 1
  for (;;) {
    const start = position
    let label = ''
    let colon = ''
    if (isObject) {
      const labelEnd = stringEnd(text, start)
      label = text.slice(start, labelEnd)
      position = skipSpace(text, skipSpace(text, labelEnd) + 1)
      colon = text.slice(labelEnd, position)
    }
    const end = valueEnd(text, position)
    const next = skipSpace(text, end)
    parts.items.push({
      lead: text.slice(leadStart, start),
      name: isObject ? (JSON.parse(label) as string) : undefined,
      label,
      colon,
      value: { text: text.slice(position, end), parts: undefined },
      trail: text.slice(end, next),
    })
    if (next === text.length - 1) return parts
    leadStart = next + 1
    position = skipSpace(text, leadStart)
  }
}

function print(node: Node, pieces: string[]): void {
  const { parts } = node
  if (parts === undefined) {
    pieces.push(node.text)
    return
  }
  pieces.push(parts.isObject ? '{' : '[', parts.inner)
  for (let i = 0; i < parts.items.length; i++) {
    const item = parts.items[i] as Item
    if (i > 0) pieces.push(',')
    pieces.push(item.lead, item.label, item.colon)
    print(item.value, pieces)
    pieces.push(item.trail)
  }
  pieces.push(parts.isObject ? '}' : ']')
}

function compact(text: string): string {
  return format(text, { newline: undefined, indent: '', colon: ':', gap: '' }, '', false)
}

/** Writes a JSON text in a document's style; strings and numbers stay as they are. */
function format(text: string, style: Style, indent: string, pretty: boolean): string {
  const newline = pretty ? style.newline : undefined
  const pieces: string[] = []
  let depth = 0
  const breakLine = (): void => {
    if (newline !== undefined) pieces.push(newline, indent, style.indent.repeat(depth))
  }
  for (let i = skipSpace(text, 0); i < text.length; i = skipSpace(text, i)) {
    const character = text[i] as string
    if (character === '{' || character === '[') {
      const close = skipSpace(text, i + 1)
      if (text[close] === '}' || text[close] === ']') {
        pieces.push(character, text[close] as string)
        i = close + 1
        continue
      }
      pieces.push(character)
      depth++
      breakLine()
      i++
    } else if (character === '}' || character === ']') {
      depth--
      breakLine()
      pieces.push(character)
      i++
    } else if (character === ',') {
      pieces.push(',')
      if (newline === undefined) pieces.push(style.gap)
      breakLine()
      i++
    } else if (character === ':') {
      pieces.push(style.colon)
      i++
    } else {
      const end = valueEnd(text, i)
      pieces.push(text.slice(i, end))
      i = end
    }
  }
  return pieces.join('')
}

function skipSpace(text: string, position: number): number {
  let i = position
  for (;;) {
    const code = text.charCodeAt(i)
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return i
    i++
  }
}

/** Where the string that begins at a position ends; the text is known to be JSON. */
function stringEnd(text: string, position: number): number {
  for (let i = position + 1; ; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x22) return i + 1
    if (code === 0x5c) i++
  }
}

/** Where the value that begins at a position ends; the text is known to be JSON. */
function valueEnd(text: string, position: number): number {
  const first = text.charCodeAt(position)
  if (first === 0x22) return stringEnd(text, position)
  let i = position
  if (first !== 0x7b && first !== 0x5b) {
    while (i < text.length && !/[\s,:[\]{}]/.test(text[i] as string)) i++
    return i
  }
  let depth = 0
  for (;;) {
    const code = text.charCodeAt(i)
    if (code === 0x22) {
      i = stringEnd(text, i)
      continue
    }
    if (code === 0x7b || code === 0x5b) depth++
    else if (code === 0x7d || code === 0x5d) depth--
    i++
    if (depth === 0) return i
  }
}
