import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { concatBytes, encodeUtf8, readAll } from '../../src/bytes.ts'
import {
  type Digest,
  digestBytes,
  type ExpectedContent,
  Verifier,
  verifyBytes,
  verifyChunks,
  verifyStream,
} from '../../src/digest/index.ts'

const content = encodeUtf8('The content that was asked for.')
const expected: ExpectedContent = { digest: digestBytes(content), size: content.length }

/** A source in chunks of `length`, which counts how many were asked of it and whether it was closed. */
function counted(
  bytes: Uint8Array,
  length = 7,
): { chunks: AsyncIterable<Uint8Array>; pulls: number; closed: boolean } {
  const source = {
    pulls: 0,
    closed: false,
    chunks: {
      async *[Symbol.asyncIterator]() {
        try {
          for (let offset = 0; offset < bytes.length; offset += length) {
            source.pulls++
            yield bytes.subarray(offset, offset + length)
          }
        } finally {
          source.closed = true
        }
      },
    },
  }
  return source
}

/** What a reader got of a stream, and the error that ended it. */
async function drain(stream: ReadableStream<Uint8Array>): Promise<{ got: Uint8Array; error: unknown }> {
  const chunks: Uint8Array[] = []
  try {
    for await (const chunk of stream) chunks.push(chunk)
  } catch (error) {
    return { got: concatBytes(chunks), error }
  }
  return { got: concatBytes(chunks), error: undefined }
}

describe('verifyStream', () => {
  test('gives sound content unchanged, however it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 200 }),
        fc.integer({ min: 1, max: 50 }),
        async (bytes, length) => {
          const { chunks } = counted(bytes, length)
          const stream = verifyStream(chunks, { digest: digestBytes(bytes), size: bytes.length })
          expect(await readAll(stream, 200)).toEqual(bytes)
        },
      ),
    )
  })

  test.each(['sha256', 'sha512', 'blake3'])('takes a digest of %s', async (algorithm) => {
    const wanted = { digest: digestBytes(content, algorithm), size: content.length }
    expect(await readAll(verifyStream(content, wanted), 100)).toEqual(content)
    expect((await drain(verifyStream(content.toReversed(), wanted))).error).toMatchObject({
      code: 'DIGEST_MISMATCH',
    })
  })

  test('takes empty content', async () => {
    const nothing = new Uint8Array(0)
    expect(await readAll(verifyStream(nothing, { digest: digestBytes(nothing), size: 0 }), 0)).toEqual(
      nothing,
    )
    const { error } = await drain(verifyStream(nothing, expected))
    expect(error).toMatchObject({ code: 'SIZE_MISMATCH', expected: content.length, actual: 0 })
  })

  test('errors where content is cut short, at every length', async () => {
    for (let length = 0; length < content.length; length++) {
      const { error } = await drain(verifyStream(counted(content.subarray(0, length)).chunks, expected))
      expect(error).toMatchObject({ code: 'SIZE_MISMATCH', actual: length, digest: expected.digest })
      expect((error as Error).message).toMatch(/cut short/)
    }
  })

  test('errors where content is longer, by a byte or without end, and gives none of what is too much', async () => {
    for (const surplus of [1, 7, 1000]) {
      const { got, error } = await drain(
        verifyStream(concatBytes([content, new Uint8Array(surplus)]), expected),
      )
      expect(error).toMatchObject({ code: 'SIZE_MISMATCH', expected: content.length })
      expect(got.length).toBeLessThanOrEqual(content.length)
    }
    async function* endless() {
      for (;;) yield content
    }
    const { got, error } = await drain(verifyStream(endless(), expected))
    expect(error).toMatchObject({ code: 'SIZE_MISMATCH' })
    expect(got).toEqual(content)
  })

  test('asks no further than the chunk that shows that content is too long, and closes the source', async () => {
    // 31 bytes in chunks of 7: the fifth passes the size.
    const source = counted(new Uint8Array(7000))
    await drain(verifyStream(source.chunks, expected))
    expect(source.pulls).toBe(5)
    expect(source.closed).toBe(true)
  })

  test('errors where any single byte is altered', async () => {
    for (let i = 0; i < content.length; i++) {
      const altered = content.slice()
      altered[i]! ^= 1
      const { error } = await drain(verifyStream(counted(altered).chunks, expected))
      expect(error).toMatchObject({
        code: 'DIGEST_MISMATCH',
        digest: expected.digest,
        expected: expected.digest,
        actual: digestBytes(altered),
      })
    }
  })

  test('is lazy: nothing is asked of the source before it is read', async () => {
    const source = counted(content)
    const stream = verifyStream(source.chunks, expected)
    await new Promise((resolve) => setTimeout(resolve))
    expect(source.pulls).toBe(0)
    const reader = stream.getReader()
    await reader.read()
    expect(source.pulls).toBe(1)
    await reader.cancel()
    expect(source.closed).toBe(true)
  })

  test('cancelled before it is read or while a read stalls, it closes the source', async () => {
    for (const readFirst of [false, true]) {
      let cancelled = 0
      const source = new ReadableStream<Uint8Array>(
        { pull: () => new Promise(() => {}), cancel: () => void cancelled++ },
        { highWaterMark: 0 },
      )
      const reader = verifyStream(source, expected).getReader()
      const pending = readFirst ? reader.read() : undefined
      await reader.cancel()
      await pending
      expect(cancelled).toBe(1)
    }
  })

  test('an abort while the source stalls errors with the reason', async () => {
    const controller = new AbortController()
    const reason = new Error('enough')
    const stalled = new ReadableStream<Uint8Array>({ pull: () => new Promise(() => {}) })
    const draining = drain(verifyStream(stalled, expected, { signal: controller.signal }))
    controller.abort(reason)
    expect((await draining).error).toBe(reason)
  })

  test('an error of the source is given as it is', async () => {
    const failure = new Error('the disk is gone')
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield content.subarray(0, 5)
      throw failure
    }
    expect((await drain(verifyStream(failing(), expected))).error).toBe(failure)
  })

  test('refuses at once what can never be verified', () => {
    const unknown = { digest: 'sha384:abc' as Digest, size: 3 }
    expect(() => verifyStream(content, unknown)).toThrow(
      expect.objectContaining({ code: 'DIGEST_UNSUPPORTED' }),
    )
    const broken = { digest: 'sha256:abc' as Digest, size: 3 }
    expect(() => verifyStream(content, broken)).toThrow(expect.objectContaining({ code: 'DIGEST_INVALID' }))
    for (const size of [Number.NaN, -1, 1.5, Number.POSITIVE_INFINITY, 2 ** 53]) {
      const wanted = { digest: expected.digest, size }
      expect(() => verifyStream(content, wanted)).toThrow(
        expect.objectContaining({ code: 'ARGUMENT_INVALID' }),
      )
    }
  })
})

test('verifyChunks gives the same as an iterable', async () => {
  const got: Uint8Array[] = []
  for await (const chunk of verifyChunks(counted(content).chunks, expected)) got.push(chunk)
  expect(concatBytes(got)).toEqual(content)
  const altered = verifyChunks(content.toReversed(), expected)
  await altered.next()
  await expect(altered.next()).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' })
})

test('verifyBytes accepts the content and nothing else', () => {
  expect(() => verifyBytes(content, expected)).not.toThrow()
  expect(() => verifyBytes(content.subarray(1), expected)).toThrow(
    expect.objectContaining({ code: 'SIZE_MISMATCH' }),
  )
  expect(() => verifyBytes(concatBytes([content, content]), expected)).toThrow(/longer than the 31 bytes/)
  expect(() => verifyBytes(content.toReversed(), expected)).toThrow(
    expect.objectContaining({ code: 'DIGEST_MISMATCH' }),
  )
})

test('a Verifier takes bytes by update() and judges at end()', () => {
  const verifier = new Verifier(expected)
  verifier.update(content.subarray(0, 10))
  verifier.update(content.subarray(10))
  expect(() => verifier.end()).not.toThrow()
})
