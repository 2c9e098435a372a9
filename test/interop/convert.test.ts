/** Conversions beside skopeo's: the same documents of the same images, and layers that keep their digests. */
import { linkSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { convertImage, createLayout, readLayout } from '../../src/image/index.ts'
import { type Descriptor, mediaTypes } from '../../src/spec/index.ts'
import { type BlobStore, MemoryStore, readBlobBytes } from '../../src/store/index.ts'
import { casesDirectory, caseTest } from '../cases.ts'
import { peerTest, runPeer } from './peers.ts'
import { realImageTest } from './real-image.ts'
import { largeScratch } from './scratch.ts'

const myImage = fileURLToPath(new URL('../../spec-fixtures/my-image', import.meta.url))

type Json = Record<string, unknown> & {
  readonly config: Descriptor
  readonly layers: Descriptor[]
  readonly manifests: Descriptor[]
}

const parse = (bytes: Uint8Array): Json => JSON.parse(new TextDecoder().decode(bytes)) as Json

/** A copy by skopeo into a directory of its own kind: `manifest.json`, and blobs by their hexadecimal digits. */
async function skopeoCopy(from: string, ...options: string[]): Promise<string> {
  const directory = join(largeScratch(), 'copy')
  await runPeer('skopeo', ['--insecure-policy', 'copy', '--quiet', ...options, from, `dir:${directory}`])
  return directory
}

const manifestIn = (directory: string): Json => parse(readFileSync(join(directory, 'manifest.json')))
const blobIn = (directory: string, { digest }: Descriptor): Uint8Array =>
  readFileSync(join(directory, digest.slice('sha256:'.length)))

/** Puts all that skopeo wrote into a store, with its manifest under a media type. */
async function storeOf(
  directory: string,
  mediaType: string,
): Promise<{ store: MemoryStore; descriptor: Descriptor }> {
  const store = new MemoryStore()
  for (const name of readdirSync(directory)) await store.put(readFileSync(join(directory, name)))
  const descriptor = await store.put(readFileSync(join(directory, 'manifest.json')), { mediaType })
  return { store, descriptor }
}

async function read(store: BlobStore, descriptor: Descriptor): Promise<Json> {
  return parse(await readBlobBytes(store, descriptor))
}

peerTest('OCI becomes what skopeo makes of it for Docker', ['skopeo'], async () => {
  await using layout = await readLayout(myImage)
  const target = new MemoryStore()
  const list = await read(
    target,
    await convertImage(await layout.imageIndex('1.0'), target, { to: 'docker' }),
  )
  const all = await skopeoCopy(`oci:${myImage}:1.0`, '--all', '--format', 'v2s2')
  const { manifests: theirs, ...rest } = manifestIn(all)
  const { manifests: ours, ...ownRest } = list
  // Skopeo drops what the list says of itself, and the platform's variant where it is empty: not its manifests.
  expect(ownRest).toMatchObject({ schemaVersion: rest.schemaVersion, mediaType: rest.mediaType })
  expect(ours.map((entry) => entry.platform)).toEqual(theirs.map((entry) => entry.platform))
  for (const [position, entry] of ours.entries()) {
    const manifest = await read(target, entry)
    const digits = theirs[position]!.digest.slice('sha256:'.length)
    expect(manifest).toEqual(parse(readFileSync(join(all, `${digits}.manifest.json`))))
    expect(await readBlobBytes(target, manifest.config)).toEqual(new Uint8Array(blobIn(all, manifest.config)))
  }
})

peerTest("Docker's becomes what skopeo makes of it for OCI", ['skopeo'], async () => {
  const docker = await skopeoCopy(`oci:${myImage}:1.0`, '--override-arch', 'arm64', '--format', 'v2s2')
  const { store, descriptor } = await storeOf(docker, mediaTypes.dockerManifest)
  const oci = await read(store, await convertImage({ store, descriptor }, store, { to: 'oci' }))
  const theirs = await skopeoCopy(`dir:${docker}`, '--format', 'oci')
  // Nothing in the config is Docker's alone, so it keeps its bytes; skopeo loses the line break at their end.
  expect(await read(store, oci.config)).toEqual(parse(blobIn(theirs, manifestIn(theirs).config)))
  expect(oci.config.digest).toBe(manifestIn(docker).config.digest)
  expect({ ...oci, config: null }).toEqual({ ...manifestIn(theirs), config: null })
})

const archives = 'so does a real image of docker save, its config to the byte'
const cases = casesDirectory
if (cases === undefined) caseTest(archives, () => {})
else
  peerTest(archives, ['skopeo'], async () => {
    for (const name of ['dive-test-docker-image.tar', 'ggcr-test_image_1.tar', 'ggcr-whiteout_image.tar']) {
      const path = join(cases, 'archives', name)
      await using layout = await readLayout(path)
      const target = new MemoryStore()
      const image = await layout.image(layout.references[0]?.name)
      const ours = await read(target, await convertImage(image, target, { to: 'oci' }))
      const directory = await skopeoCopy(`docker-archive:${path}`, '--format', 'oci')
      const theirs = manifestIn(directory)
      const theirConfig = blobIn(directory, theirs.config)
      expect([name, await read(target, ours.config)]).toEqual([name, parse(theirConfig)])
      // Those of Bazel have nothing that is Docker's alone: their bytes stay, and so does the image's ID.
      expect(ours.config.digest).toBe(name.startsWith('dive') ? theirs.config.digest : image.id)
      // Skopeo calls the plain tars of such an archive compressed.
      expect(ours.layers.map((layer) => layer.mediaType)).toEqual(ours.layers.map(() => mediaTypes.layer))
      const measured = ({ digest, size }: Descriptor) => ({ digest, size })
      expect(ours.layers.map(measured)).toEqual(theirs.layers.map(measured))
    }
  })

realImageTest(
  'an image goes to schema 1 by skopeo, and from there to both forms as by skopeo',
  ['skopeo'],
  async (real) => {
    const old = await skopeoCopy(`oci:${real.layout}:${real.reference}`, '--format', 'v2s1')
    const { store, descriptor } = await storeOf(old, mediaTypes.dockerSchema1Signed)
    const wanted = await readLayout(real.layout)
    const original = await wanted.image(real.reference)
    for (const [to, format] of [
      ['docker', 'v2s2'],
      ['oci', 'oci'],
    ] as const) {
      const ours = await read(store, await convertImage({ store, descriptor }, store, { to }))
      const theirDirectory = await skopeoCopy(`dir:${old}`, '--format', format)
      const theirs = manifestIn(theirDirectory)
      const config = await read(store, ours.config)
      expect(config).toEqual(parse(blobIn(theirDirectory, theirs.config)))
      expect(ours).toEqual(theirs)
      expect(ours.layers.map((layer) => layer.digest)).toEqual(original.layers.map((layer) => layer.digest))
      expect((config as { rootfs?: unknown }).rootfs).toEqual((await original.config()).rootfs)
    }
  },
)

realImageTest(
  'what is converted is read by skopeo, and unpacked by umoci where it is OCI',
  ['skopeo', 'umoci'],
  async (real) => {
    const directory = join(largeScratch(), 'layout')
    const { store } = await createLayout(directory)
    const source = await (await readLayout(real.layout)).image(real.reference)
    const docker = await convertImage(source, store, { to: 'docker' })
    await store.tag(docker, 'docker')
    const oci = await convertImage({ store, descriptor: docker }, store, { to: 'oci' })
    // umoci's manifests do not say their media type, and Docker's must.
    expect(await read(store, oci)).toEqual({ ...source.manifest, mediaType: mediaTypes.manifest })
    await store.tag(oci, 'oci')
    // Skopeo reads Docker's manifests not from OCI layouts, but from directories of its own kind.
    const directoryOfBlobs = join(largeScratch(), 'blobs')
    mkdirSync(directoryOfBlobs)
    writeFileSync(join(directoryOfBlobs, 'version'), 'Directory Transport Version: 1.1\n')
    writeFileSync(join(directoryOfBlobs, 'manifest.json'), await readBlobBytes(store, docker))
    const { config, layers } = await read(store, docker)
    for (const { digest } of [config, ...layers]) {
      const digits = digest.slice('sha256:'.length)
      linkSync(join(directory, 'blobs', 'sha256', digits), join(directoryOfBlobs, digits))
    }
    const inspected = JSON.parse((await runPeer('skopeo', ['inspect', `dir:${directoryOfBlobs}`])).stdout)
    expect(inspected.Layers).toEqual(source.layers.map((layer) => layer.digest))
    const copied = manifestIn(await skopeoCopy(`dir:${directoryOfBlobs}`, '--format', 'oci'))
    expect(copied.layers).toEqual(source.manifest.layers)
    await runPeer('umoci', [
      'unpack',
      '--rootless',
      '--image',
      `${directory}:oci`,
      join(largeScratch(), 'bundle'),
    ])
  },
)
