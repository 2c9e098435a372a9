import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { digestBytes } from '../../src/digest/index.ts'
import { mediaTypes, parseSchema1, parseV1Compatibility } from '../../src/spec/index.ts'
import { caseTest } from '../cases.ts'
import { changed, digestA } from './sample.ts'

const manifest = {
  schemaVersion: 1,
  name: 'library/a',
  tag: 'latest',
  architecture: 'amd64',
  fsLayers: [{ blobSum: digestA }, { blobSum: digestA }],
  history: [
    { v1Compatibility: '{"id":"b","parent":"a","throwaway":true}' },
    { v1Compatibility: '{"id":"a"}' },
  ],
}

function base64url(text: string): string {
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/** As libtrust signs: the signatures stand before the last brace of the payload. */
function sign(payload: string, header: object = {}, copies = 1): string {
  const tail = '\n}'
  const body = payload.slice(0, -tail.length)
  const signature = {
    header: { alg: 'ES256' },
    signature: 'x',
    protected: base64url(
      JSON.stringify({ formatLength: body.length, formatTail: base64url(tail), ...header }),
    ),
  }
  return `${body},\n   "signatures": ${JSON.stringify(Array(copies).fill(signature))}${tail}`
}

const payload = JSON.stringify(manifest, null, 3)

test('one without a signature is named by all of its bytes', () => {
  const bytes = new TextEncoder().encode(payload)
  const document = parseSchema1(bytes, { mediaType: mediaTypes.dockerSchema1 })
  expect(document).toEqual({ manifest, signed: false, payload: bytes, digest: digestBytes(bytes) })
  expect(parseSchema1(payload)).toEqual(document)
  bytes.fill(0)
  expect(digestBytes(document.payload)).toBe(document.digest)
})

test('the payload is a copy, of a Buffer too', () => {
  const bytes = Buffer.from(payload)
  const document = parseSchema1(bytes)
  bytes.fill(0)
  expect(digestBytes(document.payload)).toBe(document.digest)
})

test('one with a signature is named by its payload', () => {
  const document = parseSchema1(sign(payload), { mediaType: mediaTypes.dockerSchema1Signed })
  expect(document.signed).toBe(true)
  expect(document.manifest).toEqual(manifest)
  expect(new TextDecoder().decode(document.payload)).toBe(payload)
  expect(document.digest).toBe(digestBytes(new TextEncoder().encode(payload)))
  expect(parseSchema1(sign(payload, {}, 3)).digest).toBe(document.digest)
})

test('a length beyond the document is named', () => {
  expect(() => parseSchema1(sign(payload, { formatLength: 1 << 20 }))).toThrow(
    /signatures\[0\]\.protected says that 1048576 bytes are signed, but there are/,
  )
})

test('lengths are of bytes, not of characters', () => {
  const accented = JSON.stringify({ ...manifest, name: 'é' }, null, 3)
  const bytes = new TextEncoder().encode(accented)
  const document = parseSchema1(sign(accented, { formatLength: bytes.length - 2 }))
  expect(document.digest).toBe(digestBytes(bytes))
})

describe('a signature that is not over the document', () => {
  test.each<[string, string]>([
    ['of another length', sign(payload, { formatLength: 10 })],
    ['beyond the document', sign(payload, { formatLength: 1 << 20 })],
    ['of a negative length', sign(payload, { formatLength: -1 })],
    ['of no length', sign(payload, { formatLength: undefined })],
    ['of another tail', sign(payload, { formatTail: base64url(',"tag":"evil"}') })],
    ['of a tail that adds a member', sign(payload, { formatTail: base64url(',"x":1}') })],
    ['of a tail that is not base64url', sign(payload, { formatTail: '=' })],
    ['of a header that is not JSON', sign(payload).replace(/"protected":"[^"]*"/, '"protected":"YQ"')],
    ['of a header that is not base64url', sign(payload).replace(/"protected":"[^"]*"/, '"protected":"+"')],
    ['that is missing', sign(payload).replace(/"signatures": .*/, '"signatures":[]')],
    [
      'with another that disagrees',
      sign(payload).replace(
        /"signatures": \[(.*)\]/,
        (_, one) =>
          `"signatures": [${one},{"protected":"${base64url('{"formatLength":1,"formatTail":""}')}"}]`,
      ),
    ],
    ['after which there is more', sign(payload).replace('"signatures"', '"tag2":"x","signatures"')],
  ])('%s', (_, text) => {
    expect(() => parseSchema1(text)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^(DOCUMENT|JSON)_INVALID$/) }),
    )
  })
})

describe('what a manifest of schema 1 must not be', () => {
  test.each<[string, (string | number)[], unknown]>([
    ['of version 2', ['schemaVersion'], 2],
    ['without layers', ['fsLayers'], undefined],
    ['of no layers', ['fsLayers'], []],
    ['of a digest that is none', ['fsLayers', 0, 'blobSum'], 'sha256:..'],
    ['of too little history', ['history'], manifest.history.slice(1)],
    ['of history that is not JSON', ['history', 0, 'v1Compatibility'], '{'],
    ['of history that has a name twice', ['history', 0, 'v1Compatibility'], '{"id":"a","id":"b"}'],
    ['of history of no date', ['history', 0, 'v1Compatibility'], '{"created":"today"}'],
    ['a manifest of version 2 as well', ['layers'], []],
    ['an index as well', ['manifests'], []],
    ['of the media type of version 2', ['mediaType'], mediaTypes.dockerManifest],
  ])('%s', (_, path, value) => {
    expect(() => parseSchema1(JSON.stringify(changed(manifest, path, value)))).toThrow(
      expect.objectContaining({ code: 'DOCUMENT_INVALID' }),
    )
  })

  test('of another spelling', () => {
    expect(() => parseSchema1(payload.replace('"tag"', '"Tag"'))).toThrow(
      expect.objectContaining({ code: 'JSON_INVALID' }),
    )
  })

  test('by what points to it', () => {
    expect(() => parseSchema1(payload, { mediaType: mediaTypes.dockerManifest })).toThrow(
      expect.objectContaining({ code: 'MEDIA_TYPE_UNSUPPORTED' }),
    )
  })
})

caseTest('a signed manifest of a real registry', (directory) => {
  const document = parseSchema1(readFileSync(`${directory}/conversions/schema1.json`))
  expect(document.signed).toBe(true)
  // 6813 bytes, and the tail, as its signature says.
  expect(document.payload).toHaveLength(6815)
  expect(document.manifest.fsLayers).toHaveLength(6)
  const [top] = document.manifest.history.map((entry) => parseV1Compatibility(entry.v1Compatibility))
  expect(top?.config?.Cmd).toEqual(['kolla_start'])
})

caseTest('an unsigned manifest with all that schema 1 has', (directory) => {
  const document = parseSchema1(readFileSync(`${directory}/conversions/manifests/v2s1.everything.json`))
  expect(document.signed).toBe(false)
  expect(parseV1Compatibility(document.manifest.history[0]?.v1Compatibility as string)).toMatchObject({
    author: 'author',
    container_config: { Cmd: ['cmd'] },
    throwaway: true,
  })
})
