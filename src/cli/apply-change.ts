/** From the changes that flags ask for to the calls of the library that make them. */
import { createReadStream, statSync } from 'node:fs'
import { basename } from 'node:path'
import { decompress } from '../compression/index.ts'
import { OciError } from '../errors.ts'
import type { AddLayerOptions, ImageEdit, LayerContent } from '../image/index.ts'
import type { Change, WritingFlags } from './change.ts'
import { sourceDateEpoch } from './option-values.ts'

/** Reads of files, in bytes: zlib is fastest with large pieces. */
const readSize = 1 << 20

/** How layers are written, by the flags and by SOURCE_DATE_EPOCH. */
export function writingOptions(
  { compression, reproducible }: WritingFlags,
  env: Readonly<Record<string, string | undefined>>,
): AddLayerOptions {
  const epoch = sourceDateEpoch(env)
  return {
    compression,
    ...(reproducible || epoch !== undefined ? { mode: 'reproducible' } : {}),
    ...(epoch === undefined ? {} : { reproducible: { mtime: epoch } }),
  }
}

/** Adds one change to an edit. */
export function applyChange(
  edit: ImageEdit,
  change: Change,
  flags: WritingFlags,
  writing: AddLayerOptions,
): ImageEdit {
  switch (change.kind) {
    case 'env':
      return edit.env({ [change.name]: change.value })
    case 'label':
      return edit.label(change.name, change.value)
    case 'annotation':
      return edit.annotation(change.name, change.value)
    case 'entrypoint':
      return edit.entrypoint(change.words)
    case 'command':
      return edit.command(change.words)
    case 'user':
      return edit.user(change.text)
    case 'workingDirectory':
      return edit.workingDirectory(change.text)
    case 'stopSignal':
      return edit.stopSignal(change.text)
    case 'author':
      return edit.author(change.text ?? undefined)
    case 'created':
      return edit.created(change.moment)
    case 'exposePort':
      return edit.exposePort(change.text)
    case 'unexposePort':
      return edit.unexposePort(change.text)
    case 'volume':
      return edit.volume(change.text)
    case 'removeVolume':
      return edit.removeVolume(change.text)
    case 'platform':
      return edit.platform(change.text)
    case 'history':
      return edit.history({ created_by: change.text })
    case 'configField':
      return edit.configField(change.path, change.value)
    case 'manifestField':
      return edit.manifestField(change.path, change.value)
    case 'copy': {
      const { chown, chmod, ignore } = flags
      const { source, destination } = change
      const history = { created_by: `COPY ${nameOf(source)} ${destination}` }
      return edit.copy(source, destination, { ...writing, chown, chmod, ignore, history })
    }
    case 'addLayer':
      return edit.addLayer(layerContent(change.path, flags), {
        ...writing,
        history: { created_by: `ADD ${nameOf(change.path)} /` },
      })
    case 'replaceLayer':
      return edit.replaceLayer(change.position, layerContent(change.path, flags), writing)
    case 'removeLayer':
      return edit.removeLayer(change.position)
    case 'squash':
      return edit.squash(change.position, writing)
    case 'flatten':
      return edit.flatten(writing)
    case 'recompress':
      return edit.recompress(change.compression, { ...(writing.mode ? { mode: writing.mode } : {}) })
    case 'clampTimes':
      return edit.clampTimes(change.moment)
  }
}

/** A name for the history: the path of this machine would say more than the image's users need to know. */
export function nameOf(path: string): string {
  return basename(path) || path
}

/**
 * What a layer is made of: a directory, whose own attributes do not become those of the image's root, or a tar.
 * @throws OciError `PATH_NOT_FOUND`
 */
function layerContent(path: string, { ignore }: WritingFlags): LayerContent {
  const status = statSync(path, { throwIfNoEntry: false })
  if (status === undefined) {
    throw new OciError('PATH_NOT_FOUND', `There is no directory or tar at ${JSON.stringify(path)}`, { path })
  }
  if (status.isDirectory()) return { directory: path, root: false, exclude: ignore ?? [] }
  return { tar: () => decompress(() => createReadStream(path, { highWaterMark: readSize }), { what: path }) }
}
