/** Layers for tests, made of entries in memory, and directories that go away with the test. */

import * as fs from 'node:fs'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { readAll } from '../../src/bytes.ts'
import { type DiffID, digestBytes } from '../../src/digest/index.ts'
import { emptyDirectory } from '../../src/filesystem/unpack-claim.ts'
import { Layer } from '../../src/layer/index.ts'
import { MemoryStore } from '../../src/store/index.ts'
import { type TarEntryInput, writeTar } from '../../src/tar/index.ts'

/** An entry, its content as text where that is easier. */
export type TestEntry = Omit<TarEntryInput, 'content'> & { readonly content?: string | Uint8Array }

/** Layers with these entries, bottom to top. */
export async function makeLayers(...layers: readonly (readonly TestEntry[])[]): Promise<Layer[]> {
  const store = new MemoryStore()
  return Promise.all(
    layers.map(async (entries, position) => {
      const tar = await tarOf(entries)
      const mediaType = 'application/vnd.oci.image.layer.v1.tar'
      return new Layer(store, await store.put(tar, { mediaType }), {
        position,
        diffID: digestBytes(tar) as DiffID,
      })
    }),
  )
}

/** A layer of bytes that need be no sound archive. */
export async function layerOf(tar: Uint8Array): Promise<Layer> {
  const store = new MemoryStore()
  const descriptor = await store.put(tar, { mediaType: 'application/vnd.oci.image.layer.v1.tar' })
  return new Layer(store, descriptor, { position: 0, diffID: digestBytes(tar) as DiffID })
}

/** The archive of some entries. */
export function tarOf(entries: readonly TestEntry[]): Promise<Uint8Array> {
  const inputs = entries.map(({ content, ...entry }): TarEntryInput => {
    if (content === undefined) return entry
    return { ...entry, content: typeof content === 'string' ? new TextEncoder().encode(content) : content }
  })
  return readAll(writeTar(inputs), 1 << 30)
}

/** A new directory that is taken away when the test is over, whatever the modes in it. */
export function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'oci-ts-'))
  onTestFinished(() => {
    emptyDirectory(fs, directory)
    rmSync(directory, { recursive: true, force: true })
  })
  return directory
}
