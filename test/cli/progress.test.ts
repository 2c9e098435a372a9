import { describe, expect, test } from 'vitest'
import { createProgress } from '../../src/cli/progress.ts'

/** A terminal that keeps what is on it: enough of one for cursor-up, carriage return and erase-below. */
function screen(columns = 70, rows = 24) {
  let lines = ['']
  let at = 0
  return {
    isTTY: true,
    columns,
    rows,
    once: () => undefined,
    write(chunk: string | Uint8Array) {
      for (const [token] of String(chunk).matchAll(/\u001b\[\d*[A-Z]|\r|\n|[^\u001b\r\n]+/g)) {
        if (token === '\n') lines[++at] ??= ''
        else if (token === '\u001b[J') {
          lines = lines.slice(0, at + 1)
          lines[at] = ''
        } else if (token.endsWith('A')) at -= Number(token.slice(2, -1))
        else if (token !== '\r') lines[at] += token
      }
      return true
    },
    shown: () => lines,
  }
}

describe('bars', () => {
  test('each thing has its own, which moves, and goes', () => {
    const terminal = screen()
    let now = 0
    const progress = createProgress(terminal, () => (now += 1000))
    progress.show('all', 0, 200)
    progress.show('sha256:aaaa', 50, 100)
    expect(terminal.shown()).toEqual([
      'all  [                              ]  0 B of 200 B',
      'sha256:aaaa  [===============               ]  50 B of 100 B',
    ])
    progress.finish('sha256:aaaa')
    progress.show('all', 200, 200)
    expect(terminal.shown()).toEqual(['all  [==============================]  200 B of 200 B'])
    progress.clear()
    expect(terminal.shown()).toEqual([''])
  })

  test('no line is wider than the terminal, and there are no more than it has rows', () => {
    const terminal = screen(40, 5)
    let now = 0
    const progress = createProgress(terminal, () => (now += 1000))
    for (let blob = 0; blob < 20; blob++) progress.show(`sha256:${'0'.repeat(12)}${blob}`, blob, 20)
    expect(terminal.shown()).toHaveLength(4)
    expect(Math.max(...terminal.shown().map((line) => line.length))).toBeLessThan(40)
  })

  test('at most ten times a second', () => {
    const terminal = screen()
    let writes = 0
    const counted = { ...terminal, write: () => ++writes > 0 }
    let now = 0
    const progress = createProgress(counted, () => now++)
    for (let step = 0; step < 1000; step++) progress.show('all', step, 1000)
    // 10 drawings in a thousand milliseconds, each after the first taking away the one before.
    expect(writes).toBe(19)
  })

  test('a total of nothing, and more than the total, are whole bars', () => {
    const terminal = screen()
    const progress = createProgress(terminal, () => 0)
    progress.show('empty', 0, 0)
    expect(terminal.shown()[0]).toContain(`[${'='.repeat(30)}]`)
  })

  test('nothing is written where there is no terminal', () => {
    let writes = 0
    const progress = createProgress({ write: () => ++writes > 0, once: () => undefined })
    progress.show('all', 1, 2)
    progress.finish('all')
    progress.clear()
    expect(writes).toBe(0)
  })
})
