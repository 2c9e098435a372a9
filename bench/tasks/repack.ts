import { appendFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { agreement } from '../agreement.ts'
import { plainName } from '../fingerprint.ts'
import { run } from '../measure.ts'
import type { Programs } from '../peers/find.ts'
import type { Task } from '../task.ts'
import { readImage, type Workshop } from '../workshop.ts'

/** An unpacked image in which one file was changed, one added and one removed, to an image with one layer more. */
export function repack(programs: Programs): Task {
  return {
    name: 'repack',
    title: 'repack after one change',
    prepare: (workshop) => {
      const { bundle } = workshop
      const root = join(bundle, 'rootfs')
      const snapshot = workshop.path('snapshot')
      const [node, ...args] = workshop.program('snapshot', root, snapshot)
      run(node!, args)
      appendFileSync(join(root, 'etc/profile'), '# changed\n')
      writeFileSync(join(root, 'usr/added'), new Uint8Array(1 << 20))
      rmSync(join(root, 'etc/issue'))

      // A layout of its own, since each run adds an image to it; the blobs are the same files.
      const layout = workshop.path('repacked')
      const reset = () => {
        workshop.remove(layout)
        run('cp', ['--archive', '--link', workshop.image.layout, layout])
      }
      const agree = agreement('what is in the new layer')
      const [umoci] = programs.find('umoci')!
      return {
        ours: {
          command: workshop.command(
            ...['pack', root, `oci:${layout}:by-us`, '--base', `oci:${layout}:bench`, '--since', snapshot],
          ),
          reset,
          check: () => {
            agree('oci-ts', changedFiles(workshop, layout, 'by-us'))
            return undefined
          },
        },
        peers: [
          {
            name: 'umoci repack',
            version: umoci.version,
            goal: 0.3,
            command: [...umoci.command, 'repack', '--image', `${layout}:by-umoci`, bundle],
            reset,
            check: () => {
              agree('umoci', changedFiles(workshop, layout, 'by-umoci'))
              return undefined
            },
          },
        ],
        cleanUp: () => workshop.remove(layout),
      }
    },
  }
}

/** The names in the topmost layer, without directories: those above a change may be there or not. */
function changedFiles(workshop: Workshop, layout: string, tag: string): string {
  const names = workshop.entriesOf(readImage(layout, tag).layers.at(-1)!.path)
  return names
    .filter((name) => !name.endsWith('/'))
    .map(plainName)
    .sort()
    .join('\n')
}
