import { describe, expect, test } from 'vitest'
import { parseImageName } from '../../src/cli/image-name.ts'

const digest = `sha256:${'a'.repeat(64)}`
const at =
  (...paths: string[]) =>
  (path: string) =>
    paths.includes(path)

describe('image names', () => {
  test.each([
    ['image', ['image'], { transport: 'path', path: 'image' }],
    ['image:v1', ['image'], { transport: 'path', path: 'image', reference: 'v1' }],
    ['oci:image:v1', ['image'], { transport: 'oci', path: 'image', reference: 'v1' }],
    ['oci-archive:a.tar:v1', ['a.tar'], { transport: 'oci-archive', path: 'a.tar', reference: 'v1' }],
    [
      'docker-archive:a.tar:docker.io/library/alpine:3',
      ['a.tar'],
      { transport: 'docker-archive', path: 'a.tar', reference: 'docker.io/library/alpine:3' },
    ],
    [`image@${digest}`, ['image'], { transport: 'path', path: 'image', reference: digest }],
    [`oci:image:v1@${digest}`, ['image'], { transport: 'oci', path: 'image', reference: `v1@${digest}` }],
    // A path may hold colons and at signs of its own.
    ['odd:name:v1', ['odd:name'], { transport: 'path', path: 'odd:name', reference: 'v1' }],
    ['odd@name:v1', ['odd@name'], { transport: 'path', path: 'odd@name', reference: 'v1' }],
    ['odd:name', ['odd:name', 'odd'], { transport: 'path', path: 'odd:name' }],
    ['C:\\images\\a', [], { transport: 'path', path: 'C:\\images\\a' }],
    ['C:\\images\\a:v1', ['C'], { transport: 'path', path: 'C:\\images\\a', reference: 'v1' }],
    // Where nothing exists, the first colon parts path and reference, so that the error names the path.
    ['nothing:docker.io/a:3', [], { transport: 'path', path: 'nothing', reference: 'docker.io/a:3' }],
  ])('%s', (text, paths, expected) => {
    expect(parseImageName(text, at(...paths))).toEqual(expected)
  })

  test.each(['', 'oci:', 'oci::v1', `@${digest}`])('%j has no path', (text) => {
    expect(() => parseImageName(text, at())).toThrow(/has no path/)
  })

  test('a colon with nothing behind it is refused', () => {
    expect(() => parseImageName('image:', at('image'))).toThrow(/no name behind it/)
  })

  test('a digest that is none is refused, not taken for a name', () => {
    for (const wrong of ['A'.repeat(64), 'a'.repeat(63), 'xyz']) {
      expect(() => parseImageName(`oci:image:v1@sha256:${wrong}`, at('image'))).toThrow(
        expect.objectContaining({ code: 'DIGEST_INVALID' }),
      )
    }
  })
})
