import { describe, expect, test } from 'vitest'
import { digestBytes } from '../../src/digest/index.ts'
import type { Descriptor } from '../../src/spec/index.ts'
import { annotationKeys, mediaTypes } from '../../src/spec/index.ts'
import {
  changeEntries,
  forgetReference,
  listReferences,
  resolveReference,
  setReference,
} from '../../src/store/references.ts'

const { refName, containerdImageName } = annotationKeys

/** An entry of a content of its own, under names. */
function entry(content: number, names: { ref?: string; full?: string } = {}): Descriptor {
  const annotations = {
    ...(names.full === undefined ? {} : { [containerdImageName]: names.full }),
    ...(names.ref === undefined ? {} : { [refName]: names.ref }),
  }
  return {
    mediaType: mediaTypes.manifest,
    digest: digestBytes(Uint8Array.of(content)),
    size: content,
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  }
}

const resolve = (entries: Descriptor[], name: string): number =>
  resolveReference(entries, name, 'the test').size
const tag = (entries: readonly Descriptor[], descriptor: Descriptor, name: string): Descriptor[] =>
  changeEntries(entries, setReference(entries, descriptor, name))
const untag = (entries: readonly Descriptor[], name: string): Descriptor[] =>
  changeEntries(entries, forgetReference(entries, name, 'the test'))
const names = (entries: readonly Descriptor[]): string[] => listReferences(entries).map(({ name }) => name)

/** What `docker save alpine:3 debian:3` writes since Docker 25: the short names are the same. */
const saved = [
  entry(1, { ref: '3', full: 'docker.io/library/alpine:3' }),
  entry(2, { ref: '3', full: 'docker.io/library/debian:3' }),
]

describe('resolving', () => {
  test('by ref.name, by full name, by the tag of a full name, by digest', () => {
    const entries = [
      entry(1, { ref: 'v1' }),
      entry(2, { full: 'docker.io/library/app:v2' }),
      entry(3),
      entry(4, { full: 'localhost:5000/app' }),
    ]
    expect(resolve(entries, 'v1')).toBe(1)
    expect(resolve(entries, 'docker.io/library/app:v2')).toBe(2)
    expect(resolve(entries, 'v2')).toBe(2)
    expect(resolve(entries, entry(3).digest)).toBe(3)
    expect(resolve(entries, 'localhost:5000/app')).toBe(4)
    expect(() => resolve(entries, '5000/app')).toThrow('There is no')
  })

  test('a name itself goes before the tag of a full name', () => {
    const entries = [entry(2, { full: 'docker.io/library/app:v1' }), entry(1, { ref: 'v1' })]
    expect(resolve(entries, 'v1')).toBe(1)
  })

  test('one name for different content is ambiguous, and for the same content is not', () => {
    expect(() => resolve(saved, '3')).toThrow(
      '"3" stands for 2 entries in the test, so say which: docker.io/library/alpine:3, docker.io/library/debian:3',
    )
    expect(() => resolve([entry(1, { ref: 'v1' }), entry(2, { ref: 'v1' })], 'v1')).toThrowError(
      expect.objectContaining({ code: 'REFERENCE_AMBIGUOUS' }),
    )
    expect(resolve([entry(1, { ref: 'v1' }), entry(1, { ref: 'v1' })], 'v1')).toBe(1)
    expect(resolve(saved, 'docker.io/library/debian:3')).toBe(2)
  })

  test('the message says what there is, however much it is', () => {
    expect(() => resolve([], 'x')).toThrow('There is no "x" in the test; it is empty')
    expect(() => resolve([entry(1)], 'x')).toThrow(`have no names: use a digest, one of ${entry(1).digest}`)
    const many = Array.from({ length: 25 }, (_, i) => entry(i, { ref: `v${i}` }))
    expect(() => resolve(many, 'x')).toThrow('v19 and 5 more')
    expect(() => resolve(many, 'v')).toThrowError(expect.objectContaining({ code: 'REFERENCE_NOT_FOUND' }))
  })
})

describe('listing', () => {
  test('each entry once, under its full name where it has one', () => {
    const entries = [...saved, entry(3, { ref: 'v1' }), entry(4), entry(5, { ref: '' })]
    expect(names(entries)).toEqual(['docker.io/library/alpine:3', 'docker.io/library/debian:3', 'v1'])
  })
})

describe('setting', () => {
  test('a new name comes last and leaves what is there as it is', () => {
    const entries = [entry(1, { ref: 'v1' }), entry(9)]
    const after = tag(entries, entry(2), 'v2')
    expect(after).toEqual([...entries, entry(2, { ref: 'v2' })])
    expect(after[0]).toBe(entries[0])
  })

  test('a name that is there moves in its place, and other entries of it go', () => {
    const entries = [entry(1, { ref: 'a' }), entry(2, { ref: 'v1' }), entry(3, { ref: 'v1' }), entry(4)]
    expect(tag(entries, entry(5), 'v1')).toEqual([entry(1, { ref: 'a' }), entry(5, { ref: 'v1' }), entry(4)])
  })

  test('a name that ends in a digest stands for that digest only', () => {
    const [one, two] = [entry(1), entry(2)]
    const name = `ghcr.io/owner/app:1@${one.digest}`
    expect(resolve(tag([], one, name), name)).toBe(1)
    expect(() => tag([], two, name)).toThrow(expect.objectContaining({ code: 'REFERENCE_INVALID' }))
  })

  test('the descriptor keeps its other annotations and fields, but not the name it had', () => {
    const descriptor = {
      ...entry(1, { ref: 'old', full: 'docker.io/library/app:old' }),
      platform: { os: 'linux', architecture: 'arm64' },
    }
    const { annotations } = descriptor
    const after = tag([], { ...descriptor, annotations: { ...annotations, kept: 'yes' } }, 'new')
    expect(after).toEqual([{ ...descriptor, annotations: { kept: 'yes', [refName]: 'new' } }])
  })

  test('a short name that others have beside a full one is theirs no more', () => {
    const after = tag(saved, entry(7), '3')
    expect(resolve(after, '3')).toBe(7)
    expect(names(after)).toEqual(['docker.io/library/alpine:3', 'docker.io/library/debian:3', '3'])
    expect(after.slice(0, 2).map((each) => each.annotations?.[refName])).toEqual([undefined, undefined])
  })

  test('a full name takes the place of the entry that a builder gave it to', () => {
    const after = tag(saved, entry(7), 'docker.io/library/alpine:3')
    expect(resolve(after, 'docker.io/library/alpine:3')).toBe(7)
    expect(after).toHaveLength(2)
  })

  test('names that registries allow are allowed, others are not', () => {
    for (const name of [
      'v1',
      'v1_',
      '_x',
      'a__b',
      'ghcr.io/a__b/c:1',
      'localhost:5000/app:v1',
      'a/b/c',
      '1.2--3',
    ]) {
      expect(resolve(tag([], entry(1), name), name)).toBe(1)
    }
    for (const name of ['', ' ', 'a b', '../a', '/a', 'a/', 'http://a/b', 'a\u0000', 'é', entry(1).digest]) {
      expect(() => tag([], entry(1), name)).toThrowError(
        expect.objectContaining({ code: 'REFERENCE_INVALID' }),
      )
    }
  })

  test('what is no descriptor is refused', () => {
    expect(() => tag([], { ...entry(1), size: -1 }, 'v1')).toThrowError(
      expect.objectContaining({ code: 'DOCUMENT_INVALID' }),
    )
  })
})

describe('forgetting', () => {
  test('removes the entries of the name', () => {
    const entries = [entry(1, { ref: 'v1' }), entry(2, { ref: 'v2' }), entry(3, { ref: 'v1' })]
    expect(untag(entries, 'v1')).toEqual([entry(2, { ref: 'v2' })])
    expect(untag(entries, 'none')).toEqual(entries)
  })

  test('takes a short name where it means one entry, and refuses where it means several', () => {
    expect(untag([saved[0] as Descriptor], '3')).toEqual([])
    expect(() => untag(saved, '3')).toThrowError(expect.objectContaining({ code: 'REFERENCE_AMBIGUOUS' }))
    expect(untag(saved, 'docker.io/library/debian:3')).toEqual([saved[0]])
  })

  test('a digest is no name', () => {
    expect(untag(saved, entry(1).digest)).toEqual(saved)
  })
})
