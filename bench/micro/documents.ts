import { Bench } from 'tinybench'
import { parseConfig, parseIndex, parseManifest } from '../../src/spec/index.ts'
import { sampling } from './sampling.ts'

const digest = (i: number) => `sha256:${i.toString(16).padStart(64, '0')}`
const layer = (i: number) => ({
  mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
  digest: digest(i),
  size: 1000 + i,
})
const numbers = (length: number) => Array.from({ length }, (_, i) => i)

const manifest = {
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digest(1), size: 1000 },
  layers: numbers(30).map(layer),
  annotations: Object.fromEntries(numbers(10).map((i) => [`org.example.annotation-${i}`, `value ${i}`])),
}
const config = {
  architecture: 'amd64',
  os: 'linux',
  created: '2024-01-01T00:00:00Z',
  config: { Env: ['PATH=/usr/bin:/bin'], Cmd: ['sh'], Labels: { a: 'b' }, ExposedPorts: { '80/tcp': {} } },
  rootfs: { type: 'layers', diff_ids: numbers(30).map(digest) },
  history: numbers(30).map((i) => ({ created: '2024-01-01T00:00:00Z', created_by: `RUN step ${i}` })),
}
const index = {
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.index.v1+json',
  manifests: numbers(1000).map((i) => ({
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: digest(i),
    size: 1000 + i,
    platform: { architecture: 'arm64', os: 'linux', variant: 'v8' },
    annotations: { 'org.opencontainers.image.ref.name': `v1.${i}` },
  })),
}

/** Documents parsed and checked, beside `JSON.parse` alone. */
export function documents(): Bench {
  const bench = new Bench({ ...sampling, name: 'documents' })
  const add = (name: string, document: object, parse: (bytes: Uint8Array) => unknown) => {
    const bytes = new TextEncoder().encode(JSON.stringify(document))
    bench.add(`${name}, ${bytes.length} bytes`, () => {
      parse(bytes)
    })
    bench.add(`${name}, JSON.parse`, () => {
      JSON.parse(new TextDecoder().decode(bytes))
    })
  }
  add('manifest of 30 layers', manifest, parseManifest)
  add('config of 30 layers', config, parseConfig)
  add('index of 1000 manifests', index, parseIndex)
  return bench
}
