import * as fs from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { CHUNK_SIZE, concatBytes, giveBack } from '../../src/bytes.ts'
import { OciError } from '../../src/errors.ts'
import { type FilePiecesOptions, filePieces } from '../../src/store/file-pieces.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const length = 4 * CHUNK_SIZE + 12_345

/** A file of some pieces, each byte telling which. */
function sampleFile(): { path: string; content: Uint8Array } {
  const path = join(temporaryDirectory(), 'file')
  const content = Uint8Array.from({ length }, (_, at) => (at >>> 12) * 31 + at)
  fs.writeFileSync(path, content)
  return { path, content }
}

/** Pieces of a file, and whether its descriptor is still open. */
function piecesOf(path: string, options: Partial<FilePiecesOptions> = {}) {
  let fd = -1
  const open = () => {
    fd = fs.openSync(path, 'r')
    return { fd, size: fs.fstatSync(fd).size }
  }
  const isOpen = (): boolean => {
    try {
      return fs.fstatSync(fd).ino === fs.statSync(path).ino
    } catch {
      return false
    }
  }
  return { pieces: filePieces({ open, path, ...options }), isOpen, opened: () => fd >= 0 }
}

describe('pieces of a file', () => {
  test.each([
    ['all of it', {}],
    ['from a place to another', { start: CHUNK_SIZE + 5, end: 3 * CHUNK_SIZE + 9 }],
    ['to behind its end', { end: length + 100 }],
    ['nothing', { start: 7, end: 7 }],
  ])('give %s, kept or given back, and close it', async (_, range) => {
    const { path, content } = sampleFile()
    for (const isGivenBack of [false, true]) {
      const { pieces, isOpen } = piecesOf(path, range)
      const kept: Uint8Array[] = []
      const buffers = new Set<ArrayBufferLike>()
      for await (const piece of pieces) {
        kept.push(isGivenBack ? piece.slice() : piece)
        buffers.add(piece.buffer)
        if (isGivenBack) pieces[giveBack]?.(piece)
      }
      const { start = 0, end = length } = range as { start?: number; end?: number }
      expect(Buffer.compare(concatBytes(kept), content.subarray(start, end))).toBe(0)
      expect(isOpen()).toBe(false)
      // One that is worked on, one that is read into, and one that has just come back.
      if (isGivenBack) expect(buffers.size).toBeLessThanOrEqual(3)
      else expect(buffers.size).toBe(kept.length)
    }
  })

  test('take back only what they gave, and once', async () => {
    const { path, content } = sampleFile()
    const { pieces } = piecesOf(path)
    const foreign = new Uint8Array(CHUNK_SIZE)
    const first = (await pieces.next()).value as Uint8Array
    pieces[giveBack]?.(foreign)
    pieces[giveBack]?.(first)
    pieces[giveBack]?.(first)
    const kept: Uint8Array[] = []
    for await (const piece of pieces) kept.push(piece)
    expect(Buffer.compare(concatBytes(kept), content.subarray(CHUNK_SIZE))).toBe(0)
    expect(new Set(kept.map(({ buffer }) => buffer)).size).toBe(kept.length)
    expect(foreign.every((byte) => byte === 0)).toBe(true)
  })

  test('open nothing before they are read, nor when they are closed unread', async () => {
    const { path } = sampleFile()
    const { pieces, opened } = piecesOf(path)
    await pieces.return()
    expect(await pieces.next()).toEqual({ done: true, value: undefined })
    expect(opened()).toBe(false)
  })

  test.each([0, 1, 2])(
    'closed while read %i is under way, they close the file only when it has come back',
    async (at) => {
      const { path } = sampleFile()
      const held: (() => void)[] = []
      const { read } = fs
      let reading = 0
      const fake = (...args: unknown[]): void => {
        const done = args.pop() as (...results: unknown[]) => void
        reading++
        const finish = (...results: unknown[]): void => {
          reading--
          done(...results)
        }
        ;(read as (...all: unknown[]) => void)(...args, (...results: unknown[]) => {
          if (held.length < at) {
            held.push(() => {})
            finish(...results)
          } else held.push(() => finish(...results))
        })
      }
      const module = process.getBuiltinModule('node:fs') as unknown as { read: unknown }
      const spy = vi.spyOn(module as { read: () => void }, 'read').mockImplementation(fake as never)
      try {
        const { pieces, isOpen } = piecesOf(path)
        for (let taken = 1; taken < at; taken++) await pieces.next()
        const next = pieces.next()
        await vi.waitFor(() => expect(held).toHaveLength(at + 1))
        const closing = pieces.return()
        await new Promise((resolve) => setTimeout(resolve, 20))
        expect([reading, isOpen()]).toEqual([1, true])
        held[at]!()
        await Promise.all([closing, next])
        expect([reading, isOpen()]).toEqual([0, false])
      } finally {
        spy.mockRestore()
      }
    },
  )

  test('close the file when they are aborted or it cannot be read, and say so as they are told to', async () => {
    const { path } = sampleFile()
    const stop = new AbortController()
    const aborted = piecesOf(path, { signal: stop.signal })
    await aborted.pieces.next()
    stop.abort(new Error('enough'))
    await expect(aborted.pieces.next()).rejects.toThrow('enough')
    expect(aborted.isOpen()).toBe(false)

    const directory = temporaryDirectory()
    const unreadable = piecesOf(directory, { end: 5 })
    await expect(unreadable.pieces.next()).rejects.toMatchObject({ code: 'STORE_FAILED', path: directory })
    expect(unreadable.isOpen()).toBe(false)
    const refuse = (cause: unknown) => new OciError('FILESYSTEM_FAILED', 'told', { cause })
    await expect(piecesOf(directory, { end: 5, refuse }).pieces.next()).rejects.toThrow('told')
    await expect(piecesOf(join(directory, 'none'), { refuse }).pieces.next()).rejects.toThrow('told')
  })
})
