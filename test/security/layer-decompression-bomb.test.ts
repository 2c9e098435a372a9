/** Layers that decompress to far more than they are: stopped by size and by ratio, with nothing held in memory. */
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { openFilesystem } from '../../src/filesystem/index.ts'
import { Layer, scanLayer } from '../../src/layer/index.ts'
import { MemoryStore } from '../../src/store/index.ts'
import { layersOf, putBlob, zstd } from '../layer/layers.ts'

const zeros = new Uint8Array(1 << 27)

test('by size, wherever the layer is read', async () => {
  const [layer] = await layersOf([[{ path: 'zeros', content: zeros }]])
  const limits = { maxSize: 1 << 20 }
  const refusal = { code: 'LIMIT_EXCEEDED', expected: 1 << 20 }
  await expect(layer!.scan({ entry() {} }, { limits })).rejects.toMatchObject(refusal)
  await expect(openFilesystem([layer!], { limits })).rejects.toMatchObject(refusal)
  const loop = async () => {
    for await (const { path } of layer!.entries({ limits })) expect(path).toBe('zeros')
  }
  await expect(loop()).rejects.toMatchObject(refusal)
})

test('by ratio', async () => {
  const store = new MemoryStore()
  const bomb = zstd(zeros) ?? gzipSync(zeros)
  const descriptor = await putBlob(store, bomb)
  await expect(
    scanLayer(store, descriptor, { entry() {} }, { limits: { maxRatio: 500 } }),
  ).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED', expected: 500 })
})

test('by the number of entries and of findings', async () => {
  const [layer] = await layersOf([Array.from({ length: 5000 }, () => ({ path: 'a' }))])
  await expect(layer!.scan({ entry() {} }, { limits: { maxEntries: 4999 } })).rejects.toMatchObject({
    code: 'LIMIT_EXCEEDED',
    expected: 4999,
  })
  const { findings } = await layer!.scan({ entry() {} })
  expect(findings).toHaveLength(1001)
  expect(findings.at(-1)).toMatchObject({ code: 'too-many-findings' })
})

test('entries are told before the end, so what they made counts only when the scan has resolved', async () => {
  const [layer] = await layersOf([[{ path: 'a' }, { path: 'zeros', content: zeros }]])
  const seen: string[] = []
  const scanning = new Layer(layer!.store, layer!.descriptor, { position: 0 }).scan(
    { entry: ({ path }) => void seen.push(path) },
    { limits: { maxSize: 1 << 22 } },
  )
  await expect(scanning).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
  expect(seen).toEqual(['a', 'zeros'])
})
