/** Notes what a directory holds, as `oci-ts unpack --snapshot` does: snapshot.mjs DIRECTORY FILE */
import { writeFileSync } from 'node:fs'
import { encodeSnapshot, snapshotDirectory } from '../../dist/index.js'

writeFileSync(process.argv[3], encodeSnapshot(await snapshotDirectory(process.argv[2])))
