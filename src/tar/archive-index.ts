/** Listing an archive that can be read from anywhere, without reading what its entries hold. */
import { CHUNK_SIZE } from '../bytes.ts'
import { OciError } from '../errors.ts'
import type { TarHeader } from './header.ts'
import type { TarLimits } from './limits.ts'
import type { RandomAccess } from './random-access.ts'
import type { TarPosition } from './scanner.ts'
import { TarScanner } from './scanner.ts'
import { quote } from './text.ts'

/** An entry's header and where the entry is. */
export interface TarIndexEntry extends TarHeader, TarPosition {}

/** Bytes read first, and after each long jump; doubled up to {@link CHUNK_SIZE} while entries follow closely. */
const firstWindow = 1 << 16

/**
 * The entries of an archive, by headers alone: contents are jumped over, so that an archive of a few large blobs
 * costs a few small reads, while one of many small files is read through in large ones.
 *
 * @throws OciError `TAR_INVALID`, `TAR_TRUNCATED`, `TAR_UNSUPPORTED`, `LIMIT_EXCEEDED`
 * @example for await (const { path, dataOffset, size } of indexTar(randomAccess(blob))) …
 */
export async function* indexTar(
  file: RandomAccess,
  options: TarLimits & { readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<TarIndexEntry, void, undefined> {
  const { signal } = options
  const scanner = new TarScanner(options)
  let window = firstWindow
  let offset = 0
  for (;;) {
    switch (scanner.next()) {
      case 'input': {
        if (offset >= file.size || scanner.ended) {
          scanner.end()
          return
        }
        signal?.throwIfAborted()
        const chunk = await file.read(offset, Math.min(window, file.size - offset))
        if (chunk.length === 0) {
          scanner.end()
          return
        }
        offset += chunk.length
        scanner.push(chunk)
        window = Math.min(window * 2, CHUNK_SIZE)
        break
      }
      case 'entry': {
        const { header } = scanner
        const { headerOffset, dataOffset } = header
        if (dataOffset + header.size > file.size) {
          throw new OciError(
            'TAR_TRUNCATED',
            `Tar entry ${quote(header.path)} at byte ${headerOffset} has ${header.size} bytes of content, but the ` +
              `archive ends ${dataOffset + header.size - file.size} bytes before`,
            {
              path: header.path,
              offset: headerOffset,
              expected: header.size,
              actual: file.size - dataOffset,
            },
          )
        }
        const next = scanner.seekPastContent()
        if (next > offset) {
          // A jump that leaves out less than would be read costs more than it saves.
          if (next - offset > window) window = firstWindow
          offset = next
        }
        yield header
        break
      }
    }
  }
}
