/**
 * Digest, diffID and listing of every layer in one pass, a line for each: scan.mjs LAYOUT [--portable]
 * With --portable nothing of Node's modules is used but the file system.
 */
import { setAccelerated } from '../../dist/runtime.js'
import { largestFirst, openBenchImage, twoAtATime } from './open.mjs'

if (process.argv[3] === '--portable') setAccelerated(false)
const image = await openBenchImage(process.argv[2])
const lines = []
await twoAtATime(
  largestFirst(image.layers, (layer) => layer.size),
  async (layer) => {
    let listed = 0
    const { diffID } = await layer.scan({
      entry(entry) {
        if (entry.path !== undefined) listed++
      },
    })
    lines[layer.position] = `${layer.digest} ${diffID} ${listed}`
  },
)
console.log(lines.join('\n'))
