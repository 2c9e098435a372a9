/** The bench itself: who runs when, what is counted, and that a wrong result cannot win. */
import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { mustBe } from '../../bench/agreement.ts'
import { compare } from '../../bench/compare.ts'
import { plainName } from '../../bench/fingerprint.ts'
import { measure } from '../../bench/measure.ts'
import { isMet, rowsOf } from '../../bench/result.ts'
import { shell } from '../../bench/shell.ts'
import { median } from '../../bench/statistics.ts'
import { renderTable } from '../../bench/table.ts'
import type { Side, Task } from '../../bench/task.ts'
import { peerTest } from '../interop/peers.ts'
import { largeScratch } from '../interop/scratch.ts'

describe('measuring', () => {
  peerTest('counts the processor and the memory of what a command started', ['python3'], () => {
    const work = 'const a = Buffer.alloc(200 << 20, 1); while (process.cpuUsage().user < 3e5);'
    const { cpu, peakMiB } = measure(shell([`'${process.execPath}' -e '${work}'`, 'true']))
    expect(cpu).toBeGreaterThan(0.3)
    expect(peakMiB).toBeGreaterThan(200)
  })

  peerTest('fails where the command does, also within a pipe', ['python3'], () => {
    expect(() => measure(shell(['false | cat']))).toThrow('failed with 1')
  })
})

describe('comparing', () => {
  peerTest('checks each side once, then runs them in turns', ['python3'], () => {
    const log = join(largeScratch(), 'log')
    const side = (name: string): Side => ({
      command: shell([`echo run ${name} >> ${log}; echo out ${name}`]),
      reset: () => appendFileSync(log, `reset ${name}\n`),
      check: (stdout) => stdout.trim(),
    })
    const peer = { ...side('b'), name: 'b', version: '1', goal: 0.5 }
    const comparison = { ours: side('a'), peers: [peer] }
    const measured = compare(comparison, 2)
    expect(measured.notes).toEqual(['out a', 'out b'])
    const turn = ['reset a', 'run a', 'reset b', 'run b']
    expect(readFileSync(log, 'utf8').trim().split('\n')).toEqual([...turn, ...turn, ...turn])

    const task: Task = { name: 'task', title: 'A task', prepare: () => comparison }
    const table = renderTable(rowsOf(task, comparison, measured))
    expect(table).toMatch(/\| A task \| b 1 +\| .*<= 0\.5/)
    expect(table).toContain('out a / out b')
  })

  peerTest('lets no side win whose result is wrong', ['python3'], () => {
    const ours: Side = {
      command: ['true'],
      check: () => {
        mustBe('the result', 'a', 'b')
        return undefined
      },
    }
    expect(() => compare({ ours, peers: [] }, 1)).toThrow('the result is wrong')
  })
})

test('rows are of the ratios of the pairs, not of the medians', () => {
  const figures = (wall: number) => ({ wall, cpu: 1, peakMiB: 10 })
  const side: Side = { command: [], check: () => undefined }
  const task: Task = { name: 'task', title: 'A task', prepare: () => ({ ours: side, peers: [] }) }
  const [row] = rowsOf(
    task,
    { ours: side, peers: [{ ...side, name: 'b', version: '1', goal: 0.5 }] },
    {
      ours: [1, 3, 10].map(figures),
      peers: [[2, 10, 10].map(figures)],
      notes: [],
    },
  )
  expect(row!.wall).toEqual({ median: 0.5, least: 0.3, most: 1 })
  expect(isMet(row!)).toBe(true)
})

test('the median of an even number is the mean of the middle', () => {
  expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5])
})

test('names of tar lists are told apart by what they name alone', () => {
  expect(['.', './', '/a/b/', './.wh.x', '.hidden/x'].map(plainName)).toEqual([
    '',
    '',
    'a/b',
    '.wh.x',
    '.hidden/x',
  ])
})
