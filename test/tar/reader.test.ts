import { describe, expect, test } from 'vitest'
import { readAll } from '../../src/bytes.ts'
import type { TarEntry } from '../../src/tar/index.ts'
import { readTar } from '../../src/tar/index.ts'
import { archiveOf } from './listing.ts'
import { utf8 } from './raw-archive.ts'

const archive = await archiveOf([
  { path: 'a', content: utf8('first') },
  { path: 'd/' },
  { path: 'big', content: new Uint8Array(100_000).fill(9) },
  { path: 'z', content: utf8('last') },
])

/** The archive in pieces, and whether its source was read to the end or closed. */
function source(size: number): {
  chunks: AsyncGenerator<Uint8Array>
  state: { read: number; closed: boolean }
} {
  const state = { read: 0, closed: false }
  async function* give(): AsyncGenerator<Uint8Array> {
    try {
      for (; state.read < archive.length; ) {
        const piece = archive.slice(state.read, state.read + size)
        state.read += piece.length
        yield piece
      }
    } finally {
      state.closed = true
    }
  }
  return { chunks: give(), state }
}

test('content in each of the three ways', async () => {
  for (const read of [
    (entry: TarEntry) => entry.bytes(),
    (entry: TarEntry) => readAll(entry.content(), 1e6),
    (entry: TarEntry) => readAll(entry.chunks(), 1e6),
    (entry: TarEntry) => readAll(entry.content, 1e6),
  ]) {
    const lengths: [string, number, number | undefined][] = []
    for await (const entry of readTar(source(777).chunks)) {
      const content = await read(entry)
      lengths.push([entry.path, content.length, content[0]])
    }
    expect(lengths).toEqual([
      ['a', 5, 0x66],
      ['d/', 0, undefined],
      ['big', 100_000, 9],
      ['z', 4, 0x6c],
    ])
  }
})

test('what is not read, or only begun, is skipped', async () => {
  const seen: string[] = []
  for await (const entry of readTar(source(500).chunks)) {
    seen.push(entry.path)
    if (entry.path !== 'big') continue
    for await (const chunk of entry.chunks()) {
      expect(chunk[0]).toBe(9)
      break
    }
  }
  expect(seen).toEqual(['a', 'd/', 'big', 'z'])
})

test('leaving the loop closes the source; running through it reads all of it', async () => {
  const early = source(600)
  for await (const entry of readTar(early.chunks)) if (entry.path === 'd/') break
  expect(early.state.closed).toBe(true)
  expect(early.state.read).toBeLessThan(3000)
  const whole = source(600)
  for await (const _ of readTar(whole.chunks));
  expect(whole.state).toEqual({ read: archive.length, closed: true })
})

describe('content belongs to its turn of the loop', () => {
  test('afterwards it is refused', async () => {
    const kept: TarEntry[] = []
    for await (const entry of readTar(archive)) kept.push(entry)
    for (const entry of kept) {
      await expect(entry.bytes()).rejects.toMatchObject({ code: 'ARGUMENT_INVALID', path: entry.path })
      expect(() => entry.chunks()).toThrow(/within the loop/)
    }
  })

  test('a stream taken in its turn ends with it', async () => {
    let stream: ReadableStream<Uint8Array> | undefined
    for await (const entry of readTar(archive)) if (entry.path === 'big') stream = entry.content()
    await expect(readAll(stream!, 1e6)).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' })
  })

  test('a second time is refused', async () => {
    for await (const entry of readTar(archive)) {
      await entry.bytes()
      await expect(entry.bytes()).rejects.toThrow(/only once/)
    }
  })

  test('going on while content is being read is refused', async () => {
    let arrive = () => {}
    const arrival = new Promise<void>((resolve) => {
      arrive = resolve
    })
    let waiting = () => {}
    const stalled = new Promise<void>((resolve) => {
      waiting = resolve
    })
    // The middle of the large content is a long time coming.
    async function* halting(): AsyncGenerator<Uint8Array> {
      yield archive.slice(0, 3000)
      waiting()
      await arrival
      yield archive.slice(3000)
    }
    const entries = readTar(halting())
    await entries.next()
    await entries.next()
    const { value: big } = await entries.next()
    const pending = (async () => {
      for await (const _ of big!.chunks());
    })()
    await stalled
    setTimeout(arrive, 20)
    const [next] = await Promise.allSettled([entries.next(), pending])
    expect(next).toMatchObject({ status: 'rejected', reason: { code: 'ARGUMENT_INVALID' } })
    expect((next as PromiseRejectedResult).reason.message).toContain('was being read')
  })
})

test('a limit on what goes into memory', async () => {
  for await (const entry of readTar(archive)) {
    if (entry.path === 'big') {
      await expect(entry.bytes(99_999)).rejects.toMatchObject({
        code: 'LIMIT_EXCEEDED',
        expected: 99_999,
        actual: 100_000,
      })
      expect((await entry.bytes(100_000)).length).toBe(100_000)
    }
  }
})

test('a cut archive is an error for who reads the content and for who skips it', async () => {
  const cut = archive.subarray(0, 3000)
  await expect(
    (async () => {
      for await (const _ of readTar(cut));
    })(),
  ).rejects.toMatchObject({ code: 'TAR_TRUNCATED', path: 'big' })
  for await (const entry of readTar(cut)) {
    if (entry.path !== 'big') continue
    await expect(entry.bytes()).rejects.toMatchObject({ code: 'TAR_TRUNCATED', path: 'big' })
    break
  }
})

test('a signal stops it with its reason', async () => {
  const controller = new AbortController()
  const reason = new Error('enough')
  await expect(
    (async () => {
      for await (const entry of readTar(source(512).chunks, { signal: controller.signal })) {
        if (entry.path === 'd/') controller.abort(reason)
      }
    })(),
  ).rejects.toBe(reason)
})

test('an entry goes on into a writer, changed on its way', async () => {
  async function* renamed() {
    for await (const entry of readTar(source(999).chunks)) yield { ...entry, path: `new/${entry.path}` }
  }
  const paths: [string, number][] = []
  for await (const entry of readTar(await archiveOf(renamed())))
    paths.push([entry.path, (await entry.bytes()).length])
  expect(paths).toEqual([
    ['new/a', 5],
    ['new/d/', 0],
    ['new/big', 100_000],
    ['new/z', 4],
  ])
})

test('chunks from content() are the reader’s to keep', async () => {
  const buffer = new Uint8Array(1000)
  async function* reused(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < archive.length; at += buffer.length) {
      const piece = archive.subarray(at, at + buffer.length)
      buffer.set(piece)
      yield buffer.subarray(0, piece.length)
    }
  }
  for await (const entry of readTar(reused())) {
    if (entry.path !== 'big') continue
    const kept: Uint8Array[] = []
    for await (const chunk of entry.content()) kept.push(chunk)
    expect(kept.length).toBeGreaterThan(50)
    expect(kept.every((chunk) => chunk.every((byte) => byte === 9))).toBe(true)
  }
})
