/**
 * The push parser: bytes go in, calls come out. It makes no promise of its own; it waits only where the visitor
 * asks it to by returning one.
 */
import type { ByteSink } from '../bytes.ts'
import type { TarHeader } from './header.ts'
import type { TarLimits } from './limits.ts'
import type { TarGlobalRecords, TarPosition } from './scanner.ts'
import { TarScanner } from './scanner.ts'

/** What is told of an archive as it goes by. Each call is waited for where it returns a promise. */
export interface TarVisitor {
  /** An entry begins. */
  entry(header: TarHeader, position: TarPosition): void | Promise<void>
  /** A piece of the current entry's content: part of the chunk written, valid during the call. */
  data?(chunk: Uint8Array): void | Promise<void>
  /** The current entry's content is over (also where it has none). */
  entryEnd?(): void | Promise<void>
  /** A global extended header: its records apply to nothing (see {@link TarParser}), but may be worth a warning. */
  global?(records: TarGlobalRecords): void | Promise<void>
}

/**
 * Parses an archive as it is written into it.
 *
 * It reads as Go's `archive/tar` does, which containerd, Docker, skopeo and umoci stand on: the archive ends at two
 * zero blocks, or where the bytes end; whatever follows is taken and counted but means nothing. Global extended
 * headers are not applied. Sparse, multi-volume and vendors' entries are refused by name.
 *
 * `write` and `end` throw OciError `TAR_INVALID`, `TAR_TRUNCATED`, `TAR_UNSUPPORTED` or `LIMIT_EXCEEDED`, with the
 * entry's `path` and the `offset` of its first header.
 *
 * @example
 * const parser = new TarParser({ entry: (header) => console.log(header.path) })
 * await pump(source, parser)
 */
export class TarParser implements ByteSink {
  readonly #visitor: TarVisitor
  readonly #scanner: TarScanner

  constructor(visitor: TarVisitor, limits: TarLimits = {}) {
    this.#visitor = visitor
    this.#scanner = new TarScanner(limits)
  }

  /** Bytes taken so far. */
  get bytesRead(): number {
    return this.#scanner.offset
  }

  /** Whether the two zero blocks that end an archive have gone by. */
  get ended(): boolean {
    return this.#scanner.ended
  }

  /** Bytes behind those two blocks: most writers pad to 10 KiB. */
  get trailingBytes(): number {
    return this.#scanner.trailingBytes
  }

  /** Whether any of the bytes behind the end is not zero, which no writer does in good faith. */
  get trailingNonZero(): boolean {
    return this.#scanner.trailingNonZero
  }

  write(chunk: Uint8Array): void | Promise<void> {
    this.#scanner.push(chunk)
    const wait = this.#advance()
    return wait === undefined ? undefined : this.#goOn(wait)
  }

  end(): void {
    this.#scanner.end()
  }

  /** Goes on until the chunk is used up, or until the visitor wants to be waited for. */
  #advance(): Promise<void> | undefined {
    const scanner = this.#scanner
    const visitor = this.#visitor
    for (;;) {
      let wait: void | Promise<void>
      switch (scanner.next()) {
        case 'input':
          return undefined
        case 'entry':
          wait = visitor.entry(scanner.header, scanner.header)
          break
        case 'data':
          wait = visitor.data?.(scanner.data)
          break
        case 'entry-end':
          wait = visitor.entryEnd?.()
          break
        case 'global':
          wait = visitor.global?.(scanner.globalRecords)
          break
      }
      if (wait !== undefined) return wait
    }
  }

  async #goOn(wait: Promise<void>): Promise<void> {
    for (let next: Promise<void> | undefined = wait; next !== undefined; next = this.#advance()) await next
  }
}
