/** A process that is killed while it unpacks: the next one starts over, and deletes nothing that is not its own. */
import { spawn } from 'node:child_process'
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { expect, test } from 'vitest'
import { unpackLayers } from '../../src/filesystem/index.ts'
import { Layer } from '../../src/layer/index.ts'
import { DirectoryStore } from '../../src/store/index.ts'
import { scratch, tarOf } from './layers.ts'
import { listTree } from './tree.ts'

const mediaType = 'application/vnd.oci.image.layer.v1.tar'

/** A layer of many files with directories that their owner may not enter, in a layout. */
async function layout(directory: string): Promise<Layer> {
  const store = await DirectoryStore.create(directory)
  const entries = Array.from({ length: 3000 }, (_, i) => [
    ...(i % 100 === 0 ? [{ path: `d${i / 100}/`, mode: 0 }] : []),
    { path: `d${Math.floor(i / 100)}/f${i}`, content: 'x'.repeat(i), mtime: 5 },
  ]).flat()
  const descriptor = await store.put(await tarOf(entries), { mediaType })
  return new Layer(store, descriptor, { position: 0 })
}

/** A script that unpacks the layout, and stops for good at its third report of progress. */
async function script(top: string): Promise<string> {
  const path = join(top, 'unpack.mjs')
  await build({
    stdin: {
      resolveDir: fileURLToPath(new URL('.', import.meta.url)),
      contents: `
        import { DirectoryStore } from '../../src/store/index.ts'
        import { Layer } from '../../src/layer/index.ts'
        import { unpackLayers } from '../../src/filesystem/index.ts'
        const [layout, descriptor, directory] = process.argv.slice(2)
        const layer = new Layer(await DirectoryStore.open(layout), JSON.parse(descriptor), { position: 0 })
        let reports = 0
        await unpackLayers([layer], directory, { onProgress: () => { if (++reports === 3) { console.log('half'); for (;;) {} } } })`,
    },
    bundle: true,
    format: 'esm',
    platform: 'node',
    outfile: path,
    logLevel: 'error',
  })
  return path
}

/** Unpacks in another process and kills it half-way. */
async function killed(top: string, layer: Layer, directory: string): Promise<void> {
  const child = spawn(
    process.execPath,
    [await script(top), join(top, 'layout'), JSON.stringify(layer.descriptor), directory],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  await new Promise<void>((resolve) => child.stdout.once('data', () => resolve()))
  // While it lives, nobody else may begin.
  await expect(unpackLayers([layer], directory)).rejects.toMatchObject({
    code: 'LOCK_TIMEOUT',
    message: expect.stringContaining(String(child.pid)),
  })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await ended
  expect(readdirSync(directory).length).toBeGreaterThan(0)
  expect(lstatSync(directory).mode & 0o777).toBe(0o700)
}

test.each(['absent', 'empty'])(
  'a directory that was %s before: the next run starts over',
  async (what) => {
    const top = scratch()
    const layer = await layout(join(top, 'layout'))
    mkdirSync(join(top, 'work'))
    const directory = join(top, 'work/rootfs')
    if (what === 'empty') mkdirSync(directory)
    await killed(top, layer, directory)
    await unpackLayers([layer], directory)
    const whole = join(top, 'work/whole')
    await unpackLayers([layer], whole)
    expect(listTree(directory)).toEqual(listTree(whole))
    // Nothing beside them.
    expect(readdirSync(join(top, 'work')).sort()).toEqual(['rootfs', 'whole'])
  },
  60_000,
)

test('a directory that took the place of the half-made one is not touched', async () => {
  const top = scratch()
  const layer = await layout(join(top, 'layout'))
  mkdirSync(join(top, 'work'))
  const directory = join(top, 'work/rootfs')
  await killed(top, layer, directory)
  // Kept, so that its inode is not given to the next one.
  renameSync(directory, join(top, 'work/half'))
  mkdirSync(directory)
  writeFileSync(join(directory, 'mine'), 'mine')
  await expect(unpackLayers([layer], directory)).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' })
  expect(readdirSync(directory)).toEqual(['mine'])
  rmSync(directory, { recursive: true })
  await unpackLayers([layer], directory)
  expect(existsSync(join(directory, 'd0'))).toBe(true)
}, 60_000)

test('a marker of somebody else, or a broken one, gives no right to delete', async () => {
  const top = scratch()
  const layer = await layout(join(top, 'layout'))
  const directory = join(top, 'rootfs')
  mkdirSync(directory)
  writeFileSync(join(directory, 'mine'), 'mine')
  const status = lstatSync(directory, { bigint: true })
  const own = {
    unpacking: 'other-tool',
    host: 'x',
    pid: 1,
    device: String(status.dev),
    inode: String(status.ino),
  }
  for (const text of [
    '',
    '{',
    'null',
    JSON.stringify(own),
    JSON.stringify({ ...own, unpacking: 'oci-ts', inode: '1' }),
  ]) {
    writeFileSync(join(top, '.rootfs.oci-ts-unpack'), text)
    await expect(unpackLayers([layer], directory)).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' })
    expect(readdirSync(directory)).toEqual(['mine'])
  }
})

test.runIf(process.getuid?.() === 0)(
  'a marker that another user has planted gives no right to delete',
  async () => {
    const top = scratch()
    const layer = await layout(join(top, 'layout'))
    const directory = join(top, 'rootfs')
    const marker = join(top, '.rootfs.oci-ts-unpack')
    mkdirSync(directory)
    writeFileSync(join(directory, 'mine'), 'mine')
    const { dev, ino } = lstatSync(directory, { bigint: true })
    // All of it can be known to whoever may look at the directory from outside.
    const planted = { unpacking: 'oci-ts', host: 'x', pid: 1, device: String(dev), inode: String(ino) }
    writeFileSync(marker, JSON.stringify(planted))
    chownSync(marker, 12345, 12345)
    await expect(unpackLayers([layer], directory)).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' })
    expect(readdirSync(directory)).toEqual(['mine'])
    // The same of our own is a run that was killed.
    chownSync(marker, 0, 0)
    await unpackLayers([layer], directory)
    expect(existsSync(join(directory, 'mine'))).toBe(false)
  },
)
