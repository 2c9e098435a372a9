/** What would give somebody a right that they did not have: only when it is asked for, and closed until all is done. */
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { unpackLayers } from '../../src/filesystem/index.ts'
import { makeLayers, scratch } from '../filesystem/layers.ts'

const capability = new Uint8Array([1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])

test('device nodes, set-id bits and security attributes are left out by default, and reported', async () => {
  const directory = join(scratch(), 'root')
  const report = await unpackLayers(
    await makeLayers([
      { path: 'disk', type: 'block-device', deviceMajor: 8, deviceMinor: 0, mode: 0o666 },
      { path: 'mem', type: 'character-device', deviceMajor: 1, deviceMinor: 1, mode: 0o666 },
      { path: 'su', mode: 0o6755, content: '#!' },
      { path: 'ping', mode: 0o755, content: '#!', xattrs: new Map([['security.capability', capability]]) },
      { path: 'hidden/', xattrs: new Map([['trusted.overlay.opaque', capability]]) },
      { path: 'moved/', xattrs: new Map([['user.overlay.redirect', capability]]) },
    ]),
    directory,
  )
  expect(report.skipped.map(({ path, what }) => `${path} ${what}`).sort()).toEqual([
    'disk device',
    'hidden xattr',
    'mem device',
    'moved xattr',
    'ping xattr',
    'su set-id',
  ])
  expect(lstatSync(join(directory, 'su')).mode & 0o7777).toBe(0o755)
  for (const name of ['disk', 'mem'])
    expect(lstatSync(join(directory, name), { throwIfNoEntry: false })).toBeUndefined()
})

test('while it is unpacked, nobody else may look into the tree, whatever the image says of its root', async () => {
  const directory = join(scratch(), 'root')
  const layers = await makeLayers(
    [
      { path: './', mode: 0o777 },
      { path: 'open/', mode: 0o777 },
      { path: 'su', mode: 0o4755, content: '#!' },
    ],
    [{ path: 'big', content: new Uint8Array(2 << 20) }],
  )
  const modes = new Set<number>()
  await unpackLayers(layers, directory, {
    setid: true,
    onProgress: () => {
      for (const name of ['', 'open']) {
        const status = lstatSync(join(directory, name), { throwIfNoEntry: false })
        if (status !== undefined) modes.add(status.mode & 0o7777)
      }
    },
  })
  expect([...modes]).toEqual([0o700])
  expect(lstatSync(directory).mode & 0o7777).toBe(0o777)
})
