/** A bundle of a real image, held against umoci's and given to runc. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { writeBundle } from '../../src/runtime-spec/index.ts'
import { openImage } from './open-image.ts'
import { runPeer } from './peers.ts'
import { realImageTest } from './real-image.ts'
import { largeScratch } from './scratch.ts'

realImageTest('the config says what umoci makes of the same image', ['root', 'umoci'], async (image) => {
  const top = largeScratch()
  await runPeer('umoci', ['unpack', '--image', `${image.layout}:${image.reference}`, join(top, 'theirs')])
  await writeBundle(await openImage(image.layout, image.reference), join(top, 'ours'))
  const read = (name: string) => JSON.parse(readFileSync(join(top, name, 'config.json'), 'utf8'))
  const [ours, theirs] = [read('ours'), read('theirs')]
  expect(ours.process.cwd).toBe(theirs.process.cwd)
  expect(ours.process.args).toEqual(theirs.process.args)
  // umoci assumes a terminal.
  expect(new Set([...ours.process.env, 'TERM=xterm'])).toEqual(new Set(theirs.process.env))
  expect({ additionalGids: null, ...ours.process.user }).toEqual({
    additionalGids: null,
    ...theirs.process.user,
  })
  expect(ours.root).toEqual({ path: 'rootfs', readonly: false })
  expect(theirs.root.path).toBe('rootfs')
  // umoci writes the moment of creation without its fraction; the image-spec wants the value itself.
  const { 'org.opencontainers.image.created': created, ...annotations } = ours.annotations
  const { 'org.opencontainers.image.created': theirCreated, ...theirAnnotations } = theirs.annotations
  // umoci 0.4 also writes what the image does not have, as empty.
  expect(annotations).toEqual(
    Object.fromEntries(Object.entries(theirAnnotations).filter(([, value]) => value !== '')),
  )
  expect(Math.floor(Date.parse(created) / 1000)).toBe(Math.floor(Date.parse(theirCreated) / 1000))
  expect(ours.mounts.map(({ destination }: { destination: string }) => destination)).toEqual(
    theirs.mounts.map(({ destination }: { destination: string }) => destination),
  )
})

realImageTest(
  'runc runs it, or takes the config and fails at what this machine lacks',
  ['root', 'runc'],
  async (image) => {
    const bundle = join(largeScratch(), 'bundle')
    await writeBundle(await openImage(image.layout, image.reference), bundle, {
      entrypoint: ['/bin/sh', '-c', 'cat /etc/debian_version && pwd && echo "$PATH" && id -u'],
    })
    const id = `oci-ts-${process.pid}`
    const answer = await runPeer('runc', ['run', '--bundle', bundle, id], { mayFail: true, cwd: bundle })
    if (answer.status === 0) {
      expect(answer.stdout).toMatch(/^\d[\d.]*\n\/srv\n\/usr\/sbin:\/usr\/bin:\/sbin:\/bin\n0\n$/)
      return
    }
    // What runc refuses in a config it says so before it touches the machine; the rest is the machine's.
    expect(answer.stderr).toMatch(/cgroup|mount|namespace|operation not permitted|permission denied/i)
    expect(answer.stderr).not.toMatch(/config\.json|must be|invalid|json|spec/i)
  },
)

realImageTest(
  'runc refuses a config that is broken, so its check means something',
  ['root', 'runc'],
  async (image) => {
    const bundle = join(largeScratch(), 'bundle')
    const { config } = await writeBundle(await openImage(image.layout, image.reference), bundle)
    const broken = { ...config, process: { ...config.process, cwd: 'not/absolute' } }
    writeFileSync(join(bundle, 'config.json'), JSON.stringify(broken))
    const answer = await runPeer('runc', ['run', '--bundle', bundle, `oci-ts-broken-${process.pid}`], {
      mayFail: true,
    })
    expect(answer.status).not.toBe(0)
    expect(answer.stderr).toMatch(/absolute/i)
  },
)
