/** A real image, unpacked by the library and by umoci: the same tree, to the last bit and nanosecond. */
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, lstatSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { openFilesystem, unpackImage } from '../../src/filesystem/index.ts'
import { openImage } from './open-image.ts'
import { runPeer } from './peers.ts'
import { realImageTest } from './real-image.ts'
import { largeScratch } from './scratch.ts'
import { listTree, treeDifferences } from './tree.ts'

realImageTest(
  'as root: owners, modes, times, links, devices, attributes',
  ['root', 'umoci', 'getfattr'],
  async (image) => {
    const top = largeScratch()
    const theirs = join(top, 'theirs')
    const ours = join(top, 'ours')
    await runPeer('umoci', ['raw', 'unpack', '--image', `${image.layout}:${image.reference}`, theirs])
    const report = await unpackImage(await openImage(image.layout, image.reference), ours, {
      devices: true,
      setid: true,
      xattrs: true,
    })
    expect(report.skipped).toEqual([])
    expect(treeDifferences(ours, theirs)).toEqual([])
    const attributes = (directory: string) =>
      execFileSync('getfattr', ['-R', '-P', '-h', '-d', '-m', '-', '-e', 'hex', '.'], { cwd: directory })
        .toString()
        .split('\n\n')
        .sort()
    expect(attributes(ours)).toEqual(attributes(theirs))
    expect(attributes(ours).join()).toContain('security.capability=0x')
  },
)

realImageTest(
  'the merged view says of every path what umoci puts there',
  ['root', 'umoci'],
  async (image) => {
    const theirs = join(largeScratch(), 'theirs')
    await runPeer('umoci', ['raw', 'unpack', '--image', `${image.layout}:${image.reference}`, theirs])
    const files = await openFilesystem((await openImage(image.layout, image.reference)).layers)
    const inodes = new Map<number, string>()
    const ours = new Map<string, string>()
    for await (const file of files.walk()) {
      const path = file.path === '/' ? '.' : file.path.slice(1)
      const link = inodes.get(file.inode) ?? ''
      if (link === '') inodes.set(file.inode, path)
      const { type, uid, gid, mtime, linkPath } = file
      const size = type === 'symlink' ? Buffer.byteLength(linkPath) : type === 'file' ? file.size : 0
      const mode = (type === 'symlink' ? 0o777 : file.mode).toString(8).padStart(4, '0')
      const time = `${BigInt(mtime.seconds) * 1_000_000_000n + BigInt(mtime.nanoseconds)}`
      ours.set(
        path,
        [type, mode, uid, gid, size, time, type === 'symlink' ? linkPath : '', file.nlink > 1].join(' '),
      )
    }
    const nlinks = (path: string) => lstatSync(join(theirs, path)).nlink > 1
    for (const { path, type, mode, uid, gid, size, mtime, target } of listTree(theirs)) {
      const linked = type !== 'directory' && nlinks(path)
      expect(`${path} ${ours.get(path)}`).toBe(
        `${path} ${[type, mode, uid, gid, size, mtime, target, linked].join(' ')}`,
      )
      ours.delete(path)
    }
    expect([...ours.keys()]).toEqual([])
  },
)

realImageTest('as a user without root', ['root', 'umoci', 'setpriv'], async (image) => {
  const top = largeScratch()
  chmodSync(top, 0o755)
  const work = join(top, 'work')
  mkdirSync(work, { mode: 0o777 })
  chmodSync(work, 0o777)
  // The checkout may be where nobody else can read.
  const source = join(top, 'source')
  const project = fileURLToPath(new URL('../../', import.meta.url))
  for (const name of ['src', 'package.json'])
    cpSync(join(project, name), join(source, name), { recursive: true })
  for (const name of ['@noble/hashes', 'pako', 'picomatch', 'zod', 'fzstd']) {
    cpSync(join(project, 'node_modules', name), join(source, 'node_modules', name), {
      recursive: true,
      dereference: true,
    })
  }
  cpSync(image.layout, join(top, 'layout'), { recursive: true })
  cpSync(join(project, 'test/interop/open-image.ts'), join(source, 'test/interop/open-image.ts'))
  execFileSync('chmod', ['-R', 'a+rX', source, join(top, 'layout')])
  const { build } = await import('esbuild')
  await build({
    stdin: {
      resolveDir: join(source, 'test/interop'),
      contents: `
        import { openImage } from './open-image.ts'
        import { unpackImage } from '../../src/filesystem/index.ts'
        const [layout, reference, directory, record] = process.argv.slice(2)
        const report = await unpackImage(await openImage(layout, reference), directory, { record })
        console.log(JSON.stringify(report.skippedCounts))`,
    },
    bundle: true,
    format: 'esm',
    platform: 'node',
    outfile: join(top, 'unpack.mjs'),
    logLevel: 'error',
  })
  const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups', '--']
  const ours = join(work, 'ours')
  const { stdout } = await runPeer(
    'setpriv',
    [
      ...nobody,
      process.execPath,
      join(top, 'unpack.mjs'),
      join(top, 'layout'),
      image.reference,
      ours,
      join(work, 'record'),
    ],
    { cwd: work },
  )
  const counts = JSON.parse(stdout)
  expect(counts.device).toBeGreaterThan(0)
  expect(counts.owner).toBeGreaterThan(0)
  expect(counts['set-id']).toBeGreaterThan(0)
  expect(counts.xattr).toBeGreaterThan(0)
  const theirs = join(work, 'theirs')
  await runPeer(
    'setpriv',
    [
      ...nobody,
      'umoci',
      'raw',
      'unpack',
      '--rootless',
      '--image',
      `${join(top, 'layout')}:${image.reference}`,
      theirs,
    ],
    { cwd: work, env: { HOME: work } },
  )
  // umoci puts an empty file in the place of a device and keeps set-id bits; all else is the same.
  const differences = treeDifferences(ours, theirs).filter(
    (line) =>
      !/^(?:dev\/|srv\/special\/(?:null|block))[^:]*: missing$/.test(line) &&
      !/: mode is \d{4}, not [246]\d{3}$/.test(line),
  )
  expect(differences).toEqual([])
})
