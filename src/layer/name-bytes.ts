/** Names as a file system has them, bytes without an encoding, and as callers have them, text. */
import { encodeUtf8, equalBytes } from '../bytes.ts'

const decoder: TextDecoder = /* @__PURE__ */ new TextDecoder('utf-8', { ignoreBOM: true })

/** The text of a name, undecodable bytes as U+FFFD. */
export function decodeName(bytes: Uint8Array): string {
  // Nearly always short ASCII, where building the string costs a third of a TextDecoder call.
  if (bytes.length > 64) return decoder.decode(bytes)
  let text = ''
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!
    if (byte > 0x7f) return decoder.decode(bytes)
    text += String.fromCharCode(byte)
  }
  return text
}

/** A copy of the bytes that `text` was decoded from where they cannot be had back from it, else undefined. */
export function undecodable(text: string, bytes: Uint8Array): Uint8Array | undefined {
  if (!text.includes('\uFFFD') || equalBytes(encodeUtf8(text), bytes)) return undefined
  return bytes.slice()
}

/** Orders names by their bytes, as `LC_ALL=C sort` does: negative, zero or positive. */
export function compareNames(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}

/** Encodes names one after the other without an allocation for each. */
export class NameEncoder {
  /** What was encoded last, up to the length that {@link NameEncoder.encode} gave. */
  bytes: Uint8Array = new Uint8Array(1024)
  readonly #encoder = new TextEncoder()

  /** Encodes a text into {@link NameEncoder.bytes}; gives how many bytes it takes. */
  encode(text: string): number {
    if (this.bytes.length < text.length * 3) this.bytes = new Uint8Array(text.length * 4)
    const { bytes } = this
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code > 0x7f) return this.#encoder.encodeInto(text, bytes).written
      bytes[i] = code
    }
    return text.length
  }
}

/** Orders texts by their UTF-8 bytes, which is the order of code points; JavaScript's own is that of code units. */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    let left = a.charCodeAt(i)
    let right = b.charCodeAt(i)
    if (left === right) continue
    // Halves of surrogate pairs stand for code points above all others: behind 0xe000 to 0xffff.
    if (left >= 0xd800 && right >= 0xd800) {
      left = left >= 0xe000 ? left - 0x800 : left + 0x2000
      right = right >= 0xe000 ? right - 0x800 : right + 0x2000
    }
    return left - right
  }
  return a.length - b.length
}
