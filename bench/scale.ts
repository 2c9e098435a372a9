/**
 * How time and memory grow: layers from 1 000 to 1 000 000 entries and from 64 MiB to 4 GiB, an index of up to 10 000
 * manifests, a layout of up to 100 000 blobs. Each task runs in a process of its own.
 *
 * Run: npm run bench:scale -- [--task NAME] [--quick] [--json] [--directory DIR] [--plot FILE.svg]
 *
 * All is made below DIR (the directory for temporary files when absent): up to 6 GB at a time, removed at the end. On a
 * memory file system the library is measured, elsewhere the disk with it.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { bundleChild, type Figures, measure } from './scale/measure.ts'
import { type Panel, plot } from './scale/plot.ts'
import { imageTasks, indexTasks, layoutTasks, type Subject } from './scale/tasks.ts'

const MiB = 1 << 20

/** One line of the table. */
interface Row extends Figures {
  readonly task: string
  readonly kind: Subject['kind']
  readonly count: number
}

const { values: flags } = parseArgs({
  options: {
    task: { type: 'string' },
    quick: { type: 'boolean' },
    json: { type: 'boolean' },
    directory: { type: 'string' },
    plot: { type: 'string' },
  },
})

const subjects: readonly {
  kind: Subject['kind']
  counts: readonly number[]
  quick: readonly number[]
  tasks: readonly string[]
}[] = [
  { kind: 'entries', counts: [1e3, 1e4, 1e5, 1e6], quick: [1e3, 1e5], tasks: Object.keys(imageTasks) },
  {
    kind: 'bytes',
    counts: [64 * MiB, 256 * MiB, 1024 * MiB, 4096 * MiB],
    quick: [64 * MiB, 256 * MiB],
    tasks: Object.keys(imageTasks),
  },
  { kind: 'manifests', counts: [1e2, 1e3, 1e4], quick: [1e2, 1e4], tasks: Object.keys(indexTasks) },
  { kind: 'blobs', counts: [1e3, 1e4, 1e5], quick: [1e3, 1e4], tasks: Object.keys(layoutTasks) },
]

const root = mkdtempSync(join(flags.directory ?? tmpdir(), 'oci-ts-scale-'))
const rows: Row[] = []
try {
  const bundle = join(root, 'child.mjs')
  await bundleChild(bundle)
  const { peak } = await measure(bundle, 'nothing', { directory: root, kind: 'bytes', count: 0 })
  say(`a process that does nothing: ${mebibytes(peak)} MiB\n`)
  say(line(['task', 'of', 'cpu s', 'wall s', 'cpu', 'peak MiB']))
  for (const { kind, counts, quick, tasks } of subjects) {
    const wanted = tasks.filter((task) => flags.task === undefined || task.includes(flags.task))
    if (wanted.length === 0) continue
    for (const count of flags.quick ? quick : counts) {
      const subject = { directory: join(root, `${kind}-${count}`), kind, count }
      await measure(bundle, 'make', subject)
      for (const task of tasks) {
        // What is packed is what was unpacked.
        if (!wanted.includes(task) && !(task === 'unpack' && wanted.includes('pack'))) continue
        const row = { task, kind, count, ...(await measure(bundle, task, subject)) }
        rows.push(row)
        say(line(columns(row)))
        await measure(bundle, task === 'pack' ? 'cleanUnpacked' : 'clean', subject)
      }
      rmSync(subject.directory, { recursive: true, force: true })
      if (flags.plot !== undefined) writeFileSync(flags.plot, plot(panels()))
    }
  }
  if (flags.json) process.stdout.write(`${JSON.stringify({ idle: peak, rows }, null, 2)}\n`)
} finally {
  rmSync(root, { recursive: true, force: true })
}

function say(text: string): void {
  if (!flags.json) console.log(text)
}

function line(columns: readonly string[]): string {
  return columns.map((text, position) => (position < 1 ? text.padEnd(18) : text.padStart(11))).join(' ')
}

function columns({ task, kind, count, cpu, wall, peak, held }: Row): string[] {
  const memory = held === undefined ? mebibytes(peak) : `${mebibytes(peak)} (${mebibytes(held)} held)`
  return [task, sizeOf(kind, count), cpu.toFixed(2), wall.toFixed(2), rateOf(kind, count, cpu), memory]
}

function sizeOf(kind: Subject['kind'], count: number): string {
  return kind === 'bytes' ? `${count / MiB} MiB` : `${count}`
}

function rateOf(kind: Subject['kind'], count: number, cpu: number): string {
  return kind === 'bytes'
    ? `${((cpu * 1e3) / (count / MiB)).toFixed(2)} ms/MiB`
    : `${((cpu * 1e6) / count).toFixed(2)} us`
}

function mebibytes(bytes: number): string {
  return (bytes / MiB).toFixed(0)
}

/** Time and memory of each task on images, by entries and by bytes. What a merged tree holds is not in its memory. */
function panels(): Panel[] {
  return (['entries', 'bytes'] as const).flatMap((kind): Panel[] => {
    const of = (value: (row: Row) => number) =>
      Object.keys(imageTasks)
        .map((name) => ({
          name,
          points: rows
            .filter((row) => row.kind === kind && row.task === name)
            .map((row) => [row.count, value(row)] as const),
        }))
        .filter(({ points }) => points.length > 0)
    if (of(() => 0).length === 0) return []
    const xLabel = (count: number) =>
      kind === 'entries' ? count.toLocaleString('en').replaceAll(',', ' ') : sizeOf(kind, count)
    const unit = kind === 'entries' ? 'us' : 'ms'
    return [
      {
        title: kind === 'entries' ? 'Processor time an entry' : 'Processor time a MiB of tar',
        series: of((row) =>
          kind === 'entries' ? (row.cpu * 1e6) / row.count : (row.cpu * 1e3) / (row.count / MiB),
        ),
        xLabel,
        yLabel: (y) => `${y} ${unit}`,
        isLinear: false,
      },
      {
        title: `Peak memory, by ${kind === 'entries' ? 'entries' : 'size of the layer'}`,
        series: of((row) => (row.peak - (row.held ?? 0)) / MiB),
        xLabel,
        yLabel: (y) => `${y} MiB`,
        isLinear: true,
        limit: 128,
      },
    ]
  })
}
