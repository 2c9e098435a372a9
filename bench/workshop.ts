/** Where the tasks are done: the images, and room on a memory file system. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from './measure.ts'
import { quoted, shell } from './shell.ts'

const project = fileURLToPath(new URL('..', import.meta.url))
const MIB = 2 ** 20

/** The images that `images/make.sh` makes. */
export type ImageName = 'minbase' | 'large'

/** An image layout with the tag `bench`, and what its documents say of it. */
export interface BenchImage {
  readonly layout: string
  /** Each blob that the tag leads to. */
  readonly blobs: readonly { readonly digest: string; readonly size: number }[]
  /** Bottom to top. */
  readonly layers: readonly {
    readonly digest: string
    readonly diffID: string
    readonly size: number
    readonly path: string
  }[]
}

/** How it is made ready. */
export interface WorkshopOptions {
  readonly cache: string
  readonly image: ImageName
  /** How many entries "a million entries" are. */
  readonly entries: number
}

/** The room, the image, and what tasks make of it and share. */
export class Workshop {
  readonly cache: string
  /** A directory, on a memory file system where that has room. */
  readonly room: string
  /** Where it is, for the heading. */
  readonly where: string
  readonly entries: number
  readonly image: BenchImage
  #bundle: string | undefined
  #entriesOf = new Map<string, readonly string[]>()

  constructor({ cache, image, entries }: WorkshopOptions) {
    this.cache = cache
    this.entries = entries
    const source = join(cache, image)
    if (!existsSync(source)) run(join(project, 'bench/images/make.sh'), [image])
    const needed = image === 'large' ? 6_000 : 1_500
    const inMemory = existsSync('/dev/shm') && free('/dev/shm') >= needed
    const parent = inMemory ? '/dev/shm' : tmpdir()
    this.where = inMemory
      ? '/dev/shm (memory)'
      : `${parent}, since /dev/shm has no ${needed} MiB: times are those of a disk`
    this.room = mkdtempSync(join(parent, 'oci-ts-bench-'))
    const layout = join(this.room, image)
    cpSync(source, layout, { recursive: true })
    this.image = readImage(layout)
  }

  /** A path in the room. */
  path(name: string): string {
    return join(this.room, name)
  }

  /** A program of ours beside this file, run as a user's program is. */
  program(name: string, ...args: string[]): string[] {
    return [process.execPath, join(project, 'bench/programs', `${name}.mjs`), ...args]
  }

  /** The command `oci-ts`, as it is installed. */
  command(...args: string[]): string[] {
    return [process.execPath, join(project, 'dist/cli/main.js'), ...args]
  }

  /** The image unpacked by umoci, with what it needs to repack it. */
  get bundle(): string {
    if (this.#bundle === undefined) {
      const bundle = this.path('bundle')
      run('umoci', ['unpack', '--image', `${this.image.layout}:bench`, bundle])
      this.#bundle = bundle
    }
    return this.#bundle
  }

  /** The names in a layer, as GNU tar tells them. */
  entriesOf(layer: string): readonly string[] {
    let names = this.#entriesOf.get(layer)
    if (names === undefined) {
      // umoci insert leaves the end mark away, which GNU tar calls an unexpected end.
      const [program, ...args] = shell([
        `(gzip -dc < ${quoted(layer)}; head -c 1024 /dev/zero) | tar --list --ignore-zeros --quoting-style=escape`,
      ])
      names = run(program!, args).split('\n').slice(0, -1)
      this.#entriesOf.set(layer, names)
    }
    return names
  }

  remove(path: string): void {
    rmSync(path, { recursive: true, force: true })
  }

  /** A directory that is new and empty. */
  empty(path: string): void {
    this.remove(path)
    mkdirSync(path)
  }

  [Symbol.dispose](): void {
    this.remove(this.room)
  }
}

/** What the documents of a layout say of the image with the tag, without this library having a hand in it. */
export function readImage(layout: string, tag = 'bench'): BenchImage {
  const blob = (digest: string) => join(layout, 'blobs', digest.replace(':', '/'))
  const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'))
  const root = index.manifests.find(
    (entry: { annotations?: Record<string, string> }) =>
      entry.annotations?.['org.opencontainers.image.ref.name'] === tag,
  )
  if (root === undefined) throw new Error(`${layout} has no image ${tag}`)
  const manifest = JSON.parse(readFileSync(blob(root.digest), 'utf8'))
  const config = JSON.parse(readFileSync(blob(manifest.config.digest), 'utf8'))
  return {
    layout,
    blobs: [root, manifest.config, ...manifest.layers].map(({ digest, size }) => ({ digest, size })),
    layers: manifest.layers.map(({ digest, size }: { digest: string; size: number }, i: number) => ({
      digest,
      size,
      diffID: config.rootfs.diff_ids[i],
      path: blob(digest),
    })),
  }
}

/** MiB that can be written: a memory file system promises more than there may be. */
function free(directory: string): number {
  const { bavail, bsize } = statfsSync(directory)
  const available = /^MemAvailable: +(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]
  return Math.min((bavail * bsize) / MIB, Number(available ?? 0) / 1024)
}
