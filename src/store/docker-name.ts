/** Names as Docker means them: `alpine`, `alpine:latest` and `docker.io/library/alpine:latest` are one. */
import type { ImageReference } from '../spec/index.ts'
import { formatReference, parseReference } from '../spec/index.ts'

/** The full form of a name; a name that breaks the grammar stays as it is. */
export function dockerName(name: string): string {
  const parts = dockerParts(name)
  return parts === undefined ? name : formatReference(parts)
}

/** The tag of a name, `latest` where Docker would take that. */
export function tagOf(name: string): string | undefined {
  return dockerParts(name)?.tag
}

function dockerParts(name: string): ImageReference | undefined {
  try {
    return parseReference(name, { dockerHub: true })
  } catch {
    // An archive may carry any text as a name: it then answers to that very text.
    return undefined
  }
}
