/** The table as text: Markdown that lines up. */
import { isMet, type Row } from './result.ts'
import type { Spread } from './statistics.ts'

/** The heading, then a line for each row. */
export function renderTable(rows: readonly Row[]): string {
  const header = [
    ...['task', 'peer', 'wall ratio (range)', 'CPU ratio', 'wall s', 'CPU s', 'peak MiB', 'goal', ''],
    'output',
  ]
  const cells = rows.map((row) => [
    row.title,
    row.peer?.replaceAll('|', '\\|') ?? '',
    row.wall === undefined ? '' : ratio(row.wall),
    row.cpu === undefined ? '' : row.cpu.median.toFixed(2),
    pair(row, 'wall', 2),
    pair(row, 'cpu', 2),
    pair(row, 'peakMiB', 0),
    goal(row),
    { true: 'met', false: 'missed', undefined: '' }[`${isMet(row)}`],
    row.note ?? '',
  ])
  const lines = [header, header.map(() => ''), ...cells]
  const widths = header.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)))
  return lines
    .map((line, at) => line.map((cell, i) => (at === 1 ? '-'.repeat(widths[i]!) : cell.padEnd(widths[i]!))))
    .map((line) => `| ${line.join(' | ')} |`)
    .join('\n')
}

function ratio({ median, least, most }: Spread): string {
  return `${median.toFixed(2)} (${least.toFixed(2)} to ${most.toFixed(2)})`
}

function pair({ ours, theirs }: Row, of: 'wall' | 'cpu' | 'peakMiB', digits: number): string {
  return [ours, ...(theirs === undefined ? [] : [theirs])].map((side) => side[of].toFixed(digits)).join(' / ')
}

function goal({ task, peer, goal }: Row): string {
  if (goal === undefined) return ''
  if (peer !== undefined) return `<= ${goal}`
  return task === 'memory' ? `<= ${goal} MiB` : `<= ${goal * 1e6} us`
}
