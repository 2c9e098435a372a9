/** How the texts of flags are read. Each error says what to write instead. */
import { InvalidArgumentError } from 'commander'
import { OciError } from '../errors.ts'

/** `NAME=VALUE`, or `NAME` alone, which removes it. */
export function parseAssignment(text: string): { readonly name: string; readonly value: string | undefined } {
  const equals = text.indexOf('=')
  const name = equals < 0 ? text : text.slice(0, equals)
  if (name === '') throw new InvalidArgumentError('Give NAME=VALUE, or NAME alone to remove it.')
  return { name, value: equals < 0 ? undefined : text.slice(equals + 1) }
}

/**
 * The arguments of a program: a JSON array, or words between spaces; null, which removes them, for an empty text.
 * Quotes and the like mean something to shells, of which there is none here, so they are refused in words.
 */
export function parseWords(text: string): readonly string[] | null {
  const trimmed = text.trim()
  if (trimmed === '') return null
  if (!trimmed.startsWith('[')) {
    if (/["'\\$`]/.test(trimmed)) {
      throw new InvalidArgumentError(
        'Words with quotes, backslashes or $ are a matter of a shell: give a JSON array, as in \'["sh","-c","echo $HOME"]\'.',
      )
    }
    return trimmed.split(/\s+/)
  }
  const value = parseJsonText(trimmed)
  if (!Array.isArray(value) || !value.every((word) => typeof word === 'string')) {
    throw new InvalidArgumentError('Give a JSON array of strings, as in \'["serve","--port","80"]\'.')
  }
  return value
}

/** A layer's number, 1 being the lowest, as its position, 0 being the lowest. */
export function parseLayerNumber(text: string): number {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (number < 1) throw new InvalidArgumentError('Give the number of a layer: 1 is the lowest.')
  return number - 1
}

/** A moment: seconds since 1970, RFC 3339, or a date that JavaScript understands. */
export function parseMoment(text: string): number | string {
  const moment = /^-?\d{1,12}$/.test(text) ? Number(text) : text
  const date = typeof moment === 'number' ? new Date(moment * 1000) : new Date(moment)
  if (text === '' || Number.isNaN(date.getTime())) {
    throw new InvalidArgumentError('Give seconds since 1970 or a time as in 2024-01-31T12:00:00Z.')
  }
  return moment
}

/**
 * Seconds since 1970 from the environment, as reproducible builds set them; undefined where they are not set.
 * @throws OciError `ARGUMENT_INVALID`
 */
export function sourceDateEpoch(env: Readonly<Record<string, string | undefined>>): number | undefined {
  const text = env.SOURCE_DATE_EPOCH
  if (text === undefined || text === '') return undefined
  if (!/^\d{1,12}$/.test(text)) {
    throw new OciError(
      'ARGUMENT_INVALID',
      `SOURCE_DATE_EPOCH is ${JSON.stringify(text)}: it must be seconds since 1970`,
    )
  }
  return Number(text)
}

/**
 * A place in a JSON document: names with dots between, array positions and names with dots of their own in
 * brackets: `config.Healthcheck`, `history[0].comment`, `config.Labels["a.b"]`.
 */
export function parseFieldPath(text: string): readonly (string | number)[] {
  const path: (string | number)[] = []
  const step = /\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|(\.?)([^.[\]"]+)/y
  while (step.lastIndex < text.length) {
    const [, position, quoted, dot, name] = step.exec(text) ?? []
    if (position !== undefined) path.push(Number(position))
    else if (quoted !== undefined) path.push(String(parseJsonText(quoted)))
    else if (name !== undefined && (dot === '.') === path.length > 0) path.push(name)
    else {
      throw new InvalidArgumentError(
        'Give a place as in config.Healthcheck, history[0].comment or config.Labels["a.b"].',
      )
    }
  }
  return path
}

/** `PATH=JSON`; `PATH=` removes what is there. */
export function parseFieldAssignment(text: string): {
  readonly path: readonly (string | number)[]
  readonly value: unknown
} {
  // An equals sign may stand in a quoted name, and there alone.
  const equals = /^(?:[^"=]|"(?:[^"\\]|\\.)*")*/.exec(text)?.[0].length ?? 0
  if (equals === 0 || text[equals] !== '=') {
    throw new InvalidArgumentError('Give PATH=JSON, as in config.Healthcheck=\'{"Test":["NONE"]}\'.')
  }
  const path = parseFieldPath(text.slice(0, equals))
  const json = text.slice(equals + 1)
  return { path, value: json === '' ? undefined : parseJsonText(json) }
}

/** `SOURCE:DESTINATION`; the destination is an absolute path, so colons in the source are no trouble. */
export function parseCopy(text: string): { readonly source: string; readonly destination: string } {
  const colon = text.lastIndexOf(':/')
  const source = text.slice(0, Math.max(0, colon))
  if (source === '') {
    throw new InvalidArgumentError('Give SOURCE:DESTINATION, the destination an absolute path: dist:/app.')
  }
  return { source, destination: text.slice(colon + 1) }
}

/** `NUMBER=PATH`: a layer, and what comes in its place. */
export function parseReplacement(text: string): { readonly position: number; readonly path: string } {
  const equals = text.indexOf('=')
  const path = text.slice(equals + 1)
  if (equals < 0 || path === '') {
    throw new InvalidArgumentError('Give NUMBER=PATH: the layer, 1 being the lowest, and a directory or tar.')
  }
  return { position: parseLayerNumber(text.slice(0, equals)), path }
}

/** A mode in octal digits. */
export function parseMode(text: string): string {
  if (!/^[0-7]{3,4}$/.test(text))
    throw new InvalidArgumentError('Give three or four octal digits: 755, 0644.')
  return text
}

/** A flag that holds for all of a command line, so that given twice it would have to mean two things. */
export function once(
  flag: string,
  parse: (text: string) => string = (text) => text,
): (text: string, previous: string | undefined) => string {
  return (text, previous) => {
    if (previous === undefined) return parse(text)
    throw new InvalidArgumentError(`${flag} holds for all of the command: give it once.`)
  }
}

/** For flags that may be given several times. */
export function collect(text: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), text]
}

/** For assignments that may be given several times. */
export function collectAssignments(
  text: string,
  previous: Readonly<Record<string, string | undefined>> | undefined,
): Readonly<Record<string, string | undefined>> {
  const { name, value } = parseAssignment(text)
  return { ...previous, [name]: value }
}

function parseJsonText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new InvalidArgumentError(
      `It is not JSON (${(error as Error).message}): a text needs its quotes, as in '"text"'.`,
    )
  }
}
