/** All kinds of input, by name. */
import type { Kind } from '../kind.ts'
import { archive } from './archive.ts'
import { broken } from './broken.ts'
import { gzip } from './gzip.ts'
import { json } from './json.ts'
import { layer } from './layer.ts'
import { pax } from './pax.ts'
import { tar } from './tar.ts'
import { unpack } from './unpack.ts'
import { zstd } from './zstd.ts'

/** What can be fuzzed. */
export const kinds: Readonly<Record<string, Kind>> = {
  json,
  tar,
  pax,
  gzip,
  zstd,
  layer,
  archive,
  unpack,
  broken,
}
