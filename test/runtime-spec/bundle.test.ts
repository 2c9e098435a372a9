import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { writeBundle } from '../../src/runtime-spec/index.ts'
import type { ExecutionConfig, ImageConfig } from '../../src/spec/index.ts'
import { makeLayers, scratch, type TestEntry } from '../filesystem/layers.ts'

async function image(config: ExecutionConfig, entries: readonly TestEntry[]) {
  const whole: ImageConfig = {
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: [] },
    config,
  }
  return { layers: await makeLayers(entries), config: async () => whole }
}

const users = [
  { path: 'etc/passwd', content: 'app:x:7:8::/home/app:/bin/sh\n' },
  { path: 'etc/group', content: 'extra:x:9:app\n' },
]

test('a root file system and its config, closed to others', async () => {
  const directory = join(scratch(), 'bundle')
  const report = await writeBundle(await image({ User: 'app' }, users), directory, { rootless: false })
  expect(readdirSync(directory).sort()).toEqual(['config.json', 'rootfs'])
  expect(lstatSync(directory).mode & 0o7777).toBe(0o700)
  expect(report).toMatchObject({ bundle: directory, directory: join(directory, 'rootfs') })
  const config = JSON.parse(readFileSync(join(directory, 'config.json'), 'utf8'))
  expect(config).toEqual(JSON.parse(JSON.stringify(report.config)))
  expect(config.process.user).toEqual({ uid: 7, gid: 8, additionalGids: [9] })
})

test('users are looked up inside the image, whatever its symlinks say', async () => {
  const directory = join(scratch(), 'bundle')
  const secret = join(scratch(), 'passwd')
  writeFileSync(secret, 'app:x:666:666::/:/bin/sh\n')
  const entries: TestEntry[] = [
    { path: 'etc/passwd', type: 'symlink', linkPath: secret },
    { path: 'etc/group', type: 'symlink', linkPath: '../../../../../../real/group' },
    { path: 'real/group', content: 'extra:x:9:\n' },
  ]
  await expect(writeBundle(await image({ User: 'app' }, entries), directory)).rejects.toMatchObject({
    code: 'DOCUMENT_INVALID',
  })
  const { config } = await writeBundle(await image({ User: '5:extra' }, entries), directory)
  expect(config.process.user).toMatchObject({ uid: 5, gid: 9 })
})

test('nothing is left when it fails, and what is in the way stays', async () => {
  const top = scratch()
  const unknown = await image({ User: 'nobody-here' }, users)
  await expect(writeBundle(unknown, join(top, 'bundle'))).rejects.toMatchObject({ code: 'DOCUMENT_INVALID' })
  expect(readdirSync(top)).toEqual([])
  mkdirSync(join(top, 'full'))
  writeFileSync(join(top, 'full/config.json'), 'mine')
  await expect(writeBundle(await image({}, users), join(top, 'full'))).rejects.toMatchObject({
    code: 'ARGUMENT_INVALID',
  })
  expect(readFileSync(join(top, 'full/config.json'), 'utf8')).toBe('mine')
})

test('a passwd that is a directory, a FIFO or too large is none, or refused', async () => {
  for (const entry of [
    { path: 'etc/passwd/x', content: '' },
    { path: 'etc/passwd', type: 'fifo' as const },
  ]) {
    const { config } = await writeBundle(await image({ User: '5' }, [entry]), join(scratch(), 'bundle'))
    expect(config.process.user).toEqual({ uid: 5, gid: 0 })
  }
  const large = await image({}, [{ path: 'etc/passwd', content: new Uint8Array((1 << 24) + 1) }])
  await expect(writeBundle(large, join(scratch(), 'bundle'))).rejects.toMatchObject({
    code: 'LIMIT_EXCEEDED',
  })
})
