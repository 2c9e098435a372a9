import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Digest } from '../../src/digest/index.ts'
import { mediaTypes, serializeJson } from '../../src/spec/index.ts'
import { MemoryStore } from '../../src/store/index.ts'
import { collectGarbage } from '../../src/transfer/garbage.ts'
import { graphPlan, type MadeNode, makeGraph } from './random-graph.ts'

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
})
