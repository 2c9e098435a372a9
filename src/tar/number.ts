/**
 * Numbers in header fields: octal digits, or GNU's base-256 (two's complement, first bit set) for what octal
 * cannot hold.
 * @see https://www.gnu.org/software/tar/manual/html_node/Extensions.html
 */

/** The number in a field, or NaN where it is none or is beyond ±(2^53 - 1). An empty field is 0. */
export function parseNumber(bytes: Uint8Array, at: number, length: number): number {
  return (bytes[at]! & 0x80) === 0 ? parseOctal(bytes, at, length) : parseBinary(bytes, at, length)
}

/**
 * The octal number in a field, or NaN. Spaces and NULs stand before and after it in every mix that old writers
 * thought of; what follows a NUL after the digits is not looked at, as in Go.
 */
export function parseOctal(bytes: Uint8Array, at: number, length: number): number {
  const end = at + length
  let i = at
  while (i < end && (bytes[i] === 0x20 || bytes[i] === 0)) i++
  let value = 0
  for (; i < end; i++) {
    const digit = bytes[i]! ^ 0x30
    if (digit > 7) break
    value = value * 8 + digit
  }
  if (i === end || bytes[i] === 0) return value
  for (; i < end; i++) if (bytes[i] !== 0x20 && bytes[i] !== 0) return Number.NaN
  return value
}

function parseBinary(bytes: Uint8Array, at: number, length: number): number {
  // For a negative number all bits are turned: -a - 1 is ~a.
  const mask = (bytes[at]! & 0x40) === 0 ? 0 : 0xff
  let value = (bytes[at]! ^ mask) & 0x7f
  for (let i = at + 1; i < at + length; i++) {
    value = value * 256 + (bytes[i]! ^ mask)
    if (value > Number.MAX_SAFE_INTEGER) return Number.NaN
  }
  if (mask === 0) return value
  return value === Number.MAX_SAFE_INTEGER ? Number.NaN : -1 - value
}

/** Whether a field of this length holds the number as octal digits and a NUL. */
export function fitsOctal(length: number, value: number): boolean {
  // The two lengths that there are, since `**` costs more than all else in a header.
  return (
    value >= 0 && value < (length === 8 ? 0o10000000 : length === 12 ? 0o100000000000 : 8 ** (length - 1))
  )
}

/** Whether a field of this length holds the number in base-256 with a first byte of 0x80 or 0xff. */
export function fitsBinary(length: number, value: number): boolean {
  const bound = 2 ** ((length - 1) * 8)
  return value >= -bound && value < bound
}

/** Writes octal digits, zeros before them and a NUL after; zero where the number does not fit. */
export function writeOctal(bytes: Uint8Array, at: number, length: number, value: number): void {
  let rest = fitsOctal(length, value) ? value : 0
  let i = at + length - 2
  // Bit operators take 32 bits, and size and time have 33.
  for (; rest > 0x7fffffff; i--) {
    bytes[i] = 0x30 + (rest % 8)
    rest = Math.floor(rest / 8)
  }
  for (; i >= at; i--) {
    bytes[i] = 0x30 + (rest & 7)
    rest >>>= 3
  }
  bytes[at + length - 1] = 0
}

/** Writes octal digits where they fit, else base-256. */
export function writeNumber(bytes: Uint8Array, at: number, length: number, value: number): void {
  if (fitsOctal(length, value)) {
    writeOctal(bytes, at, length, value)
    return
  }
  let rest = value
  for (let i = at + length - 1; i >= at; i--) {
    const low = ((rest % 256) + 256) % 256
    bytes[i] = low
    rest = (rest - low) / 256
  }
  bytes[at] = bytes[at]! | 0x80
}
