/**
 * What unpacking must not touch: a tree beside the root, with everything an attack would like to reach, compared
 * before and after to the last bit of content, mode, owner and time.
 */
import { chmodSync, linkSync, mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { OciError, type OciErrorCode } from '../../src/errors.ts'
import { type UnpackOptions, unpackLayers } from '../../src/filesystem/index.ts'
import type { Layer } from '../../src/layer/index.ts'
import { makeLayers, scratch, type TestEntry } from '../filesystem/layers.ts'
import { listTree } from '../filesystem/tree.ts'

/** A place to attack from: `root` is absent yet, `outside` is what must stay as it is. */
export interface Site {
  readonly root: string
  readonly outside: string
  /** Fails when anything outside of the root is another than before. */
  untouched(): void
}

/** Makes a root's place and, beside it, the tree that must stay as it is. */
export function site(): Site {
  const top = scratch()
  const outside = join(top, 'outside')
  mkdirSync(join(outside, 'directory'), { recursive: true })
  writeFileSync(join(outside, 'secret'), 'secret')
  writeFileSync(join(outside, 'directory/file'), 'file')
  linkSync(join(outside, 'secret'), join(outside, 'again'))
  symlinkSync('secret', join(outside, 'link'))
  chmodSync(join(outside, 'secret'), 0o640)
  for (const name of ['secret', 'directory/file', 'directory', '.'])
    utimesSync(join(outside, name), 1_000_000, 1_000_000)
  const before = listTree(outside)
  return {
    root: join(top, 'root'),
    outside,
    untouched() {
      expect(listTree(outside)).toEqual(before)
      // The number of names of a file is no line of the list: a hard link made elsewhere shows in it.
      expect(readdirSync(top).filter((name) => name !== 'root')).toEqual(['outside'])
    },
  }
}

/**
 * Unpacks layers that must be refused: the error has the code, its message and `path` name the entry, nothing is
 * left of the root, and the outside is as before.
 */
export async function refused(
  at: Site,
  layers: readonly (readonly TestEntry[])[] | readonly Layer[],
  expected: { readonly code: OciErrorCode; readonly entry: string },
  options: UnpackOptions = {},
): Promise<void> {
  const made = isLayers(layers) ? layers : await makeLayers(...layers)
  const error = await unpackLayers(made, at.root, options).then(
    () => new Error('It was not refused'),
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(OciError)
  expect({ code: (error as OciError).code, path: (error as OciError).path }).toEqual({
    code: expected.code,
    path: expected.entry,
  })
  expect((error as OciError).message).toContain(expected.entry)
  expect(readdirSync(join(at.root, '..'))).toEqual(['outside'])
  at.untouched()
}

/** Unpacks layers that may be taken, as long as nothing outside is touched; gives the tree as lines. */
export async function contained(
  at: Site,
  layers: readonly (readonly TestEntry[])[],
  options: UnpackOptions = {},
): Promise<string[]> {
  await unpackLayers(await makeLayers(...layers), at.root, options)
  at.untouched()
  return listTree(at.root)
    .slice(1)
    .map(
      ({ path, type, target, link }) => `${path} ${type}${target && ` -> ${target}`}${link && ` = ${link}`}`,
    )
}

function isLayers(layers: readonly unknown[]): layers is readonly Layer[] {
  return layers.length > 0 && !Array.isArray(layers[0])
}
