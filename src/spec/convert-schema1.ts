/**
 * From Docker's schema 1, where each layer carries the config of an image as text, to schema 2, where a config
 * stands by itself. What schema 1 does not tell, sizes and diffIDs, has to be found out by reading the layers.
 */
import { encodeUtf8 } from '../bytes.ts'
import type { DiffID } from '../digest/index.ts'
import { digestBytes } from '../digest/index.ts'
import { OciError } from '../errors.ts'
import type { Descriptor } from './descriptor.ts'
import { goCompact, goObject, goString, type JsonMember, membersOf, sortMembers } from './go-json.ts'
import { serializeJson } from './json-serialize.ts'
import { mediaTypes } from './media-type.ts'
import type { Schema1Layer, Schema1Manifest, V1Compatibility } from './schema1.ts'
import { parseV1Compatibility } from './schema1.ts'

/** One step of an image of schema 1. */
export interface Schema1Step {
  readonly layer: Schema1Layer
  readonly v1: V1Compatibility
  /** The text that `v1` was parsed from. */
  readonly text: string
  /** Whether it changed no file, so that its layer is left out. */
  readonly isEmpty: boolean
}

/** What reading a layer tells. */
export interface MeasuredLayer {
  /** Of the blob as stored. */
  readonly descriptor: Descriptor
  readonly diffID: DiffID
}

/** The two documents of an image of schema 2. */
export interface Schema2Documents {
  readonly manifest: Uint8Array<ArrayBuffer>
  readonly config: Uint8Array<ArrayBuffer>
}

/**
 * The steps of an image of schema 1, bottom to top, the other way round than the document has them. Of a step
 * that stands there twice in a row, the lower one counts.
 *
 * @throws OciError `DOCUMENT_INVALID` where a step is not named by 64 hexadecimal characters, or does not follow
 *   the one below it
 */
export function schema1Steps(manifest: Schema1Manifest): Schema1Step[] {
  const steps: Schema1Step[] = []
  const seen = new Set<string>()
  for (const position of manifest.history.keys()) {
    const at = manifest.history.length - 1 - position
    const text = manifest.history[at]!.v1Compatibility
    const v1 = parseV1Compatibility(text)
    const refuse = (problem: string): OciError =>
      new OciError('DOCUMENT_INVALID', `history[${at}] of the Docker manifest of schema 1 ${problem}`, {
        issues: [{ path: ['history', at, 'v1Compatibility'], message: problem }],
      })
    const id = v1.id ?? ''
    if (!/^[0-9a-f]{64}$/.test(id)) {
      throw refuse(`has the id ${JSON.stringify(id.slice(0, 100))}: it must be 64 hexadecimal characters`)
    }
    const below = steps.at(-1)
    if (below?.v1.id === id) continue
    const parent = below?.v1.id ?? ''
    if (seen.has(id)) throw refuse(`has an id that another step has: ${id}`)
    if ((v1.parent ?? '') !== parent) {
      throw refuse(
        parent === ''
          ? 'has a parent, but is the lowest'
          : `has the parent ${v1.parent ?? '(none)'}, but stands on ${parent}`,
      )
    }
    seen.add(id)
    steps.push({ layer: manifest.fsLayers[at]!, v1, text, isEmpty: v1.throwaway === true })
  }
  return steps
}

/**
 * Makes the documents of schema 2. The config is what schema 1 says of the top layer, its members sorted as Go
 * writes a map, so that it has the digest that containers/image gives it; each step becomes an entry of history.
 *
 * @param layers those of the steps that are not empty, bottom to top
 * @throws OciError `ARGUMENT_INVALID` where there are more or fewer layers
 */
export function schema1ToSchema2(
  manifest: Schema1Manifest,
  layers: readonly MeasuredLayer[],
): Schema2Documents {
  const steps = schema1Steps(manifest)
  const wanted = steps.filter((step) => !step.isEmpty)
  if (wanted.length !== layers.length) {
    throw new OciError(
      'ARGUMENT_INVALID',
      `The manifest of schema 1 has ${wanted.length} layers that are not empty, but ${layers.length} were given`,
      { expected: wanted.length, actual: layers.length },
    )
  }
  const config = encodeUtf8(configText(manifest, steps, layers))
  return {
    config,
    manifest: serializeJson({
      schemaVersion: 2,
      mediaType: mediaTypes.dockerManifest,
      config: { mediaType: mediaTypes.dockerConfig, size: config.length, digest: digestBytes(config) },
      layers: layers.map(({ descriptor: { mediaType, size, digest } }) => ({ mediaType, size, digest })),
    }),
  }
}

/** Of one layer alone, not of the image. */
const ofTheLayer = ['id', 'parent', 'parent_id', 'layer_id', 'throwaway', 'Size']

function configText(
  manifest: Schema1Manifest,
  steps: readonly Schema1Step[],
  layers: readonly MeasuredLayer[],
): string {
  const top = steps.at(-1)!
  const members = new Map<string, string>()
  for (const [name, text] of membersOf(top.text)) {
    if (!ofTheLayer.includes(name)) members.set(name, goCompact(text))
  }
  // A config must say these; old images said them of the manifest, or not at all: there was Linux alone.
  if (!top.v1.architecture) members.set('architecture', goString(manifest.architecture || 'amd64'))
  if (!top.v1.os) members.set('os', goString('linux'))
  const diffIDs = layers.map((layer) => goString(layer.diffID))
  members.set(
    'rootfs',
    goObject([
      ['type', '"layers"'],
      ['diff_ids', `[${diffIDs.join(',')}]`],
    ]),
  )
  members.set('history', `[${steps.map(historyText).join(',')}]`)
  return goObject(sortMembers(members))
}

function historyText({ v1, isEmpty }: Schema1Step): string {
  const command = (v1.container_config?.Cmd ?? []).join(' ')
  const members: JsonMember[] = []
  const add = (name: string, text: string | null | undefined): void => {
    if (text) members.push([name, goString(text)])
  }
  add('created', v1.created)
  add('author', v1.author)
  add('created_by', command)
  add('comment', v1.comment)
  if (isEmpty) members.push(['empty_layer', 'true'])
  return goObject(members)
}
