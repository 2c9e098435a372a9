import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readChunks, streamOf } from '../../src/bytes.ts'
import type { Descriptor } from '../../src/spec/index.ts'
import { emptyDescriptor, mediaTypes, serializeJson } from '../../src/spec/index.ts'
import { type ImageStore, MemoryStore } from '../../src/store/index.ts'
import { copyGraph, copyImage, validateImage } from '../../src/transfer/index.ts'
import { multiPlatform, putIndex, smallImage } from '../image/images.ts'

async function digests(store: MemoryStore): Promise<Set<string>> {
  const all = new Set<string>()
  for await (const digest of store.list()) all.add(digest)
  return all
}

/** An artifact about a subject, of one layer. */
async function attach(store: MemoryStore, subject: Descriptor, text: string): Promise<Descriptor> {
  const config = emptyDescriptor()
  await store.put(serializeJson({}), config)
  const layer = await store.put(serializeJson(text), { mediaType: 'text/plain' })
  const { mediaType, digest, size } = subject
  return store.put(
    serializeJson({
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      artifactType: 'application/x-note',
      config,
      layers: [layer],
      subject: { mediaType, digest, size },
    }),
    { mediaType: mediaTypes.manifest },
  )
}

describe('copying', () => {
  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])(
    'refuses %s blobs at once, and so does validating',
    async (concurrency) => {
      const from = await multiPlatform('linux/amd64')
      const to = new MemoryStore()
      const refusal = { code: 'ARGUMENT_INVALID' }
      await expect(copyImage(from, 'multi', to, undefined, { concurrency })).rejects.toMatchObject(refusal)
      expect(await digests(to)).toEqual(new Set())
      const validated = validateImage(from, await from.resolve('multi'), { concurrency })
      await expect(validated).rejects.toMatchObject(refusal)
    },
  )

  test('takes an index with all that it leads to, byte for byte, and tags it last', async () => {
    const from = await multiPlatform('linux/amd64', 'linux/arm64')
    const to = new MemoryStore()
    const steps: string[] = []
    const recording = new Proxy(to, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        return (...args: unknown[]) => {
          if (name === 'tag') steps.push('tag')
          if (name === 'put') steps.push((args[1] as Descriptor).mediaType)
          return value.apply(target, args)
        }
      },
    })
    const result = await copyImage(from, 'multi', recording)
    expect(await digests(to)).toEqual(await digests(from))
    expect(result).toMatchObject({ copied: 7, present: 0, elsewhere: [] })
    expect(await to.resolve('multi')).toMatchObject({ digest: (await from.resolve('multi')).digest })
    expect(steps.slice(-4)).toEqual([mediaTypes.manifest, mediaTypes.manifest, mediaTypes.index, 'tag'])
    expect(await copyImage(from, 'multi', to, 'again')).toMatchObject({
      copied: 0,
      copiedBytes: 0,
      present: 7,
    })
  })

  test('takes each blob once, however many point to it', async () => {
    const from = new MemoryStore()
    const images = [
      await smallImage(from, 'same', 'linux/amd64'),
      await smallImage(from, 'same', 'linux/arm64'),
    ]
    await from.tag(
      await putIndex(
        from,
        images.map(({ descriptor }) => descriptor),
      ),
      'two',
    )
    let reads = 0
    const get: ImageStore['get'] = (descriptor, options) => {
      if (descriptor.mediaType === mediaTypes.layerGzip) reads++
      return from.get(descriptor, options)
    }
    const counting = new Proxy(from, { get: (target, name) => (name === 'get' ? get : bound(target, name)) })
    await copyImage(counting, 'two', new MemoryStore())
    expect(reads).toBe(1)
  })

  test('leaves out other platforms: one gives its manifest, several a smaller index', async () => {
    const from = await multiPlatform('linux/amd64', 'linux/arm64', 'linux/s390x')
    const one = new MemoryStore()
    const single = await copyImage(from, 'multi', one, 'one', { platforms: ['linux/arm64'] })
    expect(single.descriptor.mediaType).toBe(mediaTypes.manifest)
    expect((await digests(one)).size).toBe(3)
    const two = new MemoryStore()
    const several = await copyImage(from, 'multi', two, 'two', { platforms: ['linux/s390x', 'linux/amd64'] })
    const validation = await validateImage(two, several.descriptor)
    expect(validation).toMatchObject({ valid: true, missing: [] })
    expect((await digests(two)).size).toBe(7)
    const index = JSON.parse(await new Response(await two.get(several.descriptor)).text())
    expect(index.manifests.map(({ platform }: Descriptor) => platform?.architecture)).toEqual([
      'amd64',
      's390x',
    ])
    await expect(copyImage(from, 'multi', two, 'x', { platforms: ['linux/386'] })).rejects.toMatchObject({
      code: 'PLATFORM_NOT_FOUND',
    })
  })

  test('takes referrers with their own referrers, and subjects, only when asked', async () => {
    const from = new MemoryStore()
    const image = await smallImage(from, 'one', 'linux/amd64', 'v1')
    const note = await attach(from, image.descriptor, 'note')
    const reply = await attach(from, note, 'reply')
    const plain = new MemoryStore()
    await copyImage(from, 'v1', plain)
    expect(await plain.has(note)).toBe(false)
    const full = new MemoryStore()
    await copyImage(from, 'v1', full, 'v1', { referrers: true })
    expect(await digests(full)).toEqual(await digests(from))
    const alone = new MemoryStore()
    await copyGraph(from, reply, alone)
    expect(await alone.has(note)).toBe(false)
    const chain = new MemoryStore()
    await copyGraph(from, reply, chain, { subjects: true })
    expect(await digests(chain)).toEqual(await digests(from))
  })

  test('passes by nondistributable layers that are elsewhere, and by nothing else', async () => {
    const from = new MemoryStore()
    const image = await smallImage(from, 'one')
    const foreign = {
      ...image.manifest.layers[0]!,
      mediaType: mediaTypes.nondistributableLayerGzip,
      urls: ['https://example.com/l'],
    }
    const manifest = await from.put(serializeJson({ ...image.manifest, layers: [foreign] }), {
      mediaType: mediaTypes.manifest,
    })
    await from.delete(foreign)
    const result = await copyGraph(from, manifest, new MemoryStore())
    expect(result.elsewhere).toEqual([foreign])
    await expect(copyGraph(from, image.descriptor, new MemoryStore())).rejects.toMatchObject({
      code: 'BLOB_NOT_FOUND',
    })
  })

  test('tells of bytes as they move, and calls before and after each', async () => {
    const from = await multiPlatform('linux/amd64')
    const seen: string[] = []
    let total = 0
    await copyImage(from, 'multi', new MemoryStore(), 'multi', {
      concurrency: 1,
      onBefore: ({ mediaType }) => void seen.push(`before ${mediaType}`),
      onAfter: ({ mediaType }) => void seen.push(`after ${mediaType}`),
      onProgress: ({ state, bytes, totalBytes, totalBlobs }) => {
        if (state === 'done') total += bytes
        expect([totalBlobs, totalBytes > 0]).toEqual([4, true])
      },
    })
    expect(seen).toHaveLength(8)
    expect(seen.at(-1)).toBe(`after ${mediaTypes.index}`)
    let sizes = 0
    for (const digest of await digests(from))
      sizes += (await new Response(await from.get({ digest } as Descriptor)).arrayBuffer()).byteLength
    expect(total).toBe(sizes)
  })

  test('is stopped by its signal, with the reason', async () => {
    const from = await multiPlatform('linux/amd64', 'linux/arm64')
    const to = new MemoryStore()
    const controller = new AbortController()
    const copying = copyImage(from, 'multi', to, 'multi', {
      signal: controller.signal,
      onAfter: () => controller.abort(new Error('enough')),
    })
    await expect(copying).rejects.toThrow('enough')
    await expect(to.resolve('multi')).rejects.toMatchObject({ code: 'REFERENCE_NOT_FOUND' })
  })
})

function bound(target: object, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name)
  return typeof value === 'function' ? value.bind(target) : value
}

/** A store whose calls fail, stall for a moment, cut short, lengthen or alter, as a seeded sequence says. */
function faulty<Store extends ImageStore>(store: Store, next: () => number): Store {
  const spoil = async function* (content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of content) {
      const luck = next()
      if (luck < 0.04) throw new Error('connection lost')
      if (luck < 0.08) {
        yield chunk.subarray(0, chunk.length >> 1)
        return
      }
      if (luck < 0.12) {
        const altered = chunk.slice()
        altered[Math.floor(next() * altered.length)]! ^= 1 << Math.floor(next() * 8)
        yield altered
        continue
      }
      if (luck < 0.15) yield new Uint8Array(1)
      if (luck < 0.3) await new Promise((resolve) => setTimeout(resolve))
      yield chunk
    }
  }
  return new Proxy(store, {
    get(target, name) {
      const value = bound(target, name)
      if (typeof value !== 'function' || ['list', 'references', 'referrers'].includes(String(name)))
        return value
      return async (...args: unknown[]) => {
        if (next() < 0.03) throw new Error(`${String(name)} failed`)
        if (name === 'get') return streamOf(spoil(readChunks(await value(...args))))
        if (name === 'put') {
          const given = args[0] as Parameters<ImageStore['put']>[0]
          return value(() => spoil(readChunks(given)), ...args.slice(1))
        }
        return value(...args)
      }
    },
  })
}

/** Numbers from 0 to 1 from a seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

test('under faults nothing is ever tagged that does not validate, over a thousand seeded runs; run again it completes', async () => {
  const from = new MemoryStore()
  const base = await smallImage(from, 'base', 'linux/amd64')
  const app = await base
    .edit()
    .copy({ app: 'x'.repeat(2000) }, '/')
    .commit(from)
  await from.tag(await putIndex(from, [app.descriptor, base.descriptor]), 'app')
  await attach(from, app.descriptor, 'note')
  let failures = 0
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.boolean(), async (seed, referrers) => {
      const next = randomFrom(seed)
      const to = new MemoryStore()
      for (let attempt = 0; attempt < 5; attempt++) {
        try {
          await copyImage(faulty(from, next), 'app', faulty(to, next), 'app', { referrers, concurrency: 3 })
        } catch {
          failures++
        }
        const tagged = await to.resolve('app').catch(() => undefined)
        if (tagged === undefined) continue
        const { findings, missing, corrupt } = await validateImage(to, tagged)
        expect([missing, corrupt, findings.filter(({ level }) => level === 'error')]).toEqual([[], [], []])
      }
      await copyImage(from, 'app', to, 'app', { referrers: true })
      expect(await digests(to)).toEqual(await digests(from))
    }),
    { numRuns: 1000 },
  )
  expect(failures).toBeGreaterThan(1000)
}, 300_000)
