/** The contract of stores, as far as it is about reading, on archives in a file, a Blob, bytes and a stream. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, test } from 'vitest'
import { ArchiveStore } from '../../src/store/index.ts'
import { describeReadOnlyStore, type StoreContent } from '../../src/testing/index.ts'
import { file, layoutFiles, tarOf } from './archives.ts'

const directory = mkdtempSync(join(tmpdir(), 'archive-contract-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

function archiveOf(content: StoreContent): Promise<Uint8Array<ArrayBuffer>> {
  return tarOf([
    ...layoutFiles(
      content.references.map(({ name, descriptor }) => ({
        ...descriptor,
        annotations: { ...descriptor.annotations, 'org.opencontainers.image.ref.name': name },
      })),
    ),
    ...content.blobs.map(({ descriptor, bytes }) =>
      file(`blobs/${descriptor.digest.replace(':', '/')}`, bytes),
    ),
  ])
}

let files = 0
const ways: Readonly<
  Record<string, (bytes: Uint8Array<ArrayBuffer>) => string | Uint8Array | Blob | ReadableStream>
> = {
  file: (bytes) => {
    const path = join(directory, `${files++}.tar`)
    writeFileSync(path, bytes)
    return path
  },
  bytes: (bytes) => bytes,
  Blob: (bytes) => new Blob([bytes]),
  stream: (bytes) => new Blob([bytes]).stream(),
}

for (const [way, source] of Object.entries(ways)) {
  describeReadOnlyStore(
    `an archive as ${way}`,
    async (content) => ArchiveStore.open(source(await archiveOf(content))),
    { describe, test },
  )
}
