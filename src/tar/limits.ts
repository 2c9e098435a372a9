/** How much an archive may ask for: each bound is far above what real layers have, and each is an option. */
export interface TarLimits {
  /** Entries, global headers among them: 10 000 000. */
  readonly maxEntries?: number | undefined
  /** Bytes of a path or link target: 65 535 (Linux opens none longer than 4 095). */
  readonly maxPathLength?: number | undefined
  /** Bytes of one extended header: 1 MiB, as in Go and libarchive. */
  readonly maxPaxSize?: number | undefined
  /** Records in one extended header: 10 000. */
  readonly maxPaxRecords?: number | undefined
  /** Extended attributes of one entry: 1 000. */
  readonly maxXattrs?: number | undefined
}

/** The limits with what was left open filled in. */
export function withDefaults(limits: TarLimits): { readonly [name in keyof TarLimits]-?: number } {
  return {
    maxEntries: limits.maxEntries ?? 10_000_000,
    maxPathLength: limits.maxPathLength ?? 65_535,
    maxPaxSize: limits.maxPaxSize ?? 1 << 20,
    maxPaxRecords: limits.maxPaxRecords ?? 10_000,
    maxXattrs: limits.maxXattrs ?? 1_000,
  }
}
