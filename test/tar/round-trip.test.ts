import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { equalBytes } from '../../src/bytes.ts'
import { indexTar, randomAccess, readTar, TarParser } from '../../src/tar/index.ts'
import type { Listed } from './listing.ts'
import { archiveOf, list, listByLoop } from './listing.ts'
import { randomEntry } from './random-entry.ts'

const entries = fc.array(randomEntry, { maxLength: 6 })

/** All that was read as one text, which compares a hundred times faster than objects do. */
function fingerprint(entries: readonly Listed[]): string {
  return JSON.stringify(entries, (_, value) =>
    value instanceof Map ? [...value] : value instanceof Uint8Array ? value.join() : value,
  )
}

describe('what is written is read', () => {
  test('every field of every type, at every border', async () => {
    await fc.assert(
      fc.asyncProperty(entries, async (written) => {
        const archive = await archiveOf(written)
        expect(archive.length % 512).toBe(0)
        const read = list(archive).entries
        expect(read).toHaveLength(written.length)
        for (const [i, { header, content }] of read.entries()) {
          const { content: wroteContent, ...wrote } = written[i]!
          const { headerOffset, dataOffset, unameBytes, gnameBytes, ...fields } = header
          expect(fields).toEqual(wrote)
          expect(unameBytes).toBeUndefined()
          expect(gnameBytes).toBeUndefined()
          expect(content).toEqual(wroteContent)
          expect(dataOffset - headerOffset).toBeGreaterThanOrEqual(512)
          expect(archive.subarray(dataOffset, dataOffset + header.size)).toEqual(wroteContent)
        }
      }),
      { numRuns: 400 },
    )
  })

  test('an archive that was read gives the same bytes when it is written', async () => {
    await fc.assert(
      fc.asyncProperty(entries, async (written) => {
        const archive = await archiveOf(written)
        expect(equalBytes(await archiveOf(readTar(archive)), archive)).toBe(true)
        const { entries: read } = list(archive)
        const again = read.map(({ header, content }) => ({
          ...header,
          content: header.type === 'file' ? content : undefined,
        }))
        expect(equalBytes(await archiveOf(again), archive)).toBe(true)
      }),
      { numRuns: 150 },
    )
  })

  test('the loop, the index and the push parser say the same', async () => {
    await fc.assert(
      fc.asyncProperty(entries, async (written) => {
        const archive = await archiveOf(written)
        const { entries: pushed } = list(archive)
        expect(await listByLoop(archive)).toEqual(pushed)
        const indexed = []
        for await (const header of indexTar(randomAccess(new Blob([archive])))) indexed.push(header)
        expect(indexed).toEqual(pushed.map(({ header }) => header))
      }),
      { numRuns: 150 },
    )
  })
})

describe('how the input is cut makes no difference', () => {
  test('at every byte', async () => {
    const [written] = fc.sample(fc.array(randomEntry, { minLength: 3, maxLength: 3 }), {
      numRuns: 1,
      seed: 7,
    })
    const archive = await archiveOf(written!)
    const whole = fingerprint(list(archive).entries)
    expect(whole.length).toBeGreaterThan(500)
    for (let cut = 0; cut <= archive.length; cut++) {
      expect(fingerprint(list([archive.subarray(0, cut), archive.subarray(cut)]).entries)).toBe(whole)
    }
  })

  test('into pieces of any size', async () => {
    await fc.assert(
      fc.asyncProperty(
        entries,
        fc.array(fc.integer({ min: 0, max: 900 }), { minLength: 1 }),
        async (written, sizes) => {
          const archive = await archiveOf(written)
          const pieces: Uint8Array[] = []
          for (let at = 0, i = 0; at < archive.length; i++) {
            const size = sizes[i % sizes.length]! + (i > 5000 ? 1 : 0)
            // Each in memory of its own that is overwritten after the call, as the contract of a sink allows.
            pieces.push(archive.slice(at, at + size))
            at += size
          }
          expect(list(pieces).entries).toEqual(list(archive).entries)
        },
      ),
      { numRuns: 100 },
    )
  })

  test('a chunk is the caller’s again after the call', async () => {
    await fc.assert(
      fc.asyncProperty(entries, fc.integer({ min: 1, max: 700 }), async (written, size) => {
        const archive = await archiveOf(written)
        const paths: string[] = []
        const headers: unknown[] = []
        const parser = new TarParser({
          entry(header) {
            paths.push(header.path)
            headers.push(header)
          },
        })
        const buffer = new Uint8Array(size)
        for (let at = 0; at < archive.length; at += size) {
          const piece = archive.subarray(at, at + size)
          buffer.set(piece)
          parser.write(buffer.subarray(0, piece.length))
          buffer.fill(0xaa)
        }
        parser.end()
        expect(paths).toEqual(written.map(({ path }) => path))
        expect(headers).toEqual(list(archive).entries.map(({ header }) => header))
      }),
      { numRuns: 100 },
    )
  })
})
