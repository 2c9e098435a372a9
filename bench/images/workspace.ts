/**
 * A tree of small files as npm leaves them: the packages of this project's `node_modules` again and again, as in a
 * workspace of many applications, until there are enough files. The same for the same packages.
 *
 * Run: npx tsx bench/images/workspace.ts DIRECTORY FILES
 */
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const packages = fileURLToPath(new URL('../../node_modules', import.meta.url))
/** Larger files would make of it an image of large files. */
const LARGEST = 16 << 10
/** What npm gives every file that it unpacks: 1985-10-26T08:15:00Z. */
const MTIME = 499_162_500

const [target, wanted] = process.argv.slice(2)
if (target === undefined || !(Number(wanted) > 0)) throw new Error('Usage: workspace.ts DIRECTORY FILES')

const sources = [...files('')]
const directories = new Set<string>()
for (let made = 0; made < Number(wanted); made++) {
  const source = sources[made % sources.length]!
  const path = join(target, `app-${Math.floor(made / sources.length)}`, 'node_modules', source.path)
  makeParents(path)
  if (source.link !== undefined) symlinkSync(source.link, path)
  else {
    writeFileSync(path, source.content!, { mode: source.mode })
    utimesSync(path, MTIME, MTIME)
  }
}
for (const directory of [...directories].sort().reverse()) utimesSync(directory, MTIME, MTIME)

interface Source {
  readonly path: string
  readonly mode?: number
  readonly content?: Buffer
  readonly link?: string
}

function* files(directory: string): Generator<Source> {
  const entries = readdirSync(join(packages, directory), { withFileTypes: true })
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(directory, entry.name)
    // Tools keep their caches there.
    if (directory === '' && entry.name.startsWith('.') && entry.name !== '.bin') continue
    if (entry.isDirectory()) yield* files(path)
    else if (entry.isSymbolicLink()) yield { path, link: readlinkSync(join(packages, path)) }
    else if (entry.isFile()) {
      const content = readFileSync(join(packages, path))
      if (content.length <= LARGEST) yield { path, content, mode: 0o644 }
    }
  }
}

function makeParents(path: string): void {
  const parent = dirname(path)
  if (directories.has(parent)) return
  if (parent !== target) makeParents(parent)
  mkdirSync(parent, { recursive: true })
  directories.add(parent)
}
