// A user's program under the strictest compiler, without Node's types: the declarations that are shipped must stand
// by themselves.
import * as ociTs from 'oci-ts'
import * as spec from 'oci-ts/spec'
import * as tar from 'oci-ts/tar'
import * as testing from 'oci-ts/testing'

export const doors: readonly object[] = [ociTs, spec, tar, testing]

export async function firstPath(source: Uint8Array): Promise<string | undefined> {
  await using layout = await ociTs.readLayout(source)
  const image = await layout.image()
  for (const layer of image.layers) for await (const entry of layer.entries()) return entry.path
  return undefined
}
