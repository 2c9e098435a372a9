import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Digest } from '../../src/digest/index.ts'
import type { OciError } from '../../src/errors.ts'
import type { Descriptor, Manifest } from '../../src/spec/index.ts'
import { isIndexType, parseIndex, parseManifest } from '../../src/spec/index.ts'
import { ArchiveStore } from '../../src/store/archive-store.ts'
import type { ArchiveStoreOptions } from '../../src/store/index.ts'
import { readBlobBytes } from '../../src/store/index.ts'
import { caseTest } from '../cases.ts'
import { collect } from './archives.ts'

/** Facts found with GNU tar, sha256sum and jq: digest (its first 12 digits) and size of the config and the layers. */
interface Expected {
  readonly format: 'oci' | 'docker'
  readonly names: readonly string[]
  readonly images: readonly (readonly string[])[]
}

const docker = 'application/vnd.docker.image.rootfs.diff.tar'
const oci = 'application/vnd.oci.image.layer.v1.tar'

const archives: Readonly<Record<string, Expected>> = {
  'dive-test-docker-image.tar': {
    format: 'docker',
    names: ['dive-test:latest'],
    images: [
      [
        'config 75ae28b8ebf8 3994',
        `${docker} 23bc2b70b201 1369600`,
        `${docker} a65b7d7ac139 8192`,
        `${docker} 93e208d47175 3072`,
        `${docker} 4abad3abe3cb 9216`,
        `${docker} 14c9a6ffcb6a 9216`,
        `${docker} 778fb5770ef4 9216`,
        `${docker} f275b8a31a71 9216`,
        `${docker} dd1effc5eb19 9728`,
        `${docker} 8d1869a0a066 8704`,
        `${docker} bc2e36423fa3 2048`,
        `${docker} 7f648d45ee7b 5632`,
        `${docker} a4b8f95f266d 8704`,
        `${docker} 22a44d45780a 9216`,
        `${docker} ba689cac6a98 8704`,
      ],
    ],
  },
  'dive-test-oci-gzip-image.tar': {
    format: 'oci',
    names: [],
    images: [['config 3eaccc100f86 452', `${oci}+gzip 9aef42427209 4132`]],
  },
  'dive-test-oci-uncompressed-image.tar': {
    format: 'oci',
    names: [],
    images: [['config 3eaccc100f86 452', `${oci} 356d5e7f4012 12800`]],
  },
  'dive-test-oci-zstd-image.tar': {
    format: 'oci',
    names: [],
    images: [['config 3eaccc100f86 452', `${oci}+zstd 0308a5d81b28 4314`]],
  },
  // Its index.json lists nothing (null), and RepoTags is null too.
  'ggcr-hello-world-v25.tar': {
    format: 'docker',
    names: [],
    images: [['config ee301c921b8a 581', `${docker} 12660636fe55 10752`]],
  },
  'ggcr-test_image_1.tar': {
    format: 'docker',
    names: ['bazel/v1/tarball:test_image_1'],
    images: [['config 6e0b05049ed9 330', `${docker} 8897395fd26d 10240`]],
  },
  // The first layer of the second image is a symlink to that of the first.
  'ggcr-test_link.tar': {
    format: 'docker',
    names: ['bazel/v1/tarball:test_image_1', 'bazel/v1/tarball:test_image_3'],
    images: [
      ['config 6e0b05049ed9 330', `${docker} 8897395fd26d 10240`],
      ['config d4c9adacde69 1475', `${docker} 8897395fd26d 10240`, `${docker} 6b617a270657 2048`],
    ],
  },
  'ggcr-whiteout_dir.tar': {
    format: 'docker',
    names: ['localhost:5000/whiteout:latest'],
    images: [
      [
        'config 92f1e3d53acd 1916',
        `${docker}.gzip e351ee8e5cab 129`,
        `${docker}.gzip 66386e0afc5a 128`,
        `${docker}.gzip 9d8bff046c70 95`,
        `${docker}.gzip a09a7f2d8191 129`,
      ],
    ],
  },
  'ggcr-whiteout_image.tar': {
    format: 'docker',
    names: ['bazel/pkg/v1/mutate:whiteout_image'],
    images: [
      [
        'config decb630649c3 658',
        `${docker} 891f36a00862 10240`,
        `${docker} 88d2a7b2ae6d 10240`,
        `${docker} 84ff92691f90 10240`,
      ],
    ],
  },
  // A manifest list of which only the first platform's image is in the archive.
  'oras-hello-world.tar': {
    format: 'oci',
    names: ['docker.io/library/hello-world:latest'],
    images: [['config feb5d9fea6a5 1469', `${docker}.gzip 2db29710123e 2479`]],
  },
}

const ways: Readonly<
  Record<string, (path: string) => string | Uint8Array | Blob | ReadableStream<Uint8Array>>
> = {
  path: (path) => path,
  bytes: (path) => readFileSync(path),
  Blob: (path) => new Blob([readFileSync(path)]),
  stream: (path) => new Blob([readFileSync(path)]).stream(),
}

for (const [name, expected] of Object.entries(archives)) {
  describe(name, () => {
    for (const [way, source] of Object.entries(ways)) {
      caseTest(`opens from a ${way} with the right layers, each of them sound`, async (directory) => {
        const path = join(directory, 'archives', name)
        await using store = await ArchiveStore.open(source(path))
        expect(store.format).toBe(expected.format)
        expect((await collect(store.references())).map((reference) => reference.name)).toEqual(expected.names)
        const images = await manifestsOf(store, (await store.index()).manifests)
        expect(images.map(({ manifest }) => summary(manifest))).toEqual(expected.images)
        const listed = new Set<Digest>(await collect(store.list()))
        for (const { descriptor, manifest } of images) {
          for (const blob of [descriptor, manifest.config, ...manifest.layers]) {
            expect(await store.has(blob)).toBe(true)
            expect(listed).toContain(blob.digest)
            expect((await readBlobBytes(store, blob)).length).toBe(blob.size)
          }
        }
      })
    }
  })
}

const broken: readonly (readonly [string, ArchiveStoreOptions, string, RegExp])[] = [
  ['ggcr-null_manifest.tar', {}, 'ARCHIVE_INVALID', /no image: its manifest\.json is null/],
  ['ggcr-no_manifest.tar', {}, 'ARCHIVE_INVALID', /"repositories" alone, as Docker before 1\.10 wrote it/],
  ['ggcr-test_image_1.tar', { format: 'oci' }, 'ARCHIVE_INVALID', /format "oci".*it is one of docker save/],
  ['dive-test-oci-zstd-image.tar', { format: 'docker' }, 'ARCHIVE_INVALID', /it is an OCI archive/],
]
for (const [name, options, code, message] of broken) {
  caseTest(`${name} opened with ${JSON.stringify(options)} is refused with ${code}`, async (directory) => {
    const error = await ArchiveStore.open(join(directory, 'archives', name), options).then(
      () => undefined,
      (error: OciError) => error,
    )
    expect(error).toMatchObject({ name: 'OciError', code })
    expect(error?.message).toMatch(message)
  })
}

caseTest(
  'a hybrid is read as docker save when asked, with the layer that its path names',
  async (directory) => {
    const path = join(directory, 'archives', 'oras-hello-world.tar')
    await using store = await ArchiveStore.open(path, { format: 'docker' })
    expect(store.format).toBe('docker')
    const descriptor = await store.resolve('hello-world:latest')
    expect(descriptor.platform).toEqual({ architecture: 'amd64', os: 'linux' })
    expect(summary(parseManifest(await readBlobBytes(store, descriptor)))).toEqual([
      'config feb5d9fea6a5 1469',
      `${docker}.gzip 2db29710123e 2479`,
    ])
  },
)

caseTest("a hybrid's names of manifest.json lead to what its index has", async (directory) => {
  await using store = await ArchiveStore.open(join(directory, 'archives', 'oras-hello-world.tar'))
  for (const name of [
    'hello-world:latest',
    'hello-world',
    'docker.io/library/hello-world:latest',
    'latest',
  ]) {
    expect((await store.resolve(name)).digest).toBe(
      'sha256:faa03e786c97f07ef34423fccceeec2398ec8a5759259f94d99078f264e9d7af',
    )
  }
})

test('the table names every archive that is not broken on purpose', () => {
  expect(Object.keys(archives)).toHaveLength(10)
})

/** The image manifests that are there, through indexes. */
async function manifestsOf(
  store: ArchiveStore,
  descriptors: readonly Descriptor[],
): Promise<{ descriptor: Descriptor; manifest: Manifest }[]> {
  const found: { descriptor: Descriptor; manifest: Manifest }[] = []
  for (const descriptor of descriptors) {
    if (!(await store.has(descriptor))) continue
    const bytes = await readBlobBytes(store, descriptor)
    const { mediaType } = descriptor
    if (isIndexType(mediaType))
      found.push(...(await manifestsOf(store, parseIndex(bytes, { mediaType }).manifests)))
    else found.push({ descriptor, manifest: parseManifest(bytes, { mediaType }) })
  }
  return found
}

function summary(manifest: Manifest): string[] {
  const short = (descriptor: Descriptor): string => `${descriptor.digest.slice(7, 19)} ${descriptor.size}`
  return [
    `config ${short(manifest.config)}`,
    ...manifest.layers.map((layer) => `${layer.mediaType} ${short(layer)}`),
  ]
}
