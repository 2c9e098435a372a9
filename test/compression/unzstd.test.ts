import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import * as fzstd from 'fzstd'
import { describe, expect, test } from 'vitest'
import { concatBytes, encodeUtf8 } from '../../src/bytes.ts'
import { createDecompressor } from '../../src/compression/index.ts'
import { outcome, pieces, sampleBytes } from './run.ts'

const hasZstd = spawnSync('zstd', ['--version']).status === 0
const peerTest = hasZstd ? test : test.skip
const peerName = hasZstd ? '' : ' (skipped: no zstd command)'

function zstd(content: Uint8Array, ...options: string[]): Uint8Array {
  const run = spawnSync('zstd', ['-q', '-c', ...options], { input: content, maxBuffer: 1 << 28 })
  if (run.status !== 0) throw new Error(run.stderr.toString())
  return new Uint8Array(run.stdout)
}

function unzstd(bytes: Uint8Array, size = Number.POSITIVE_INFINITY, options = {}) {
  return outcome(
    (output) => createDecompressor('zstd', output, options),
    size === Number.POSITIVE_INFINITY ? [bytes] : pieces(bytes, size),
  )
}

const MAGIC = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd)

/** A frame of given blocks; its window is 1 KiB, or its content's size where that is given. */
function frame(blocks: Uint8Array[], header: Uint8Array = Uint8Array.of(0, 0)): Uint8Array {
  return concatBytes([MAGIC, header, ...blocks])
}

function block(kind: number, size: number, content: Uint8Array, last = true): Uint8Array {
  const header = (size << 3) | (kind << 1) | (last ? 1 : 0)
  return concatBytes([Uint8Array.of(header & 255, (header >>> 8) & 255, header >>> 16), content])
}

function raw(content: Uint8Array, last = true): Uint8Array {
  return block(0, content.length, content, last)
}

function skippable(content: Uint8Array, nibble = 0): Uint8Array {
  const head = Uint8Array.of(0x50 | nibble, 0x2a, 0x4d, 0x18, 0, 0, 0, 0)
  new DataView(head.buffer).setUint32(4, content.length, true)
  return concatBytes([head, content])
}

const abc = encodeUtf8('abc')
const plain = frame([raw(abc)])

const cases: [name: string, input: Uint8Array, expected: Uint8Array | string][] = [
  ['one frame', plain, abc],
  ['two frames', concatBytes([plain, plain]), encodeUtf8('abcabc')],
  [
    'blocks one after another',
    frame([raw(abc, false), raw(new Uint8Array(0), false), raw(abc)]),
    encodeUtf8('abcabc'),
  ],
  ['a run', frame([block(1, 1000, Uint8Array.of(7))]), new Uint8Array(1000).fill(7)],
  ['an empty frame', frame([raw(new Uint8Array(0))]), new Uint8Array(0)],
  ['a skippable frame alone', skippable(abc), new Uint8Array(0)],
  [
    'skippable frames before, between and after, as zstd:chunked has',
    concatBytes([
      skippable(abc, 3),
      plain,
      skippable(new Uint8Array(0)),
      plain,
      skippable(new Uint8Array(70_000), 15),
    ]),
    encodeUtf8('abcabc'),
  ],
  [
    'a checksum, which is passed over',
    concatBytes([frame([raw(abc)], Uint8Array.of(4, 0)), new Uint8Array(4)]),
    abc,
  ],
  ['the size of the content', frame([raw(abc)], Uint8Array.of(0x20, 3)), abc],
  ['another size of the content', frame([raw(abc)], Uint8Array.of(0x20, 4)), 'COMPRESSION_INVALID'],
  [
    'a size of the content in 8 bytes',
    frame([raw(abc)], Uint8Array.of(0xc0, 0, 3, 0, 0, 0, 0, 0, 0, 0)),
    abc,
  ],
  ['a dictionary of no number', frame([raw(abc)], Uint8Array.of(1, 0, 0)), abc],
  ['a dictionary', frame([raw(abc)], Uint8Array.of(1, 0, 9)), 'COMPRESSION_UNSUPPORTED'],
  ['nothing', new Uint8Array(0), 'COMPRESSION_TRUNCATED'],
  ['half a magic number', MAGIC.subarray(0, 2), 'COMPRESSION_TRUNCATED'],
  ['half a skippable frame', skippable(abc).subarray(0, 9), 'COMPRESSION_TRUNCATED'],
  ['no zstd', encodeUtf8('this is no zstd'), 'COMPRESSION_INVALID'],
  ['two bytes of no zstd', encodeUtf8('no'), 'COMPRESSION_INVALID'],
  ['garbage after the end', concatBytes([plain, encodeUtf8('garbage')]), 'COMPRESSION_INVALID'],
  ['one byte of garbage after the end', concatBytes([plain, Uint8Array.of(1)]), 'COMPRESSION_INVALID'],
  ['zeros after the end', concatBytes([plain, new Uint8Array(3)]), 'COMPRESSION_INVALID'],
  ['the start of a frame after the end', concatBytes([plain, MAGIC.subarray(0, 3)]), 'COMPRESSION_TRUNCATED'],
  ['a reserved bit', frame([raw(abc)], Uint8Array.of(8, 0)), 'COMPRESSION_INVALID'],
  ['the reserved block type', frame([block(3, 3, abc)]), 'COMPRESSION_INVALID'],
  ['a block beyond the window', frame([block(1, 1025, Uint8Array.of(7))]), 'COMPRESSION_INVALID'],
  [
    'a block beyond 128 KiB',
    frame([block(1, 131_073, Uint8Array.of(7))], Uint8Array.of(0, 0x50)),
    'COMPRESSION_INVALID',
  ],
  ['a window beyond the limit', frame([raw(abc)], Uint8Array.of(0, 0x89)), 'LIMIT_EXCEEDED'],
  [
    'a size beyond the limit',
    frame([raw(abc)], Uint8Array.of(0xe0, 0, 0, 0, 0, 1, 0, 0, 0)),
    'LIMIT_EXCEEDED',
  ],
  ['an empty compressed block', frame([block(2, 0, new Uint8Array(0))]), 'COMPRESSION_INVALID'],
  [
    'a Huffman tree that was never given',
    frame([block(2, 4, Uint8Array.of(0x13, 0, 0, 0))]),
    'COMPRESSION_INVALID',
  ],
  ['a table that was never given', frame([block(2, 4, Uint8Array.of(0, 1, 0xfc, 1))]), 'COMPRESSION_INVALID'],
]

describe('frames', () => {
  test.each(cases)('%s', async (_, input, expected) => {
    expect(await unzstd(input)).toEqual(expected)
    expect(await unzstd(input.subarray(0, 3000), 1)).toEqual(
      input.length > 3000 ? await unzstd(input.subarray(0, 3000)) : expected,
    )
  })

  test('the window may be limited and allowed', async () => {
    const input = frame([raw(abc)], Uint8Array.of(0, 0x50))
    expect(await unzstd(input, 5, { zstdWindow: 1 << 20 })).toEqual(abc)
    expect(await unzstd(input, 5, { zstdWindow: (1 << 20) - 1 })).toBe('LIMIT_EXCEEDED')
    expect(await unzstd(frame([raw(abc)], Uint8Array.of(0, 0x89)), 5, { zstdWindow: 2 ** 30 })).toEqual(abc)
  })

  test('a match reaches back as far as the window, and no further', async () => {
    const content = sampleBytes(2048)
    const halves = [raw(content.subarray(0, 1024), false), raw(content.subarray(1024), false)]
    // No literals, one sequence, each code given once: none, the offset's width, a length of 3; then the offset's bits.
    const match = (offset: number) => {
      const value = offset + 3
      const code = 31 - Math.clz32(value)
      return block(2, 8, Uint8Array.of(0, 1, 0x54, 0, code, 0, value & 255, value >>> 8))
    }
    for (const offset of [300, 1000, 1024]) {
      const at = content.length - offset
      const result = await unzstd(frame([...halves, match(offset)]))
      expect(result).toEqual(concatBytes([content, content.subarray(at, at + 3)]))
    }
    for (const offset of [1025, 1500, 2048, 2049]) {
      expect(await unzstd(frame([...halves, match(offset)]))).toBe('COMPRESSION_INVALID')
    }
    // What another frame holds is out of reach, whatever the window.
    const wide = Uint8Array.of(0, 0x50)
    expect(await unzstd(frame([...halves, match(2048)], wide))).toHaveLength(2051)
    expect(await unzstd(concatBytes([plain, frame([...halves, match(2049)], wide)]))).toBe(
      'COMPRESSION_INVALID',
    )
  })

  test('fifty thousand tiny frames and blocks with large windows take no time and no memory', async () => {
    const tiny = frame([raw(abc)], Uint8Array.of(0, 0x88))
    const frames = concatBytes(new Array(50_000).fill(tiny))
    expect(((await unzstd(frames)) as Uint8Array).length).toBe(150_000)
    const blocks = new Array(50_000).fill(block(1, 1, Uint8Array.of(7), false))
    const one = frame([...blocks, raw(abc)], Uint8Array.of(0, 0x88))
    expect(((await unzstd(one)) as Uint8Array).length).toBe(50_003)
  })
})

describe(`what the zstd command writes${peerName}`, () => {
  const contents: [string, Uint8Array][] = [
    ['nothing', new Uint8Array(0)],
    ['a few bytes', abc],
    ['text', encodeUtf8('the quick brown fox jumps over the lazy dog, and again, '.repeat(400))],
    ['one byte, often', new Uint8Array(300_000)],
    ['what compresses a little', sampleBytes(700_000)],
    ['four symbols', Uint8Array.from(sampleBytes(200_000, 5), (byte) => byte & 3)],
    ['what does not compress', new Uint8Array(spawnSync('head', ['-c', '300000', '/dev/urandom']).stdout)],
    [
      'a program',
      new Uint8Array(spawnSync('head', ['-c', '1500000', process.execPath], { maxBuffer: 1 << 24 }).stdout),
    ],
  ]
  const options = [
    ['-1'],
    ['-3'],
    ['-9'],
    ['-19'],
    ['--ultra', '-22'],
    ['--fast=5'],
    ['--no-check'],
    ['--long=27'],
  ]

  for (const [name, content] of contents) {
    peerTest(`${name}, at every level`, async () => {
      for (const option of options) {
        // Its 128 MiB tables take the command most of a second.
        if (option.includes('-22') && name !== 'a program') continue
        const input = zstd(content, ...option)
        for (const size of [Number.POSITIVE_INFINITY, 4093]) {
          const result = await unzstd(input, size)
          expect([option, typeof result === 'string' ? result : Buffer.compare(result, content)]).toEqual([
            option,
            0,
          ])
        }
      }
    })
  }

  peerTest('frames of several levels one after another', async () => {
    const parts = contents.map(([, content], i) => zstd(content, ...options[i % options.length]!))
    const result = await unzstd(concatBytes(parts), 100_000)
    expect(Buffer.compare(result as Uint8Array, concatBytes(contents.map(([, content]) => content)))).toBe(0)
  })

  peerTest('a cut at every offset is noticed, but between frames', async () => {
    const one = zstd(sampleBytes(1500))
    const input = concatBytes([one, skippable(abc), zstd(abc, '--no-check')])
    const ends = [one.length, one.length + 11]
    for (let end = 0; end < input.length; end++) {
      const result = await unzstd(input.subarray(0, end))
      expect([end, typeof result === 'string' ? result : 'whole']).toEqual([
        end,
        ends.includes(end) ? 'whole' : 'COMPRESSION_TRUNCATED',
      ])
    }
  })

  peerTest('every way to push in two gives the same', async () => {
    const content = sampleBytes(1500)
    const input = concatBytes([zstd(content), skippable(abc), zstd(content, '-19')])
    const whole = concatBytes([content, content])
    for (let at = 0; at <= input.length; at++) {
      const cut = [input.subarray(0, at), input.subarray(at)]
      const result = await outcome((output) => createDecompressor('zstd', output), cut)
      expect([at, typeof result === 'string' ? result : Buffer.compare(result, whole)]).toEqual([at, 0])
    }
  })

  peerTest(
    'damage gives an error of the library or what zstd itself would give, never anything else',
    async () => {
      const base = concatBytes([
        zstd(sampleBytes(3000), '-19', '--no-check'),
        zstd(contents[2]![1], '--no-check'),
      ])
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.record({ at: fc.nat(base.length - 1), by: fc.integer({ min: 1, max: 255 }) }), {
            minLength: 1,
            maxLength: 3,
          }),
          async (changes) => {
            const input = base.slice()
            for (const { at, by } of changes) input[at]! ^= by
            const result = await unzstd(input, 500)
            if (typeof result === 'string') {
              expect(result).toMatch(/^COMPRESSION_|^LIMIT_EXCEEDED$/)
              return
            }
            let other: Uint8Array | undefined
            try {
              other = fzstd.decompress(input)
            } catch {}
            if (other !== undefined) expect(Buffer.compare(result, other)).toBe(0)
          },
        ),
        { numRuns: 400 },
      )
    },
  )

  peerTest(
    'damage that zstd refuses is refused; what is accepted, zstd accepts with the same bytes',
    async () => {
      // Not the other way round: zstd does not look whether a Huffman stream ends with its last bit, RFC 8878 (4.2.2) does.
      const base = zstd(sampleBytes(2000), '-19', '--no-check')
      for (let at = 0; at < base.length; at += 5) {
        const input = base.slice()
        input[at]! ^= 0x11
        const result = await unzstd(input)
        const peer = spawnSync('zstd', ['-dcq'], { input, maxBuffer: 1 << 26 })
        if (typeof result !== 'string') {
          expect([at, peer.status, Buffer.compare(peer.stdout, result)]).toEqual([at, 0, 0])
        }
      }
    },
  )
})
