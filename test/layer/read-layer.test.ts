import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import { readAll, readChunks } from '../../src/bytes.ts'
import { Layer, type LayerEntry, readLayer } from '../../src/layer/index.ts'
import { setAccelerated } from '../../src/runtime.ts'
import { mediaTypes } from '../../src/spec/index.ts'
import { MemoryStore } from '../../src/store/index.ts'
import { CountingStore, layersOf, putBlob, tarOf, zstd } from './layers.ts'

afterEach(() => setAccelerated(true))

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

async function layerWith(...contents: (string | Uint8Array<ArrayBuffer>)[]): Promise<Layer> {
  const entries = contents.map((content, i) => ({
    path: `f${i}`,
    content: typeof content === 'string' ? new TextEncoder().encode(content) : content,
  }))
  return (await layersOf([entries]))[0]!
}

const big = new Uint8Array(5_000_000).map((_, i) => i ^ (i >> 9))

describe('content', () => {
  test('is had as bytes, as chunks and as a stream, or skipped', async () => {
    const layer = await layerWith('one', big, '', big, 'two', big)
    const got: Uint8Array[] = []
    let number = 0
    for await (const entry of layer.entries()) {
      if (number < 3) got.push(await entry.bytes())
      else if (number === 3) got.push(await readAll(entry.chunks(), 1e9))
      else if (number === 4) got.push(await readAll(entry.content(), 1e9))
      number++
    }
    expect(number).toBe(6)
    expect(got.map((bytes) => bytes.length)).toEqual([3, 5e6, 0, 5e6, 3])
    expect(text(got[0]!) + text(got[4]!)).toBe('onetwo')
    expect(Buffer.compare(got[1]!, big)).toBe(0)
    expect(Buffer.compare(got[3]!, big)).toBe(0)
  })

  test("is the reader's, who may keep it and write over it", async () => {
    const tar = await tarOf([{ path: 'a', content: big }])
    for (const [accelerated, blob] of [
      [true, tar],
      [true, gzipSync(tar)],
      [false, gzipSync(tar)],
      [false, zstd(tar) ?? tar],
    ] as const) {
      setAccelerated(accelerated)
      const store = new MemoryStore()
      const layer = new Layer(store, await putBlob(store, blob), { position: 0 })
      for (let turn = 0; turn < 2; turn++) {
        const chunks: Uint8Array[] = []
        for await (const entry of layer.entries()) {
          for await (const chunk of entry.chunks()) chunks.push(chunk)
        }
        expect(Buffer.compare(Buffer.concat(chunks), big)).toBe(0)
        const pieces: Uint8Array[] = []
        for await (const chunk of readChunks(layer.tar())) pieces.push(chunk)
        expect(Buffer.compare(Buffer.concat(pieces), tar)).toBe(0)
        for (const chunk of [...chunks, ...pieces]) chunk.fill(0)
      }
    }
  })

  test('is gone when the next entry is asked for, and can be read once', async () => {
    const layer = await layerWith('one', 'two', big)
    let before: LayerEntry | undefined
    for await (const entry of layer.entries()) {
      if (before !== undefined) {
        await expect(before.bytes()).rejects.toMatchObject({ code: 'ARGUMENT_INVALID', path: before.path })
      }
      if (entry.path === 'f1') {
        await entry.bytes()
        await expect(entry.bytes()).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' })
      }
      before = entry
    }
    await expect(before!.bytes()).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' })
  })

  test('that is half read is skipped to its end', async () => {
    const paths: string[] = []
    for await (const entry of (await layerWith(big, 'two', big, 'three')).entries()) {
      paths.push(entry.path)
      if (entry.size > 10) for await (const _ of entry.chunks()) break
      else expect(text(await entry.bytes())).toBe(entry.path === 'f1' ? 'two' : 'three')
    }
    expect(paths).toEqual(['f0', 'f1', 'f2', 'f3'])
  })

  test('larger than the limit is refused before it is read', async () => {
    for await (const entry of (await layerWith('12345')).entries()) {
      await expect(entry.bytes(4)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED', expected: 4, actual: 5 })
      expect(await entry.bytes(5)).toHaveLength(5)
    }
  })
})

test('leaving the loop early closes the blob, and reads no further', async () => {
  const store = new CountingStore()
  const noise = new Uint8Array(20_000_000).map((_, i) => Math.imul(i, 2654435761) >>> 13)
  const [layer] = await layersOf([[{ path: 'a' }, { path: 'b', content: noise }]], 'none', store)
  let closed = false
  const get = store.get.bind(store)
  store.get = async (...args) => {
    const reader = (await get(...args)).getReader()
    return new ReadableStream(
      {
        async pull(controller) {
          const { done, value } = await reader.read()
          if (done) controller.close()
          else
            for (let at = 0; at < value.length; at += 1 << 20)
              controller.enqueue(value.subarray(at, at + (1 << 20)))
        },
        cancel() {
          closed = true
        },
      },
      { highWaterMark: 0 },
    )
  }
  for await (const { path } of layer!.entries()) {
    expect(path).toBe('a')
    break
  }
  expect(closed).toBe(true)
})

test('what the loop throws comes out as it is', async () => {
  const layer = await layerWith('one', big)
  const error = new Error('mine')
  const loop = async () => {
    for await (const _ of layer.entries()) throw error
  }
  await expect(loop()).rejects.toBe(error)
})

test('an abort ends the loop with its reason', async () => {
  const layer = await layerWith('one', big, big, big)
  const controller = new AbortController()
  const reason = new Error('enough')
  const loop = async () => {
    for await (const _ of layer.entries({ signal: controller.signal })) controller.abort(reason)
  }
  await expect(loop()).rejects.toBe(reason)
  const before = async () => {
    for await (const _ of layer.entries({ signal: AbortSignal.abort(reason) })) throw new Error('not reached')
  }
  await expect(before()).rejects.toBe(reason)
})

test('a blob that is not there says so', async () => {
  const layer = await layerWith('one')
  const other = new Layer(new MemoryStore(), layer.descriptor, { position: 0 })
  const loop = async () => {
    for await (const _ of other.entries()) throw new Error('not reached')
  }
  await expect(loop()).rejects.toMatchObject({ code: 'BLOB_NOT_FOUND', digest: layer.digest })
  await expect(readAll(other.tar(), 1e9)).rejects.toMatchObject({ code: 'BLOB_NOT_FOUND' })
})

test('damage shows at the end of the loop at the latest, and of the tar', async () => {
  const tar = await tarOf([{ path: 'a', content: big }])
  const changed = new Uint8Array(tar)
  changed[4_000_000]! ^= 1
  for (const compress of [(bytes: Uint8Array<ArrayBuffer>) => bytes, gzipSync]) {
    const store = new MemoryStore()
    const descriptor = await putBlob(store, compress(changed), mediaTypes.layer)
    const { diffID } = (await layersOf([[{ path: 'a', content: big }]]))[0]!
    const layer = new Layer(store, descriptor, { position: 0, diffID })
    const loop = async () => {
      for await (const { path } of readLayer(store, descriptor, { diffID })) expect(path).toBe('a')
    }
    await expect(loop()).rejects.toMatchObject({ code: 'DIFF_ID_MISMATCH' })
    await expect(readAll(layer.tar(), 1e9)).rejects.toMatchObject({ code: 'DIFF_ID_MISMATCH' })
  }
})

test('the layer gives its tar and its blob', async () => {
  const layer = await layerWith('one', big)
  const tar = await readAll(layer.tar(), 1e9)
  const again = await tarOf([
    { path: 'f0', text: 'one' },
    { path: 'f1', content: big },
  ])
  expect(Buffer.compare(tar, again)).toBe(0)
  expect(await readAll(await layer.blob(), 1e9)).toHaveLength(layer.size)
  const stream = layer.tar().getReader()
  expect((await stream.read()).value!.length).toBeGreaterThan(0)
  await stream.cancel()
})
