/**
 * Documents in which everything is wrong: 4 MiB have room for a million places, and to tell of each took 2 GB and
 * ended in a stack overflow. The first hundred of each list are told.
 */
import { expect, test } from 'vitest'
import type { OciError } from '../../src/errors.ts'
import { lintIndex, parseConfig, parseIndex, parseManifest, parseSchema1 } from '../../src/spec/index.ts'

/** What a parser throws. */
function failure(parse: () => unknown): OciError {
  try {
    parse()
  } catch (error) {
    return error as OciError
  }
  throw new Error('nothing was thrown')
}

const many = (text: string, count: number): string => `[${new Array(count).fill(text).join(',')}]`
const digest = `sha256:${'0'.repeat(64)}`
const descriptor = `{"mediaType":"a/b","digest":"${digest}","size":1}`

test.each([
  ['numbers for descriptors', () => parseIndex(`{"schemaVersion":2,"manifests":${many('0', 1_000_000)}}`)],
  ['empty descriptors', () => parseIndex(`{"schemaVersion":2,"manifests":${many('{}', 500_000)}}`)],
  ['broken descriptors', () => parseIndex(`{"schemaVersion":2,"manifests":${many('{"size":-1}', 150_000)}}`)],
  [
    'empty layers',
    () => parseManifest(`{"schemaVersion":2,"config":${descriptor},"layers":${many('{}', 500_000)}}`),
  ],
  [
    'numbers for annotations',
    () =>
      parseIndex(
        `{"schemaVersion":2,"manifests":[],"annotations":{${Array.from({ length: 200_000 }, (_, i) => `"${i}":0`).join(',')}}}`,
      ),
  ],
  [
    'numbers for history',
    () =>
      parseConfig(
        `{"os":"a","architecture":"b","rootfs":{"type":"layers","diff_ids":[]},"history":${many('0', 1_000_000)}}`,
      ),
  ],
  [
    'broken history of schema 1',
    () =>
      parseSchema1(
        `{"schemaVersion":1,"fsLayers":${many(`{"blobSum":"${digest}"}`, 2)},"history":${many('{"v1Compatibility":""}', 150_000)}}`,
      ),
  ],
])('%s', (_, parse) => {
  const error = failure(parse)
  expect(error).toMatchObject({ code: 'DOCUMENT_INVALID' })
  expect(error.issues?.length).toBeGreaterThan(90)
  expect(error.issues?.length).toBeLessThan(1000)
})

test('linting tells of as many', () => {
  const findings = lintIndex(`{"schemaVersion":2,"manifests":${many('{}', 300_000)}}`)
  expect(findings.length).toBeGreaterThan(90)
  expect(findings.length).toBeLessThan(1000)
})
