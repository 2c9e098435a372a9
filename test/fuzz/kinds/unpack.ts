/** Unpacking to a disk: whatever the layers hold, nothing beside the root changes, and what is there is the merged tree. */

import * as fs from 'node:fs'
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openFilesystem, unpackLayers } from '../../../src/filesystem/index.ts'
import { emptyDirectory } from '../../../src/filesystem/unpack-claim.ts'
import { Layer } from '../../../src/layer/index.ts'
import { MemoryStore } from '../../../src/store/index.ts'
import { listTree } from '../../filesystem/tree.ts'
import { holds, type Kind } from '../kind.ts'
import { mutateTar } from '../mutation/tar.ts'
import { type Verdict, verdictLater } from '../verdict.ts'
import { lowerLayer } from './layer.ts'
import { layerLimits } from './layer-limits.ts'
import { tarSeeds } from './tar.ts'

const mediaType = 'application/vnd.oci.image.layer.v1.tar'

interface Site {
  readonly top: string
  readonly outside: string
  /** All that lies beside the root, as text. */
  readonly before: string
}

let site: Site | undefined

/** What an attack would like to reach: a file of two names, a directory, a link. */
function makeSite(): Site {
  const top = mkdtempSync(join(tmpdir(), 'oci-ts-fuzz-unpack-'))
  const outside = join(top, 'outside')
  mkdirSync(join(outside, 'directory'), { recursive: true })
  mkdirSync(join(outside, 'etc'))
  writeFileSync(join(outside, 'secret'), 'secret')
  linkSync(join(outside, 'secret'), join(outside, 'again'))
  symlinkSync('secret', join(outside, 'link'))
  chmodSync(join(outside, 'secret'), 0o640)
  for (const name of ['secret', 'directory', 'etc', '.'])
    utimesSync(join(outside, name), 1_000_000, 1_000_000)
  process.on('exit', () => rmSync(top, { recursive: true, force: true }))
  return { top, outside, before: seen(outside) }
}

/** A tree with the number of names of each file: a hard link made elsewhere shows in it. */
function seen(outside: string): string {
  return JSON.stringify([listTree(outside), lstatSync(join(outside, 'secret')).nlink])
}

/** Unpacking. */
export const unpack: Kind = {
  name: 'unpack',
  maxLength: 1 << 13,
  maxAllocation: 1 << 22,

  async seeds() {
    const outward = Buffer.from('../outside')
    const tars = await tarSeeds()
    return [...tars, await lowerLayer(), ...tars.slice(0, 4).map((tar) => withLinks(tar, outward))]
  },

  mutate: mutateTar,

  async run(input) {
    site ??= makeSite()
    const { top, outside, before } = site
    const root = join(top, 'root')
    const store = new MemoryStore()
    const blobs = [await lowerLayer(), input]
    const layers: Layer[] = []
    for (const [position, blob] of blobs.entries()) {
      layers.push(new Layer(store, await store.put(blob, { mediaType }), { position }))
    }
    let unpacked: Verdict<unknown>
    try {
      // No programs of the machine: a process for each attribute would be most of the time.
      unpacked = await verdictLater(() =>
        unpackLayers(layers, root, { limits: layerLimits, commands: false, setid: true, owner: 'current' }),
      )
      holds(seen(outside) === before, 'Unpacking changed what is outside', () => seen(outside))
      const beside = readdirSync(top).filter((name) => name !== 'outside')
      const wanted = unpacked.error === undefined ? ['root'] : []
      holds(beside.join() === wanted.join(), 'Unpacking leaves something beside', () => beside)
      const merged = await verdictLater(() => openFilesystem(layers, { limits: layerLimits }))
      if (unpacked.error === undefined) {
        holds(merged.error === undefined, 'What is unpacked cannot be merged', () => merged.error?.message)
        sameTree(root, merged.value)
      } else if (merged.error === undefined) {
        // Disks have limits of their own: names of 255 bytes, and no NUL in a link's target.
        holds(
          ['FILESYSTEM_FAILED', 'PATH_UNSAFE', 'ARGUMENT_INVALID'].includes(unpacked.error.code),
          'What can be merged cannot be unpacked',
          () => unpacked.error?.message,
        )
      }
    } finally {
      for (const name of readdirSync(top)) {
        if (name === 'outside') continue
        const path = join(top, name)
        if (lstatSync(path).isDirectory()) emptyDirectory(fs, path)
        rmSync(path, { recursive: true, force: true })
      }
    }
  },
}

/** The disk has the paths of the tree, each of its type, files with their sizes, links with their targets. */
function sameTree(root: string, { tree }: Awaited<ReturnType<typeof openFilesystem>>): void {
  const skipped = ['character-device', 'block-device', 'fifo']
  const wanted = [...tree.walk()]
    .filter(({ type }) => !skipped.includes(type))
    .map(({ path, type, size, linkPath, mode }) => [
      path || '.',
      type,
      type === 'file' ? size : 0,
      linkPath,
      type === 'symlink' ? 0o777 : mode,
    ])
  const got = listTree(root).map(({ path, type, size, target, mode }) => [
    path,
    type,
    type === 'file' ? size : 0,
    target,
    type === 'symlink' ? 0o777 : Number.parseInt(mode, 8),
  ])
  const [one, two] = [wanted, got].map((lines) =>
    JSON.stringify(lines.map((line) => JSON.stringify(line)).sort()),
  )
  holds(one === two, 'What is unpacked is not the merged tree', () => [one, two])
}

/** An archive whose links lead to where the secret is. */
function withLinks(tar: Uint8Array, target: Uint8Array): Uint8Array {
  const changed = tar.slice()
  for (let at = 0; at + 512 <= changed.length; at += 512) {
    if (changed[at + 156] === 0x32) changed.set(target, at + 157)
  }
  return changed
}
