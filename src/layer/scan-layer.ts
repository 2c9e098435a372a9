/** Going through a layer in one synchronous pass: what listing, merging and unpacking stand on. */
import type { Compression } from '../compression/index.ts'
import type { DiffID } from '../digest/index.ts'
import type { Descriptor } from '../spec/index.ts'
import type { BlobStore } from '../store/index.ts'
import { TarParser, type TarVisitor } from '../tar/index.ts'
import { type LayerOptions, readLayerBytes } from './layer-bytes.ts'
import { type LayerEntryHeader, layerEntryHeader } from './layer-entry.ts'
import { FindingList, type LayerFinding } from './layer-finding.ts'
import { PathSet } from './path-set.ts'
import { WHITEOUT_PREFIX } from './whiteout.ts'

/** What is told of a layer as it goes by. Each call is waited for where it returns a promise. */
export interface LayerVisitor {
  /** An entry begins. */
  entry(entry: LayerEntryHeader): void | Promise<void>
  /** A piece of the current entry's content, valid during the call. */
  data?(chunk: Uint8Array): void | Promise<void>
  /** The current entry's content is over (also where it has none). */
  entryEnd?(): void | Promise<void>
}

/** What is known of a layer once all of it has gone by. */
export interface LayerScan {
  /** The digest of the uncompressed tar; computed, whether one was asked for or not. */
  readonly diffID: DiffID
  /** Bytes of the uncompressed tar. */
  readonly uncompressedSize: number
  /** How the content is compressed, whatever the media type says. */
  readonly compression: Compression
  /** How many entries there are, whiteouts included. */
  readonly entries: number
  /** What is odd about the layer: at most 1000, then one that says there are more. */
  readonly findings: readonly LayerFinding[]
}

/** How a layer is scanned. */
export interface ScanLayerOptions extends LayerOptions {
  /**
   * Whether paths that come twice are looked for: about 20 bytes of memory and 0.1 us for each entry. True when
   * absent.
   */
  readonly findDuplicates?: boolean | undefined
  /**
   * What reads the layer's bytes instead of {@link readLayerBytes}: a worker thread.
   * @hidden
   */
  readonly readBytes?: typeof readLayerBytes | undefined
}

/**
 * Reads a whole layer, once, and tells a visitor of each entry as it goes by. What the visitor was told counts
 * only when the promise has resolved: the blob's size and digest and the diffID are known no sooner.
 *
 * Names that lead outside of the root are told as any other, with {@link LayerEntryHeader.unsafe} and a finding:
 * who applies entries to a tree refuses them.
 *
 * @throws OciError `BLOB_NOT_FOUND`, `SIZE_MISMATCH`, `DIGEST_MISMATCH`, `DIFF_ID_MISMATCH`, `COMPRESSION_*`, `TAR_*`,
 *   `LIMIT_EXCEEDED`, `PATH_UNSAFE` (a whiteout of nothing), and what the visitor throws
 * @example
 * const { diffID } = await scanLayer(store, descriptor, { entry: (entry) => console.log(entry.path) })
 */
export async function scanLayer(
  store: BlobStore,
  descriptor: Descriptor,
  visitor: LayerVisitor,
  options: ScanLayerOptions = {},
): Promise<LayerScan> {
  const findings = new FindingList()
  const seen = options.findDuplicates === false ? undefined : new PathSet()
  let entries = 0
  const tarVisitor: TarVisitor = {
    entry(header, position) {
      const entry = layerEntryHeader(header, position.headerOffset, position.dataOffset)
      entries++
      inspect(entry, seen, findings)
      return visitor.entry(entry)
    },
  }
  if (visitor.data !== undefined) tarVisitor.data = (chunk) => visitor.data!(chunk)
  if (visitor.entryEnd !== undefined) tarVisitor.entryEnd = () => visitor.entryEnd!()
  const parser = new TarParser(tarVisitor, options.limits)
  const { readBytes = readLayerBytes } = options
  const bytes = await readBytes(store, descriptor, parser, options)
  if (parser.trailingNonZero) {
    const message = `The tar is followed by ${parser.trailingBytes} bytes that are not all zeros, which no reader sees`
    findings.add('warning', 'trailing-data', undefined, message)
  }
  return { ...bytes, entries, findings: [...bytes.findings, ...findings.all] }
}

const reservedDirectory = /(?:^|\/)\.wh\.[^/]*\//

/** What an entry shows by itself; what only a tree shows is found where entries are applied to one. */
function inspect(entry: LayerEntryHeader, seen: PathSet | undefined, findings: FindingList): void {
  const { path, unsafe, whiteout } = entry
  if (unsafe !== null)
    findings.add('error', 'path-unsafe', entry.name, `Entry must not be applied: ${unsafe}`)
  if (entry.aufs) {
    findings.add('warning', 'aufs-metadata', path, "AUFS's own bookkeeping is left out of the tree")
  } else if (whiteout !== null && entry.size > 0) {
    findings.add('warning', 'whiteout-content', path, `A whiteout has ${entry.size} bytes of content`)
  }
  if (path.includes(WHITEOUT_PREFIX) && reservedDirectory.test(path) && !entry.aufs) {
    findings.add('warning', 'reserved-name', path, 'A directory has a name that starts with ".wh."')
  }
  if (seen?.add(path, entry.pathBytes) === false) {
    findings.add(
      'warning',
      'duplicate-path',
      path,
      'The path comes more than once in the layer: the last entry counts',
    )
  }
}
