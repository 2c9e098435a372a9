/** Archives and layouts that we write, before the tools that read them; byte for byte where they write the same. */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { fromScratch, readLayout } from '../../src/image/index.ts'
import { MemoryStore } from '../../src/store/index.ts'
import {
  attach,
  listReferrers,
  writeArchive,
  writeArchiveFile,
  writeLayout,
} from '../../src/transfer/index.ts'
import { collect } from '../store/temporary-directory.ts'
import { peerTest, runPeer } from './peers.ts'
import { realImageTest } from './real-image.ts'
import { largeScratch } from './scratch.ts'

const myImage = fileURLToPath(new URL('../../spec-fixtures/my-image', import.meta.url))
const skopeo = (...args: string[]) => runPeer('skopeo', ['--insecure-policy', ...args])

/** Compared where they are: one of them fails to be shown if they differ. */
async function expectSame(ours: string, theirs: string): Promise<void> {
  expect(await runPeer('cmp', [ours, theirs], { mayFail: true })).toMatchObject({ status: 0, stdout: '' })
}

realImageTest(
  "a docker-archive is skopeo's to the byte, as a file and as a stream",
  ['skopeo', 'cmp'],
  async (real) => {
    const directory = largeScratch()
    const [ours, theirs] = [join(directory, 'ours.tar'), join(directory, 'theirs.tar')]
    const name = 'example.com/real:1'
    await skopeo(
      'copy',
      '--quiet',
      `oci:${real.layout}:${real.reference}`,
      `docker-archive:${theirs}:${name}`,
    )
    await using layout = await readLayout(real.layout)
    const options = { format: 'docker', references: { [real.reference]: name } } as const
    await writeArchiveFile(ours, layout, options)
    await expectSame(ours, theirs)
    let offset = 0
    const written = readFileSync(theirs)
    for await (const chunk of writeArchive(layout, options)) {
      expect(written.subarray(offset, offset + chunk.length).equals(chunk)).toBe(true)
      offset += chunk.length
    }
    expect(offset).toBe(written.length)
  },
)

peerTest("so is each platform's of an index, with several names", ['skopeo', 'cmp'], async () => {
  await using layout = await readLayout(myImage)
  for (const architecture of ['amd64', 'arm64']) {
    const directory = largeScratch()
    const [ours, theirs] = [join(directory, 'ours.tar'), join(directory, 'theirs.tar')]
    await skopeo(
      ...['copy', '--quiet', '--override-arch', architecture, '--additional-tag', 'docker.io/library/b:2'],
      ...[`oci:${myImage}:1.0`, `docker-archive:${theirs}:docker.io/library/a:1`],
    )
    const image = await layout.image('1.0', { platform: `linux/${architecture}` })
    const names = ['docker.io/library/a:1', 'docker.io/library/b:2']
    const sources = names.map((name) => ({ store: image.store, descriptor: image.descriptor, name }))
    await writeArchiveFile(ours, sources, { format: 'docker' })
    await expectSame(ours, theirs)
  }
})

peerTest('an archive of several images: skopeo finds each by its name', ['skopeo'], async () => {
  const store = new MemoryStore()
  const images = []
  for (const who of ['one', 'two']) {
    const edit = fromScratch({ platform: 'linux/amd64' }).copy({ base: 'shared' }, '/').copy({ who }, '/')
    images.push(await edit.label('who', who).commit(store, `example.com/${who}:1`))
  }
  const path = join(largeScratch(), 'several.tar')
  await writeArchiveFile(path, store, { format: 'docker' })
  for (const [position, who] of ['one', 'two'].entries()) {
    const answer = await skopeo('inspect', '--config', `docker-archive:${path}:example.com/${who}:1`)
    const config = JSON.parse(answer.stdout) as { config: { Labels: object }; rootfs: { diff_ids: string[] } }
    expect(config.config.Labels).toEqual({ who })
    expect(config.rootfs.diff_ids).toEqual(images[position]!.layers.map((layer) => layer.diffID))
    await skopeo(
      'copy',
      '--quiet',
      `docker-archive:${path}:example.com/${who}:1`,
      `dir:${join(largeScratch(), who)}`,
    )
  }
})

realImageTest(
  'an OCI archive is read by skopeo, and by umoci once it is unpacked',
  ['skopeo', 'umoci', 'tar'],
  async (real) => {
    const directory = largeScratch()
    const path = join(directory, 'real.tar')
    await using layout = await readLayout(real.layout)
    await writeArchiveFile(path, layout, { format: 'oci' })
    const copied = join(directory, 'copied')
    await skopeo('copy', '--quiet', `oci-archive:${path}:${real.reference}`, `oci:${copied}:x`)
    const image = await layout.image(real.reference)
    const copy = await readLayout(copied)
    expect((await copy.image('x')).layers.map(({ digest }) => digest)).toEqual(
      image.layers.map(({ digest }) => digest),
    )
    const unpacked = join(directory, 'layout')
    mkdirSync(unpacked)
    await runPeer('tar', ['--extract', '--file', path, '--directory', unpacked])
    const listed = await runPeer('umoci', ['list', '--layout', unpacked])
    expect(listed.stdout.trim()).toBe(real.reference)
    const stat = await runPeer('umoci', ['stat', '--image', `${unpacked}:${real.reference}`])
    expect(stat.stdout).toContain('minbase')
  },
)

peerTest(
  "what is attached to an image outlives umoci's gc, and skopeo finds the image as before",
  ['umoci', 'skopeo'],
  async () => {
    const path = join(largeScratch(), 'layout')
    const layout = await writeLayout(path, await readLayout(myImage))
    const subject = await layout.resolve('1.0')
    const attached = await attach(layout.store, subject, {
      artifactType: 'application/spdx+json',
      blobs: [
        {
          content: new TextEncoder().encode('{"spdxVersion":"SPDX-2.3"}'),
          mediaType: 'application/spdx+json',
        },
      ],
    })
    const blobs = () => readdirSync(join(path, 'blobs', 'sha256')).sort()
    const before = blobs()
    await layout.store.put(new TextEncoder().encode('garbage'))
    await runPeer('umoci', ['gc', '--layout', path])
    expect(blobs()).toEqual(before)
    const after = await readLayout(path)
    expect(await collect(listReferrers(after.store, subject))).toEqual([attached])
    const raw = await skopeo('inspect', '--raw', `oci:${path}:1.0`)
    expect(JSON.parse(raw.stdout)).toEqual((await after.imageIndex('1.0')).index)
  },
)
