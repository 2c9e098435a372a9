/**
 * The `index.json` of a layout on disk: read as it is, changed only under the layout's lock, and replaced whole.
 * @see https://github.com/opencontainers/image-spec/blob/main/image-layout.md#indexjson-file
 */
import { equalBytes } from '../bytes.ts'
import { isOciError, OciError } from '../errors.ts'
import { requireBuiltin } from '../runtime.ts'
import type { Descriptor, Index, JsonEdit } from '../spec/index.ts'
import { annotationKeys, editJson, parseIndex } from '../spec/index.ts'
import type { DirectorySync } from './durable-file.ts'
import { removeAbandoned, TemporaryFile } from './durable-file.ts'
import { removeAbandonedLocks, withLock } from './lock-file.ts'
import type { EntryChange } from './references.ts'
import { changeEntries } from './references.ts'
import { readRegular } from './regular-file.ts'
import type { StoreOptions } from './store.ts'

/** Where an index is and how it is changed. */
export interface LayoutIndexOptions {
  /** The layout's directory. */
  readonly directory: string
  /** Longest index, in bytes. */
  readonly maxSize: number
  /** Longest wait for the lock, in milliseconds. */
  readonly lockTimeout: number
  readonly sync: boolean
  readonly directories: DirectorySync
}

/** Says what is to change, given the entries as they are by then. */
export type IndexEdit = (entries: readonly Descriptor[]) => readonly EntryChange[]

interface WaitingEdit {
  readonly edit: IndexEdit
  readonly signal: AbortSignal | undefined
  resolve(): void
  reject(reason: unknown): void
}

/** The lock of a layout's directory. */
export function lockPath(directory: string): string {
  return requireBuiltin('node:path', 'Locking an image layout').join(directory, '.oci-ts.lock')
}

/** The index of one layout. */
export class LayoutIndex {
  readonly #options: LayoutIndexOptions
  readonly #path: string
  #waiting: WaitingEdit[] = []
  #cleaned = false
  /** The index as it was when last looked at. What a parse gives is frozen, so it can be given out again. */
  #parsed: { readonly bytes: Uint8Array; readonly index: Index } | undefined
  #working: Promise<void> | undefined

  constructor(options: LayoutIndexOptions) {
    this.#options = options
    this.#path = requireBuiltin('node:path', 'Opening an image layout').join(options.directory, 'index.json')
  }

  /** @throws OciError `LAYOUT_INVALID`, `LIMIT_EXCEEDED`, `PATH_UNSAFE`, `STORE_FAILED` */
  read(): Index {
    return this.#parse(this.#readBytes())
  }

  /**
   * Makes a change. Changes that are asked for while another is under way are made together, under one lock and by
   * one replacement, each to what those before it left; one that fails leaves the others alone.
   *
   * @throws OciError what the edit throws, `LOCK_TIMEOUT`, and as {@link LayoutIndex.read}
   */
  edit(edit: IndexEdit, options: StoreOptions): Promise<void> {
    const { signal } = options
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      this.#waiting.push({ edit, signal, resolve, reject })
      this.#working ??= this.#work()
    })
  }

  /** Resolves when no change is under way. */
  async settle(): Promise<void> {
    await this.#working
  }

  async #work(): Promise<void> {
    // What is asked for in the same turn comes into the first batch too.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      try {
        await this.#apply(batch)
      } catch (error) {
        if (batch.length > 1 && isOciError(error, 'LIMIT_EXCEEDED')) await this.#applyOneByOne(batch)
        else for (const waiting of batch) waiting.reject(error)
      }
    }
    this.#working = undefined
  }

  /** What is too much together: those that have room by themselves are made, the others refused. */
  async #applyOneByOne(batch: readonly WaitingEdit[]): Promise<void> {
    for (const waiting of batch) await this.#apply([waiting]).catch(waiting.reject)
  }

  async #apply(batch: readonly WaitingEdit[]): Promise<void> {
    const { directory, lockTimeout } = this.#options
    // A signal can end the wait only where it is everybody's; others are looked at once the lock is held.
    const [first, ...others] = batch
    const signal = others.every((other) => other.signal === first?.signal) ? first?.signal : undefined
    const options = { timeout: lockTimeout, signal }
    for (;;) {
      const written = await withLock(lockPath(directory), options, (isHeld) => this.#replace(batch, isHeld))
      if (written) return
    }
  }

  /** False where the lock was lost before the new index was in place; nothing has changed then. */
  async #replace(batch: readonly WaitingEdit[], isHeld: () => boolean): Promise<boolean> {
    const { directory, maxSize, sync, directories } = this.#options
    if (!this.#cleaned) {
      this.#cleaned = true
      removeAbandoned(directory)
      removeAbandonedLocks(lockPath(directory))
    }
    const old = this.#readBytes()
    let entries: readonly Descriptor[] = this.#parse(old).manifests
    const edits: JsonEdit[] = []
    const outcomes: (() => void)[] = []
    for (const { edit, signal, resolve, reject } of batch) {
      try {
        signal?.throwIfAborted()
        const changes = edit(entries)
        edits.push(...jsonEdits(changes))
        entries = changeEntries(entries, changes)
        outcomes.push(resolve)
      } catch (error) {
        outcomes.push(() => reject(error))
      }
    }
    const bytes = editJson(old, edits, { maxSize })
    if (bytes.length > maxSize) {
      throw new OciError(
        'LIMIT_EXCEEDED',
        `${JSON.stringify(this.#path)} would have ${bytes.length} bytes, more than the ${maxSize} that an index may have; raise maxIndexSize`,
        { path: this.#path, expected: maxSize, actual: bytes.length },
      )
    }
    if (!equalBytes(bytes, old)) {
      const file = TemporaryFile.create(directory, sync)
      try {
        file.setMode(requireBuiltin('node:fs', 'Writing an image layout').statSync(this.#path).mode)
        await file.write(bytes)
        await file.end()
        // Nothing may come between: what was read under a lock must not replace what was written under another.
        if (!isHeld()) return false
        file.commit(this.#path)
        await directories.sync(directory)
      } finally {
        await file.discard()
      }
    }
    for (const report of outcomes) report()
    return true
  }

  #readBytes(): Uint8Array<ArrayBuffer> {
    const bytes = readRegular(this.#path, this.#options.maxSize)
    if (bytes !== undefined) return bytes
    throw new OciError(
      'LAYOUT_INVALID',
      `${JSON.stringify(this.#options.directory)} is no image layout: it has no index.json`,
      { path: this.#path },
    )
  }

  #parse(bytes: Uint8Array): Index {
    // Reading and comparing an index of 10 000 entries takes a few milliseconds, parsing it some hundred. Times and
    // inode numbers would not do instead: two replacements within one tick of the clock can have the same.
    if (this.#parsed !== undefined && equalBytes(this.#parsed.bytes, bytes)) return this.#parsed.index
    try {
      const index = parseIndex(bytes, { maxSize: this.#options.maxSize })
      this.#parsed = { bytes, index }
      return index
    } catch (error) {
      if (!(error instanceof OciError)) throw error
      throw new OciError('LAYOUT_INVALID', `${JSON.stringify(this.#path)} is no index: ${error.message}`, {
        path: this.#path,
        offset: error.offset,
        issues: error.issues,
        cause: error,
      })
    }
  }
}

/** Changes of entries as edits of the text, in an order in which every position still holds. */
function jsonEdits(changes: readonly EntryChange[]): JsonEdit[] {
  const inPlace: JsonEdit[] = []
  const removed: number[] = []
  for (const { position, to } of changes) {
    if (to === 'remove') removed.push(position)
    else if (to === 'unname') {
      inPlace.push({ path: ['manifests', position, 'annotations', annotationKeys.refName], value: undefined })
    } else inPlace.push({ path: ['manifests', position], value: to })
  }
  removed.sort((a, b) => b - a)
  return [...inPlace, ...removed.map((position) => ({ path: ['manifests', position], value: undefined }))]
}
