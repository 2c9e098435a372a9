/** Files that fuzzing begins with: the project's own images, and cases beside a checkout where there are some. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Orders } from './campaign.ts'

const roots = ['spec-fixtures', '../shared/cases']

/** The files below the roots up to a size, in order of their names. */
export function seedFiles(maxSize: number): { readonly path: string; readonly bytes: Uint8Array }[] {
  const { project } = JSON.parse(process.argv[2] ?? '{}') as Partial<Orders>
  if (project === undefined) return []
  return roots
    .map((root) => join(project, root))
    .filter((root) => existsSync(root))
    .flatMap((root) => below(root))
    .map((path) => ({ path, bytes: new Uint8Array(readFileSync(path)) }))
    .filter(({ bytes }) => bytes.length <= maxSize)
}

function below(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(directory, entry.name)
      return entry.isDirectory() ? below(path) : entry.isFile() ? [path] : []
    })
}

/** Whether bytes may be a JSON document of an object or list. */
export function looksLikeJson(bytes: Uint8Array): boolean {
  const first = bytes.find((byte) => byte > 0x20)
  return first === 0x7b || first === 0x5b
}
