/** Whether what is in a store is sound: every document, digest, size and diffID that can be reached. */
import { giveBack } from '../bytes.ts'
import type { DiffID, Digest } from '../digest/index.ts'
import { OciError } from '../errors.ts'
import { Layer } from '../layer/index.ts'
import type { Descriptor, Finding, ImageConfig, Platform } from '../spec/index.ts'
import {
  formatPlatform,
  isConfigType,
  isIndexType,
  isLayerType,
  isManifestType,
  isNondistributable,
  isSchema1Type,
  lintConfig,
  lintIndex,
  lintManifest,
  matchPlatform,
  parseConfig,
} from '../spec/index.ts'
import type { BlobStore, StoreOptions } from '../store/index.ts'
import { hasBlobFiles, readBlobBytes, readBlobChunks } from '../store/index.ts'
import type { BlobWorker, WorkersOption } from '../workers/index.ts'
import { atOnce, forEachConcurrent } from './concurrent.ts'
import { isDocumentType, type Successor, successorsOf } from './graph.ts'

/** One thing wrong, or one thing that the specification advises against, and the blob that it is in. */
export interface ValidationFinding extends Finding {
  /** The blob that it is about. */
  readonly digest: Digest
  /** What that blob is in words, from the root: `manifest linux/arm64 › layer 2`. */
  readonly place: string
}

/** How far a validation has come. */
export interface ValidationProgress {
  readonly blobs: number
  readonly totalBlobs: number
  /** Bytes read and verified so far. */
  readonly bytes: number
  readonly totalBytes: number
}

/** How a validation goes about it. */
export interface ValidateOptions extends StoreOptions {
  /** Layers under way at once, 1 or more. Default: 2, which keeps two cores busy. */
  readonly concurrency?: number | undefined
  /**
   * How far layers are looked into: `contents` decompresses them and checks their tar and their diffID, `blobs` goes by
   * their sizes and digests alone, which takes a fifth of the time. Default: `contents`.
   */
  readonly layers?: 'contents' | 'blobs' | undefined
  /**
   * Worker threads that read a part of the blobs, for an image layout on disk. Each takes some 15 MB of memory. None when
   * absent.
   */
  readonly workers?: WorkersOption | undefined
  /** Called with each finding as it is made. */
  readonly onFinding?: ((finding: ValidationFinding) => void) | undefined
  readonly onProgress?: ((progress: ValidationProgress) => void) | undefined
}

/** What a validation found. */
export interface Validation {
  /** Whether there is no finding of level `error`. */
  readonly valid: boolean
  readonly findings: readonly ValidationFinding[]
  /** Blobs that were read to their end and are what their descriptors say, and their bytes. */
  readonly verified: number
  readonly verifiedBytes: number
  /** Blobs that are not in the store. */
  readonly missing: readonly Descriptor[]
  /** Blobs that are there, but are not what their descriptors say. */
  readonly corrupt: readonly Descriptor[]
}

/**
 * Reads and checks everything that a descriptor leads to: that each blob is there, has its size and its digest;
 * that each document obeys its specification; that each layer is sound tar in sound compression and has the
 * diffID that the config says; that config, history, layers and platforms agree. It goes on after a finding.
 *
 * @throws only what is no property of the content: an aborted signal, an unreadable disk, an option that is none
 *   (`ARGUMENT_INVALID`)
 * @example
 * const { valid, findings } = await validateImage(layout.store, image.descriptor)
 */
export function validateImage(
  store: BlobStore,
  descriptor: Descriptor,
  options: ValidateOptions = {},
): Promise<Validation> {
  return validateGraph(store, [descriptor], options)
}

/** {@link validateImage} for several roots at once, what they share being checked once. */
export async function validateGraph(
  store: BlobStore,
  roots: readonly Descriptor[],
  options: ValidateOptions = {},
): Promise<Validation> {
  const validator = new Validator(store, options)
  for (const [position, root] of roots.entries()) {
    await validator.visit({ role: 'manifest', position, descriptor: root }, '', 0)
  }
  await validator.checkBlobs()
  return validator.result()
}

/** Content that is not a document, and what its parents say of it. */
interface Leaf {
  readonly descriptor: Descriptor
  readonly place: string
  readonly diffIDs: Set<DiffID>
}

/** Indexes in indexes, at the most. */
const maxDepth = 64

class Validator {
  readonly #store: BlobStore
  readonly #options: ValidateOptions
  readonly #seen = new Set<string>()
  readonly #leaves = new Map<string, Leaf>()
  readonly #findings: ValidationFinding[] = []
  readonly #missing: Descriptor[] = []
  readonly #corrupt: Descriptor[] = []
  readonly #concurrency: number
  #verified = 0
  #verifiedBytes = 0
  #bytes = 0
  #totalBytes = 0

  constructor(store: BlobStore, options: ValidateOptions) {
    this.#store = store
    this.#options = options
    this.#concurrency = atOnce(options.concurrency, 2)
  }

  result(): Validation {
    return {
      valid: this.#findings.every((finding) => finding.level !== 'error'),
      findings: this.#findings,
      verified: this.#verified,
      verifiedBytes: this.#verifiedBytes,
      missing: this.#missing,
      corrupt: this.#corrupt,
    }
  }

  /** Checks a document and what it leads to; other content is put off to {@link checkBlobs}. */
  async visit(successor: Successor, above: string, depth: number): Promise<void> {
    const { descriptor } = successor
    const place = placeOf(successor, above)
    if (!isDocumentType(descriptor.mediaType)) {
      this.#addLeaf(descriptor, place)
      return
    }
    if (this.#isSeen(descriptor)) return
    const bytes = await this.#read(descriptor, place)
    if (bytes === undefined) return
    this.#addFindings(lintDocument(descriptor, bytes), descriptor, place)
    let successors: readonly Successor[]
    try {
      successors = successorsOf(descriptor.mediaType, bytes)
    } catch (error) {
      // What a parser refuses, linting has reported already; schema 1 names layers that cannot be checked.
      if (!(error instanceof OciError)) throw error
      if (error.code === 'MEDIA_TYPE_UNSUPPORTED') {
        this.#report('warning', 'unsupported-media-type', descriptor, place, error.message)
      }
      return
    }
    if (depth >= maxDepth) {
      this.#report(
        'error',
        'nested-too-deep',
        descriptor,
        place,
        `Indexes nest deeper than ${maxDepth} levels`,
      )
      return
    }
    for (const next of successors) {
      if (next.role === 'subject') await this.#visitSubject(next, place, depth)
      else if (next.role !== 'config') await this.visit(next, place, depth + 1)
    }
    const config = successors.find((next) => next.role === 'config')
    if (config !== undefined) await this.#visitConfig(descriptor, config, successors, place)
  }

  /** Reads every leaf to its end, the largest first, a few at once. */
  async checkBlobs(): Promise<void> {
    const leaves = [...this.#leaves.values()].sort((a, b) => b.descriptor.size - a.descriptor.size)
    this.#progress()
    const { signal: asked, workers: option = false } = this.#options
    let workers: BlobWorker[] = []
    if (option !== false) {
      const { startWorkers } = await import('../workers/index.ts')
      const bytes = leaves.reduce((sum, { descriptor }) => sum + descriptor.size, 0)
      workers = startWorkers(option, { blobs: hasBlobFiles(this.#store) ? leaves.length - 1 : 0, bytes })
    }
    try {
      // One lane is this thread's at least.
      const lanes = Math.max(this.#concurrency, workers.length + 1)
      await forEachConcurrent(leaves, lanes, asked, (leaf, signal, lane) =>
        this.#checkLeaf(leaf, signal, workers[lane]),
      )
    } finally {
      await Promise.all(workers.map((worker) => worker.close()))
    }
  }

  /** A subject need not be here: a referrer may stand alone. */
  async #visitSubject(subject: Successor, place: string, depth: number): Promise<void> {
    if (await this.#store.has(subject.descriptor, this.#options)) await this.visit(subject, place, depth + 1)
    else {
      this.#report(
        'warning',
        'subject-missing',
        subject.descriptor,
        `${place} › subject`,
        'The subject that this manifest refers to is not in the store',
      )
    }
  }

  async #visitConfig(
    manifest: Descriptor,
    successor: Successor,
    successors: readonly Successor[],
    above: string,
  ): Promise<void> {
    const { descriptor } = successor
    const place = placeOf(successor, above)
    if (!isConfigType(descriptor.mediaType)) {
      this.#addLeaf(descriptor, place)
      return
    }
    const bytes = await this.#read(descriptor, place, !this.#isSeen(descriptor))
    if (bytes === undefined) return
    this.#addFindings(lintConfig(bytes), descriptor, place)
    let config: ImageConfig
    try {
      config = parseConfig(bytes, { mediaType: descriptor.mediaType })
    } catch (error) {
      if (error instanceof OciError) return
      throw error
    }
    const layers = successors.filter((next) => next.role === 'layer')
    const { diff_ids: diffIDs } = config.rootfs
    if (layers.length !== diffIDs.length) {
      this.#report(
        'error',
        'layer-count',
        descriptor,
        place,
        `The manifest has ${layers.length} layers, but the config has ${diffIDs.length} diff_ids`,
      )
    } else {
      for (const [position, layer] of layers.entries()) {
        this.#leaves.get(keyOf(layer.descriptor))?.diffIDs.add(diffIDs[position]!)
      }
    }
    this.#comparePlatforms(manifest, config, descriptor, place)
  }

  #comparePlatforms(manifest: Descriptor, config: ImageConfig, descriptor: Descriptor, place: string): void {
    if (manifest.platform === undefined) return
    const { os, architecture, variant } = config
    const own: Platform = { os, architecture, ...(variant ? { variant } : {}) }
    const said: Platform = { ...manifest.platform, 'os.version': undefined, 'os.features': undefined }
    if (matchPlatform(said, own) || matchPlatform(own, said)) return
    this.#report(
      'warning',
      'platform-differs',
      descriptor,
      place,
      `The index says ${formatPlatform(said)}, but the config says ${formatPlatform(own)}`,
    )
  }

  async #checkLeaf(
    { descriptor, place, diffIDs }: Leaf,
    signal: AbortSignal,
    worker: BlobWorker | undefined,
  ): Promise<void> {
    if (isNondistributable(descriptor.mediaType) && !(await this.#store.has(descriptor, { signal }))) {
      const message = 'A nondistributable layer is not in the store: its urls say where it is'
      this.#report('warning', 'nondistributable-elsewhere', descriptor, place, message)
      return
    }
    let read = 0
    const moved = (bytes: number) => {
      this.#bytes += bytes - read
      read = bytes
      this.#progress()
    }
    try {
      if (isLayerType(descriptor.mediaType) && this.#options.layers !== 'blobs') {
        const options = { signal, onProgress: moved }
        const scan =
          (await worker?.scan(this.#store, descriptor, options)) ??
          (await new Layer(this.#store, descriptor, { position: 0 }).scan({ entry() {} }, options))
        this.#addFindings(scan.findings, descriptor, place)
        for (const diffID of diffIDs) {
          if (diffID === scan.diffID) continue
          const message = `The layer's diffID is ${scan.diffID}, but the config says ${diffID}`
          this.#report('error', 'diff-id-mismatch', descriptor, place, message)
          this.#corrupt.push(descriptor)
        }
      } else if (!(await worker?.verify(this.#store, descriptor, { signal, onProgress: moved }))) {
        const chunks = await readBlobChunks(this.#store, descriptor, { signal, onProgress: moved })
        for await (const chunk of chunks) chunks[giveBack]?.(chunk)
      }
      this.#verified++
      this.#verifiedBytes += descriptor.size
    } catch (error) {
      this.#addFailure(error, descriptor, place)
    }
    moved(descriptor.size)
  }

  async #read(descriptor: Descriptor, place: string, first = true): Promise<Uint8Array | undefined> {
    try {
      const bytes = await readBlobBytes(this.#store, descriptor, { signal: this.#options.signal })
      if (first) {
        this.#verified++
        this.#verifiedBytes += descriptor.size
        this.#bytes += descriptor.size
        this.#totalBytes += descriptor.size
      }
      return bytes
    } catch (error) {
      if (first) this.#addFailure(error, descriptor, place)
      else if (!(error instanceof OciError)) throw error
      return undefined
    }
  }

  #isSeen(descriptor: Descriptor): boolean {
    const key = keyOf(descriptor)
    if (this.#seen.has(key)) return true
    this.#seen.add(key)
    return false
  }

  #addLeaf(descriptor: Descriptor, place: string): void {
    const key = keyOf(descriptor)
    if (this.#leaves.has(key)) return
    this.#leaves.set(key, { descriptor, place, diffIDs: new Set() })
    this.#totalBytes += descriptor.size
  }

  #addFailure(error: unknown, descriptor: Descriptor, place: string): void {
    if (!(error instanceof OciError)) throw error
    if (error.code === 'BLOB_NOT_FOUND') {
      this.#missing.push(descriptor)
      this.#report('error', 'blob-missing', descriptor, place, `The blob is missing: it is not in the store`)
      return
    }
    if (error.code !== 'DIGEST_UNSUPPORTED') this.#corrupt.push(descriptor)
    this.#report('error', error.code.toLowerCase().replaceAll('_', '-'), descriptor, place, error.message)
  }

  #addFindings(findings: readonly Finding[], descriptor: Descriptor, place: string): void {
    for (const finding of findings) this.#add({ ...finding, digest: descriptor.digest, place })
  }

  #report(
    level: Finding['level'],
    code: string,
    descriptor: Descriptor,
    place: string,
    message: string,
  ): void {
    this.#add({ level, code, path: [], message, digest: descriptor.digest, place })
  }

  #add(finding: ValidationFinding): void {
    this.#findings.push(finding)
    this.#options.onFinding?.(finding)
  }

  #progress(): void {
    this.#options.onProgress?.({
      blobs: this.#verified,
      totalBlobs: this.#leaves.size + this.#seen.size,
      bytes: this.#bytes,
      totalBytes: this.#totalBytes,
    })
  }
}

function lintDocument(descriptor: Descriptor, bytes: Uint8Array): readonly Finding[] {
  if (isIndexType(descriptor.mediaType)) return lintIndex(bytes)
  if (isManifestType(descriptor.mediaType)) return lintManifest(bytes)
  if (isSchema1Type(descriptor.mediaType)) return []
  return []
}

/** A blob is what it is with its size: two descriptors that disagree on it are two things to check. */
function keyOf(descriptor: Descriptor): string {
  return `${descriptor.digest} ${descriptor.size}`
}

function placeOf({ role, position, descriptor }: Successor, above: string): string {
  const name = isIndexType(descriptor.mediaType) ? 'index' : role
  const which =
    descriptor.platform !== undefined && descriptor.platform.os !== 'unknown'
      ? ` ${formatPlatform(descriptor.platform)}`
      : role === 'layer' || role === 'blob' || (role === 'manifest' && above !== '')
        ? ` ${position + 1}`
        : ''
  return above === '' ? `${name}${which}` : `${above} › ${name}${which}`
}
