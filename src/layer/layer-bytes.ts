/**
 * A layer's bytes: the blob, verified as it is read, decompressed, hashed for its diffID. The one way from a blob
 * to tar bytes, which every reader of layers goes.
 */
import type { ByteSink } from '../bytes.ts'
import { giveBack, readChunks } from '../bytes.ts'
import { type Compression, createDecompressor } from '../compression/index.ts'
import { createHasher, type DiffID, digestParts, type Hasher } from '../digest/index.ts'
import { OciError } from '../errors.ts'
import { type Descriptor, layerCompression } from '../spec/index.ts'
import { type BlobStore, readBlob } from '../store/index.ts'
import type { TarLimits } from '../tar/index.ts'
import type { BlobBlocks } from './blob-blocks.ts'
import { quote } from './layer-entry.ts'
import { FindingList, type LayerFinding } from './layer-finding.ts'

/** How much a layer may ask for; what is absent has the default of {@link TarLimits} and of decompression. */
export interface LayerLimits extends TarLimits {
  /** Bytes of the uncompressed tar. */
  readonly maxSize?: number | undefined
  /** Uncompressed bytes for each compressed one. */
  readonly maxRatio?: number | undefined
}

/** How a layer is read. */
export interface LayerOptions {
  /** What the uncompressed tar must hash to; not checked when absent. */
  readonly diffID?: DiffID | undefined
  readonly signal?: AbortSignal | undefined
  /** Told of the bytes of the blob read so far, about once for each MiB. */
  readonly onProgress?: ((bytesOfBlob: number) => void) | undefined
  readonly limits?: LayerLimits | undefined
  /** Collects what lets parts of the blob be read again later, verified: see {@link BlobBlocks}. */
  readonly blocks?: BlobBlocks | undefined
}

/** What is known of a layer's bytes once all of them have gone by. */
export interface LayerBytes {
  /** The digest of the uncompressed tar; computed, whether one was asked for or not. */
  readonly diffID: DiffID
  /** Bytes of the uncompressed tar. */
  readonly uncompressedSize: number
  /** How the content is compressed, whatever the media type says. */
  readonly compression: Compression
  readonly findings: readonly LayerFinding[]
}

/**
 * Writes a layer's uncompressed tar into a sink. What the sink was given counts only when this has resolved: the
 * blob's digest and the diffID are known no sooner.
 *
 * @throws OciError `BLOB_NOT_FOUND`, `SIZE_MISMATCH`, `DIGEST_MISMATCH`, `DIFF_ID_MISMATCH`, `COMPRESSION_INVALID`,
 *   `COMPRESSION_TRUNCATED`, `COMPRESSION_UNSUPPORTED`, `LIMIT_EXCEEDED`, and what the sink throws
 */
export async function readLayerBytes(
  store: BlobStore,
  descriptor: Descriptor,
  sink: ByteSink,
  options: LayerOptions = {},
): Promise<LayerBytes> {
  const { diffID, signal, onProgress, blocks, limits = {} } = options
  const algorithm = digestParts(diffID ?? ('sha256:' as DiffID)).algorithm
  let hasher: Hasher | undefined
  let started = false
  let uncompressedSize = 0
  const decompressor = createDecompressor(
    'detect',
    {
      write(chunk) {
        if (!started) {
          started = true
          // An uncompressed tar is its own blob: hashed once, by the verification of the blob.
          const same =
            decompressor.compression === 'none' && digestParts(descriptor.digest).algorithm === algorithm
          if (!same) hasher = createHasher(algorithm)
        }
        hasher?.update(chunk)
        uncompressedSize += chunk.length
        return sink.write(chunk)
      },
      end: () => sink.end(),
    },
    { maxSize: limits.maxSize, maxRatio: limits.maxRatio, signal, what: `Layer ${descriptor.digest}` },
  )

  // Given up at once, also where the store does not answer: a stream that is only cancelled ends with its next chunk.
  const stop = new AbortController()
  const stopped = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal])
  const chunks = readChunks(await readBlob(store, descriptor, { signal: stopped }))
  const read = () => {
    const step = chunks.next()
    // It may be given up unread; it is awaited wherever its error matters.
    step.catch(() => {})
    return step
  }
  let done = false
  let next = read()
  try {
    for (let position = 0; ; ) {
      const { done, value } = await next
      if (done) break
      const wait = decompressor.write(value)
      // The store reads and hashes the next chunk while zlib works on this one in its thread.
      next = read()
      blocks?.add(value)
      if (wait !== undefined) await wait
      signal?.throwIfAborted()
      position += value.length
      chunks[giveBack]?.(value)
      onProgress?.(position)
    }
    await decompressor.end()
    blocks?.end()
    done = true
  } catch (error) {
    decompressor.abort(error)
    // Damage in transit shows first as bad compression or bad tar. Whether the blob is what its digest says is
    // what the reader has to know, so the rest of it is read for that.
    if (error instanceof OciError && /^(COMPRESSION|TAR)_/.test(error.code)) {
      for (let step = await next; !step.done; step = await chunks.next()) {
        signal?.throwIfAborted()
        chunks[giveBack]?.(step.value)
      }
      done = true
    }
    throw error
  } finally {
    if (!done) {
      stop.abort()
      await chunks.return()
    }
  }
  const actual =
    started && hasher === undefined ? descriptor.digest : (hasher ?? createHasher(algorithm)).digest()
  if (diffID !== undefined && actual !== diffID) {
    throw new OciError(
      'DIFF_ID_MISMATCH',
      `Layer ${descriptor.digest} unpacks to ${actual}, but the config's diffID is ${diffID}: they do not belong together`,
      { digest: descriptor.digest, expected: diffID, actual },
    )
  }
  // Known by now: the end of the content decides at the latest.
  const compression = decompressor.compression as Compression
  return {
    diffID: actual,
    uncompressedSize,
    compression,
    findings: mediaTypeFindings(descriptor, compression),
  }
}

function mediaTypeFindings(descriptor: Descriptor, compression: Compression): readonly LayerFinding[] {
  const findings = new FindingList()
  const said = layerCompression(descriptor.mediaType)
  if (said === undefined) {
    findings.add(
      'warning',
      'media-type-unknown',
      undefined,
      `Media type ${quote(descriptor.mediaType)} is not one of a layer`,
    )
  } else if (said !== compression) {
    findings.add(
      'warning',
      'compression-mismatch',
      undefined,
      `Media type ${quote(descriptor.mediaType)} says ${said}, but the content is ${compression}`,
    )
  }
  return findings.all
}
