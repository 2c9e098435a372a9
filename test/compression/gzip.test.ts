import { spawnSync } from 'node:child_process'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { crc32 } from '../../src/compression/crc32.ts'
import { createCompressor } from '../../src/compression/index.ts'
import { digestBytes } from '../../src/digest/index.ts'
import { setAccelerated } from '../../src/runtime.ts'
import { feed, Gathered, onBothPaths, outcome, pieces, sampleBytes } from './run.ts'

async function gzip(content: Uint8Array, options = {}, size = 100_000, slow = false): Promise<Uint8Array> {
  const output = new Gathered(slow)
  await feed(createCompressor('gzip', output, options), pieces(content, size))
  return output.bytes
}

const content = sampleBytes(2_500_000)

onBothPaths('gzip', (accelerated) => {
  test.each([
    {},
    { mode: 'reproducible' },
    { level: 0 },
    { level: 1 },
    { level: 9, blockSize: 70_000 },
  ] as const)('zlib and gzip read it: %j', async (options) => {
    setAccelerated(accelerated)
    for (const bytes of [
      new Uint8Array(0),
      sampleBytes(1),
      sampleBytes(65_536),
      content.subarray(0, 1_100_000),
    ]) {
      const compressed = await gzip(bytes, options)
      expect(Buffer.compare(gunzipSync(compressed), bytes)).toBe(0)
      expect([...compressed.subarray(0, 10)]).toEqual([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, compressed[8], 255])
      const peer = spawnSync('gzip', ['-dc'], { input: compressed, maxBuffer: 1 << 26 })
      if (peer.error === undefined) {
        expect([peer.status, peer.stderr.toString(), Buffer.compare(peer.stdout, bytes)]).toEqual([0, '', 0])
      }
    }
  })

  test('is one member, whatever the number of blocks', async () => {
    setAccelerated(accelerated)
    const compressed = await gzip(content, { blockSize: 65_536 })
    const trailer = new DataView(compressed.buffer, compressed.length - 8)
    expect(trailer.getUint32(0, true)).toBe(crc32(content))
    expect(trailer.getUint32(4, true)).toBe(content.length)
  })

  test.each(['fast', 'reproducible'] as const)('%s: the same bytes however it is pushed', async (mode) => {
    setAccelerated(accelerated)
    const bytes = content.subarray(0, 400_000)
    const first = await gzip(bytes, { mode, blockSize: 65_536 })
    for (const [size, slow] of [
      [1, false],
      [65_536, false],
      [65_537, true],
      [400_000, true],
    ] as const) {
      if (size === 1 && mode === 'fast' && accelerated) continue
      expect(Buffer.compare(await gzip(bytes, { mode, blockSize: 65_536 }, size, slow), first)).toBe(0)
    }
  })

  test('random content comes back', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 5000 }),
        fc.integer({ min: 0, max: 9 }),
        fc.integer({ min: 1, max: 3000 }),
        fc.constantFrom('fast', 'reproducible'),
        async (bytes, level, size, mode) => {
          setAccelerated(accelerated)
          expect(gunzipSync(await gzip(bytes, { level, mode }, size))).toEqual(Buffer.from(bytes))
        },
      ),
      { numRuns: 60 },
    )
  })

  test('an error of the output ends it', async () => {
    setAccelerated(accelerated)
    for (const mode of ['fast', 'reproducible'] as const) {
      for (const fails of [
        () => Promise.reject(new Error('full')),
        () => {
          throw new Error('full')
        },
      ]) {
        const sink = createCompressor('gzip', { write: fails, end() {} }, { mode, level: 0 })
        await expect(feed(sink, pieces(content, 300_000))).rejects.toThrow('full')
      }
    }
  })

  test('after an abort nothing is written, and every call throws the reason', async () => {
    setAccelerated(accelerated)
    for (const mode of ['fast', 'reproducible'] as const) {
      const output = new Gathered()
      const sink = createCompressor('gzip', output, { mode, level: 0 })
      sink.write(content.subarray(0, 100))
      const reason = new Error('enough')
      sink.abort(reason)
      expect(() => sink.write(content)).toThrow(reason)
      await expect((async () => sink.end())()).rejects.toBe(reason)
      expect(output.chunks).toEqual([])
    }
  })
})

describe('the reproducible mode', () => {
  test('gives the same bytes on both paths, and these for ever', async () => {
    const bytes = content.subarray(0, 700_000)
    const accelerated = await gzip(bytes, { mode: 'reproducible' })
    setAccelerated(false)
    const portable = await gzip(bytes, { mode: 'reproducible' })
    setAccelerated(true)
    expect(Buffer.compare(accelerated, portable)).toBe(0)
    expect(digestBytes(accelerated)).toBe(
      'sha256:3be28dcd59951e26cae4f883ce2c328fef4802a2e452621abbd296d043e8ee5f',
    )
  })

  const python = spawnSync('python3', ['-c', 'import zlib; print(zlib.ZLIB_RUNTIME_VERSION)'])
  const hasZlib = python.status === 0 && /^1\.[23]\.[0-9.]+$/.test(python.stdout.toString().trim())
  ;(hasZlib ? test : test.skip)(
    `gives the bytes of zlib itself${hasZlib ? '' : ' (skipped: no python3 with zlib)'}`,
    async () => {
      for (const level of [1, 6, 9]) {
        const script = `import sys, zlib
c = zlib.compressobj(${level}, zlib.DEFLATED, -15, 8)
d = sys.stdin.buffer.read()
sys.stdout.buffer.write(c.compress(d) + c.flush())`
        const peer = spawnSync('python3', ['-c', script], { input: content, maxBuffer: 1 << 26 })
        const ours = await gzip(content, { mode: 'reproducible', level })
        expect([level, Buffer.compare(peer.stdout, ours.subarray(10, -8))]).toEqual([level, 0])
      }
    },
  )
})

describe('the fast mode', () => {
  afterEach(() => setAccelerated(true))

  test('hands on blocks in order with a slow output, and never holds many', async () => {
    let written = 0
    let read = 0
    let held = 0
    const sink = createCompressor(
      'gzip',
      {
        async write(chunk) {
          await new Promise((resolve) => setTimeout(resolve, 1))
          written += chunk.length
        },
        end() {},
      },
      { level: 0, blockSize: 65_536 },
    )
    for (const piece of pieces(content, 65_536)) {
      const wait = sink.write(piece)
      if (wait !== undefined) await wait
      read += piece.length
      held = Math.max(held, read - written)
    }
    await sink.end()
    expect(held).toBeLessThan(65_536 * 9)
    expect(written).toBeGreaterThan(content.length)
  })
})

test('levels and block sizes that are none are refused', () => {
  const output = new Gathered()
  for (const options of [
    { level: 10 },
    { level: -1 },
    { level: 1.5 },
    { blockSize: 1000 },
    { blockSize: 2 ** 25 },
  ]) {
    expect(() => createCompressor('gzip', output, options)).toThrow(
      expect.objectContaining({ code: 'ARGUMENT_INVALID' }),
    )
  }
})

test('CRC-32 by tables is that of zlib', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 300 }), (a, b) => {
      setAccelerated(false)
      const portable = crc32(b, crc32(a))
      setAccelerated(true)
      expect(portable).toBe(crc32(b, crc32(a)))
      expect(portable).toBe(crc32(Buffer.concat([a, b])))
    }),
  )
  setAccelerated(false)
  expect(crc32(Buffer.from('123456789'))).toBe(0xcbf43926)
  setAccelerated(true)
})

test('none passes everything as it is', async () => {
  const result = await outcome((output) => createCompressor('none', output), pieces(content, 999_999))
  expect(Buffer.compare(result as Uint8Array, content)).toBe(0)
})
