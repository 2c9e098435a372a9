import { mustBe } from '../agreement.ts'
import { run } from '../measure.ts'
import type { Programs } from '../peers/find.ts'
import { quoted, shell } from '../shell.ts'
import type { Peer, Task } from '../task.ts'

/** A layout to what `docker load` takes. */
export function dockerArchive(programs: Programs): Task {
  return {
    name: 'docker-archive',
    title: 'layout to docker-archive',
    prepare: (workshop) => {
      const { layout, layers } = workshop.image
      const target = workshop.path('archive.tar')
      const reset = () => workshop.remove(target)
      const from = `oci:${layout}:bench`
      const to = `docker-archive:${target}:example.com/bench:1`
      const check = () => {
        const [entry] = JSON.parse(
          run('tar', ['--extract', '--to-stdout', '--file', target, 'manifest.json']),
        )
        const hashes = (entry.Layers as string[]).map((name) => {
          const extract = `tar --extract --to-stdout --file ${quoted(target)} ${quoted(name)}`
          const [program, ...args] = shell([`${extract} | (gzip -dcf || true) | sha256sum`])
          return `sha256:${run(program!, args).slice(0, 64)}`
        })
        mustBe(
          'the layers of the archive',
          hashes,
          layers.map(({ diffID }) => diffID),
        )
        return undefined
      }
      const peers: Peer[] = []
      const [skopeo] = programs.find('skopeo') ?? []
      if (skopeo !== undefined) {
        const words = ['--insecure-policy', '--tmpdir', workshop.room, 'copy', '--quiet']
        peers.push({
          name: 'skopeo copy',
          version: skopeo.version,
          goal: 0.55,
          command: [...skopeo.command, ...words, from, to],
          reset,
          check,
        })
      }
      return { ours: { command: workshop.command('copy', from, to), reset, check }, peers, cleanUp: reset }
    },
  }
}
