import { agreement, mustBe } from '../agreement.ts'
import { countPaths, plainName, treeLines } from '../fingerprint.ts'
import type { Programs } from '../peers/find.ts'
import { quoted, shell } from '../shell.ts'
import type { Peer, Task } from '../task.ts'

/** An image to a directory. umoci does all that we do; tar knows nothing of whiteouts and leaves them as files. */
export function unpack(programs: Programs): Task {
  return {
    name: 'unpack',
    title: 'unpack',
    prepare: (workshop) => {
      const { layout, layers } = workshop.image
      const target = workshop.path('unpacked')
      const agree = agreement('the trees')
      const peers: Peer[] = []
      const [umoci] = programs.find('umoci') ?? []
      if (umoci !== undefined) {
        peers.push({
          name: 'umoci raw unpack',
          version: umoci.version,
          goal: 0.45,
          command: [...umoci.command, 'raw', 'unpack', '--image', `${layout}:bench`, target],
          reset: () => workshop.remove(target),
          check: () => {
            agree('umoci', treeLines(target).join('\n'))
            return undefined
          },
        })
      }
      const [tar] = programs.find('tar') ?? []
      if (tar !== undefined) {
        const extract = quoted(...tar.command, '-x', '-z', '-C', target, '-f')
        peers.push({
          name: 'tar xzf, layer by layer',
          version: tar.version,
          goal: 0.75,
          command: shell(layers.map(({ path }) => `${extract} ${quoted(path)}`)),
          reset: () => workshop.empty(target),
          check: () => {
            const names = layers.flatMap(({ path }) => workshop.entriesOf(path).map(plainName))
            const expected = new Set(names.filter((name) => name !== ''))
            mustBe('the number of paths', countPaths(target), expected.size)
            return undefined
          },
        })
      }
      const all = ['--devices', '--setid', '--all-xattrs']
      return {
        ours: {
          command: workshop.command('unpack', `oci:${layout}:bench`, target, ...all),
          reset: () => workshop.remove(target),
          check: () => {
            agree('oci-ts', treeLines(target).join('\n'))
            return undefined
          },
        },
        peers,
        cleanUp: () => workshop.remove(target),
      }
    },
  }
}
