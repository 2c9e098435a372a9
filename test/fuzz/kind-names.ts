/** The kinds that are fuzzed, in order. Apart from the kinds themselves, which need the instrumented library. */
export const kindNames: readonly string[] = [
  'json',
  'tar',
  'pax',
  'gzip',
  'zstd',
  'layer',
  'archive',
  'unpack',
]
