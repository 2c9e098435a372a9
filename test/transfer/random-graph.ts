/** Random graphs of images in a memory store: nested indexes, artifacts, subjects, shared blobs, unknown kinds. */
import fc from 'fast-check'
import type { Descriptor } from '../../src/spec/index.ts'
import { mediaTypes, serializeJson } from '../../src/spec/index.ts'
import type { MemoryStore } from '../../src/store/index.ts'

/** One node to be: numbers choose among the nodes made before it. */
export type NodePlan =
  | { readonly kind: 'blob'; readonly seed: number }
  | {
      readonly kind: 'manifest'
      readonly config: number
      readonly layers: readonly number[]
      readonly subject: number
    }
  | { readonly kind: 'index'; readonly manifests: readonly number[]; readonly subject: number }
  | { readonly kind: 'unknown'; readonly mentions: readonly number[]; readonly bare: readonly number[] }
  | { readonly kind: 'artifact'; readonly blobs: readonly number[]; readonly subject: number }

/** A graph to be, and which of its nodes have names. */
export interface GraphPlan {
  readonly nodes: readonly NodePlan[]
  readonly tagged: readonly number[]
}

const pick = fc.nat(1000)
/** Negative means none. */
const maybe = fc.integer({ min: -400, max: 200 })
const some = fc.array(pick, { maxLength: 4 })

const node: fc.Arbitrary<NodePlan> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('blob' as const), seed: fc.nat(40) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('manifest' as const),
      config: pick,
      layers: some,
      subject: maybe,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('index' as const), manifests: some, subject: maybe }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('unknown' as const), mentions: some, bare: some }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('artifact' as const), blobs: some, subject: maybe }),
  },
)

/** Up to 30 nodes. */
export const graphPlan: fc.Arbitrary<GraphPlan> = fc.record({
  nodes: fc.array(node, { minLength: 1, maxLength: 30 }),
  tagged: fc.array(pick, { maxLength: 3 }),
})

/** A node that was made, and the nodes that it needs, by position. */
export interface MadeNode {
  readonly descriptor: Descriptor
  readonly needs: readonly number[]
  readonly subject: number | undefined
}

/** Makes the graph in a store, and tags what is to be tagged `t0`, `t1`, … */
export async function makeGraph(store: MemoryStore, plan: GraphPlan): Promise<readonly MadeNode[]> {
  const made: MadeNode[] = []
  const unknownType = 'application/vnd.example.future.v7+json'
  for (const [position, node] of plan.nodes.entries()) {
    const before = (choice: number) => (made.length === 0 ? undefined : choice % made.length)
    const among = (choices: readonly number[], fits: (mediaType: string) => boolean) =>
      choices.flatMap((choice) => {
        const at = before(choice)
        return at !== undefined && fits(made[at]!.descriptor.mediaType) ? [at] : []
      })
    const isManifest = (type: string) => type === mediaTypes.manifest || type === mediaTypes.index
    const at = (index: number) => made[index]!.descriptor
    const subjectOf = (choice: number) => {
      const [found] = choice < 0 ? [] : among([choice], isManifest)
      return found
    }
    if (node.kind === 'blob') {
      const descriptor = await store.put(serializeJson(`blob ${node.seed}`), {
        mediaType: 'application/octet-stream',
      })
      made.push({ descriptor, needs: [], subject: undefined })
      continue
    }
    let document: object
    let mediaType: string
    let needs: number[]
    let subject: number | undefined
    if (node.kind === 'manifest') {
      const [config = undefined] = among([node.config], (type) => !isManifest(type))
      const layers = among(node.layers, (type) => !isManifest(type))
      subject = subjectOf(node.subject)
      mediaType = mediaTypes.manifest
      needs = [...(config === undefined ? [] : [config]), ...layers]
      const own =
        config === undefined
          ? await store.put(serializeJson({}), { mediaType: 'application/x-c' })
          : at(config)
      if (config === undefined) {
        made.push({ descriptor: own, needs: [], subject: undefined })
        needs.push(made.length - 1)
      }
      document = {
        schemaVersion: 2,
        mediaType,
        config: own,
        layers: layers.map(at),
        ...(subject === undefined ? {} : { subject: at(subject) }),
        annotations: { n: `${position}` },
      }
    } else if (node.kind === 'index') {
      const manifests = among(node.manifests, isManifest)
      subject = subjectOf(node.subject)
      mediaType = mediaTypes.index
      needs = manifests
      document = {
        schemaVersion: 2,
        mediaType,
        manifests: manifests.map(at),
        ...(subject === undefined ? {} : { subject: at(subject) }),
        annotations: { n: `${position}` },
      }
    } else if (node.kind === 'artifact') {
      const blobs = among(node.blobs, (type) => !isManifest(type))
      subject = subjectOf(node.subject)
      mediaType = mediaTypes.artifactManifest
      needs = blobs
      document = {
        mediaType,
        blobs: blobs.map(at),
        ...(subject === undefined ? {} : { subject: at(subject) }),
        n: position,
      }
    } else {
      const mentions = among(node.mentions, () => true)
      const bare = among(node.bare, (type) => type === 'application/octet-stream')
      mediaType = unknownType
      needs = [...mentions, ...bare]
      document = {
        deep: { list: mentions.map(at) },
        digests: bare.map((index) => at(index).digest),
        n: position,
      }
    }
    made.push({ descriptor: await store.put(serializeJson(document), { mediaType }), needs, subject })
  }
  for (const [number, choice] of plan.tagged.entries()) {
    await store.tag(made[choice % made.length]!.descriptor, `t${number}`)
  }
  return made
}
