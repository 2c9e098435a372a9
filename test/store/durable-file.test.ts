import fs, { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type ByteSink, CHUNK_SIZE } from '../../src/bytes.ts'
import { TemporaryFile } from '../../src/store/durable-file.ts'

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'oci-ts-durable-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

const filled = (length: number, byte: number) => new Uint8Array(length).fill(byte)

test('room that is left is written beside the rest, and is where it was left', async () => {
  const path = directory()
  const file = TemporaryFile.create(path, false)
  await file.write(filled(3, 1))
  const first = await file.leaveRoom(CHUNK_SIZE + 5)
  await file.write(filled(2, 2))
  const second = await file.leaveRoom(4)
  const none = await file.leaveRoom(0)
  await file.write(filled(1, 3))
  await second.write(filled(4, 5))
  await none.end()
  for (const length of [7, CHUNK_SIZE - 3, 1]) await first.write(filled(length, 4))
  await second.end()
  await first.end()
  await file.end()
  file.commit(join(path, 'whole'))
  const runs = readFileSync(join(path, 'whole'), 'latin1').match(/(.)\1*/gs)
  expect(runs!.map((run) => [run.charCodeAt(0), run.length])).toEqual([
    [1, 3],
    [4, CHUNK_SIZE + 5],
    [2, 2],
    [5, 4],
    [3, 1],
  ])
})

describe('a file that is given up', () => {
  /** Makes each write take its time, and notes what happens in what order. */
  function slowly(): string[] {
    const steps: string[] = []
    const { write, closeSync } = fs
    const slow = vi.spyOn(fs, 'write') as unknown as {
      mockImplementation(made: unknown): void
      mockRestore(): void
    }
    slow.mockImplementation((...given: unknown[]) => {
      const done = given.pop() as (...result: unknown[]) => void
      steps.push('begun')
      setTimeout(
        () =>
          (write as (...all: unknown[]) => void)(...given, (...result: unknown[]) => {
            steps.push(result[0] === null ? 'written' : 'failed')
            done(...result)
          }),
        10,
      )
    })
    const closing = vi.spyOn(fs, 'closeSync').mockImplementation((fd) => {
      steps.push('closed')
      closeSync(fd)
    })
    onTestFinished(() => {
      slow.mockRestore()
      closing.mockRestore()
    })
    return steps
  }

  const chunks: readonly [what: string, write: (sink: ByteSink) => unknown, begun: number][] = [
    ['a large chunk', (sink) => sink.write(filled(CHUNK_SIZE, 1)), 1],
    [
      'more than is gathered',
      (sink) => sink.write(filled(CHUNK_SIZE / 4 - 1, 1)) ?? sink.write(filled(3 * CHUNK_SIZE, 1)),
      1,
    ],
    [
      'what is gathered',
      async (sink) => {
        for (let part = 0; part < 5; part++) await sink.write(filled(CHUNK_SIZE / 4 - 1, 1))
      },
      1,
    ],
    [
      'the end',
      async (sink) => {
        await sink.write(filled(10, 1))
        await sink.end()
      },
      1,
    ],
  ]

  for (const [where, sinkOf] of [
    ['the file', async (file: TemporaryFile) => file],
    ['a part', (file: TemporaryFile) => file.leaveRoom(8 * CHUNK_SIZE)],
  ] as const) {
    test.each(chunks)(
      `is closed when nothing is written to ${where} any more: %s`,
      async (_, write, begun) => {
        const path = directory()
        const steps = slowly()
        const file = TemporaryFile.create(path, false)
        const sink = await sinkOf(file)
        // Nobody waits for it: who wrote has gone.
        const writing = Promise.resolve(write(sink)).catch(() => {})
        await new Promise((resolve) => setTimeout(resolve))
        await file.discard()
        expect(steps.at(-1)).toBe('closed')
        expect(steps.filter((step) => step === 'begun')).toHaveLength(begun)
        expect(steps.filter((step) => step === 'written')).toHaveLength(begun)
        const then = [...steps]
        await writing
        await new Promise((resolve) => setTimeout(resolve, 50))
        expect(steps).toEqual(then)
        expect(readdirSync(path)).toEqual([])
      },
    )
  }
})

test('parts let go of their memory when they are written', async () => {
  const file = TemporaryFile.create(directory(), false)
  onTestFinished(() => file.discard())
  const made: WeakRef<ArrayBuffer>[] = []
  const { write } = fs
  // Not by a spy, which keeps what it was called with.
  fs.write = ((fd: number, bytes: Uint8Array, ...given: unknown[]) => {
    made.push(new WeakRef(bytes.buffer as ArrayBuffer))
    return (write as (...all: unknown[]) => void)(fd, bytes, ...given)
  }) as typeof write
  onTestFinished(() => {
    fs.write = write
  })
  const parts: ByteSink[] = []
  for (let i = 0; i < 20; i++) {
    const part = await file.leaveRoom(10)
    await part.write(filled(10, i))
    await part.end()
    parts.push(part)
  }
  expect(made).toHaveLength(20)
  const { setFlagsFromString } = await import('node:v8')
  setFlagsFromString('--expose-gc')
  const gc = (await import('node:vm')).runInNewContext('gc') as () => void
  await new Promise((resolve) => setTimeout(resolve))
  gc()
  expect(made.filter((buffer) => buffer.deref() !== undefined).length).toBeLessThan(3)
  expect(parts).toHaveLength(20)
})
