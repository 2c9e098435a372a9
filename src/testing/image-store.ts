/** The contract of an {@link ImageStore}, as tests. */
import type { Descriptor } from '../spec/index.ts'
import type { ImageStore } from '../store/index.ts'
import { readBlobBytes } from '../store/index.ts'
import { assert, assertRejects, assertRejectsWith, assertSame } from './assertion.ts'
import { describeBlobStore, fill } from './blob-store.ts'
import {
  type StoreContent,
  testArtifact,
  testArtifactByConfig,
  testImage,
  testIndexArtifact,
} from './content.ts'
import type { ContractOptions } from './contract.ts'
import { withStore } from './contract.ts'
import { assertStandsFor, describeReading, describeReadingNames, type OpenStore } from './reading.ts'

/**
 * Tests an image store by its contract: all that {@link describeBlobStore} tests, names and referrers.
 *
 * @param name of the store, for the report
 * @param create gives an empty store of its own to each test
 * @example describeImageStore('MyStore', () => new MyStore(), { describe, test })
 */
export function describeImageStore<Store extends ImageStore>(
  name: string,
  create: () => Store | Promise<Store>,
  options: ContractOptions<Store>,
): void {
  describeBlobStore(name, create, options)
  options.describe(`${name} as an ImageStore`, () => {
    describeReadingNames(async (content) => {
      const store = await create()
      await fillImages(store, content)
      return store
    }, options)
    describeWritingNames(create, options)
    if (!options.without?.includes('referrers')) describeReferrers(create, options)
  })
}

/**
 * Tests an image store that can only be read by the part of the contract that it can keep.
 *
 * @param open gives a store of its own to each test, which holds the content given and no more
 * @example describeReadOnlyStore('MyArchive', async (content) => MyArchive.open(await pack(content)), { describe, test })
 */
export function describeReadOnlyStore<Store extends ImageStore>(
  name: string,
  open: OpenStore<Store>,
  options: ContractOptions<Store>,
): void {
  options.describe(`${name} as an ImageStore that can only be read`, () => {
    describeReading(open, options)
    describeReadingNames(open, options)
    const { manifest, blobs } = testImage()
    const content = { blobs, references: [{ name: 'v1', descriptor: manifest.descriptor }] }
    options.test('put and tag reject', () =>
      withStore(
        () => open(content),
        options,
        async (store) => {
          await assertRejects(store.put(new Uint8Array(1)), 'STORE_UNSUPPORTED', 'put')
          await assertRejects(store.tag(manifest.descriptor, 'v2'), 'STORE_UNSUPPORTED', 'tag')
        },
      ),
    )
  })
}

async function fillImages(store: ImageStore, content: StoreContent): Promise<void> {
  await fill(store, content)
  for (const { name, descriptor } of content.references) await store.tag(descriptor, name)
}

function describeWritingNames<Store extends ImageStore>(
  create: () => Store | Promise<Store>,
  options: ContractOptions<Store>,
): void {
  const { test, describe, without = [] } = options
  const [one, two] = [testImage(1), testImage(2)]
  const given =
    (run: (store: Store) => Promise<void>): (() => Promise<void>) =>
    () =>
      withStore(create, options, async (store) => {
        await fill(store, { blobs: [...one.blobs, ...two.blobs], references: [] })
        await run(store)
      })
  const names = async (store: Store): Promise<string[]> => {
    const found: string[] = []
    for await (const { name } of store.references()) found.push(name)
    return found.sort()
  }

  describe('writing names', () => {
    test(
      'an empty store has no names',
      given(async (store) => {
        assertSame(await names(store), [], 'the names')
        await assertRejects(store.resolve('v1'), 'REFERENCE_NOT_FOUND', 'resolve')
      }),
    )
    test(
      'tag gives a name, moves it, and gives several to one thing',
      given(async (store) => {
        await store.tag(one.manifest.descriptor, 'v1')
        await store.tag(one.manifest.descriptor, 'latest')
        assertStandsFor(await store.resolve('latest'), one.manifest.descriptor, 'latest')
        await store.tag(two.manifest.descriptor, 'latest')
        assertStandsFor(await store.resolve('latest'), two.manifest.descriptor, 'latest, moved')
        assertStandsFor(await store.resolve('v1'), one.manifest.descriptor, 'v1')
        assertSame(await names(store), ['latest', 'v1'], 'the names')
        await store.tag(one.manifest.descriptor, 'v1')
        assertSame(await names(store), ['latest', 'v1'], 'the names after the same tag again')
      }),
    )
    test(
      'tag takes what resolve gave',
      given(async (store) => {
        await store.tag(one.manifest.descriptor, 'v1')
        await store.tag(await store.resolve('v1'), 'copy')
        await store.tag(two.manifest.descriptor, 'v1')
        assertStandsFor(await store.resolve('copy'), one.manifest.descriptor, 'copy')
        assertStandsFor(await store.resolve('v1'), two.manifest.descriptor, 'v1')
      }),
    )
    test(
      'tag refuses what is no reference',
      given(async (store) => {
        for (const name of ['', 'a b', '../x', 'a\nb', '-x']) {
          const what = `tag ${JSON.stringify(name)}`
          await assertRejects(store.tag(one.manifest.descriptor, name), 'REFERENCE_INVALID', what)
        }
        const { digest } = two.manifest.descriptor
        await assertRejects(
          store.tag(one.manifest.descriptor, digest),
          'REFERENCE_INVALID',
          'tag as a digest',
        )
        assertSame(await names(store), [], 'the names')
      }),
    )
    test(
      'many tag at once and none is lost',
      given(async (store) => {
        const expected = Array.from({ length: 40 }, (_, i) => `tag-${String(i).padStart(2, '0')}`)
        const images = [one.manifest.descriptor, two.manifest.descriptor]
        await Promise.all(expected.map((name, i) => store.tag(images[i % 2] as Descriptor, name)))
        assertSame(await names(store), expected, 'the names')
        for (const [i, name] of expected.entries()) {
          assertStandsFor(await store.resolve(name), images[i % 2] as Descriptor, name)
        }
      }),
    )
    test(
      'a tag that is aborted rejects with the reason and gives no name',
      given(async (store) => {
        const reason = new Error('enough')
        const signal = AbortSignal.abort(reason)
        await assertRejectsWith(store.tag(one.manifest.descriptor, 'v1', { signal }), reason, 'tag')
        assertSame(await names(store), [], 'the names')
      }),
    )
    if (without.includes('untag')) return
    test(
      'untag forgets a name and nothing else',
      given(async (store) => {
        assert(store.untag !== undefined, 'the store must have untag(), or be tested `without` it')
        for (const name of ['a', 'b', 'c']) await store.tag(one.manifest.descriptor, name)
        await store.untag('b')
        await assertRejects(store.resolve('b'), 'REFERENCE_NOT_FOUND', 'resolve')
        assertSame(await names(store), ['a', 'c'], 'the names')
        await store.untag('b')
        await store.untag('never')
        await store.untag('a')
        await store.untag('c')
        assertSame(await names(store), [], 'the names')
        assertSame(await store.has(one.manifest.descriptor), true, 'has of the manifest')
        await readBlobBytes(store, one.manifest.descriptor)
        await store.tag(two.manifest.descriptor, 'b')
        assertStandsFor(await store.resolve('b'), two.manifest.descriptor, 'b, given anew')
      }),
    )
  })
}

function describeReferrers<Store extends ImageStore>(
  create: () => Store | Promise<Store>,
  options: ContractOptions<Store>,
): void {
  const { test, describe } = options
  const image = testImage(1)
  const subject = image.manifest.descriptor
  const sbom = testArtifact(subject, 'application/vnd.example.sbom', { 'org.example.tool': 'x' })
  const other = testArtifact(subject, 'application/vnd.example.sbom', { 'org.example.tool': 'y' })
  const signature = testArtifactByConfig(subject, 'application/vnd.example.signature')
  const index = testIndexArtifact(subject, 'application/vnd.example.set')
  const unrelated = testArtifact(testImage(2).manifest.descriptor, 'application/vnd.example.sbom')
  const given =
    (run: (store: Store) => Promise<void>): (() => Promise<void>) =>
    () =>
      withStore(create, options, async (store) => {
        const blobs = [image, sbom, other, signature, unrelated].flatMap((each) => each.blobs)
        await fill(store, { blobs: [...blobs, index], references: [] })
        await run(store)
      })
  const referrers = async (store: Store, of: Descriptor, artifactType?: string): Promise<Descriptor[]> => {
    assert(store.referrers !== undefined, 'the store must have referrers(), or be tested `without` it')
    const found: Descriptor[] = []
    for await (const descriptor of store.referrers(of, { artifactType })) found.push(descriptor)
    return found.sort((a, b) => (a.digest < b.digest ? -1 : 1))
  }
  const digests = (descriptors: readonly Descriptor[]): string[] =>
    descriptors.map(({ digest }) => digest).sort()

  describe('referrers', () => {
    test(
      'every manifest and index with the subject is listed',
      given(async (store) => {
        const expected = [sbom, other, signature].map(({ manifest }) => manifest.descriptor)
        assertSame(digests(await referrers(store, subject)), digests([...expected, index.descriptor]), 'all')
        assertSame(await referrers(store, sbom.manifest.descriptor), [], 'those of one that has none')
      }),
    )
    test(
      'they are described as a registry does: with artifact type and annotations',
      given(async (store) => {
        const found = await referrers(store, subject)
        const of = (digest: string): Descriptor | undefined => found.find((each) => each.digest === digest)
        assertSame(
          of(sbom.manifest.descriptor.digest),
          {
            ...sbom.manifest.descriptor,
            artifactType: 'application/vnd.example.sbom',
            annotations: { 'org.example.tool': 'x' },
          },
          'the descriptor of an artifact',
        )
        assertSame(
          of(signature.manifest.descriptor.digest),
          { ...signature.manifest.descriptor, artifactType: 'application/vnd.example.signature' },
          'the descriptor of an artifact whose type is that of its config',
        )
        assertSame(
          of(index.descriptor.digest),
          { ...index.descriptor, artifactType: 'application/vnd.example.set' },
          'the descriptor of an index',
        )
      }),
    )
    test(
      'they are chosen by artifact type',
      given(async (store) => {
        const sboms = digests([sbom.manifest.descriptor, other.manifest.descriptor])
        const found = await referrers(store, subject, 'application/vnd.example.sbom')
        assertSame(digests(found), sboms, 'the SBOMs')
        const signatures = await referrers(store, subject, 'application/vnd.example.signature')
        assertSame(digests(signatures), [signature.manifest.descriptor.digest], 'the signatures')
        assertSame(
          await referrers(store, subject, 'application/vnd.example.none'),
          [],
          'those of no type here',
        )
      }),
    )
    test(
      'what comes and goes later is noticed',
      given(async (store) => {
        const before = await referrers(store, subject)
        const late = testArtifact(subject, 'application/vnd.example.late')
        await fill(store, { blobs: late.blobs, references: [] })
        assertSame((await referrers(store, subject)).length, before.length + 1, 'their number')
        if (options.without?.includes('delete')) return
        await store.delete?.(late.manifest.descriptor)
        assertSame((await referrers(store, subject)).length, before.length, 'their number after a deletion')
      }),
    )
  })
}
