/** Reads every blob of an image, verified: verify.mjs LAYOUT */
import { readBlob } from '../../dist/index.js'
import { largestFirst, openBenchImage, twoAtATime } from './open.mjs'

const image = await openBenchImage(process.argv[2])
const blobs = [image.descriptor, image.manifest.config, ...image.manifest.layers]
let bytes = 0
await twoAtATime(
  largestFirst(blobs, (blob) => blob.size),
  async (blob) => {
    for await (const chunk of await readBlob(image.store, blob)) bytes += chunk.length
  },
)
console.log(blobs.length, bytes)
