/** zstd: our decoder, cut in any way; and `fzstd` as a second opinion of what ours takes. */
import * as fzstd from 'fzstd'
import { equalBytes } from '../../../src/bytes.ts'
import { holds, type Kind } from '../kind.ts'
import { cut } from '../mutation/bytes.ts'
import { madeFrame, mutateZstd } from '../mutation/zstd.ts'
import { Random } from '../random.ts'
import { seedFiles } from '../seed-files.ts'
import { onlyCodes } from '../verdict.ts'
import { decompressed, sameBytes } from './gzip.ts'

const codes = [
  'COMPRESSION_INVALID',
  'COMPRESSION_TRUNCATED',
  'COMPRESSION_UNSUPPORTED',
  'LIMIT_EXCEEDED',
] as const

/** What the `zstd` command wrote: each kind of block, of literals and of tables, levels 1 to 22. */
const written = [
  'KLUv/SQAAQAAmenYUQ==',
  'KLUv/QRYGQAAYWJjmQl3rQ==',
  'KLUv/QRYvQEAxAJ0aGUgcXVpY2sgYnJvd24gZm94IGp1bXBzIG92ZXIgdGhlIGxhenkgZG9nLgIANFApwBBmGQLV49g=',
  'KLUv/QBI3QcABtg7DRAYrRsDA0nUyRm6lQEwADgAOQArp5olJcerfOtvRt0zuxPgNzx8hERioL+N0jGQv0IfvvwlcRr2F9gSzC/s' +
    '3c2R6AcnWeZTbmhqWmgMatB2vsw190bhhqpg02EqrF3lGCoKAXwVvQiZ7JDwHX0IBSnpq9MQf2H3YM5LIMmb73DM1QKdGNTU0nwi' +
    'Lyc3omtQVeSg1yMDoq/dBiCoJgRwKuhdGLGOCh9AnzGCk3RFfdT4v901A6+9Xdi1QCcG9LWU5kSeTq62tcckxECvNcIgetxt6HGU' +
    '8KBS0FyDOEudvWHKP5kUSQvlBFD30WPNmicDEACaiHOFBQU=',
  'KLUv/QRovQcABlc4CxCIzxgUq0RmiSwDLAAzADcAx6t8629G3Tu71fETFj7CQTHS3/5P6hjIf6EPX/5yWAn7I7aD8w1794Mo+gFt' +
    '58tcc28UbrgK9v9UmCJidwGMFVEAX01vSiZDJHxHH0IkJf21EuKPdhEHuGFebj2NUgLJhJMb0TW4agKkiU+ERCd2nwOthgI4l/Q2' +
    'bCCQCv+gzxzkJH1ZIzX+b5eYgNLMt5zwVNXQGNQgr71t2PQ1peZc29pzVGIQJ06kCLDQg2tJc40BIBawP2z5J9UiabGsHHU/Pfa8' +
    '+RDHXC0SEIOqmprPCCjAcwdQK/TqOtGlLWJykCFFFFZjbUs=',
  'KLUv/QBg9QQAMg0OghEQNSIPdOIWQgMHRvpAmUQWaeAJWgil+95xreemCW2DlTSj4oQGTTt1XWIdof/U+/bLFwv4jXwxqGAO0RBJ' +
    'QaHFcCIZUx8QEBBtDqXjcysqnLxIoCFGulZh3PifYNS93WjyKEXXvWjfhpvVRaL1qINjr5ZTuQP5nTJkaVDo/XQWViRkvtxL6aBJ' +
    '8Y/bAxje7WInzXb2wrjqXRQ=',
  'KLUv/QBozQYAMoobEpDPAZDPXCOu3G1gA20psf+DFQ1dAuf+z2+Uf0wRoc99TCFDhD73f/4hQ4Q+6P/8YwoZ61KKJBA11D6/xjjB' +
    'MYUMERq6BLjPbxSURgEZIvS5n9wDP/+YQoaY1ILQ5z7/sIkaBaaQIUJfxQVYVRZqqGBqKUihA0ApmGoDIGg4huYCJgkh/CeeXnHI' +
    'brK0LGd2DMU1LLkDVARYQI9Ak5qWQBHhlIzysicMFh78QYuitmhpbFM9mMnVZshG0QZKRbwTFgoyG0gdtFgQqy0koE3Oaf0MYkBp' +
    'GQ==',
  'KLUv/QRIBQkA9BBldGMwIGRvYzEgZG9jMiBkb2MzIGRvYzQgZG9jNSBkb2M2IGRvYzcgZG9jOCBzaGFyZTkgc2hhcmUxMCBzaGFy' +
    'ZTExMTIgc2hhcmUwIHMzIHVzcjQgdXNyNSB1c3I2IHVzcjcgdXNyOCB1c3I5IHVzcjEwIHVzcjExIGxpYjEyIGxpYjAgbGliMSBs' +
    'aWIyIGxpYjMgbGliNCBsaWI1IGxpYjYgc2g3IHNoOCBzaDkgc2gxMCBzaDExIHNoMTIgc2gwIHNoMSBiaW4yIGJpbjMgYmluNCBi' +
    'aW41IGJpbjYgYmluNyBiaW44IGJpbjkgcm9vdDEwIHJvb3QxMSByb290MTIwIHJvb3QxIHJvb3QyBQA0IARnjpwDwPVBh3kGFN00' +
    'Zw==',
  'KLUv/QRYTQAAEAAAAQCz8wEWvdvLTw==',
  // A match over 700 000 zeros: further back than the decoder's first buffer reaches.
  'KLUv/QBoFAQAlAfGfoFrS/vi+1T2vd98HOGHAb8x3lZyD0dnZodZqog8WepWE3vShaHYPFRVLzeuZVvaAnmYzOMado5f2ZmPHz82' +
    '7kN4TQ36vqba5IaO3CltTv9W4XAg+4+xWAWQxQncU82qO0iZUtNSnQaf6rXCBhOYSbIBHqwyiDEAAQA54X8OogIAEAACABAAAgAQ' +
    'AAIAEAB9AAAAA0AAfQa0brvKptUuHQQ=',
]

/** zstd. */
export const zstd: Kind = {
  name: 'zstd',
  maxLength: 1 << 13,
  // Output, its window and room for more of it: whatever window a header asks for.
  maxAllocation: 1 << 25,

  async seeds() {
    const random = new Random(8)
    // Ours refuses more than fzstd does, but never what the command wrote.
    for (const text of written) {
      const bytes = Buffer.from(text, 'base64')
      const whole = await decompressed('zstd', false, [bytes])
      holds(whole.error === undefined, 'What zstd wrote is refused', () => whole.error?.message)
    }
    const files = seedFiles(zstd.maxLength).map(({ bytes }) => bytes)
    return [
      ...files.filter((bytes) => bytes[0] === 0x28 && bytes[1] === 0xb5),
      ...written.map((text) => new Uint8Array(Buffer.from(text, 'base64'))),
      ...Array.from({ length: 20 }, () => madeFrame(random)),
    ]
  },

  mutate: mutateZstd,

  async run(input, random) {
    const whole = await decompressed('zstd', false, [input])
    onlyCodes(whole, 'zstd', codes)
    if (random.oneIn(3)) {
      sameBytes(
        whole,
        await decompressed('zstd', false, cut(random, input)),
        'Cut otherwise, it is something else',
      )
    }
    if (whole.error !== undefined || !random.oneIn(2) || asksForMuch(input)) return
    let theirs: Uint8Array
    try {
      theirs = fzstd.decompress(input)
    } catch {
      return
    }
    holds(equalBytes(whole.value, theirs), 'fzstd reads something else', () => [
      whole.value.length,
      theirs.length,
    ])
  },
}

/** fzstd makes what a header asks for: windows and contents of more than a mebibyte are left out, for its sake. */
function asksForMuch(input: Uint8Array): boolean {
  for (let at = input.indexOf(0x28); at >= 0; at = input.indexOf(0x28, at + 1)) {
    if (input[at + 1] !== 0xb5 || input[at + 2] !== 0x2f || input[at + 3] !== 0xfd) continue
    const descriptor = input[at + 4] ?? 0
    const single = (descriptor & 32) !== 0
    if (single ? descriptor >>> 6 > 1 : (input[at + 5] ?? 0) >>> 3 > 10) return true
  }
  return false
}
