/** What a directory holds, as text that can be compared. */
import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { run } from './measure.ts'

/** A line for each path: type and mode, owner, time, and the content. */
export function treeLines(root: string): string[] {
  const lines: string[] = []
  const walk = (directory: Buffer, name: string) => {
    for (const entry of readdirSync(directory, { encoding: 'buffer' }).sort(Buffer.compare)) {
      const path = Buffer.concat([directory, Buffer.from('/'), entry])
      const shown = `${name}/${entry.toString('latin1')}`
      const { mode, uid, gid, mtimeMs, size, rdev } = lstatSync(path)
      const type = mode & 0o170000
      let content = ''
      if (type === 0o100000)
        content = `${size} ${createHash('sha1').update(readFileSync(path)).digest('hex')}`
      else if (type === 0o120000) content = readlinkSync(path)
      else if (type !== 0o040000) content = String(rdev)
      lines.push(`${shown} ${mode.toString(8)} ${uid}:${gid} ${Math.floor(mtimeMs / 1000)} ${content}`)
      if (type === 0o040000) walk(path, shown)
    }
  }
  walk(Buffer.from(root), '')
  return lines
}

/** How many paths there are below a directory. */
export function countPaths(root: string): number {
  return run('find', [root, '-mindepth', '1', '-printf', '.']).length
}

/** A name of a tar's list without what programs write differently: the `./` before it, the `/` after it. */
export function plainName(name: string): string {
  return name.replace(/^\.?(\/|$)(\.?\/)*/, '').replace(/\/$/, '')
}
