/** A layout with one image, whose layer has very many entries: many-entries.mjs LAYOUT ENTRIES */
import { createLayout, fromScratch } from '../../dist/index.js'

function* entries(count) {
  for (let i = 0; i < count; i++) {
    const group = Math.floor(i / 100)
    const path = `usr/lib/modules/${group % 100}/package-${group}/`
    yield i % 100 === 0
      ? { path, mode: 0o755, mtime: i }
      : { path: `${path}file-number-${i % 100}.js`, uid: 1000, gid: 1000, mtime: i }
  }
}

const layout = await createLayout(process.argv[2])
await fromScratch({ platform: 'linux/amd64' })
  .addLayer(entries(Number(process.argv[3])))
  .commit(layout.store, 'bench')
