/**
 * What is written where: results to standard output, progress and warnings to standard error, colours and
 * progress only on a terminal.
 */

/** Styles that the command uses, each a pair of SGR codes. */
const styles = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const

/** What of a process's stream is used. */
export interface Output {
  /** False when the reader is slower and `drain` is to be waited for. */
  write(chunk: string | Uint8Array): boolean
  once(event: 'drain', listener: () => void): unknown
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  readonly rows?: number | undefined
}

/** A stream to a person: knows whether it is a terminal and whether colours are wanted. */
export interface Terminal {
  /** Writes a line as it is: what comes from an image goes through {@link printable} first. */
  line(text?: string): void
  /** Wraps a text in a style, or leaves it as it is where colours are not wanted. */
  style(name: keyof typeof styles, text: string): string
  /** Columns, 120 where there is no terminal. */
  readonly columns: number
}

/**
 * Colours follow https://no-color.org and FORCE_COLOR; otherwise they are for terminals.
 */
export function createTerminal(
  stream: Output,
  env: Readonly<Record<string, string | undefined>> = {},
): Terminal {
  const { NO_COLOR: noColor, FORCE_COLOR: forceColor, TERM: term } = env
  const coloured =
    noColor !== undefined && noColor !== ''
      ? false
      : forceColor !== undefined && forceColor !== '' && forceColor !== '0'
        ? true
        : stream.isTTY === true && term !== 'dumb'
  return {
    line: (text = '') => void stream.write(`${text}\n`),
    style(name, text) {
      const [on, off] = styles[name]
      return coloured ? `\u001b[${on}m${text}\u001b[${off}m` : text
    },
    columns: stream.isTTY ? (stream.columns ?? 80) : 120,
  }
}

/**
 * A text from an image made safe to print: control characters, which could move the cursor or rename the window,
 * and direction overrides, which could turn a path around, become visible escapes.
 */
export function printable(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Bytes for a person: `0 B`, `612 B`, `2.7 MB`; powers of 1000, as disks and registries count. */
export function formatSize(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}

/** The beginning of a digest that a person tells it by: algorithm and 12 characters. */
export function shortDigest(digest: string): string {
  const colon = digest.indexOf(':')
  return digest.slice(0, colon + 13)
}

/** `1 layer`, `2 layers`. */
export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : plural}`
}
