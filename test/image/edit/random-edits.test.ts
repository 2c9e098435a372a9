/**
 * Edits in any order: whatever comes after whatever, manifest, config and history stay in step, and the tree is the
 * one that a plain model of layers gives.
 */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeUtf8 } from '../../../src/bytes.ts'
import { fromScratch, type Image, type ImageEdit } from '../../../src/image/index.ts'
import { MemoryStore } from '../../../src/store/index.ts'
import type { TarEntryInput } from '../../../src/tar/index.ts'
import { validateImage } from '../../../src/transfer/index.ts'

/** What one layer says of each path: a content, `null` for gone, `false` for a directory that hides what was in it. */
type ModelLayer = ReadonlyMap<string, string | null | false>

/** Files and whiteouts at three fixed places, so that every layer can stand on every other. */
const layer: fc.Arbitrary<ModelLayer> = fc
  .record(
    {
      a: fc.option(fc.string({ maxLength: 3 })),
      'd/a': fc.option(fc.string({ maxLength: 3 })),
      'd/b': fc.option(fc.string({ maxLength: 3 })),
      d: fc.constantFrom(null, false as const),
    },
    { requiredKeys: [], noNullPrototype: true },
  )
  .map((record) => new Map(Object.entries(record)))

type Step =
  | { readonly do: 'add' | 'insert' | 'replace'; readonly layer: ModelLayer; readonly at: number }
  | { readonly do: 'remove' | 'squash'; readonly at: number }
  | { readonly do: 'flatten' | 'history' | 'label' | 'env' | 'clamp' | 'created' }
  | { readonly do: 'recompress'; readonly to: 'none' | 'gzip' }

const at = fc.nat({ max: 5 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('add', 'insert', 'replace'), layer, at }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('remove', 'squash'), at }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('flatten', 'history', 'label', 'env', 'clamp', 'created'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('recompress'), to: fc.constantFrom('none', 'gzip') }),
  },
) as fc.Arbitrary<Step>

function entriesOf(model: ModelLayer): TarEntryInput[] {
  const entries: TarEntryInput[] = []
  for (const [path, content] of model) {
    const mtime = 2_000_000_000
    if (content === false) entries.push({ path: `${path}/`, mtime }, { path: `${path}/.wh..wh..opq`, mtime })
    else if (content !== null) entries.push({ path, content: encodeUtf8(content), mtime })
    else entries.push({ path: path.replace(/([^/]*)$/, '.wh.$1'), mtime })
  }
  return entries
}

/** The files that are left to see. */
function filesOf(layers: readonly ModelLayer[]): Record<string, string> {
  const files = new Map<string, string>()
  for (const model of layers) {
    for (const [path, content] of model) {
      if (content === null) files.delete(path)
      if (path === 'd') for (const file of [...files.keys()]) if (file.startsWith('d/')) files.delete(file)
    }
    for (const [path, content] of model) if (typeof content === 'string') files.set(path, content)
  }
  return Object.fromEntries([...files].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** One layer that does what several do. */
function merged(layers: readonly ModelLayer[]): ModelLayer {
  const one = new Map<string, string | null | false>()
  for (const model of layers) {
    if (model.has('d')) {
      for (const path of ['d/a', 'd/b']) one.delete(path)
      one.set('d', null)
    }
    for (const [path, content] of model) if (path !== 'd') one.set(path, content)
  }
  return one
}

async function read(image: Image): Promise<Record<string, string>> {
  const files = await image.filesystem()
  const found: Record<string, string> = {}
  for await (const { path, type } of files.walk())
    if (type === 'file') found[path.slice(1)] = await files.readTextFile(path)
  return found
}

interface Model {
  readonly layers: ModelLayer[]
  /** What the history says of each layer. */
  readonly steps: string[]
  /** The lowest squashed layer, or -1: it is a difference to those below, which have to stay what they were. */
  squashed: number
}

/** Makes a step, of the edit and of the model. */
function make(edit: ImageEdit, step: Step, model: Model, number: number): void {
  const { layers, steps } = model
  const history = { created_by: `step ${number}` }
  const position = 'at' in step ? step.at % (layers.length + 1) : 0
  const isLayer = position < layers.length && position >= model.squashed
  switch (step.do) {
    case 'add':
    case 'insert': {
      const place = step.do === 'add' || position <= model.squashed ? layers.length : position
      edit.addLayer(entriesOf(step.layer), {
        history,
        ...(step.do === 'insert' && { position: place }),
      })
      layers.splice(place, 0, step.layer)
      steps.splice(place, 0, history.created_by)
      return
    }
    case 'replace':
      if (!isLayer) return
      edit.replaceLayer(position, entriesOf(step.layer), { history })
      layers[position] = step.layer
      steps[position] = history.created_by
      return
    case 'remove':
      if (!isLayer) return
      edit.removeLayer(position)
      layers.splice(position, 1)
      steps.splice(position, 1)
      return
    case 'squash':
    case 'flatten': {
      const from = step.do === 'flatten' ? 0 : position
      if (from >= layers.length) return
      model.squashed = model.squashed < 0 ? from : Math.min(from, model.squashed)
      if (step.do === 'flatten') edit.flatten({ history })
      else edit.squash(from, { history })
      layers.splice(from, layers.length, merged(layers.slice(from)))
      steps.splice(from, steps.length, history.created_by)
      return
    }
    case 'history':
      edit.history(history)
      return
    case 'label':
      edit.label(`l${number}`, 'x')
      return
    case 'env':
      edit.env({ [`E${number}`]: 'x' })
      return
    case 'clamp':
      edit.clampTimes(1_000_000_000)
      return
    case 'created':
      edit.created(number)
      return
    case 'recompress':
      edit.recompress(step.to)
  }
}

test('manifest, config, history and tree are as a model says after any edits, in one commit or several', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.record({ step, commit: fc.boolean() }), { maxLength: 10 }), async (all) => {
      const store = new MemoryStore()
      const model: Model = { layers: [], steps: [], squashed: -1 }
      const { layers, steps } = model
      let edit = fromScratch({ platform: 'linux/amd64' })
      for (const [number, { step, commit }] of all.entries()) {
        make(edit, step, model, number)
        if (commit) edit = (await edit.commit(store)).edit()
      }
      const image = await edit.commit(store)
      const { findings } = await validateImage(store, image.descriptor)
      expect(findings.filter(({ level }) => level === 'error')).toEqual([])
      const { rootfs, history = [] } = await image.config()
      expect(rootfs.diff_ids).toHaveLength(layers.length)
      expect(image.layers).toHaveLength(layers.length)
      expect(history!.filter((entry) => entry.empty_layer !== true).map((entry) => entry.created_by)).toEqual(
        steps,
      )
      expect(image.layers.map((layer) => layer.history?.created_by)).toEqual(steps)
      expect(await read(image)).toEqual(filesOf(layers))
    }),
    { numRuns: 60 },
  )
}, 60_000)
