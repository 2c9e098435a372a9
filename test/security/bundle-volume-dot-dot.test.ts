/** `..` in paths that the config names, which a runtime would join to paths of the host (CVE-2022-23648). */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { toRuntimeConfig, writeBundle } from '../../src/runtime-spec/index.ts'
import type { ExecutionConfig, ImageConfig } from '../../src/spec/index.ts'
import { makeLayers, scratch } from '../filesystem/layers.ts'

const image = (config: ExecutionConfig): ImageConfig => ({
  architecture: 'amd64',
  os: 'linux',
  rootfs: { type: 'layers', diff_ids: [] },
  config,
})

const bad: ExecutionConfig[] = [
  { Volumes: { '/../../../../etc': {} } },
  { Volumes: { '/data/../../etc': {} } },
  { Volumes: { 'data/..': {} } },
  { Volumes: { '/': {} } },
  { Volumes: { '/proc/self': {} } },
  { Volumes: { '/sys': {} } },
  { Volumes: { './/dev/': {} } },
  { Volumes: { '/a\0b': {} } },
  { WorkingDir: '/../../x' },
  { WorkingDir: 'a/../..' },
  { WorkingDir: '/a\0' },
]

test.each(bad)('%j is refused', async (config) => {
  expect(() => toRuntimeConfig(image(config))).toThrow(expect.objectContaining({ code: 'PATH_UNSAFE' }))
  const top = scratch()
  const bundle = { layers: await makeLayers([{ path: 'x', content: '' }]), config: async () => image(config) }
  await expect(writeBundle(bundle, join(top, 'bundle'))).rejects.toMatchObject({ code: 'PATH_UNSAFE' })
  expect(readdirSync(top)).toEqual([])
})

test.each<[ExecutionConfig, string]>([
  [{ WorkingDir: 'app' }, '/app'],
  [{ WorkingDir: '/a..b/...' }, '/a..b/...'],
])('%j is not', (config, cwd) => {
  expect(toRuntimeConfig(image(config)).process.cwd).toBe(cwd)
})
