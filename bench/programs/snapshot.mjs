/** Notes what a directory holds, as `oci-ts unpack --snapshot` does: snapshot.mjs DIRECTORY FILE */
import { writeSnapshot } from '../../dist/index.js'

await writeSnapshot(process.argv[2], process.argv[3])
