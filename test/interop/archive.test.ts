/** Image archives as skopeo reads them, and as it writes them. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import type { Manifest } from '../../src/spec/index.ts'
import { isManifestType, parseManifest } from '../../src/spec/index.ts'
import { ArchiveStore, readBlobBytes } from '../../src/store/index.ts'
import { casesDirectory, caseTest } from '../cases.ts'
import { peerTest, runPeer } from './peers.ts'

const fixture = fileURLToPath(new URL('../../spec-fixtures/my-image', import.meta.url))

async function compareWithSkopeo(cases: string): Promise<void> {
  const directory = join(cases, 'archives')
  let compared = 0
  for (const name of (await readdir(directory)).sort()) {
    for (const format of ['oci', 'docker'] as const) {
      const path = join(directory, name)
      const answer = await runPeer('skopeo', ['inspect', '--raw', `${format}-archive:${path}`], {
        mayFail: true,
      })
      if (answer.status !== 0) continue
      await using store = await ArchiveStore.open(path, { format })
      const descriptor = (await store.index()).manifests[0]
      if (descriptor === undefined) throw new Error(`${name} has no image`)
      const bytes = await readBlobBytes(store, descriptor)
      compared++
      if (format === 'oci') {
        expect(new TextDecoder().decode(bytes), name).toBe(answer.stdout)
        continue
      }
      const theirs = JSON.parse(answer.stdout) as Manifest
      const ours = parseManifest(bytes)
      expect(ours.config, name).toEqual(theirs.config)
      expect(ours.layers, name).toHaveLength(theirs.layers.length)
      for (const [position, layer] of ours.layers.entries()) {
        const { digest, size } = theirs.layers[position] as Manifest['config']
        // skopeo shows compressed layers as what they decompress to, and calls every layer gzip.
        if (layer.mediaType.endsWith('.tar'))
          expect({ ...layer, mediaType: '' }, name).toEqual({ digest, size, mediaType: '' })
      }
    }
  }
  expect(compared).toBe(10)
}

const comparison = 'skopeo sees the same manifest in each archive that it can read'
// Where the cases are absent, `caseTest` says so.
if (casesDirectory === undefined) caseTest(comparison, compareWithSkopeo)
else peerTest(comparison, ['skopeo'], () => compareWithSkopeo(casesDirectory as string))

for (const format of ['oci', 'docker'] as const) {
  peerTest(`an ${format}-archive that skopeo writes is read, every blob sound`, ['skopeo'], async () => {
    const directory = await mkdtemp(join(tmpdir(), 'archive-'))
    try {
      const path = join(directory, 'image.tar')
      const reference = format === 'oci' ? 'v9' : 'example.com/team/app:v9'
      await runPeer('skopeo', [
        '--override-os',
        'linux',
        '--override-arch',
        'amd64',
        'copy',
        `oci:${fixture}:1.0`,
        `${format}-archive:${path}:${reference}`,
      ])
      const answer = await runPeer('skopeo', ['inspect', '--raw', `${format}-archive:${path}`])
      await using store = await ArchiveStore.open(path)
      expect(store.format).toBe(format)
      const descriptor = await store.resolve(reference)
      expect(await store.resolve('v9')).toEqual(descriptor)
      expect(isManifestType(descriptor.mediaType)).toBe(true)
      const manifest = parseManifest(await readBlobBytes(store, descriptor))
      const theirs = JSON.parse(answer.stdout) as Manifest
      expect(manifest.layers.map((layer) => layer.digest)).toEqual(theirs.layers.map((layer) => layer.digest))
      expect(manifest.config.digest).toBe(theirs.config.digest)
      for (const blob of [manifest.config, ...manifest.layers]) await readBlobBytes(store, blob)
    } finally {
      await rm(directory, { recursive: true })
    }
  })
}
