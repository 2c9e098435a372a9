/** A real image, read, verified and copied blob by blob, and what skopeo and umoci say to the copy. */
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { createLayout, readLayout } from '../../src/image/index.ts'
import { readBlob } from '../../src/store/index.ts'
import { copyImage, validateImage } from '../../src/transfer/index.ts'
import { runPeer } from './peers.ts'
import { realImageTest } from './real-image.ts'
import { largeScratch } from './scratch.ts'

const json = async (command: string, ...args: string[]) => JSON.parse((await runPeer(command, args)).stdout)

describe('a real image of several layers', () => {
  realImageTest(
    'is read as skopeo reads it, and every byte of it is proven',
    ['skopeo', 'umoci'],
    async (real) => {
      await using layout = await readLayout(real.layout)
      const image = await layout.image(real.reference)
      const raw = await json('skopeo', 'inspect', '--raw', `oci:${real.layout}:${real.reference}`)
      expect(image.manifest).toEqual(raw)
      expect(await image.config()).toEqual(
        await json('skopeo', 'inspect', '--config', '--raw', `oci:${real.layout}:${real.reference}`),
      )
      const inspected = await json('skopeo', 'inspect', `oci:${real.layout}:${real.reference}`)
      expect(image.descriptor.digest).toBe(inspected.Digest)
      expect(image.layers.map(({ digest }) => digest)).toEqual(inspected.Layers)
      expect(image.layers.length).toBeGreaterThan(3)
      const { valid, findings, verified } = await validateImage(layout.store, image.descriptor)
      expect(findings.filter(({ level }) => level === 'error')).toEqual([])
      expect([valid, verified]).toEqual([true, image.layers.length + 2])
    },
  )

  realImageTest(
    'is copied blob by blob into a layout that skopeo and umoci take, digests the same',
    ['skopeo', 'umoci', 'root'],
    async (real) => {
      const scratch = largeScratch()
      const copy = join(scratch, 'copy')
      await using from = await readLayout(real.layout)
      await using to = await createLayout(copy)
      const image = await from.image(real.reference)
      for (const descriptor of [...image.manifest.layers, image.manifest.config, image.descriptor]) {
        const stored = await to.store.put(await readBlob(from.store, descriptor), descriptor)
        expect(stored.digest).toBe(descriptor.digest)
      }
      await to.store.tag(image.descriptor, 'copied')
      const inspected = await json('skopeo', 'inspect', `oci:${copy}:copied`)
      expect(inspected.Digest).toBe(image.descriptor.digest)
      // skopeo reads every blob and checks its digest when it copies.
      const second = join(scratch, 'second')
      await runPeer('skopeo', ['copy', '--preserve-digests', `oci:${copy}:copied`, `oci:${second}:copied`])
      expect((await json('skopeo', 'inspect', `oci:${second}:copied`)).Digest).toBe(image.descriptor.digest)
      expect((await runPeer('umoci', ['list', '--layout', copy])).stdout.trim()).toBe('copied')
      const stat = await json('umoci', 'stat', '--json', '--image', `${copy}:copied`)
      const made = stat.history.filter(({ empty_layer: empty }: { empty_layer?: boolean }) => empty !== true)
      expect(made.map(({ layer }: { layer: { digest: string } }) => layer.digest)).toEqual(
        image.layers.map(({ digest }) => digest),
      )
      // And what umoci and skopeo then write into the same layout is read back.
      await runPeer('umoci', [
        'config',
        '--image',
        `${copy}:copied`,
        '--tag',
        'changed',
        '--config.label',
        'by=umoci',
      ])
      await runPeer('skopeo', ['copy', `oci:${second}:copied`, `oci:${copy}:again`])
      const after = await to.reload()
      expect(after.references.map(({ name }) => name).sort()).toEqual(['again', 'changed', 'copied'])
      const changed = await after.image('changed')
      expect((await changed.config()).config?.Labels).toMatchObject({ by: 'umoci' })
      expect((await validateImage(after.store, changed.descriptor)).valid).toBe(true)
    },
  )

  realImageTest(
    'edited here is the image that umoci and skopeo see, and unpacks to the tree that it must',
    ['skopeo', 'umoci', 'root'],
    async (real) => {
      const scratch = largeScratch()
      await using from = await readLayout(real.layout)
      await using to = await createLayout(join(scratch, 'images'))
      await copyImage(from.store, real.reference, to.store, 'base')
      const image = await (await to.reload()).image('base')
      await image
        .edit()
        .env({ ADDED: 'here' })
        .label('by', 'oci-ts')
        .copy({ 'srv/hello.txt': 'hello\n' }, '/', { history: { created_by: 'COPY hello.txt' } })
        .commit(to.store, 'edited')
      await image.edit().flatten().commit(to.store, 'flat')
      await image.edit().squash(1).commit(to.store, 'squashed')
      await image.edit().recompress('none').commit(to.store, 'plain')
      const name = (tag: string) => join(scratch, `images:${tag}`)
      const config = await json('skopeo', 'inspect', '--config', `oci:${name('edited')}`)
      expect(config.config.Env).toContain('ADDED=here')
      expect(config.config.Labels).toMatchObject({ by: 'oci-ts' })
      expect(config.history.at(-1).created_by).toBe('COPY hello.txt')
      const trees: Record<string, string> = {}
      for (const tag of ['base', 'flat', 'squashed', 'plain', 'edited']) {
        await runPeer('skopeo', ['copy', '-q', `oci:${name(tag)}`, `oci:${join(scratch, 'checked')}:${tag}`])
        const root = join(scratch, tag)
        await runPeer('umoci', ['raw', 'unpack', '--image', name(tag), root])
        // Directories that a layer only goes through take the time of the unpacking.
        const listing = await runPeer('bash', [
          '-c',
          `cd ${root} && find . ! -type d -printf '%P %y %m %U:%G %s %T@ %l\\n' -o -printf '%P %y %m %U:%G\\n' | sort; find . -type f -print0 | sort -z | xargs -0 sha256sum`,
        ])
        trees[tag] = listing.stdout
        await runPeer('rm', ['-rf', root])
      }
      for (const tag of ['flat', 'squashed', 'plain']) expect(trees[tag], tag).toBe(trees.base)
      const before = new Set(trees.base!.split('\n'))
      const added = trees.edited!.split('\n').filter((line) => !before.has(line))
      expect(added).toEqual([
        'srv/hello.txt f 644 0:0 6 0.0000000000 ',
        '5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03  ./srv/hello.txt',
      ])
    },
  )
})
