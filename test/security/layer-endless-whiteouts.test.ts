/**
 * Whiteouts without end, each of which makes a reader look through all files again: the work must grow with entries
 * and files added, not multiplied.
 */
import { expect, test } from 'vitest'
import { applyLayers, FileTree } from '../../src/layer/index.ts'
import { type Entries, layersOf } from '../layer/layers.ts'

const count = 5000

/** A tree that counts how often it asks what a path is: once, at least, for each that it goes over. */
class CountingTree extends FileTree {
  asked = 0

  override isDirectory(node: number): boolean {
    this.asked++
    return super.isDirectory(node)
  }
}

async function merge(layers: readonly Entries[]): Promise<CountingTree> {
  const tree = new CountingTree()
  await applyLayers(tree, await layersOf(layers))
  return tree
}

test('opaque ones, again and again, over many files of their own layer', async () => {
  const files = Array.from({ length: count }, (_, i) => ({ path: `d/${i}` }))
  const whiteouts = Array.from({ length: count }, () => ({ path: 'd/.wh..wh..opq' }))
  const tree = await merge([[{ path: 'd/old' }], [...files, ...whiteouts]])
  expect(tree.size).toBe(count + 2)
  expect(tree.asked).toBeLessThan(20 * count)
})

test('nested ones, from the outside in and back, over many files at the bottom', async () => {
  const depth = 400
  const path = (length: number) => 'd/'.repeat(length)
  const files = Array.from({ length: count }, (_, i) => ({ path: `${path(depth)}${i}` }))
  const whiteouts = Array.from({ length: depth }, (_, i) => ({ path: `${path(i + 1)}.wh..wh..opq` }))
  const tree = await merge([[...files, ...whiteouts, ...whiteouts.toReversed()]])
  expect(tree.size).toBe(depth + count + 1)
  expect(tree.asked).toBeLessThan(20 * count)
})

test('a directory made and removed again and again, with many names that once were in it', async () => {
  const files = Array.from({ length: 100_000 }, (_, i) => ({ path: `d/${i}` }))
  const turns = Array.from({ length: 100_000 }, (_, i) => ({ path: i % 2 === 0 ? 'd' : 'd/' }))
  // Going over the names each time would be 5 000 000 000 steps, and the test's time would be over.
  const tree = await merge([[...files, ...turns]])
  expect([...tree.walk()].map(({ path }) => path)).toEqual(['', 'd'])
})
