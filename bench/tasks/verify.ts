import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { mustBe } from '../agreement.ts'
import type { Programs } from '../peers/find.ts'
import type { Task } from '../task.ts'
import type { BenchImage } from '../workshop.ts'

/** Every blob read and verified, beside a copy by skopeo, which does nothing less and writes it. */
export function verifyBlobs(programs: Programs): Task {
  return {
    name: 'verify',
    title: 'verify all blobs',
    prepare: (workshop) => {
      const { image } = workshop
      const total = image.blobs.reduce((sum, { size }) => sum + size, 0)
      return {
        ours: {
          command: workshop.command('verify', '--shallow', '--json', `oci:${image.layout}:bench`),
          check: (stdout) => {
            const { valid, verified, verifiedBytes } = JSON.parse(stdout)
            mustBe('what was verified', [valid, verified, verifiedBytes], [true, image.blobs.length, total])
            return undefined
          },
        },
        peers: skopeoCopy(programs, image, workshop.path('by-skopeo'), workshop, 0.45),
      }
    },
  }
}

/** The same copy by both. */
export function copyLayout(programs: Programs): Task {
  return {
    name: 'copy',
    title: 'copy a layout to another',
    prepare: (workshop) => {
      const { image } = workshop
      const target = workshop.path('by-us')
      return {
        ours: {
          command: workshop.command('copy', `oci:${image.layout}:bench`, `oci:${target}:bench`),
          reset: () => workshop.remove(target),
          check: () => holdsAll(image, target),
        },
        peers: skopeoCopy(programs, image, workshop.path('by-skopeo'), workshop, undefined),
        cleanUp: () => workshop.remove(target),
      }
    },
  }
}

function skopeoCopy(
  programs: Programs,
  image: BenchImage,
  target: string,
  workshop: { remove(path: string): void },
  goal: number | undefined,
) {
  const [skopeo] = programs.find('skopeo') ?? []
  if (skopeo === undefined) return []
  const command = [...skopeo.command, '--insecure-policy', 'copy', '--quiet']
  return [
    {
      name: 'skopeo copy',
      version: skopeo.version,
      goal,
      command: [...command, `oci:${image.layout}:bench`, `oci:${target}:bench`],
      reset: () => workshop.remove(target),
      check: () => holdsAll(image, target),
    },
  ]
}

/** That a layout has the blobs of an image. Their content was verified by who copied them. */
function holdsAll(image: BenchImage, layout: string): undefined {
  const blobs = join(layout, 'blobs/sha256')
  const found = readdirSync(blobs).map((name) => `sha256:${name} ${statSync(join(blobs, name)).size}`)
  mustBe('the copy', found.sort(), image.blobs.map(({ digest, size }) => `${digest} ${size}`).sort())
}
