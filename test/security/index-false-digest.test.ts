/**
 * An index that lists an entry under a digest which is another's, so that who pins an image by its digest gets
 * what the index's writer likes. A digest, alone or behind a name, leads to that digest or to an error.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readLayout } from '../../src/image/index.ts'
import type { Descriptor } from '../../src/spec/index.ts'
import { annotationKeys } from '../../src/spec/index.ts'
import { DirectoryStore, type ImageStore, MemoryStore } from '../../src/store/index.ts'
import { copyGraph } from '../../src/transfer/index.ts'
import { on, smallImage, who } from '../image/images.ts'
import { temporaryDirectory } from '../store/temporary-directory.ts'

const source = new MemoryStore()
const good = await smallImage(source, 'good', 'linux/amd64')
const bad = await smallImage(source, 'bad', 'linux/amd64')
const worse = await smallImage(source, 'worse', 'linux/arm64')
const { digest } = good.descriptor

function called(descriptor: Descriptor, name: string): Descriptor {
  return { ...descriptor, annotations: { [annotationKeys.refName]: name } }
}

/** A layout on disk whose index is written by hand. */
async function layoutOf(...manifests: Descriptor[]): Promise<ImageStore> {
  const store = await DirectoryStore.create(join(temporaryDirectory(), 'layout'), { sync: false })
  for (const image of [good, bad, worse]) await copyGraph(source, image.descriptor, store)
  const path = join(store.path, 'index.json')
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), manifests }))
  return store
}

describe.each([
  ['a digest', digest],
  ['a name with a digest', `ghcr.io/owner/app:1@${digest}`],
  ['a tag with a digest', `v1@${digest}`],
])('%s', (_, name) => {
  test('never opens another image', async () => {
    for (const annotation of [annotationKeys.refName, annotationKeys.containerdImageName]) {
      const store = await layoutOf({ ...bad.descriptor, annotations: { [annotation]: name } })
      await expect(store.resolve(name)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH', expected: digest })
      await expect((await readLayout(store)).image(name)).rejects.toMatchObject({
        code: expect.stringMatching(/^(DIGEST_MISMATCH|REFERENCE_NOT_FOUND)$/),
      })
    }
  })

  test('never opens the one of several that suits a platform', async () => {
    const store = await layoutOf(called(on(bad), name), called(on(worse), name))
    await expect((await readLayout(store)).image(name, { platform: 'linux/amd64' })).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    })
  })

  test('opens the one that has it, whatever else goes by the name', async () => {
    const store = await layoutOf(called(bad.descriptor, name), called(good.descriptor, name))
    expect(await who(await (await readLayout(store)).image(name))).toBe('good')
  })
})
