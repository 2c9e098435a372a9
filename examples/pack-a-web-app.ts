// A Node web app onto a base image: what a Dockerfile of eight lines does, without a daemon and without root.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLayout, readLayout, unpackImage } from 'oci-ts'

// In earnest a layout with node:22-slim in it; here an image that comes with the project.
await using bases = await readLayout('spec-fixtures/my-image')
const base = await bases.image('1.0', { platform: 'linux/amd64' })

const directory = await mkdtemp(join(tmpdir(), 'web-app-'))
await using images = await createLayout(`${directory}/images`)
const image = await base
  .edit()
  .copy('examples/web-app', '/srv/web-app', {
    chown: 'app',
    // With these the same files make the same digest, on whatever day and machine.
    mode: 'reproducible',
    reproducible: { mtime: 0, modeMask: 0o755 },
  })
  .env({ NODE_ENV: 'production', PORT: '8080' })
  .workingDirectory('/srv/web-app')
  .entrypoint(['node', 'server.js'])
  .command(null)
  .label('org.opencontainers.image.title', 'web-app')
  .commit(images.store, 'v1')

console.log('image', image.descriptor.digest)
for (const { layer, created_by } of (await image.history()).slice(-2)) {
  console.log(layer === null ? 'no layer' : `${layer.size} bytes`, '|', created_by)
}
const { entries } = await unpackImage(image, `${directory}/rootfs`)
console.log(entries, 'entries unpacked')
await rm(directory, { recursive: true })

// Prints:
// image sha256:a7d345abeb7eb23c4d2e3ab756da8b9eee755d9f83ffb7299256f08a0c58eb92
// no layer | ENTRYPOINT ["serve"] CMD ["--port", "8080"]
// 359 bytes | COPY examples/web-app /srv/web-app
// 48 entries unpacked
