import { deflateSync, gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { encodeUtf8 } from '../../src/bytes.ts'
import { detectCompression } from '../../src/compression/index.ts'

test('is told by the first bytes', () => {
  expect(detectCompression(gzipSync('a'))).toBe('gzip')
  expect(detectCompression(Uint8Array.of(0x1f, 0x8b))).toBe('gzip')
  expect(detectCompression(Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd))).toBe('zstd')
  for (let nibble = 0; nibble < 16; nibble++) {
    expect(detectCompression(Uint8Array.of(0x50 | nibble, 0x2a, 0x4d, 0x18, 0, 0))).toBe('zstd')
    expect(detectCompression(Uint8Array.of(0x40 | nibble, 0x2a, 0x4d, 0x18, 0, 0))).toBe('none')
  }
})

test('is none for everything else, however short', () => {
  expect(detectCompression(new Uint8Array(0))).toBe('none')
  expect(detectCompression(Uint8Array.of(0x1f))).toBe('none')
  expect(detectCompression(Uint8Array.of(0x1f, 0x8c))).toBe('none')
  expect(detectCompression(Uint8Array.of(0x28, 0xb5, 0x2f))).toBe('none')
  expect(detectCompression(Uint8Array.of(0x50, 0x2a, 0x4d))).toBe('none')
  expect(detectCompression(deflateSync('a'))).toBe('none')
  expect(detectCompression(encodeUtf8('./'))).toBe('none')
})
