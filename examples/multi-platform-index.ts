// One name for several platforms: an image for each, listed in an index that tools choose from.
import { createIndex, fromScratch, Layout, MemoryStore, validateImage } from 'oci-ts'

const store = new MemoryStore()
const build = (platform: string) =>
  fromScratch({ platform })
    .copy({ 'etc/platform': `${platform}\n` }, '/', { mode: 'reproducible' })
    .command(['cat', '/etc/platform'])
    .commit(store)

const images = await Promise.all(['linux/amd64', 'linux/arm64', 'linux/arm/v7'].map(build))
const index = await createIndex(images)
  .annotation('org.opencontainers.image.version', '1.0')
  .commit(store, '1.0')
console.log('index', index.descriptor.digest)

// As a user of the image sees it: by name and platform. A newer 32-bit ARM runs what is for an older one.
const layout = await Layout.open(store)
for (const platform of ['linux/amd64', 'linux/arm64', 'linux/arm/v8']) {
  const image = await layout.image('1.0', { platform })
  const files = await image.filesystem()
  console.log(platform, 'gets', (await files.readTextFile('/etc/platform')).trim())
}
const { valid, verified } = await validateImage(store, index.descriptor)
console.log(valid ? 'sound' : 'not sound', verified, 'blobs')

// Prints:
// index sha256:38287067638b49d2b53d9a827b133cb67463f7732a965a61d03d53a511417d4d
// linux/amd64 gets linux/amd64
// linux/arm64 gets linux/arm64
// linux/arm/v8 gets linux/arm/v7
// sound 10 blobs
