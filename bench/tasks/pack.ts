import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { agreement } from '../agreement.ts'
import { plainName } from '../fingerprint.ts'
import { run } from '../measure.ts'
import type { Programs } from '../peers/find.ts'
import type { Peer, Task } from '../task.ts'
import { readImage, type Workshop } from '../workshop.ts'

interface PackTask {
  readonly name: string
  readonly title: string
  readonly goal: number
  /** Paths in the image: the first that is there is packed. */
  readonly directories: readonly string[]
}

/** A layer of small files: an npm workspace. */
export function packSmallFiles(programs: Programs): Task {
  const directories = ['srv/workspace', 'usr/share']
  return pack(programs, {
    name: 'pack-small',
    title: 'layer from a directory of small files',
    goal: 0.6,
    directories,
  })
}

/** A layer of binaries: compilers and libraries. */
export function packBinaries(programs: Programs): Task {
  return pack(programs, {
    name: 'pack-binaries',
    title: 'layer from a directory of binaries',
    goal: 1.1,
    directories: ['usr/lib'],
  })
}

function pack(programs: Programs, { name, title, goal, directories }: PackTask): Task {
  return {
    name,
    title,
    prepare: (workshop) => {
      const source = directories
        .map((directory) => join(workshop.bundle, 'rootfs', directory))
        .find((directory) => existsSync(directory))!
      const agree = agreement('the names in the layers')
      // A bundle is made by umoci, so it is here.
      const [umoci] = programs.find('umoci')!
      const byUs = workshop.path('packed-by-us')
      const byUmoci = workshop.path('packed-by-umoci')
      const peer: Peer = {
        name: 'umoci insert',
        version: umoci.version,
        goal,
        command: [...umoci.command, 'insert', '--image', `${byUmoci}:bench`, source, '/'],
        reset: () => {
          workshop.remove(byUmoci)
          run('umoci', ['init', '--layout', byUmoci])
          run('umoci', ['new', '--image', `${byUmoci}:bench`])
        },
        check: () => {
          agree('umoci', layerNames(workshop, byUmoci))
          return size(byUmoci)
        },
      }
      return {
        ours: {
          command: workshop.command('pack', source, `oci:${byUs}:bench`),
          reset: () => workshop.remove(byUs),
          check: () => {
            agree('oci-ts', layerNames(workshop, byUs))
            return size(byUs)
          },
        },
        peers: [peer],
        cleanUp: () => {
          workshop.remove(byUs)
          workshop.remove(byUmoci)
        },
      }
    },
  }
}

function layerNames(workshop: Workshop, layout: string): string {
  const names = readImage(layout).layers.flatMap(({ path }) => workshop.entriesOf(path).map(plainName))
  return names
    .filter((name) => name !== '')
    .sort()
    .join('\n')
}

function size(layout: string): string {
  const bytes = readImage(layout).layers.reduce((sum, layer) => sum + layer.size, 0)
  return `${(bytes / 1e6).toFixed(1)} MB`
}
