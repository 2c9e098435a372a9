import fs, { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { CHUNK_SIZE } from '../../src/bytes.ts'
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

test('a file that is given up is closed when nothing is written to it any more', async () => {
  const path = directory()
  const steps: string[] = []
  const { write, closeSync } = fs
  const slow = vi.spyOn(fs, 'write') as unknown as {
    mockImplementation(made: unknown): void
    mockRestore(): void
  }
  slow.mockImplementation((...given: Parameters<typeof write>) => {
    setTimeout(() => {
      steps.push('written')
      write(...given)
    }, 10)
  })
  const closing = vi.spyOn(fs, 'closeSync').mockImplementation((fd) => {
    steps.push('closed')
    closeSync(fd)
  })
  onTestFinished(() => {
    slow.mockRestore()
    closing.mockRestore()
  })
  const file = TemporaryFile.create(path, false)
  const room = await file.leaveRoom(2 * CHUNK_SIZE)
  // What is gathered is written behind the back of who wrote it.
  for (let part = 0; part < 5; part++) await room.write(filled(CHUNK_SIZE / 4 - 1, 1))
  await file.discard()
  expect(steps).toEqual(['written', 'closed'])
  expect(readdirSync(path)).toEqual([])
})
