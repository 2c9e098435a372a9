/** Names in archives: bytes to which nobody has to have an encoding, read as UTF-8. */
import { encodeUtf8, equalBytes } from '../bytes.ts'

const decoder: TextDecoder = /* @__PURE__ */ new TextDecoder('utf-8', { ignoreBOM: true })

/** The text of bytes `start` to `end`, undecodable ones as U+FFFD. */
export function decodeText(bytes: Uint8Array, start: number, end: number): string {
  // Names are nearly always short ASCII, where building the string costs a third of a TextDecoder call.
  if (end - start > 128) return decoder.decode(bytes.subarray(start, end))
  let text = ''
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!
    if (byte > 0x7f) return decoder.decode(bytes.subarray(start, end))
    text += String.fromCharCode(byte)
  }
  return text
}

/** A copy of the bytes that `text` was decoded from where they cannot be had back from it, else undefined. */
export function undecodable(
  text: string,
  bytes: Uint8Array,
  start: number,
  end: number,
): Uint8Array<ArrayBuffer> | undefined {
  // V8 answers this at once for ASCII: a one-byte string cannot contain it.
  if (!text.includes('\uFFFD')) return undefined
  const raw = bytes.slice(start, end)
  return equalBytes(encodeUtf8(text), raw) ? undefined : raw
}

/** Where the text that starts at `at` ends: its first NUL, or the field's end. */
export function textEnd(bytes: Uint8Array, at: number, length: number): number {
  let end = at
  while (end < at + length && bytes[end] !== 0) end++
  return end
}

/** Text as an error message shows it: quoted, cut to 100 characters. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text)
}
