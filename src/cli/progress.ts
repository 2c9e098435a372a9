/** How far work has come, on standard error, where that is a terminal: a bar for each thing under way. */
import { formatSize, type Output } from './terminal.ts'

/** Bars that overwrite themselves; silent where there is no terminal. */
export interface Progress {
  /**
   * Shows how far one thing has come, in bytes; the same name again moves its bar. Without a total it shows the
   * bytes alone.
   */
  show(name: string, done: number, total?: number): void
  /** Takes a bar away, its work being done. */
  finish(name: string): void
  /** Takes all bars away, before anything else is written and at the end. */
  clear(): void
}

interface Bar {
  done: number
  total: number | undefined
}

/** Redraws at the most 10 times a second, so that a fast copy is not slowed by its own progress. */
export function createProgress(stream: Output, now: () => number = Date.now): Progress {
  if (!stream.isTTY) return { show() {}, finish() {}, clear() {} }
  const bars = new Map<string, Bar>()
  let drawnAt = Number.NEGATIVE_INFINITY
  let drawn = 0
  const clear = () => {
    // Up to the first line drawn, and everything from there on away.
    if (drawn > 0) stream.write(`${drawn > 1 ? `\u001b[${drawn - 1}A` : ''}\r\u001b[J`)
    drawn = 0
  }
  return {
    show(name, done, total) {
      const bar = bars.get(name)
      if (bar === undefined) bars.set(name, { done, total })
      else {
        bar.done = done
        bar.total = total
      }
      if (now() - drawnAt < 100) return
      drawnAt = now()
      clear()
      const room = Math.max(1, Math.min(bars.size, (stream.rows ?? 24) - 1))
      const lines = [...bars].slice(0, room).map(([label, shown]) => barLine(label, shown, stream.columns))
      drawn = lines.length
      stream.write(lines.join('\n'))
    },
    finish: (name) => void bars.delete(name),
    clear() {
      bars.clear()
      clear()
    },
  }
}

/** One line, a column shorter than the terminal so that it never wraps. */
function barLine(name: string, { done, total }: Bar, columns = 80): string {
  const sizes = total === undefined ? formatSize(done) : `${formatSize(done)} of ${formatSize(total)}`
  const width = Math.min(30, columns - name.length - sizes.length - 7)
  if (total === undefined || width < 5) return `${name}  ${sizes}`.slice(0, columns - 1)
  const filled = Math.floor(Math.min(1, total === 0 ? 1 : done / total) * width)
  return `${name}  [${'='.repeat(filled)}${' '.repeat(width - filled)}]  ${sizes}`.slice(0, columns - 1)
}
