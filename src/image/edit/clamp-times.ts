/** Making nothing in an image later than a moment, so that building it twice gives the same. */
import type { WriteLayerOptions } from '../../layer/index.ts'
import { type JsonEdit, layerCompression } from '../../spec/index.ts'
import { formatMoment, type Moment } from './config-change.ts'
import type { EditContext } from './edit-context.ts'
import { writeContent } from './layer-content.ts'

/**
 * Brings the times of entries, of the history and of the config that are later than a moment down to it. Layers
 * are written anew, so their diffIDs change; one with no later time is left as it is.
 *
 * @see https://reproducible-builds.org/specs/source-date-epoch/
 */
export async function clampTimes(
  context: EditContext,
  latest: Moment,
  writing: WriteLayerOptions,
): Promise<void> {
  const { draft, options } = context
  const text = formatMoment(latest)
  const mtime = new Date(text)
  for (const layer of context.layers()) {
    let later = false
    await layer.scan(
      {
        entry({ mtime: { seconds, nanoseconds }, atime, ctime }) {
          later ||=
            seconds * 1000 + nanoseconds / 1e6 > mtime.getTime() || atime !== undefined || ctime !== undefined
        },
      },
      options,
    )
    if (!later) continue
    const reproducible = { ...writing.reproducible, mtime }
    const compression = writing.compression ?? layerCompression(layer.mediaType)
    const content = { tar: () => layer.tar(options) }
    const written = await writeContent(context, content, {
      mode: 'reproducible',
      ...writing,
      compression,
      reproducible,
    })
    draft.replaceLayer(layer.position, written, undefined, context.store)
  }
  if (!draft.hasConfig) return
  const { created, history } = draft.config
  const edits: JsonEdit[] = []
  if (isLater(created, mtime)) edits.push({ path: ['created'], value: text })
  for (const [position, entry] of (history ?? []).entries()) {
    if (isLater(entry.created, mtime)) edits.push({ path: ['history', position, 'created'], value: text })
  }
  draft.editConfig(edits)
}

function isLater(date: string | null | undefined, latest: Date): boolean {
  return typeof date === 'string' && new Date(date).getTime() > latest.getTime()
}
