/** Layers that others wrote: their diffIDs are those of their configs, and their whiteouts are what they must be. */
import { join } from 'node:path'
import { describe, expect, onTestFinished } from 'vitest'
import { applyLayers, FileTree, Layer, type LayerEntryHeader } from '../../src/layer/index.ts'
import { isIndexType, parseConfig, parseIndex, parseManifest } from '../../src/spec/index.ts'
import { ArchiveStore, readBlobBytes } from '../../src/store/index.ts'
import { caseTest } from '../cases.ts'

async function openLayers(directory: string, name: string): Promise<Layer[]> {
  const store = await ArchiveStore.open(join(directory, 'archives', name))
  onTestFinished(() => store[Symbol.asyncDispose]())
  let [descriptor] = (await store.index()).manifests
  while (isIndexType(descriptor!.mediaType)) {
    ;[descriptor] = parseIndex(await readBlobBytes(store, descriptor!)).manifests
  }
  const manifest = parseManifest(await readBlobBytes(store, descriptor!))
  const { rootfs } = parseConfig(await readBlobBytes(store, manifest.config))
  return manifest.layers.map(
    (layer, position) => new Layer(store, layer, { position, diffID: rootfs.diff_ids[position] }),
  )
}

async function list(layer: Layer): Promise<LayerEntryHeader[]> {
  const entries: LayerEntryHeader[] = []
  const scan = await layer.scan({ entry: (entry) => void entries.push(entry) })
  expect(scan.diffID).toBe(layer.diffID)
  expect(scan.entries).toBe(entries.length)
  const read: string[] = []
  for await (const { path } of layer.entries()) read.push(path)
  expect(read).toEqual(entries.map(({ path }) => path))
  return entries
}

describe('archives', () => {
  const names = [
    'dive-test-docker-image.tar',
    'dive-test-oci-gzip-image.tar',
    'dive-test-oci-uncompressed-image.tar',
    'dive-test-oci-zstd-image.tar',
    'ggcr-hello-world-v25.tar',
    'ggcr-test_image_1.tar',
    'ggcr-test_link.tar',
    'ggcr-whiteout_image.tar',
    'ggcr-whiteout_dir.tar',
  ]
  for (const name of names) {
    caseTest(`${name}: every layer lists, with the diffID of the config`, async (directory) => {
      for (const layer of await openLayers(directory, name)) await list(layer)
    })
  }

  caseTest('the three forms of one image have the same tree', async (directory) => {
    const trees = await Promise.all(
      ['gzip', 'uncompressed', 'zstd'].map(async (form) => {
        const tree = new FileTree()
        await applyLayers(tree, await openLayers(directory, `dive-test-oci-${form}-image.tar`))
        return [...tree.walk()]
      }),
    )
    expect(trees[0]!.length).toBeGreaterThan(1)
    expect(trees[1]).toEqual(trees[0])
    expect(trees[2]).toEqual(trees[0])
  })

  const trees = {
    'ggcr-whiteout_image.tar': ['bar.txt 0'],
    // Layer 2 hides "a" with all in it; layer 3 makes it anew.
    'ggcr-whiteout_dir.tar': ['a 3', 'a/baz 3', 'b 1', 'b/bar 1'],
  }
  for (const [name, expected] of Object.entries(trees)) {
    caseTest(`${name}: what its whiteouts hide is gone, what is beside them is not`, async (directory) => {
      const tree = new FileTree()
      await applyLayers(tree, await openLayers(directory, name))
      expect([...tree.walk()].slice(1).map(({ path, layer }) => `${path} ${layer}`)).toEqual(expected)
    })
  }
})
