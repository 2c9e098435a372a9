/** Images that are made here, taken by buildah: the trees that it mounts, and the same operations done by it. */
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { encodeUtf8 } from '../../src/bytes.ts'
import { unpackImage } from '../../src/filesystem/index.ts'
import { createLayout, fromScratch, type Image, readLayout } from '../../src/image/index.ts'
import { listTree } from '../filesystem/tree.ts'
import { peerTest, runPeer } from './peers.ts'
import { largeScratch } from './scratch.ts'

/**
 * What there is of a tree, but for the times of directories, which depend on the order of unpacking, and for a root
 * that no layer speaks of (buildah: 0555, else 0755).
 */
function treeOf(root: string): unknown[] {
  return listTree(root)
    .slice(1)
    .map(({ mtime, ...file }) => ({
      ...file,
      mtime: file.type === 'directory' ? '' : mtime,
    }))
}

/**
 * A buildah of its own, which leaves nothing behind. It makes a name of a layout's path, in which it takes no
 * capitals: so it is run where the layouts are.
 */
function buildahIn(scratch: string): (...args: string[]) => Promise<string> {
  const own = ['--root', join(scratch, 'root'), '--runroot', join(scratch, 'run'), '--storage-driver', 'vfs']
  return async (...args) => (await runPeer('buildah', [...own, ...args], { cwd: scratch })).stdout.trim()
}

describe('buildah', () => {
  peerTest(
    'mounts every image that is made here as the tree that unpacking makes',
    ['root', 'buildah'],
    async () => {
      const scratch = largeScratch()
      const buildah = buildahIn(scratch)
      await using layout = await createLayout(join(scratch, 'images'))
      const { store } = layout
      const base = await fromScratch({ platform: 'linux/amd64' })
        .addLayer([
          { path: 'usr/', mtime: 1 },
          { path: 'usr/bin/', mtime: 1 },
          { path: 'usr/bin/tool', mode: 0o755, mtime: 2, content: encodeUtf8('#!/bin/sh\n') },
          // With the attributes of its file: buildah gives both what the link's entry says, we what the file's does.
          { path: 'usr/bin/again', type: 'link', linkPath: 'usr/bin/tool', mode: 0o755, mtime: 2 },
          { path: 'bin', type: 'symlink', linkPath: 'usr/bin', mtime: 3 },
          { path: 'etc/', mtime: 1 },
          { path: 'etc/old', uid: 7, gid: 8, mode: 0o640, mtime: 4, content: encodeUtf8('old\n') },
          { path: 'var/', mtime: 1 },
          { path: 'var/cache/', mtime: 1 },
          { path: 'var/cache/a', mtime: 5, content: encodeUtf8('a') },
        ])
        .commit(store, 'base')
      const newBase = await base.edit().copy({ 'etc/release': '2\n' }, '/').commit(store, 'newer')
      const app = await base
        .edit()
        .addLayer([
          { path: 'etc/', mtime: 6 },
          { path: 'etc/.wh.old' },
          { path: 'var/cache/', mtime: 7 },
          { path: 'var/cache/.wh..wh..opq' },
          { path: 'var/cache/b', mtime: 8, content: encodeUtf8('b') },
        ])
        .copy({ run: 'app\n' }, '/bin')
        .env({ APP: '1' })
        .label('by', 'oci-ts')
        .commit(store, 'app')
      const made: Record<string, Image> = {
        app,
        flat: await app.edit().flatten().commit(store, 'flat'),
        squashed: await app.edit().squash(1).commit(store, 'squashed'),
        rebased: await app.edit().rebase(base, newBase).commit(store, 'rebased'),
        plain: await app.edit().recompress('none').commit(store, 'plain'),
        clamped: await app.edit().clampTimes(5).commit(store, 'clamped'),
      }
      for (const [tag, image] of Object.entries(made)) {
        const container = await buildah('from', '--name', tag, `oci:images:${tag}`)
        const mounted = await buildah('mount', container)
        const unpacked = join(scratch, `unpacked-${tag}`)
        await unpackImage(image, unpacked)
        expect(treeOf(mounted), tag).toEqual(treeOf(unpacked))
        const { OCIv1: config } = JSON.parse(await buildah('inspect', container))
        expect(config.config.Env, tag).toEqual(['APP=1'])
        expect(config.config.Labels, tag).toEqual({ by: 'oci-ts' })
      }
    },
  )

  peerTest('does the same to the same image: from, copy, config, commit', ['root', 'buildah'], async () => {
    const scratch = largeScratch()
    const buildah = buildahIn(scratch)
    await using layout = await createLayout(join(scratch, 'images'))
    const base = await fromScratch({ platform: 'linux/amd64' })
      .addLayer([
        { path: 'srv/', mtime: 1 },
        { path: 'srv/first', mtime: 2, content: encodeUtf8('1') },
      ])
      .env({ PATH: '/bin' })
      .commit(layout.store, 'base')
    mkdirSync(join(scratch, 'dist/sub'), { recursive: true })
    writeFileSync(join(scratch, 'dist/index.js'), 'main\n')
    writeFileSync(join(scratch, 'dist/sub/a.js'), 'a\n', { mode: 0o600 })
    // buildah rounds a file's time, where we cut it off.
    for (const name of ['dist/index.js', 'dist/sub/a.js']) utimesSync(join(scratch, name), 1e9, 1e9)
    const ours = await base
      .edit()
      .copy(join(scratch, 'dist'), '/srv/app', { chown: '1000:1001' })
      .env({ NODE_ENV: 'production' })
      .entrypoint(['node', 'index.js'])
      .workingDirectory('/srv/app')
      .user('1000:1001')
      .exposePort('8080/tcp')
      .label('stage', 'test')
      .commit(layout.store, 'ours')
    const container = await buildah('from', 'oci:images:base')
    await buildah('copy', '--chown', '1000:1001', container, join(scratch, 'dist'), '/srv/app')
    await buildah(
      'config',
      ...['--env', 'NODE_ENV=production', '--entrypoint', '["node", "index.js"]', '--workingdir', '/srv/app'],
      ...['--user', '1000:1001', '--port', '8080/tcp', '--label', 'stage=test', container],
    )
    await buildah('commit', '-q', container, 'oci:theirs:theirs')
    await using other = await readLayout(join(scratch, 'theirs'))
    const theirs = await other.image('theirs')
    const [mine, its] = [(await ours.config()).config!, (await theirs.config()).config!]
    for (const name of ['Env', 'Entrypoint', 'WorkingDir', 'User', 'ExposedPorts'] as const) {
      expect(mine[name], name).toEqual(its[name])
    }
    expect(its.Labels).toMatchObject(mine.Labels!)
    // buildah writes the base's layers anew; what they hold is the same.
    expect(theirs.layers[0]!.diffID).toBe(ours.layers[0]!.diffID)
    await unpackImage(ours, join(scratch, 'tree-ours'))
    await unpackImage(theirs, join(scratch, 'tree-theirs'))
    expect(treeOf(join(scratch, 'tree-ours'))).toEqual(treeOf(join(scratch, 'tree-theirs')))
  })
})
