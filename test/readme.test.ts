/**
 * The README tells the truth: what it shows of the command and of its example is what they print, and its example
 * is the file that CI runs.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import * as root from '../src/index.ts'
import * as spec from '../src/spec/index.ts'

const project = fileURLToPath(new URL('..', import.meta.url))
const readme = readFileSync(`${project}README.md`, 'utf8')

/** Runs TypeScript from the project's root as a user would. */
function runSource(args: readonly string[]): string {
  const ran = spawnSync(process.execPath, ['--import', 'tsx', ...args], {
    cwd: project,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  })
  return ran.stdout + ran.stderr
}

/** The page with what it shows replaced by what the command and the example print now. */
function refreshed(): string {
  return readme
    .replace(/^```ts\n.*?^```\n\nprints\n\n```text\n.*?^```/ms, () => {
      const source = readFileSync(`${project}examples/read-an-image.ts`, 'utf8')
      return `\`\`\`ts\n${source}\`\`\`\n\nprints\n\n\`\`\`text\n${runSource(['examples/read-an-image.ts'])}\`\`\``
    })
    .replace(/^```console\n\$ oci-ts (.*?)\n.*?^```/gms, (_, line: string) => {
      const output = runSource(['src/cli/main.ts', ...line.split(' ')])
      return `\`\`\`console\n$ oci-ts ${line}\n${output}\`\`\``
    })
}

// `npx vitest run test/readme.test.ts -u` brings the page up to date.
test('it shows what the command and examples/read-an-image.ts print', async () => {
  expect(readme.match(/^```console\n\$ oci-ts /gm)?.length).toBeGreaterThan(1)
  expect(readme).toMatch(/^```ts\n/m)
  await expect(refreshed()).toMatchFileSnapshot(`${project}README.md`)
})

test('every file that it links to is there', () => {
  const linked = [...readme.matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)].map((match) => match[1] ?? '')
  expect(linked.length).toBeGreaterThan(0)
  expect(linked.filter((path) => !existsSync(`${project}${path}`))).toEqual([])
})

test('every name in its tables is one that can be imported', () => {
  const names = [...readme.matchAll(/^\| \*\*.*?\| (.*?) \|/gm)]
    .flatMap((row) => [...(row[1] ?? '').matchAll(/`([A-Za-z]+)`/g)])
    .map((name) => name[1] ?? '')
  expect(names.length).toBeGreaterThan(10)
  expect(names.filter((name) => !(name in { ...root, ...spec }))).toEqual([])
})
