/** One measurement: runs one task in this process and prints what it took. */
import { readFileSync } from 'node:fs'
import { imageTasks, indexTasks, layoutTasks, preparations, type Subject, type Told } from './tasks.ts'

const [name = '', given = ''] = process.argv.slice(2)
const task = { ...imageTasks, ...indexTasks, ...layoutTasks, ...preparations }[name]
if (task === undefined) throw new Error(`There is no task ${JSON.stringify(name)}`)
const started = performance.now()
const before = process.cpuUsage()
const told = (await task(JSON.parse(given) as Subject)) as Told | undefined
const { user, system } = process.cpuUsage(before)
const wall = (performance.now() - started) / 1000
process.stdout.write(
  JSON.stringify({ wall, cpu: (user + system) / 1e6, peak: peakMemory(), ...(told ?? {}) }),
)

/**
 * The most memory that this process had in use, in bytes. On Linux what the system counts as such begins with what the
 * parent had when it made this process, so there the program's own is asked for.
 */
function peakMemory(): number {
  try {
    const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
    if (kibibytes !== undefined) return Number(kibibytes) * 1024
  } catch {}
  return process.resourceUsage().maxRSS * 1024
}
