/**
 * JSON as Go's `encoding/json` writes it: what most image tools are written in. Where a document has to be made
 * anew, writing it so gives it the digest that it has when they make it.
 * @see https://pkg.go.dev/encoding/json#Marshal
 */

/** A member of an object: its name and the text of its value. */
export type JsonMember = readonly [name: string, text: string]

/** A string as Go writes it: as JSON, and what HTML gives meaning to escaped. */
export function goString(text: string): string {
  return escapeHtml(JSON.stringify(text))
}

/** A JSON text without white space, its strings escaped as {@link goString} escapes them: Go's `RawMessage`. */
export function goCompact(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|\s+/g, (part) => (part.startsWith('"') ? escapeHtml(part) : ''))
}

/** An object of members, in their order. */
export function goObject(members: Iterable<JsonMember>): string {
  return `{${Array.from(members, ([name, text]) => `${goString(name)}:${text}`).join(',')}}`
}

/** Members in the order in which Go writes a map: by the bytes of their names. */
export function sortMembers(members: Iterable<JsonMember>): JsonMember[] {
  return [...members].sort(([a], [b]) => compareCodePoints(a, b))
}

/**
 * The members of an object, in order, each value as written: digits beyond 2^53 and escapes are kept.
 * @param text a valid JSON text whose value is an object
 */
export function membersOf(text: string): JsonMember[] {
  const members: JsonMember[] = []
  const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g
  let depth = 0
  let name: string | undefined
  let start = 0
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const [part] = match
    if (depth === 1 && (part === ',' || part === '}') && name !== undefined) {
      members.push([name, text.slice(start, match.index).trim()])
      name = undefined
    }
    if (part === '{' || part === '[') depth++
    else if (part === '}' || part === ']') depth--
    else if (depth === 1 && name === undefined && part.startsWith('"')) {
      name = JSON.parse(part) as string
      start = -1
    } else if (depth === 1 && part === ':' && start < 0) start = token.lastIndex
  }
  return members
}

function escapeHtml(json: string): string {
  return json.replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** UTF-8 sorts as its code points do; JavaScript's own order is that of UTF-16. */
function compareCodePoints(a: string, b: string): number {
  const [left, right] = [[...a], [...b]]
  for (let i = 0; i < left.length && i < right.length; i++) {
    const difference = (left[i] as string).codePointAt(0)! - (right[i] as string).codePointAt(0)!
    if (difference !== 0) return difference
  }
  return left.length - right.length
}
