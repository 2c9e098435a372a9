/**
 * The paths of layer entries: names as archives have them, brought to the one form that everything above
 * compares by.
 */

/** A name brought to its normal form. */
export interface NormalPath {
  /** Relative to the root: no `/` at either end, none twice, no `.` or `..`; empty for the root itself. */
  readonly path: string
  /** Whether `..` would have led above the root, where it stays instead. */
  readonly leavesRoot: boolean
}

/**
 * The normal form of a name. `..` takes back the component before it, as text, and stays at the root: what
 * containerd and umoci do before they look at any symlink. `a/../b` is `b`; `../b` is `b`, which
 * {@link NormalPath.leavesRoot} tells from an honest one.
 */
export function normalizePath(name: string): NormalPath {
  // Nearly every name is `a/b`, `./a/b` or `a/b/`: these are only cut, never split.
  let start = 0
  for (;;) {
    const code = name.charCodeAt(start)
    if (code === SLASH) start++
    else if (code === DOT && name.charCodeAt(start + 1) === SLASH) start += 2
    else break
  }
  let end = name.length
  while (end > start && name.charCodeAt(end - 1) === SLASH) end--
  if (isNormal(name, start, end)) {
    return { path: start === 0 && end === name.length ? name : name.slice(start, end), leavesRoot: false }
  }
  const kept: string[] = []
  let leavesRoot = false
  for (const component of name.slice(start, end).split('/')) {
    if (component === '' || component === '.') continue
    if (component !== '..') kept.push(component)
    else if (kept.pop() === undefined) leavesRoot = true
  }
  return { path: kept.join('/'), leavesRoot }
}

/** The path of the directory that a normal path is in; the root is in itself. */
export function parentPath(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash === -1 ? '' : path.slice(0, slash)
}

/** The last component of a normal path; empty for the root. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

const SLASH = 0x2f
const DOT = 0x2e

function isNormal(name: string, start: number, end: number): boolean {
  for (let at = start; at < end; ) {
    const slash = name.indexOf('/', at)
    const stop = slash === -1 || slash > end ? end : slash
    const length = stop - at
    if (length === 0) return false
    if (length <= 2 && name.charCodeAt(at) === DOT && (length === 1 || name.charCodeAt(at + 1) === DOT)) {
      return false
    }
    at = stop + 1
  }
  return true
}
