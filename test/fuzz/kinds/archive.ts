/** Image archives, of OCI and of `docker save`, from bytes: opened, listed, an image read with its config and files. */
import { concatBytes } from '../../../src/bytes.ts'
import { type Image, type Layout, readLayout } from '../../../src/image/index.ts'
import { setAccelerated } from '../../../src/runtime.ts'
import { readBlobBytes } from '../../../src/store/index.ts'
import { validateImage, writeArchive } from '../../../src/transfer/index.ts'
import { holds, type Kind } from '../kind.ts'
import { createLayoutIn } from '../made-images.ts'
import { mutateArchive } from '../mutation/archive.ts'
import type { Random } from '../random.ts'
import { seedFiles } from '../seed-files.ts'
import { verdictLater } from '../verdict.ts'
import { jsonDictionary } from './json.ts'
import { sizedLayerLimits } from './layer-limits.ts'

/** Image archives. */
export const archive: Kind = {
  name: 'archive',
  maxLength: 40 << 10,
  maxAllocation: 1 << 22,

  async seeds() {
    const store = await createLayoutIn()
    const made: Uint8Array[] = []
    for (const format of ['oci', 'docker'] as const) {
      const chunks: Uint8Array[] = []
      for await (const chunk of writeArchive(store, { format })) chunks.push(chunk)
      made.push(concatBytes(chunks))
    }
    const files = seedFiles(30 << 10).filter(({ path }) => path.endsWith('.tar'))
    return [...made, ...files.map(({ bytes }) => bytes)]
  },

  mutate(random, input, other) {
    return mutateArchive(random, input, other, jsonDictionary())
  },

  async run(input, random) {
    // The archive as a file that is read anywhere; compressed ones go to a temporary file, and are rare here.
    setAccelerated(random.oneIn(2))
    try {
      const layout = await verdictLater(() =>
        readLayout(new Uint8Array(input), { maxEntries: 200, maxSpoolSize: 1 << 20 }),
      )
      if (layout.error !== undefined) return
      try {
        await look(layout.value, random)
      } finally {
        await layout.value[Symbol.asyncDispose]()
      }
    } finally {
      setAccelerated(true)
    }
  },
}

async function look(layout: Layout, random: Random): Promise<void> {
  const names = [undefined, ...layout.references.map(({ name }) => name)]
  const name = random.pick(names)
  const opened = await verdictLater(() =>
    layout.image(name, random.oneIn(2) ? { platform: 'linux/amd64' } : {}),
  )
  await verdictLater(() => layout.imageIndex(name))
  if (opened.error !== undefined) {
    for (const { descriptor } of layout.references.slice(0, 3)) {
      await verdictLater(() =>
        validateImage(layout.store, descriptor, { limits: sizedLayerLimits } as object),
      )
    }
    return
  }
  const image = opened.value
  const config = await verdictLater(() => image.config())
  await verdictLater(() => image.history())
  void image.platform
  const files = await verdictLater(() =>
    image.filesystem({ limits: sizedLayerLimits, problems: random.oneIn(2) ? 'report' : 'refuse' }),
  )
  if (files.error === undefined) {
    holds(
      config.error === undefined || image.layers.length === 0 || image.layers[0]!.diffID === undefined,
      'Layers are checked by no config',
    )
    for await (const file of files.value.walk()) {
      if (file.type !== 'file' || file.size > 1 << 16 || !random.oneIn(2)) continue
      const content = await files.value.readFile(file.pathBytes ?? file.path)
      holds(content.length === file.size, "A file's content has another size than it says", () => file)
    }
  }
  if (random.oneIn(4)) await validated(layout, image, files.error === undefined)
}

/** What is valid can be read; what cannot be read is not valid. */
async function validated(layout: Layout, image: Image, readable: boolean): Promise<void> {
  const { valid, findings } = await validateImage(layout.store, image.descriptor)
  holds(valid === findings.every(({ level }) => level !== 'error'), 'Valid with errors, or invalid without')
  if (valid) {
    const config = await verdictLater(() => image.config())
    holds(
      config.error === undefined || config.error.code === 'MEDIA_TYPE_UNSUPPORTED',
      'A valid image has no config',
      () => config.error?.message,
    )
    await readBlobBytes(layout.store, image.manifest.config)
  } else holds(findings.length > 0, 'An image is invalid for nothing')
  void readable
}
