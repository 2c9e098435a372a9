/** Changing an image: immutable in, new image out. */

import type { Compression } from '../../compression/index.ts'
import { OciError } from '../../errors.ts'
import type { Layer, WriteLayerOptions } from '../../layer/index.ts'
import type { HistoryEntry, JsonEdit, Platform } from '../../spec/index.ts'
import { parsePlatform } from '../../spec/index.ts'
import type { BlobStore, ImageStore, StoreOptions } from '../../store/index.ts'
import type { Image } from '../image.ts'
import {
  type ConfigChange,
  formatMoment,
  type Moment,
  setAuthor,
  setCreated,
  setEnv,
  setExecution,
  setField,
  setLabels,
  setMember,
  setPlatform,
} from './config-change.ts'
import type { CopiedFiles, CopyFilesOptions } from './copied-files.ts'
import type { DraftStart } from './draft.ts'
import type { EditContext } from './edit-context.ts'
import type { LayerContent } from './layer-content.ts'

/** What steps are made with: see there. */
type CommitWork = typeof import('./commit-work.ts')

type Step = (context: EditContext, work: CommitWork) => void | Promise<void>

/** How a layer is added: how it is written, and what the history says of it. */
export interface AddLayerOptions extends WriteLayerOptions {
  /** Its history entry; `created` comes from the edit where it has none. */
  readonly history?: HistoryEntry | undefined
  /** Before the layer at this position, 0 being the lowest; on top when absent. */
  readonly position?: number | undefined
}

/** Opens the image that an edit has written: the view's own door, handed in since views stand above. */
export type OpenImage = (
  store: BlobStore,
  descriptor: Image['descriptor'],
  options: StoreOptions,
) => Promise<Image>

/**
 * Changes to an image, collected by a chain of calls and made by {@link ImageEdit.commit}, in the order of the
 * calls. The image that it started from stays as it is, and so does every byte of the new one's documents that no
 * call was about. No clock is read: what is made of the same input on two days is the same.
 *
 * @example
 * const next = await image.edit()
 *   .env({ NODE_ENV: 'production' })
 *   .label('org.opencontainers.image.version', '2.0')
 *   .copy('dist', '/app')
 *   .commit(store, 'app:2')
 */
export class ImageEdit {
  readonly #start: (options: StoreOptions) => Promise<DraftStart>
  readonly #open: OpenImage
  readonly #base: Image['descriptor'] | undefined
  readonly #steps: Step[] = []

  /** Use `image.edit()`, `fromImage` or `fromScratch`. */
  constructor(
    start: (options: StoreOptions) => Promise<DraftStart>,
    open: OpenImage,
    base?: Image['descriptor'],
  ) {
    this.#start = start
    this.#open = open
    this.#base = base
  }

  /** Sets environment variables, in place where they are set already; removes those that are undefined. */
  env(variables: Readonly<Record<string, string | undefined>>): this {
    return this.#config(setEnv(variables))
  }

  /** Sets what runs; null removes it. The command stays: set it too where it was an argument of the old one. */
  entrypoint(args: readonly string[] | null): this {
    return this.#config(setExecution('Entrypoint', args))
  }

  /** Sets the default arguments; null removes them. */
  command(args: readonly string[] | null): this {
    return this.#config(setExecution('Cmd', args))
  }

  /** Sets who runs it: `user`, `uid`, `user:group`, `uid:gid`; null removes it. */
  user(user: string | null): this {
    return this.#config(setExecution('User', user))
  }

  /** Sets the directory that it runs in, an absolute path; null removes it. */
  workingDirectory(path: string | null): this {
    return this.#config(setExecution('WorkingDir', path))
  }

  /** Sets the signal that ends it: `SIGTERM`, `SIGRTMIN+3`; null removes it. */
  stopSignal(signal: string | null): this {
    return this.#config(setExecution('StopSignal', signal))
  }

  /** Sets a label; undefined removes it. */
  label(name: string, value: string | undefined): this {
    return this.labels({ [name]: value })
  }

  /** Sets labels; removes those that are undefined. */
  labels(labels: Readonly<Record<string, string | undefined>>): this {
    return this.#config(setLabels(labels))
  }

  /** Says that it listens on a port: `8080`, `8080/tcp`, `53/udp`. */
  exposePort(port: string | number): this {
    return this.#config(setMember('ExposedPorts', String(port), true))
  }

  /** Takes a port back, by the text that it was given as. */
  unexposePort(port: string | number): this {
    return this.#config(setMember('ExposedPorts', String(port), false))
  }

  /** Says that it keeps data at a path. */
  volume(path: string): this {
    return this.#config(setMember('Volumes', path, true))
  }

  /** Takes a volume back. */
  removeVolume(path: string): this {
    return this.#config(setMember('Volumes', path, false))
  }

  /** Sets who made it; undefined removes it. */
  author(author: string | undefined): this {
    return this.#config(setAuthor(author))
  }

  /** Sets when it was made, for the config and for the history entries added after this; undefined removes it. */
  created(created: Moment | undefined): this {
    this.#step((context) => {
      context.created = created === undefined ? undefined : formatMoment(created)
    })
    return this.#config(setCreated(created))
  }

  /** Sets what it runs on. */
  platform(platform: string | Platform): this {
    return this.#config(setPlatform(typeof platform === 'string' ? parsePlatform(platform) : platform))
  }

  /** Sets an annotation of the manifest; undefined removes it. */
  annotation(name: string, value: string | undefined): this {
    return this.annotations({ [name]: value })
  }

  /** Sets annotations of the manifest; removes those that are undefined. */
  annotations(annotations: Readonly<Record<string, string | undefined>>): this {
    return this.#manifest(
      Object.entries(annotations).map(([name, value]) => ({ path: ['annotations', name], value })),
    )
  }

  /**
   * Sets any field of the config by its path, known to the specification or not; undefined removes it.
   * @example edit.configField(['config', 'Healthcheck'], { Test: ['NONE'] })
   */
  configField(path: readonly (string | number)[], value: unknown): this {
    return this.#config(setField(path, value))
  }

  /** Sets any field of the manifest by its path; undefined removes it. */
  manifestField(path: readonly (string | number)[], value: unknown): this {
    return this.#manifest([{ path, value }])
  }

  /** Adds a history entry for a step that changed no file. */
  history(entry: Omit<HistoryEntry, 'empty_layer'>): this {
    return this.#step((context) => context.draft.addHistory({ ...context.dated(entry), empty_layer: true }))
  }

  /** Adds a layer, on top unless a position is given. */
  addLayer(content: LayerContent, options: AddLayerOptions = {}): this {
    const { history = {}, position, ...writing } = options
    return this.#step(async (context, { writeContent }) => {
      const layer = await writeContent(context, content, writing)
      context.draft.insertLayer(position ?? context.layerCount, layer, context.dated(history), context.store)
    })
  }

  /** Adds a layer of another image as it is, its bytes and its history entry with it. */
  appendLayer(layer: Layer): this {
    const { descriptor, diffID, history = {} } = layer
    return this.#step(({ draft, layerCount }) =>
      draft.insertLayer(layerCount, { descriptor, diffID }, history, layer.store),
    )
  }

  /**
   * Adds a layer of files: a directory or file of this machine, or contents from memory by their paths.
   *
   * @param files a path of this machine, or an object from paths (below `destination`) to contents
   * @param destination an absolute path in the image; what is copied comes to lie below it
   * @example edit.copy('dist', '/app', { chown: '1000:1000' }).copy({ 'motd': 'hello\n' }, '/etc')
   */
  copy(files: CopiedFiles, destination: string, options: CopyFilesOptions & AddLayerOptions = {}): this {
    const { chown, chmod, ignore, history, position, ...writing } = options
    const said = typeof files === 'string' ? files : files instanceof URL ? files.href : 'files from memory'
    return this.#step(async (context, { copiedEntries, writeContent }) => {
      const entries = await copiedEntries(files, destination, { chown, chmod, ignore }, context)
      const layer = await writeContent(context, entries, writing)
      const entry = history ?? { created_by: `COPY ${said} ${destination}` }
      context.draft.insertLayer(position ?? context.layerCount, layer, context.dated(entry), context.store)
    })
  }

  /** Puts other content in a layer's place; its history entry stays unless another is given. */
  replaceLayer(
    position: number,
    content: LayerContent,
    options: Omit<AddLayerOptions, 'position'> = {},
  ): this {
    const { history, ...writing } = options
    return this.#step(async (context, { writeContent }) => {
      const layer = await writeContent(context, content, writing)
      context.draft.replaceLayer(position, layer, history && context.dated(history), context.store)
    })
  }

  /** Takes a layer out, with its history entry. */
  removeLayer(position: number): this {
    return this.#step(({ draft }) => draft.removeLayer(position))
  }

  /** Makes one layer of all, holding what is left to see; one history entry takes the place of all. */
  flatten(options: Omit<AddLayerOptions, 'position'> = {}): this {
    return this.#step((context, { flattenLayers }) => flattenLayers(context, options))
  }

  /** Makes one layer of those from a position up, with whiteouts for what they hide of the layers below. */
  squash(from: number, options: Omit<AddLayerOptions, 'position'> = {}): this {
    return this.#step((context, { squashLayers }) => squashLayers(context, from, options))
  }

  /**
   * Exchanges the layers of the old base, which the image must begin with, for those of a new one; the layers
   * above and what runs stay.
   */
  rebase(oldBase: Image, newBase: Image): this {
    return this.#step((context, { rebaseLayers }) => rebaseLayers(context, oldBase, newBase))
  }

  /** Compresses every layer anew; their diffIDs stay, so the config does too. */
  recompress(compression: Compression, options: WriteLayerOptions = {}): this {
    return this.#step((context, { recompressLayers }) =>
      recompressLayers(context, { ...options, compression }),
    )
  }

  /** Makes nothing in the image later than a moment: layers' entries, history, config. */
  clampTimes(latest: Moment, options: WriteLayerOptions = {}): this {
    return this.#step((context, { clampTimes }) => clampTimes(context, latest, options))
  }

  /**
   * Makes the new image in a store, with all of its blobs that the store lacks, and tags it where a reference is
   * given. A failure before the end leaves no more than blobs that nothing leads to.
   *
   * @throws OciError `MEDIA_TYPE_UNSUPPORTED` (changing the config of an artifact), `ARGUMENT_INVALID`,
   *   `DOCUMENT_INVALID` where the result would not be valid, and as reading and writing do
   */
  async commit(
    store: BlobStore | ImageStore,
    reference?: string,
    options: StoreOptions = {},
  ): Promise<Image> {
    if (reference !== undefined && !('tag' in store)) {
      throw new OciError('STORE_UNSUPPORTED', 'This store keeps no references: commit without one')
    }
    const work = await import('./commit-work.ts')
    const context = new work.EditContext(new work.Draft(await this.#start(options)), store, options)
    for (const step of this.#steps) await step(context, work)
    const written = await context.draft.finish(store, options)
    const image = await this.#open(store, written, options)
    const descriptor = this.#base?.platform === undefined ? written : { ...written, platform: image.platform }
    if (reference !== undefined) await (store as ImageStore).tag(descriptor, reference, options)
    return descriptor === written ? image : this.#open(store, descriptor, options)
  }

  #step(step: Step): this {
    this.#steps.push(step)
    return this
  }

  #config(change: ConfigChange): this {
    return this.#step(({ draft }) => draft.editConfig(change(draft.config)))
  }

  #manifest(edits: readonly JsonEdit[]): this {
    return this.#step(({ draft }) => draft.editManifest(edits))
  }
}
