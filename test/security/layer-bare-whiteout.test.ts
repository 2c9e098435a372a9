/** A whiteout of nothing, of "." or of "..": a reader that cuts off ".wh." removes a directory, or the one above it. */
import { describe, expect, test } from 'vitest'
import { openFilesystem } from '../../src/filesystem/index.ts'
import { layersOf } from '../layer/layers.ts'

describe.each(['.wh.', '.wh..', '.wh...', 'd/.wh.', 'd/.wh..', 'd/.wh...', './d//.wh...'])('%s', (path) => {
  test('is refused by name, when listed and when merged', async () => {
    const layers = await layersOf([[{ path: 'd/x' }], [{ path }]])
    const refusal = { code: 'PATH_UNSAFE', path }
    await expect(layers[1]!.scan({ entry() {} })).rejects.toMatchObject(refusal)
    const loop = async () => {
      for await (const _ of layers[1]!.entries()) throw new Error('not reached')
    }
    await expect(loop()).rejects.toMatchObject(refusal)
    await expect(openFilesystem(layers)).rejects.toMatchObject(refusal)
    await expect(openFilesystem(layers, { problems: 'report' })).rejects.toMatchObject(refusal)
  })
})
