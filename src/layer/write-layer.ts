/** Writing a layer: entries in, a blob in the store and its two identities out, in one pass. */
import type { ByteSink, ByteSource } from '../bytes.ts'
import { concatBytes, encodeUtf8, freeBytes, giveBack, pump } from '../bytes.ts'
import { type Compression, type CompressOptions, createCompressor } from '../compression/index.ts'
import { createHasher, type DiffID } from '../digest/index.ts'
import { OciError } from '../errors.ts'
import {
  type Annotations,
  type Descriptor,
  layerCompression,
  mediaTypes,
  withLayerCompression,
} from '../spec/index.ts'
import type { BlobStore, StoreOptions } from '../store/index.ts'
import { readTar, type TarEntryInput, TarParser, TarWriter } from '../tar/index.ts'
import { normalizePath } from './entry-path.ts'
import { layerEntryHeader, normalizeBytes, quote, refuseUnsafe } from './layer-entry.ts'
import { decodeName } from './name-bytes.ts'
import { PathSet } from './path-set.ts'
import { Relay } from './relay.ts'
import { levelEntry, type ReproducibleOptions, sortEntries } from './reproducible.ts'

/** What a layer is made of: entries, or a tar archive that is taken byte for byte. */
export type LayerSource =
  | Iterable<TarEntryInput>
  | AsyncIterable<TarEntryInput>
  | { readonly tar: ByteSource }

/** How a layer is written. */
export interface WriteLayerOptions
  extends StoreOptions,
    Pick<CompressOptions, 'level' | 'mode' | 'blockSize' | 'zstd'> {
  /** `gzip` when absent. */
  readonly compression?: Compression | undefined
  /** OCI's for the compression when absent; one that says another compression is refused. */
  readonly mediaType?: string | undefined
  /** What is levelled out of the entries; a `tar` is then not taken byte for byte, but entry by entry. */
  readonly reproducible?: ReproducibleOptions | undefined
  /** Annotations of the descriptor. */
  readonly annotations?: Annotations | undefined
  /** Told of the bytes of the uncompressed tar written so far, about once for each MiB. */
  readonly onProgress?: ((bytesOfTar: number) => void) | undefined
}

/** A layer that was written. */
export interface WrittenLayer {
  /** For the manifest's `layers`. */
  readonly descriptor: Descriptor
  /** For the config's `rootfs.diff_ids`. */
  readonly diffID: DiffID
  /** Bytes of the uncompressed tar. */
  readonly uncompressedSize: number
}

/**
 * Writes a layer into a store, hashed before and after compression in the one pass. Only what every reader takes
 * is written: paths inside of the root, no whiteout of nothing, and of entries each path once (a `tar` may have one
 * twice, unless it is to be sorted). Directories get a `/` at their end; the entries of a layer that was read keep
 * their names as they were, so that the tar stays the same.
 *
 * @throws OciError `ARGUMENT_INVALID` (an entry that tar cannot hold, a path that comes twice, a media type that
 *   does not go with the compression), `PATH_UNSAFE`, `SIZE_MISMATCH`, `COMPRESSION_UNSUPPORTED`,
 *   `STORE_UNSUPPORTED`, for a `tar` also `TAR_*`; nothing is stored then
 * @example
 * const { descriptor, diffID } = await writeLayer(store, [
 *   { path: 'etc/' },
 *   { path: 'etc/hostname', content: new TextEncoder().encode('box\n') },
 * ])
 */
export async function writeLayer(
  store: BlobStore,
  source: LayerSource,
  options: WriteLayerOptions = {},
): Promise<WrittenLayer> {
  const { signal, onProgress, annotations, compression = 'gzip' } = options
  const mediaType = mediaTypeFor(compression, options.mediaType)
  signal?.throwIfAborted()

  const relay = new Relay<Uint8Array>()
  const compressor = createCompressor(
    compression,
    { write: (chunk) => relay.give(chunk.slice()), end: () => {} },
    options,
  )
  const hasher = createHasher()
  let uncompressedSize = 0
  const tar: ByteSink = {
    write(chunk) {
      uncompressedSize += chunk.length
      // Compression begins before the hash is taken: it works in the thread pool where there is one.
      const wait = compressor.write(chunk)
      hasher.update(chunk)
      onProgress?.(uncompressedSize)
      return wait
    },
    end: () => compressor.end(),
  }
  const writing = writeTo(tar, source, options).then(
    () => relay.end(),
    (error) => {
      compressor.abort(error)
      relay.fail(error)
    },
  )
  let descriptor: Descriptor
  try {
    descriptor = await store.put(chunksOf(relay), { mediaType }, { signal })
  } catch (error) {
    relay.close(error)
    throw error
  } finally {
    await writing
  }
  return {
    descriptor: annotations === undefined ? descriptor : { ...descriptor, annotations },
    diffID: hasher.digest(),
    uncompressedSize,
  }
}

/** Chunks that the store may keep, or give back. */
function chunksOf(relay: Relay<Uint8Array>): AsyncIterable<Uint8Array> {
  async function* chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    for (let chunk = await relay.take(); chunk !== undefined; chunk = await relay.take()) yield chunk
  }
  return Object.assign(chunks(), { [giveBack]: freeBytes })
}

async function writeTo(sink: ByteSink, source: LayerSource, options: WriteLayerOptions): Promise<void> {
  const { signal, reproducible } = options
  // In a tar that somebody else wrote the last of two counts, as every reader has it. Their order is then not ours to
  // change.
  const rules = new LayerRules(!('tar' in source) || reproducible?.sort === true)
  if ('tar' in source && reproducible === undefined) {
    // Looked at, not changed: what cannot be read as a layer must not become one.
    const parser = new TarParser({
      entry(header, position) {
        rules.check(header, position.headerOffset)
      },
    })
    const checked: ByteSink = {
      write(chunk) {
        parser.write(chunk)
        return sink.write(chunk)
      },
      end() {
        parser.end()
        return sink.end()
      },
    }
    await pump(source.tar, checked, { signal })
    return
  }
  const writer = new TarWriter(sink, { signal })
  let entries = 'tar' in source ? readTar(source.tar, { signal }) : source
  if (reproducible?.sort === true) entries = sortEntries(await collect(entries))
  for await (const given of entries) {
    signal?.throwIfAborted()
    const entry = named(reproducible === undefined ? given : levelEntry(given, reproducible))
    const { path, pathBytes, linkPath = '', linkPathBytes, type = 'file' } = entry
    rules.check({ path, pathBytes, linkPath, linkPathBytes, type }, writer.bytesWritten)
    const wait = writer.entry(entry)
    if (wait !== undefined) await wait
  }
  await writer.finish()
}

/** What holds for every entry that is written. */
class LayerRules {
  /** Absent where a path may come twice. */
  readonly #seen: PathSet | undefined

  constructor(unique: boolean) {
    this.#seen = unique ? new PathSet() : undefined
  }

  check(
    header: Pick<TarEntryInput, 'path' | 'pathBytes' | 'linkPath' | 'linkPathBytes' | 'type'>,
    offset: number,
  ): void {
    const entry = layerEntryHeader(header as Parameters<typeof layerEntryHeader>[0], offset, offset)
    refuseUnsafe(entry)
    if (this.#seen?.add(entry.path, entry.pathBytes) !== false) return
    throw new OciError(
      'ARGUMENT_INVALID',
      `Entry ${quote(entry.name)} comes twice: a layer must have each path once`,
      { path: entry.name },
    )
  }
}

/**
 * The entry with the name that it is written with. By `Object.assign`: a spread whose fields are written over makes
 * V8 describe every object anew, which takes 1.1 us an entry against 0.13, and memory until the next full collection.
 */
function named(entry: TarEntryInput): TarEntryInput {
  const { path, leavesRoot } = normalizePath(entry.path)
  if (leavesRoot) return entry
  const { name, nameBytes } = entry as { readonly name?: unknown; readonly nameBytes?: unknown }
  if (typeof name === 'string' && name !== '' && normalizePath(name).path === path) {
    const bytes = nameBytes instanceof Uint8Array ? nameBytes : undefined
    return Object.assign({}, entry, { path: name, pathBytes: bytes })
  }
  const type = entry.type ?? (entry.path.endsWith('/') ? 'directory' : 'file')
  // Bytes beside another path than theirs are left over from an entry that was renamed.
  const raw = entry.pathBytes
  const pathBytes = raw !== undefined && decodeName(raw) === entry.path ? normalizeBytes(raw) : undefined
  if (type !== 'directory')
    return Object.assign({}, entry, { path: path === '' ? entry.path : path, pathBytes, type })
  return Object.assign({}, entry, {
    path: path === '' ? './' : `${path}/`,
    pathBytes: pathBytes === undefined ? undefined : concatBytes([pathBytes, encodeUtf8('/')]),
    type,
  })
}

async function collect(
  entries: Iterable<TarEntryInput> | AsyncIterable<TarEntryInput>,
): Promise<TarEntryInput[]> {
  const all: TarEntryInput[] = []
  for await (const entry of entries) all.push(entry)
  return all
}

function mediaTypeFor(compression: Compression, given: string | undefined): string {
  if (given === undefined) return withLayerCompression(mediaTypes.layer, compression)
  const said = layerCompression(given)
  if (said === undefined || said === compression) return given
  throw new OciError(
    'ARGUMENT_INVALID',
    `Media type ${quote(given)} says ${said}, but the layer is to be written with ${compression}`,
    { expected: said, actual: compression },
  )
}
