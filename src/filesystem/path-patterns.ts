/**
 * Which paths are meant: patterns as `.dockerignore` has them, since that is what image builders write.
 *
 * A pattern is held against the whole path from the root (`*.md` is not `docs/a.md`: `**` + `/*.md` is), and what it
 * matches it matches with all below it; `!` takes back; the last pattern that matches counts. picomatch matches one
 * pattern; the rules around it, and the two places where Docker's `**` differs from other globs, are here.
 * @see https://docs.docker.com/build/concepts/context/#dockerignore-files
 */
import picomatch from 'picomatch'
import { OciError } from '../errors.ts'

/** Patterns, ready to be asked. */
export interface PathPatterns {
  /** Whether the path, or a directory that it is in, is meant. */
  matches(path: string): boolean
  /** Whether something below a directory that is meant may be taken back. */
  readonly hasExceptions: boolean
}

/** Patterns an element may have: each costs a match for each path. */
const MAX_PATTERNS = 10_000

/** Alternatives that `**` inside a name may make of one pattern. */
const MAX_ALTERNATIVES = 64

/**
 * Reads patterns; empty ones and comments (`#`) say nothing.
 * @throws OciError `ARGUMENT_INVALID`
 */
export function parsePatterns(patterns: readonly string[]): PathPatterns {
  if (patterns.length > MAX_PATTERNS) {
    throw new OciError('ARGUMENT_INVALID', `There are ${patterns.length} patterns, more than ${MAX_PATTERNS}`)
  }
  const rules = patterns.flatMap((pattern) => parsePattern(pattern) ?? [])
  return {
    hasExceptions: rules.some((rule) => rule.exception),
    matches(path) {
      const slashes = slashesOf(path)
      let meant = false
      for (const rule of rules) {
        // A rule that would change nothing need not be asked.
        if (rule.exception === meant && rule.matches(path, slashes)) meant = !rule.exception
      }
      return meant
    },
  }
}

interface Rule {
  readonly exception: boolean
  matches(path: string, slashes: readonly number[]): boolean
}

function parsePattern(pattern: string): Rule | undefined {
  if (typeof pattern !== 'string') throw new OciError('ARGUMENT_INVALID', 'A pattern must be a string')
  let text = pattern.trim()
  if (text === '' || text.startsWith('#')) return undefined
  const exception = text.startsWith('!')
  if (exception) text = text.slice(1).trim()
  const names: string[] = []
  for (const name of text.split('/')) {
    if (name === '' || name === '.') continue
    if (name === '..') names.pop()
    else names.push(name)
  }
  if (names.length === 0) {
    // `/` and `.` mean the root with all below it, which a pattern without exceptions must not: Docker ignores them.
    return undefined
  }
  const globs = alternatives(names, pattern).map((alternative) => alternative.join('/'))
  const isMatch = picomatch(globs, { dot: true, nobrace: true, noext: true, nonegate: true, windows: false })
  return {
    exception,
    matches(path, slashes) {
      if (isMatch(path)) return true
      for (const slash of slashes) if (isMatch(path.slice(0, slash))) return true
      return false
    },
  }
}

/** The pattern as globs: Docker's `**` also goes over slashes inside a name (`a**b`), and `a/**` is not `a`. */
function alternatives(names: readonly string[], pattern: string): string[][] {
  let all: string[][] = [[]]
  for (const name of names) {
    const globs = name === '**' ? [['**']] : nameAlternatives(name)
    all = all.flatMap((before) => globs.map((glob) => [...before, ...glob]))
    if (all.length > MAX_ALTERNATIVES) {
      throw new OciError('ARGUMENT_INVALID', `The pattern ${JSON.stringify(pattern)} has too many "**"`)
    }
  }
  return all.map((globs) => (globs.length > 1 && globs.at(-1) === '**' ? [...globs, '*'] : globs))
}

function nameAlternatives(name: string): string[][] {
  const parts = name.split('**')
  let all: string[][] = [[literal(parts[0]!)]]
  for (const part of parts.slice(1)) {
    all = all.flatMap((before) => {
      const last = before.at(-1)!
      const head = before.slice(0, -1)
      return [
        [...head, `${last}*${literal(part)}`],
        [...head, `${last}*`, '**', `*${literal(part)}`],
      ]
    })
  }
  return all
}

/** What means something to picomatch and nothing to Docker, escaped. */
function literal(name: string): string {
  return name.replace(/\\.|[(){}|+@!$,^"']/g, (found, at: number) => {
    if (found.length === 2) return found
    // `[^…]` is a class in both.
    return found === '^' && name[at - 1] === '[' ? found : `\\${found}`
  })
}

function slashesOf(path: string): number[] {
  const slashes: number[] = []
  for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1)) slashes.push(at)
  return slashes
}
