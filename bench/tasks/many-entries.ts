import { mustBe } from '../agreement.ts'
import { run } from '../measure.ts'
import type { Programs } from '../peers/find.ts'
import { quoted, shell } from '../shell.ts'
import type { Peer, Task } from '../task.ts'
import { readImage } from '../workshop.ts'

/** Listing a layer that is nothing but entries, digests and diffID included. */
export function listManyEntries(programs: Programs): Task {
  return {
    name: 'entries',
    title: 'listing a layer of a million entries',
    prepare: (workshop) => {
      const { entries } = workshop
      const layout = workshop.path('many-entries')
      const [node, ...args] = workshop.program('many-entries', layout, String(entries))
      run(node!, args)
      const [layer] = readImage(layout).layers
      const peers: Peer[] = []
      const [tar] = programs.find('tar') ?? []
      if (tar !== undefined) {
        peers.push({
          name: 'tar tzf | wc -l',
          version: tar.version,
          command: shell([`${quoted(...tar.command, '-t', '-z', '-f', layer!.path)} | wc -l`]),
          check: (stdout) => {
            mustBe('the number of lines', Number(stdout), entries)
            return undefined
          },
        })
      }
      return {
        ours: {
          command: workshop.program('scan', layout),
          check: (stdout) => {
            mustBe('the scan', stdout.trim(), `${layer!.digest} ${layer!.diffID} ${entries}`)
            return undefined
          },
        },
        peers,
        count: { of: 'entry', number: entries, goal: 2e-6 },
        cleanUp: () => workshop.remove(layout),
      }
    },
  }
}
