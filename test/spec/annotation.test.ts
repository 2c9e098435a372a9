import { describe, expect, test } from 'vitest'
import { annotationKeys, isDefinedAnnotation, isRefName, isReservedAnnotation } from '../../src/spec/index.ts'

test('the keys are those of image-spec, and containerd’s name', () => {
  expect(Object.values(annotationKeys).sort()).toEqual(
    [
      ...'created authors url documentation source version revision vendor licenses ref.name title description'.split(
        ' ',
      ),
      ...'base.digest base.name referrer.subject referrer.convert'.split(' '),
    ]
      .map((name) => `org.opencontainers.image.${name}`)
      .concat('io.containerd.image.name')
      .sort(),
  )
})

test('keys under the reserved prefix are defined or to be warned of; others are neither', () => {
  for (const key of Object.values(annotationKeys)) {
    expect(isDefinedAnnotation(key)).toBe(key.startsWith('org.'))
    expect(isReservedAnnotation(key)).toBe(false)
  }
  for (const key of [
    'org.opencontainers.image.foo',
    'org.opencontainers.x',
    'org.opencontainers.image.Created',
  ]) {
    expect(isDefinedAnnotation(key)).toBe(false)
    expect(isReservedAnnotation(key)).toBe(true)
  }
  for (const key of ['', 'com.example.a', 'org.opencontainersx.a', 'Org.opencontainers.image.title']) {
    expect(isDefinedAnnotation(key)).toBe(false)
    expect(isReservedAnnotation(key)).toBe(false)
  }
})

describe('ref.name', () => {
  test.each([
    'latest',
    'v1.0',
    'a--b',
    'A/b/C0',
    'registry.example.com:5000/owner/app:1.2',
    'app@sha256:abc',
    'a+b_c',
    '0',
  ])('%j matches the grammar', (name) => expect(isRefName(name)).toBe(true))

  test.each([
    '',
    '/',
    'a/',
    '/a',
    'a//b',
    '.a',
    'a.',
    'a..b',
    'a---b',
    'a__b',
    'a b',
    'a\n',
    'é',
    'a/.b',
    'a$b',
  ])('%j does not', (name) => expect(isRefName(name)).toBe(false))

  test('a long name that fails at its end is refused in linear time', () => {
    expect(isRefName(`${'a-'.repeat(50_000)}!`)).toBe(false)
    expect(isRefName(`${'a'.repeat(100_000)}!`)).toBe(false)
  })
})
