/**
 * The README tells the truth: what it shows of the command and of its example is what they print, and its example
 * is the file that CI runs.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import * as library from '../src/index.ts'
import * as spec from '../src/spec/index.ts'

const project = fileURLToPath(new URL('..', import.meta.url))
const readme = readFileSync(`${project}README.md`, 'utf8')

/** Fenced blocks of the language. */
function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map(
    (match) => match[1] ?? '',
  )
}

/** Runs TypeScript from the project's root as a user would. */
function runSource(args: readonly string[]): string {
  const ran = spawnSync(process.execPath, ['--import', 'tsx', ...args], {
    cwd: project,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  })
  return ran.stdout + ran.stderr
}

const shown = blocks('console').flatMap((block) =>
  block
    .split(/^(?=\$ )/m)
    .map((part) => ({ line: part.split('\n')[0] ?? '', output: part.slice(part.indexOf('\n') + 1) }))
    .filter(({ line }) => line.startsWith('$ oci-ts ')),
)

test('the README shows the command', () => {
  expect(shown.length).toBeGreaterThan(0)
})

test.each(shown)('$line', ({ line, output }) => {
  const args = line.slice('$ oci-ts '.length).split(' ')
  expect(runSource(['src/cli/main.ts', ...args]).trim()).toBe(output.trim())
})

test('its example is examples/read-an-image.ts, and prints what stands below it', () => {
  const source = readFileSync(`${project}examples/read-an-image.ts`, 'utf8')
  expect(blocks('ts')[0]).toBe(source)
  expect(runSource(['examples/read-an-image.ts']).trim()).toBe(blocks('text')[0]?.trim())
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
  expect(names.filter((name) => !(name in { ...library, ...spec }))).toEqual([])
})
