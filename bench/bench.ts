/**
 * The project beside its peers: each task is done in turns by both, and a table of ratios comes out.
 *
 * Run: npm run bench -- --help
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { compare } from './compare.ts'
import { describeMachine } from './machine.ts'
import { run } from './measure.ts'
import { Programs } from './peers/find.ts'
import { memoryRow, type Row, rowsOf } from './result.ts'
import { renderTable } from './table.ts'
import { allTasks } from './tasks/all.ts'
import { Workshop } from './workshop.ts'

const usage = `Usage: npm run bench -- [options]

Does each task by this project and by its peers, in turns, and prints the ratios. Builds first. Works on Linux.

  --task NAME   only this task; may come several times
  --quick       on a small image and with three runs: to see that it works
  --runs N      how many runs of each side count (default: 5)
  --json FILE   write all figures there
  --own-peers   the machine's own skopeo, umoci, tar and so on, where Debian 13's would be taken
  --no-build    take dist/ as it is
  --help

Exits with 0 when it ran: a missed goal is a word in the table.

Environment:
  OCI_TS_BENCH_CACHE   where the images and peers are kept (default: .cache/bench); made when they are not there,
                       as root, with mmdebstrap
`

const project = fileURLToPath(new URL('..', import.meta.url))

function main(): void {
  const { values } = parseArgs({
    options: {
      task: { type: 'string', multiple: true },
      quick: { type: 'boolean', default: false },
      runs: { type: 'string' },
      json: { type: 'string' },
      'own-peers': { type: 'boolean', default: false },
      'no-build': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const cache = process.env.OCI_TS_BENCH_CACHE ?? fileURLToPath(new URL('../.cache/bench', import.meta.url))
  if (values.help) {
    process.stdout.write(usage)
    return
  }
  const runs = Number(values.runs ?? (values.quick ? 3 : 5))
  if (!(Number.isInteger(runs) && runs > 0)) throw new Error('--runs takes a number of 1 or more')

  const programs = new Programs(cache, values['own-peers'])
  const tasks = allTasks(programs)
  const names = tasks.map(({ name }) => name)
  const unknown = values.task?.find((name) => !names.includes(name))
  if (unknown !== undefined) throw new Error(`There is no task ${unknown}: there are ${names.join(', ')}`)
  const chosen = tasks.filter(({ name }) => values.task?.includes(name) ?? true)

  if (!values['no-build']) run('npm', ['run', '--silent', 'build'], project)
  const machine = describeMachine()
  const image = values.quick ? 'minbase' : 'large'
  using workshop = new Workshop({ cache, image, entries: values.quick ? 20_000 : 1_000_000 })
  // `using` does not see a signal, and gigabytes of memory would stay taken.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      workshop[Symbol.dispose]()
      process.exit(1)
    })
  }

  const rows: Row[] = []
  for (const task of chosen) {
    process.stderr.write(`${task.name}: `)
    const comparison = task.prepare(workshop)
    const measured = compare(comparison, runs)
    comparison.cleanUp?.()
    const added = rowsOf(task, comparison, measured)
    for (const { value, peer, note } of added) {
      process.stderr.write(peer === undefined ? `${note} ` : `${value.toFixed(2)} of ${peer}; `)
    }
    process.stderr.write('\n')
    rows.push(...added)
    if (values.json !== undefined) {
      // After each task: a long run that is stopped leaves what it has.
      const report = {
        machine,
        image,
        where: workshop.where,
        runs,
        absent: programs.absent,
        rows: [...rows, memoryRow(rows)],
      }
      writeFileSync(values.json, `${JSON.stringify(report, undefined, 2)}\n`)
    }
  }
  if (rows.length > 0) rows.push(memoryRow(rows))

  console.log(machine)
  console.log(
    `Image ${image}, ${runs} runs of each, in turns, in ${workshop.where}. Ratios are ours to the peer's.\n`,
  )
  console.log(renderTable(rows))
  for (const { name, absent } of programs.absent) console.log(`\nNot here: ${name} (${absent})`)
}

main()
