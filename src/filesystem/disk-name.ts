/**
 * File names as a disk has them: bytes, which need not be UTF-8.
 *
 * Names travel as strings here, so each byte that is not part of valid UTF-8 is written as the lone surrogate
 * U+DC00 + byte, as Python's `surrogateescape` does: no valid name has one, so it can be turned back exactly.
 */

const ESCAPED = /[\udc80-\udcff]/

const encoder = /* @__PURE__ */ new TextEncoder()

/** The string that stands for a name's bytes. */
export function nameFromBytes(bytes: Uint8Array): string {
  let name = ''
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at)
    if (length === 0) name += String.fromCharCode(0xdc00 + bytes[at++]!)
    else {
      name += new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(at, at + length))
      at += length
    }
  }
  return name
}

/** The bytes that a string of {@link nameFromBytes} stands for. */
export function nameToBytes(name: string): Uint8Array<ArrayBuffer> {
  if (!isEscaped(name)) return encoder.encode(name)
  const bytes: number[] = []
  for (const character of name) {
    const code = character.charCodeAt(0)
    if (character.length === 1 && code >= 0xdc80 && code <= 0xdcff) bytes.push(code - 0xdc00)
    else bytes.push(...encoder.encode(character))
  }
  return new Uint8Array(bytes)
}

/** Whether a name has bytes that are not UTF-8. */
export function isEscaped(name: string): boolean {
  return ESCAPED.test(name)
}

/** A path as Node's file system calls want it: a string, or bytes where a string cannot say it. */
export function diskPath(path: string): string {
  // Node takes any Uint8Array of a path, though its types speak of strings and Buffers only.
  return isEscaped(path) ? (nameToBytes(path) as unknown as string) : path
}

/** Order of the names' UTF-8 bytes, which UTF-16's order is not from U+D800 on. */
export function compareNames(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x === y) continue
    return x < 0xd800 && y < 0xd800 ? x - y : compareBytes(nameToBytes(a), nameToBytes(b))
  }
  return a.length - b.length
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}

/** Bytes of the valid UTF-8 sequence at an offset, 0 where there is none. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!
  if (first < 0x80) return 1
  const length =
    first >= 0xc2 && first <= 0xdf
      ? 2
      : first >= 0xe0 && first <= 0xef
        ? 3
        : first >= 0xf0 && first <= 0xf4
          ? 4
          : 0
  if (length === 0 || at + length > bytes.length) return 0
  for (let i = 1; i < length; i++) if ((bytes[at + i]! & 0xc0) !== 0x80) return 0
  const second = bytes[at + 1]!
  if (first === 0xe0 && second < 0xa0) return 0
  if (first === 0xed && second > 0x9f) return 0
  if (first === 0xf0 && second < 0x90) return 0
  if (first === 0xf4 && second > 0x8f) return 0
  return length
}
