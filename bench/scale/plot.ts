/** Draws measurements as an SVG that is readable on a light and on a dark page. */

/** One line of a panel. */
export interface Series {
  readonly name: string
  readonly points: readonly (readonly [x: number, y: number])[]
}

/** One diagram: x by powers, y by powers or from zero. */
export interface Panel {
  readonly title: string
  readonly series: readonly Series[]
  readonly xLabel: (value: number) => string
  readonly yLabel: (value: number) => string
  readonly isLinear: boolean
  /** A value of y that is not to be passed. */
  readonly limit?: number | undefined
}

const WIDTH = 430
const HEIGHT = 300
const LEFT = 64
const TOP = 34
const RIGHT = 12
const BOTTOM = 32
const LEGEND = 26

// Mid-tones, told apart on white and on black, also by dashes.
const COLORS = [
  '#3b82f6',
  '#e0662f',
  '#17a06b',
  '#a855d6',
  '#c2a000',
  '#e04878',
  '#0aa5b5',
  '#8a6d3b',
  '#7c8794',
  '#6a9a1f',
  '#b4532a',
]

const STYLE = `
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600 }
.grid { stroke: #8c959f; stroke-opacity: .35 }
.limit { stroke: #d1242f; stroke-dasharray: 6 4; stroke-width: 1.5 }
.line { fill: none; stroke-width: 2; stroke-linejoin: round }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .limit { stroke: #ff7b72 } }
`

/** The panels, two in a row, and one legend for all. */
export function plot(panels: readonly Panel[]): string {
  const names = [...new Set(panels.flatMap(({ series }) => series.map(({ name }) => name)))]
  const rows = Math.ceil(panels.length / 2)
  const perLine = 6
  const legendHeight = LEGEND * Math.ceil(names.length / perLine) + 8
  const height = rows * HEIGHT + legendHeight
  const parts = panels.map((panel, position) => {
    const x = (position % 2) * WIDTH
    const y = Math.floor(position / 2) * HEIGHT
    return `<g transform="translate(${x} ${y})">${drawPanel(panel, names)}</g>`
  })
  const legend = names.map((name, position) => {
    const x = 24 + (position % perLine) * ((2 * WIDTH - 24) / perLine)
    const y = rows * HEIGHT + LEGEND * Math.floor(position / perLine) + 14
    return `<path class="line" d="M${x} ${y}h22" ${stroke(position)}/><text x="${x + 28}" y="${y + 4}">${name}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${2 * WIDTH} ${height}" width="${2 * WIDTH}" height="${height}" role="img"><title>Processor time and peak memory of each task as layers grow</title><style>${STYLE}</style>${parts.join('')}${legend.join('')}</svg>\n`
}

function drawPanel(panel: Panel, names: readonly string[]): string {
  const points = panel.series.flatMap((series) => series.points)
  const xs = [...new Set(points.map(([x]) => x))].sort((a, b) => a - b)
  const ys = points.map(([, y]) => y)
  const [left, right] = [LEFT, WIDTH - RIGHT]
  const [top, bottom] = [TOP, HEIGHT - BOTTOM]
  const [x0, x1] = [Math.log(xs[0]!), Math.log(xs.at(-1)!)]
  const ticks = panel.isLinear ? linearTicks(Math.max(...ys, panel.limit ?? 0)) : powerTicks(ys)
  const scale = panel.isLinear ? (y: number) => y : Math.log
  const [y0, y1] = [scale(ticks[0]!), scale(ticks.at(-1)!)]
  const atX = (x: number) =>
    round(x1 === x0 ? left : left + ((Math.log(x) - x0) / (x1 - x0)) * (right - left))
  const atY = (y: number) => round(bottom - ((scale(y) - y0) / (y1 - y0)) * (bottom - top))
  const grid = ticks.map(
    (y) =>
      `<path class="grid" d="M${left} ${atY(y)}H${right}"/><text x="${left - 6}" y="${atY(y) + 4}" text-anchor="end">${panel.yLabel(y)}</text>`,
  )
  const columns = xs.map((x, position) => {
    const anchor = position === 0 ? 'start' : position === xs.length - 1 ? 'end' : 'middle'
    return `<path class="grid" d="M${atX(x)} ${top}V${bottom}"/><text x="${atX(x)}" y="${bottom + 18}" text-anchor="${anchor}">${panel.xLabel(x)}</text>`
  })
  const lines = panel.series.map(({ name, points }) => {
    const path = points.map(([x, y], position) => `${position === 0 ? 'M' : 'L'}${atX(x)} ${atY(y)}`).join('')
    return `<path class="line" d="${path}" ${stroke(names.indexOf(name))}/>`
  })
  const limit =
    panel.limit === undefined ? '' : `<path class="limit" d="M${left} ${atY(panel.limit)}H${right}"/>`
  return `<text class="title" x="${left}" y="20">${panel.title}</text>${grid.join('')}${columns.join('')}${limit}${lines.join('')}`
}

function stroke(position: number): string {
  const dashes = position < 5 ? '' : ' stroke-dasharray="7 3"'
  return `stroke="${COLORS[position % COLORS.length]}"${dashes}`
}

function linearTicks(most: number): number[] {
  const step = [16, 32, 64, 128, 256, 512, 1024, 2048].find((step) => most / step <= 6) ?? most / 6
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, i) => i * step)
}

function powerTicks(ys: readonly number[]): number[] {
  const first = Math.floor(Math.log10(Math.min(...ys)))
  const last = Math.max(first + 1, Math.ceil(Math.log10(Math.max(...ys))))
  return Array.from({ length: last - first + 1 }, (_, i) => 10 ** (first + i))
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
