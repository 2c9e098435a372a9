/** Layers that are damaged, in each compression and on each decoder: refused, and for the same reason everywhere. */
import { concatBytes, encodeUtf8 } from '../../src/bytes.ts'
import type { Compression } from '../../src/compression/index.ts'
import { type DiffID, digestBytes } from '../../src/digest/index.ts'
import { readLayer } from '../../src/layer/index.ts'
import type { Descriptor } from '../../src/spec/index.ts'
import { mediaTypes } from '../../src/spec/index.ts'
import type { BlobStore } from '../../src/store/index.ts'
import { type TarEntryInput, writeTar } from '../../src/tar/index.ts'
import { type Check, codeOf, same } from './check.ts'
import { onBothPaths } from './decoder-checks.ts'
import { altered, gather, member, sampleBytes, storedFrame } from './inputs.ts'
import { recorded } from './recorded.ts'

/** A store of one blob that gives whatever it holds, as a broken disk does. */
function brokenStore(bytes: Uint8Array): BlobStore {
  return {
    has: async () => true,
    get: async () =>
      new ReadableStream({
        start(controller) {
          for (let at = 0; at < bytes.length; at += 1000) controller.enqueue(bytes.slice(at, at + 1000))
          controller.close()
        },
      }),
    put: async () => {
      throw new Error('nothing is put here')
    },
  }
}

function entries(): TarEntryInput[] {
  return [
    { path: 'etc/', mtime: 1 },
    { path: 'etc/motd', content: encodeUtf8('hello\n'), mtime: 2 },
    { path: 'etc/.wh.gone' },
    { path: 'opt/data', content: sampleBytes(1500), mtime: 3.5, uid: 1000650000 },
    { path: 'opt/link', type: 'symlink', linkPath: '../etc/motd' },
    { path: 'opt/same', type: 'link', linkPath: 'opt/data' },
  ]
}

interface Sample {
  readonly compression: Compression
  readonly bytes: Uint8Array
  readonly diffID: DiffID
  /** Offsets of bytes that content does not depend on: what is said in a gzip header, the window of zstd. */
  readonly indifferent: readonly number[]
}

async function samples(): Promise<readonly Sample[]> {
  const tar = await gather(writeTar(entries()))
  const diffID = digestBytes(tar) as string as DiffID
  return [
    { compression: 'none', bytes: tar, diffID, indifferent: [] },
    { compression: 'gzip', bytes: await member(tar), diffID, indifferent: [4, 5, 6, 7, 8, 9] },
    { compression: 'zstd', bytes: storedFrame(tar), diffID, indifferent: [5] },
  ]
}

function descriptorOf(bytes: Uint8Array): Descriptor {
  return { mediaType: mediaTypes.layerGzip, digest: digestBytes(bytes), size: bytes.length }
}

/** What comes of reading all of a layer. */
function verdict(bytes: Uint8Array, descriptor: Descriptor, diffID: DiffID): Promise<string> {
  const read = async (): Promise<void> => {
    for await (const _ of readLayer(brokenStore(bytes), descriptor, { diffID }));
  }
  return codeOf(read())
}

/** Every offset of what is small, every so many of what is not. */
function offsets(length: number): number[] {
  const step = length > 1000 ? 37 : 3
  const found: number[] = []
  for (let at = 0; at < length; at += step) found.push(at)
  return [...found, length - 1]
}

export const layerChecks: readonly Check[] = [
  {
    name: 'layers: sound ones are read, whatever the compression',
    run: () =>
      onBothPaths(async () => {
        for (const { compression, bytes, diffID } of await samples()) {
          same(await verdict(bytes, descriptorOf(bytes), diffID), 'none', compression)
          const other = digestBytes(encodeUtf8('another')) as string as DiffID
          same(await verdict(bytes, descriptorOf(bytes), other), 'DIFF_ID_MISMATCH', `${compression}, diffID`)
        }
      }),
  },
  {
    name: 'layers: what differs from its descriptor is refused, whatever the compression',
    run: () =>
      onBothPaths(async () => {
        for (const { compression, bytes, diffID } of await samples()) {
          const descriptor = descriptorOf(bytes)
          for (const at of offsets(bytes.length)) {
            same(
              await verdict(altered(bytes, at, 0x41), descriptor, diffID),
              'DIGEST_MISMATCH',
              `${compression}, byte ${at} changed`,
            )
            same(
              await verdict(bytes.subarray(0, at), descriptor, diffID),
              'SIZE_MISMATCH',
              `${compression}, cut at ${at}`,
            )
          }
          for (const more of [new Uint8Array(1), encodeUtf8('garbage'), sampleBytes(3000)]) {
            const longer = concatBytes([bytes, more])
            same(
              await verdict(longer, descriptor, diffID),
              'SIZE_MISMATCH',
              `${compression}, ${more.length} more`,
            )
          }
        }
      }),
  },
  {
    name: 'layers: what has its own digest but is damaged is refused by decoder or diffID, alike everywhere',
    run: () =>
      onBothPaths(async () => {
        for (const { compression, bytes, diffID, indifferent } of await samples()) {
          const read = (damaged: Uint8Array) => verdict(damaged, descriptorOf(damaged), diffID)
          const codes: string[] = []
          for (const at of offsets(bytes.length)) {
            const changed = await read(altered(bytes, at, 0x41))
            const refused = /^(COMPRESSION_|TAR_|DIFF_ID_MISMATCH|LIMIT_)/.test(changed)
            if (!refused && !indifferent.includes(at)) {
              throw new Error(`${compression}, byte ${at} changed: ${changed}`)
            }
            const cut = await read(bytes.subarray(0, at))
            // What is cut within its magic number is told for no compression at all.
            const told = at >= 4 && compression !== 'none'
            const expected = told ? /^COMPRESSION_TRUNCATED$/ : /^(DIFF_ID_MISMATCH|TAR_\w+|COMPRESSION_\w+)$/
            if (!expected.test(cut)) throw new Error(`${compression}, cut at ${at}: ${cut}`)
            // Whether tar or the checksum at the end is wrong first depends on how much a decoder gives at a time.
            codes.push(
              compression === 'gzip' && changed === 'TAR_INVALID' ? 'COMPRESSION_INVALID' : changed,
              cut,
            )
          }
          same(summary(codes), recorded[`damaged ${compression}`], `${compression}, each code`)
          const trailing = compression === 'none' ? 'DIFF_ID_MISMATCH' : 'COMPRESSION_INVALID'
          same(await read(concatBytes([bytes, encodeUtf8('garbage')])), trailing, `${compression}, garbage`)
          same(await read(concatBytes([bytes, sampleBytes(3000)])), trailing, `${compression}, more garbage`)
        }
      }),
  },
]

/** How often each code came, and a digest over their order. */
function summary(codes: readonly string[]): string {
  const counts = [...new Set(codes)].sort().map((code) => {
    return `${code} ${codes.filter((other) => other === code).length}`
  })
  return `${counts.join(', ')}; ${digestBytes(encodeUtf8(codes.join(' '))).slice(7, 19)}`
}
