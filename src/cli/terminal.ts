/**
 * What is written where: results to standard output, progress and warnings to standard error, colours and
 * progress only on a terminal.
 */
import process from 'node:process'

/** Styles that the command uses, each a pair of SGR codes. */
const styles = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const

/** A stream to a person: knows whether it is a terminal and whether colours are wanted. */
export interface Terminal {
  /** Writes a line; lines come from images, so it makes control characters harmless. */
  line(text?: string): void
  /** Wraps a text in a style, or leaves it as it is where colours are not wanted. */
  style(name: keyof typeof styles, text: string): string
  /** Columns, 120 where there is no terminal. */
  readonly columns: number
}

/**
 * Colours follow https://no-color.org and FORCE_COLOR; otherwise they are for terminals.
 */
export function createTerminal(stream: NodeJS.WriteStream): Terminal {
  const { NO_COLOR: noColor, FORCE_COLOR: forceColor, TERM: term } = process.env
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

/** A progress line that overwrites itself on standard error; silent where that is no terminal. */
export interface ProgressLine {
  show(text: string): void
  clear(): void
}

/** Redraws at the most 10 times a second, so that a fast copy is not slowed by its own progress. */
export function createProgressLine(stream: NodeJS.WriteStream): ProgressLine {
  if (!stream.isTTY) return { show() {}, clear() {} }
  let drawnAt = 0
  let drawn = false
  return {
    show(text) {
      const now = Date.now()
      if (now - drawnAt < 100) return
      drawnAt = now
      drawn = true
      stream.write(`\r\u001b[2K${text.slice(0, (stream.columns ?? 80) - 1)}`)
    },
    clear() {
      if (drawn) stream.write('\r\u001b[2K')
      drawn = false
    },
  }
}

/**
 * A text from an image made safe to print: control characters, which could move the cursor or rename the window,
 * and direction overrides, which could turn a path around, become visible escapes.
 */
export function printable(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
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
