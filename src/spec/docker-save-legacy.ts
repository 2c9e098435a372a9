/**
 * What an archive of `docker save` holds for Docker before 1.10: each layer as an image of Docker's first format,
 * a directory with a `json` that names its parent. Every archive still has it, and nobody reads it any more.
 * @see https://github.com/moby/docker-image-spec/blob/main/v1.md
 */
import { encodeUtf8 } from '../bytes.ts'
import { type DiffID, digestBytes, digestParts } from '../digest/index.ts'
import { goCompact, goObject, goString, type JsonMember, membersOf, sortMembers } from './go-json.ts'
import { parseConfig } from './image-config.ts'
import { parseJson } from './json.ts'
import { mediaTypes } from './media-type.ts'

/** One layer as an image of Docker's first format. */
export interface DockerSaveLayer {
  /** The directory's name: 64 hexadecimal characters. */
  readonly id: string
  /** The content of its `json`. */
  readonly json: Uint8Array<ArrayBuffer>
  readonly diffID: DiffID
}

/** What of a config the top layer's `json` repeats, null where it has none. */
const repeated = [
  'architecture',
  'config',
  'container',
  'container_config',
  'created',
  'docker_version',
  'os',
]

/**
 * The layers of a config, bottom to top, with the names and bytes that skopeo gives them.
 * @throws OciError `JSON_INVALID`, `DOCUMENT_INVALID` with `issues`, `LIMIT_EXCEEDED`
 */
export function dockerSaveLayers(config: Uint8Array): DockerSaveLayer[] {
  const { diff_ids: diffIDs } = parseConfig(config, { mediaType: mediaTypes.dockerConfig }).rootfs
  const top = new Map(membersOf(parseJson(config).text))
  const layers: DockerSaveLayer[] = []
  let chainID = ''
  for (const [position, diffID] of diffIDs.entries()) {
    const parent = layers.at(-1)?.id
    const members: JsonMember[] = parent === undefined ? [] : [['parent', goString(parent)]]
    if (position === diffIDs.length - 1) {
      for (const name of repeated) members.push([name, goCompact(top.get(name) ?? 'null')])
    }
    chainID = chainID === '' ? diffID : digestBytes(encodeUtf8(`${chainID} ${diffID}`))
    const named = encodeUtf8(goObject(sortMembers([...members, ['layer_id', goString(chainID)]])))
    const id = digestParts(digestBytes(named)).encoded
    const json = encodeUtf8(goObject(sortMembers([...members, ['id', goString(id)]])))
    layers.push({ id, json, diffID })
  }
  return layers
}
