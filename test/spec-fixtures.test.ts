import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { caseTest } from './cases.ts'

const fixtures = fileURLToPath(new URL('../spec-fixtures', import.meta.url))

interface Document {
  manifests?: { digest: string; size: number; platform?: { architecture: string } }[]
  config?: { digest: string; size: number }
  layers?: { digest: string; size: number }[]
  rootfs?: { diff_ids: string[] }
}

function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

function blob(layout: string, digest: string): Buffer {
  return readFileSync(join(fixtures, layout, 'blobs', 'sha256', digest.slice('sha256:'.length)))
}

function document(layout: string, digest: string): Document {
  return JSON.parse(blob(layout, digest).toString()) as Document
}

// A checkout that changes line ends, or an editor that adds one, would break them: better to be told here.
test.each(['mysterious-image', 'my-image'])('%s: every blob has the digest that it is named by', (layout) => {
  const names = readdirSync(join(fixtures, layout, 'blobs', 'sha256'))
  expect(names.length).toBeGreaterThan(0)
  expect(names.map((name) => sha256(blob(layout, `sha256:${name}`)))).toEqual(
    names.map((name) => `sha256:${name}`),
  )
})

caseTest('mysterious-image: its two documents are the ones that the cases have', (cases) => {
  const original = (name: string) => readFileSync(join(cases, 'mysterious-image', name))
  const [manifest] = JSON.parse(
    readFileSync(join(fixtures, 'mysterious-image', 'index.json'), 'utf8'),
  ).manifests
  const bytes = blob('mysterious-image', manifest.digest)
  expect(bytes.equals(original('manifest.json'))).toBe(true)
  expect(bytes.length).toBe(manifest.size)
  const { config, layers } = JSON.parse(bytes.toString()) as Required<Document>
  expect(blob('mysterious-image', config.digest).equals(original('config.json'))).toBe(true)
  // Elsewhere, as the specification allows.
  for (const { digest } of layers) {
    expect(existsSync(join(fixtures, 'mysterious-image', 'blobs', 'sha256', digest.slice(7)))).toBe(false)
  }
})

test('my-image: everything that it points to is there, of the right size, with the right diffIDs', () => {
  const [tagged] = (
    JSON.parse(readFileSync(join(fixtures, 'my-image', 'index.json'), 'utf8')) as Required<Document>
  ).manifests
  const index = document('my-image', tagged!.digest)
  expect(index.manifests?.map((entry) => entry.platform?.architecture)).toEqual(['amd64', 'arm64'])
  for (const entry of index.manifests ?? []) {
    const { config, layers } = document('my-image', entry.digest) as Required<Document>
    for (const { digest, size } of [entry, config, ...layers])
      expect(blob('my-image', digest).length).toBe(size)
    const diffIDs = layers.map(({ digest }) => sha256(gunzipSync(blob('my-image', digest))))
    expect(document('my-image', config.digest).rootfs?.diff_ids).toEqual(diffIDs)
  }
})
