import fs from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import type { Digest } from '../../src/digest/index.ts'
import { writeManifest } from '../../src/image/index.ts'
import { type Descriptor, mediaTypes, serializeJson } from '../../src/spec/index.ts'
import { DirectoryStore, MemoryStore } from '../../src/store/index.ts'
import { collectGarbage } from '../../src/transfer/garbage.ts'
import { graphPlan, type MadeNode, makeGraph } from './random-graph.ts'

/** What else a manifest needs that has no content of its own. */
const artifact = (empty: Descriptor) => ({
  artifactType: 'application/vnd.example',
  config: empty,
  layers: [empty],
})

/** What must stay, by brute force: the closure of the tagged nodes under needs, subjects and referrers. */
function needed(nodes: readonly MadeNode[], roots: readonly Digest[]): Set<Digest> {
  const kept = new Set<Digest>(roots)
  for (let size = -1; size !== kept.size; ) {
    size = kept.size
    for (const node of nodes) {
      const subject = node.subject === undefined ? undefined : nodes[node.subject]!.descriptor.digest
      if (subject !== undefined && kept.has(subject)) kept.add(node.descriptor.digest)
      if (!kept.has(node.descriptor.digest)) continue
      if (subject !== undefined) kept.add(subject)
      for (const need of node.needs) kept.add(nodes[need]!.descriptor.digest)
    }
  }
  return kept
}

async function digests(store: MemoryStore): Promise<Set<Digest>> {
  const all = new Set<Digest>()
  for await (const digest of store.list()) all.add(digest)
  return all
}

describe('garbage', () => {
  test('is what brute force finds, never one blob too many, over random graphs', async () => {
    await fc.assert(
      fc.asyncProperty(graphPlan, async (plan) => {
        const store = new MemoryStore()
        const nodes = await makeGraph(store, plan)
        const roots: Digest[] = []
        for await (const { descriptor } of store.references()) roots.push(descriptor.digest)
        const all = await digests(store)
        const expected = needed(nodes, roots)
        const dry = await collectGarbage(store, { dryRun: true })
        expect(await digests(store)).toEqual(all)
        const wet = await collectGarbage(store)
        expect(wet).toEqual(dry)
        expect(new Set(wet.removed)).toEqual(new Set([...all].filter((digest) => !expected.has(digest))))
        expect(await digests(store)).toEqual(new Set([...all].filter((digest) => expected.has(digest))))
        expect((await collectGarbage(store)).removed).toEqual([])
      }),
      { numRuns: 400 },
    )
  })

  test('what is to be kept is kept with all that it leads to', async () => {
    const store = new MemoryStore()
    const config = await store.put(serializeJson({}), { mediaType: mediaTypes.empty })
    const loose = await store.put(serializeJson('loose'))
    const manifest = await store.put(
      serializeJson({
        schemaVersion: 2,
        mediaType: mediaTypes.manifest,
        artifactType: 'a/b',
        config,
        layers: [config],
      }),
      { mediaType: mediaTypes.manifest },
    )
    expect((await collectGarbage(store, { dryRun: true })).removed).toHaveLength(3)
    expect(await collectGarbage(store, { keep: [manifest] })).toEqual({ removed: [loose.digest], kept: 2 })
  })

  test('a document that cannot be understood stops it before anything is removed', async () => {
    const store = new MemoryStore()
    await store.put(serializeJson('loose'))
    const broken = await store.put(serializeJson({ schemaVersion: 2, layers: 'none' }), {
      mediaType: mediaTypes.manifest,
    })
    await store.tag(broken, 'broken')
    await expect(collectGarbage(store)).rejects.toMatchObject({ code: 'DOCUMENT_INVALID' })
    expect((await digests(store)).size).toBe(2)
  })

  test('a store that cannot delete says so', async () => {
    const store = new MemoryStore()
    const fixed = {
      references: store.references.bind(store),
      resolve: store.resolve,
      tag: store.tag,
      has: store.has,
      get: store.get,
      put: store.put,
    }
    await expect(collectGarbage(fixed)).rejects.toMatchObject({ code: 'STORE_UNSUPPORTED' })
  })

  test('entries that go are taken out of the index together: it is written once, not once for each', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'oci-ts-garbage-'))
    try {
      const store = await DirectoryStore.create(directory, { sync: false })
      const config = await store.put(serializeJson({}), { mediaType: mediaTypes.empty })
      const subject = await writeManifest(store, { schemaVersion: 2, ...artifact(config) })
      for (let i = 0; i < 20; i++) {
        const about = { schemaVersion: 2 as const, ...artifact(config), subject, annotations: { i: `${i}` } }
        await store.addEntry(await writeManifest(store, about))
      }
      const rename = vi.spyOn(fs, 'renameSync')
      const { removed } = await collectGarbage(store)
      const written = rename.mock.calls.filter(([, to]) => String(to).endsWith('index.json'))
      rename.mockRestore()
      expect(removed).toHaveLength(22)
      expect((await store.index()).manifests).toEqual([])
      expect(written).toHaveLength(1)
    } finally {
      await rm(directory, { recursive: true })
    }
  })

  test('a document of an unknown kind may have more members than a call has arguments', async () => {
    const store = new MemoryStore()
    const bytes = new TextEncoder().encode(`[${'0,'.repeat(1_000_000)}0]`)
    const strange = await store.put(bytes, { mediaType: 'application/vnd.example+json' })
    await store.tag(strange, 'strange')
    expect((await collectGarbage(store)).kept).toBe(1)
  })

  test('each blob is read a few times at the most, however long a chain of referrers is', async () => {
    const store = new MemoryStore()
    const config = await store.put(serializeJson({}), { mediaType: mediaTypes.empty })
    let last = await writeManifest(store, { schemaVersion: 2, ...artifact(config) })
    await store.tag(last, 'first')
    for (let i = 0; i < 200; i++) {
      last = await writeManifest(store, { schemaVersion: 2, ...artifact(config), subject: last })
    }
    const get = vi.spyOn(store, 'get')
    expect((await collectGarbage(store)).kept).toBe(202)
    expect(get.mock.calls.length).toBeLessThanOrEqual(3 * 202)
  })
})
