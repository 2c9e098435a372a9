/** What the figures were measured on. */
import { cpus, loadavg, release, totalmem } from 'node:os'

/** A line on this machine: processor, memory, kernel, Node, and how busy it was before. */
export function describeMachine(): string {
  const processors = cpus()
  return [
    `${processors.length} x ${processors[0]?.model ?? 'unknown processor'}`,
    `${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
    `Linux ${release()}`,
    `Node ${process.versions.node}`,
    `load before ${loadavg()[0]!.toFixed(1)}`,
  ].join(', ')
}
