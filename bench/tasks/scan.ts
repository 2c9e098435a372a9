import { mustBe } from '../agreement.ts'
import type { Programs } from '../peers/find.ts'
import { quoted, shell } from '../shell.ts'
import type { Peer, Side, Task } from '../task.ts'
import type { Workshop } from '../workshop.ts'

/** Digest, diffID and listing of every layer, in one pass of each. */
export function scanLayers(programs: Programs): Task {
  return {
    name: 'scan',
    title: 'digest, diffID and listing of all layers',
    prepare: (workshop) => ({
      ours: { command: workshop.program('scan', workshop.image.layout), check: scanCheck(workshop) },
      peers: [...gunzipAndHash(programs, workshop, 0.45), ...scanInGo(programs, workshop, 0.6)],
    }),
  }
}

/** The same by the command, which judges the documents as well. */
export function verifyCommand(programs: Programs): Task {
  return {
    name: 'verify-command',
    title: 'oci-ts verify: digests, diffIDs, documents',
    prepare: (workshop) => ({
      ours: {
        command: workshop.command('verify', '--json', `oci:${workshop.image.layout}:bench`),
        check: (stdout) => {
          mustBe('what verify says', JSON.parse(stdout).valid, true)
          return undefined
        },
      },
      peers: [...gunzipAndHash(programs, workshop), ...scanInGo(programs, workshop)],
    }),
  }
}

/** The same as a browser would do it. */
export function scanPortably(programs: Programs): Task {
  return {
    name: 'portable',
    title: 'digest, diffID and listing without node: modules',
    prepare: (workshop) => ({
      ours: {
        command: workshop.program('scan', workshop.image.layout, '--portable'),
        check: scanCheck(workshop),
      },
      peers: scanInGo(programs, workshop, 3.5),
    }),
  }
}

/** What is right of a scan: what the documents of the image say, and how many names GNU tar lists. */
function scanCheck(workshop: Workshop): Side['check'] {
  return (stdout) => {
    const expected = workshop.image.layers.map(
      ({ digest, diffID, path }) => `${digest} ${diffID} ${workshop.entriesOf(path).length}`,
    )
    mustBe('the scan', stdout.trim().split('\n'), expected)
    return undefined
  }
}

function scanInGo(programs: Programs, workshop: Workshop, goal?: number): Peer[] {
  const [go] = programs.find('scan in Go') ?? []
  if (go === undefined) return []
  return [
    {
      name: go.name,
      version: go.version,
      goal,
      command: [...go.command, workshop.image.layout],
      check: scanCheck(workshop),
    },
  ]
}

function gunzipAndHash(programs: Programs, workshop: Workshop, goal?: number): Peer[] {
  const [gzip, sha256sum] = programs.find('gzip', 'sha256sum') ?? []
  if (gzip === undefined || sha256sum === undefined) return []
  const { layers } = workshop.image
  return [
    {
      name: 'gzip -dc | sha256sum',
      version: `${gzip.version}, ${sha256sum.version}`,
      goal,
      command: shell(
        layers.map(
          ({ path }) => `${quoted(...gzip.command)} -dc < ${quoted(path)} | ${quoted(...sha256sum.command)}`,
        ),
      ),
      check: (stdout) => {
        const expected = layers.map(({ diffID }) => diffID.replace('sha256:', ''))
        mustBe('the diffIDs', stdout.match(/^[0-9a-f]{64}/gm), expected)
        return undefined
      },
    },
  ]
}
