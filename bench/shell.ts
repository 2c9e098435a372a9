/** Commands that are more than one program. */

/** A shell that runs lines, one after the other, and stops at the first that fails, also within a pipe. */
export function shell(lines: readonly string[]): string[] {
  return ['bash', '-c', `set -euo pipefail\n${lines.join('\n')}`]
}

/** Words as a shell reads them. */
export function quoted(...words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')
}
