/** Writing image archives: as a stream, or as a file. */

import type { ByteSink } from '../bytes.ts'
import { OciError } from '../errors.ts'
import { filePath, requireBuiltin } from '../runtime.ts'
import type { ArchiveFormat } from '../store/index.ts'
import { placeOfFile, writeWhole } from '../store/index.ts'
import { TarWriter } from '../tar/index.ts'
import { type ArchiveContentOptions, ArchiveContext } from './archive-context.ts'
import { atOnce } from './concurrent.ts'
import { collectRoots, type ImageSource } from './image-source.ts'
import { pushedStream } from './pushed-stream.ts'
import {
  expectLayerSize,
  type LayerWriting,
  measureLayer,
  WrongLayerSize,
  writeDockerArchive,
} from './write-docker-archive.ts'
import { writeOciArchive } from './write-oci-archive.ts'

/** How an archive is written. */
export interface WriteArchiveOptions extends ArchiveContentOptions {
  /**
   * `oci`: an image layout as a tar, everything byte for byte. `docker`: what `docker save` wrote and
   * `docker load` reads, layers uncompressed; manifests and what only they say are not in it.
   */
  readonly format: ArchiveFormat
}

/** How an archive is written to a file. */
export interface WriteArchiveFileOptions extends WriteArchiveOptions {
  /** Whether the file is synced to the disk before it gets its name. Default: true. */
  readonly sync?: boolean | undefined
  /** Layers of a `docker` archive under way at once, 1 or more. Default: 2, which keeps two cores busy. */
  readonly concurrency?: number | undefined
}

/**
 * An archive of images as a stream: read, verified and written as it is consumed, no blob held in memory. The same
 * images give the same bytes, whenever and wherever: entries stand in a fixed order, and have no times and no
 * owners. Where content is not what its digest says the stream errors: what was read of it is then worth nothing.
 *
 * For `docker`, layers that are compressed are decompressed twice, since their size stands before them; writing to
 * a file ({@link writeArchiveFile}) needs that rarely.
 *
 * @param source a layout or any image store; an image or index; or several, each with its name
 * @throws OciError through the stream: `REFERENCE_NOT_FOUND`, `PLATFORM_NOT_FOUND`, `MEDIA_TYPE_UNSUPPORTED` (an
 *   artifact, for `docker`), `BLOB_NOT_FOUND`, `SIZE_MISMATCH`, `DIGEST_MISMATCH`, `DIFF_ID_MISMATCH`, and as
 *   reading documents and layers does
 * @example
 * const tar = writeArchive(layout, { format: 'docker', references: { v1: 'example.com/app:v1' } })
 */
export function writeArchive(source: ImageSource, options: WriteArchiveOptions): ReadableStream<Uint8Array> {
  return pushedStream(async (sink, signal) => {
    const tar = new TarWriter(sink, { signal })
    await writeInto(tar, source, { ...options, signal }, { sizeOf: measureLayer })
  }, options.signal)
}

/**
 * Writes an archive to a file, all or nothing: it is there when all of it has been written and verified, in place
 * of the regular file that was there before, whose mode it keeps. The bytes are those of {@link writeArchive}. Layers
 * of a `docker` archive are written a few at a time, each in its place, so `onProgress` tells of several in turns.
 *
 * @param file a path or `file:` URL
 * @throws OciError as the stream of {@link writeArchive}; `ARGUMENT_INVALID`, `STORE_FAILED`, `RUNTIME_UNSUPPORTED`
 *   where there is no file system
 */
export async function writeArchiveFile(
  file: string | URL,
  source: ImageSource,
  options: WriteArchiveFileOptions,
): Promise<void> {
  const { sync = true, signal } = options
  const concurrency = atOnce(options.concurrency, 2)
  const { resolve } = requireBuiltin('node:path', 'Writing an archive')
  const place = placeOfFile(resolve(filePath(file, 'An archive')))
  for (const sizeOf of [expectLayerSize, measureLayer]) {
    try {
      await writeWhole(place, sync, async (written) => {
        const leaveRoom = (length: number): Promise<ByteSink> => written.leaveRoom(length)
        await writeInto(new TarWriter(written, { signal }), source, options, {
          sizeOf,
          beside: { leaveRoom, concurrency },
        })
        signal?.throwIfAborted()
      })
      return
    } catch (error) {
      // What a layer said of its length was not so: begun again, with lengths that are measured.
      if (!(error instanceof WrongLayerSize)) throw error
    }
  }
}

async function writeInto(
  tar: TarWriter,
  source: ImageSource,
  options: WriteArchiveOptions,
  layers: LayerWriting,
): Promise<void> {
  const context = new ArchiveContext(options)
  const roots = await collectRoots(source, options)
  if (options.format === 'oci') await writeOciArchive(tar, roots, context)
  else if (options.format === 'docker') {
    await writeDockerArchive(tar, roots, context, layers)
  } else {
    const given = JSON.stringify(options.format as unknown)
    throw new OciError('ARGUMENT_INVALID', `The format of an archive is "oci" or "docker", not ${given}`)
  }
  await tar.finish()
}
