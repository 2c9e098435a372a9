import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { peerTest, runPeer } from './peers.ts'

const fixtures = fileURLToPath(new URL('../../spec-fixtures', import.meta.url))

async function inDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'oci-ts-fixtures-'))
  try {
    await run(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Each platform's config: what must be the same however an encoder compressed the layers. */
async function configs(layout: string): Promise<unknown[]> {
  const ask = async (architecture: string) => {
    const args = ['inspect', '--override-arch', architecture, '--config', `oci:${layout}:1.0`]
    return JSON.parse((await runPeer('skopeo', args)).stdout) as unknown
  }
  return [await ask('amd64'), await ask('arm64')]
}

peerTest(
  'my-image is what its script makes, to the byte where the tools are the same',
  ['umoci', 'skopeo', 'tar'],
  () =>
    inDirectory(async (directory) => {
      const layout = join(directory, 'my-image')
      await runPeer('bash', [join(fixtures, 'make-my-image.sh'), layout])
      const kept = join(fixtures, 'my-image')
      expect(await configs(layout)).toEqual(await configs(kept))
      if (/version 0\.4\.7/.test((await runPeer('umoci', ['--version'])).stdout)) {
        expect(readFileSync(join(layout, 'index.json'), 'utf8')).toBe(
          readFileSync(join(kept, 'index.json'), 'utf8'),
        )
      }
    }),
)

peerTest(
  'skopeo copies my-image whole, and umoci unpacks one platform of it',
  ['skopeo', 'umoci', 'root'],
  () =>
    inDirectory(async (directory) => {
      const image = `oci:${fixtures}/my-image:1.0`
      await runPeer('skopeo', ['copy', '--all', image, `oci:${directory}/whole:1.0`])
      await runPeer('skopeo', ['copy', '--override-arch', 'arm64', image, `oci:${directory}/arm64:1.0`])
      await runPeer('umoci', ['unpack', '--image', `${directory}/arm64:1.0`, `${directory}/bundle`])
      const read = (path: string) => readFileSync(join(directory, 'bundle', 'rootfs', path), 'utf8')
      expect(read('app/hello.txt')).toBe('Hello again from the app.\n')
      expect(read('usr/bin/serve')).toContain('# for arm64')
    }),
)
