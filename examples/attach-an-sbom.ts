// An SBOM attached to an image, found again by whoever has the image, and copied along with it.
import { attach, copyImage, Image, listReferrers, MemoryStore, readBlobBytes, readLayout } from 'oci-ts'

await using layout = await readLayout('spec-fixtures/my-image')
const store = new MemoryStore()
await copyImage(layout.store, '1.0', store, '1.0')
const image = await (await readLayout(store)).image('1.0', { platform: 'linux/arm64' })

// What is in the image, as its file system says: a real SBOM would come from a scanner.
const files: { fileName: string; bytes: number }[] = []
for await (const { path, type, size } of (await image.filesystem()).walk('/app')) {
  if (type === 'file') files.push({ fileName: path, bytes: size })
}
const spdx = 'application/spdx+json'
const content = new TextEncoder().encode(JSON.stringify({ spdxVersion: 'SPDX-2.3', files }))
await attach(store, image.descriptor, { artifactType: spdx, blobs: [{ content, mediaType: spdx }] })

// Somewhere else: only the image's name is known, and the SBOM has come along as a referrer.
const elsewhere = new MemoryStore()
await copyImage(store, '1.0', elsewhere, '1.0', { referrers: true })
const copied = await (await readLayout(elsewhere)).image('1.0', { platform: 'linux/arm64' })
for await (const referrer of listReferrers(elsewhere, copied.descriptor, { artifactType: spdx })) {
  const artifact = await Image.open(elsewhere, referrer)
  const sbom = JSON.parse(
    new TextDecoder().decode(await readBlobBytes(elsewhere, artifact.layers[0]!.descriptor)),
  )
  console.log(referrer.artifactType, 'about', artifact.manifest.subject?.digest.slice(0, 19))
  for (const { fileName, bytes } of sbom.files) console.log(' ', fileName, bytes)
}

// Prints:
// application/spdx+json about sha256:4758144c1dfb
//   /app/grüezi.txt 8
//   /app/hello.txt 26
//   /app/public/assets/a-name-that-is-longer-than-the-hundred-bytes-which-the-name-field-of-a-ustar-header-has-room-for/and-more.txt 17
//   /app/public/index.html 55
//   /app/public/start.html 55
