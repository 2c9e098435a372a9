import { readLayout } from 'oci-ts'

const layout = await readLayout('spec-fixtures/my-image')
const image = await layout.image('1.0', { platform: 'linux/arm64' })

for (const step of await image.history()) {
  console.log(step.layer ? `layer ${step.layer.position}` : 'no layer', '|', step.created_by)
}

// Each entry as the layer's tar has it, whiteouts included; every byte is verified on the way.
for await (const entry of image.layers[3]!.entries()) {
  if (entry.whiteout) console.log(entry.whiteout.kind, 'whiteout of', entry.whiteout.path)
}

// What a container would see: the layers merged, links followed inside the image.
const files = await image.filesystem()
console.log(new TextDecoder().decode(await files.readFile('/app/hello.txt')).trim())
