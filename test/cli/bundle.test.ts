/** The command as it is shipped: one bundle that needs nothing beside it, made here and not taken from `dist/`. */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Metafile } from 'esbuild'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bundleCommand } from '../../bundle-command.ts'
import { ok } from './captured.ts'
import { fixtures } from './images.ts'

const home = mkdtempSync(join(tmpdir(), 'oci-ts-bundle-'))
const installed = join(home, 'node_modules/oci-ts/dist/cli')
let metafile: Metafile

beforeAll(async () => {
  metafile = await bundleCommand(installed)
  mkdirSync(join(home, 'node_modules/.bin'))
  symlinkSync('../oci-ts/dist/cli/main.js', join(home, 'node_modules/.bin/oci-ts'))
})

afterAll(() => rmSync(home, { recursive: true }))

/** Runs the command as a shell does, through the link that npm makes. */
function run(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ stdout: string; stderr: string }> {
  const { NO_COLOR: _, FORCE_COLOR: __, NODE_OPTIONS: ___, ...outer } = process.env
  return new Promise((resolve) => {
    const options = { cwd: home, env: { ...outer, ...env } }
    execFile(join(home, 'node_modules/.bin/oci-ts'), args, options, (_error, stdout, stderr) =>
      resolve({ stdout, stderr }),
    )
  })
}

/** What is loaded before an output begins: sources by their folders, packages by their names. */
function loadedWith(entryPoint: string): string[] {
  const { outputs } = metafile
  const seen = new Set<string>()
  const visit = (path: string): void => {
    const output = outputs[path]
    if (output === undefined || seen.has(path)) return
    seen.add(path)
    for (const { kind, path: next } of output.imports) if (kind === 'import-statement') visit(next)
  }
  for (const [path, output] of Object.entries(outputs)) if (output.entryPoint === entryPoint) visit(path)
  expect(seen).not.toEqual(new Set())
  const inputs = [...seen].flatMap((path) =>
    Object.entries(outputs[path]!.inputs).flatMap(([input, { bytesInOutput }]) =>
      bytesInOutput > 0 ? [input] : [],
    ),
  )
  const names = inputs.map((input) => {
    const [, name] = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input) ?? []
    return name ?? /^src\/[^/]+|^[^:]+/.exec(input)![0]
  })
  return [...new Set(names)].sort()
}

test('runs through a link, with no package beside it, and says what the sources say', async () => {
  const image = realpathSync(`${fixtures}my-image`)
  for (const args of [
    ['--version'],
    ['--help'],
    ['inspect', image],
    ['verify', image],
    ['ls', '-lr', image, '--platform', 'linux/amd64'],
    ['cat', image, '/app/hello.txt', '--platform', 'linux/arm64'],
  ]) {
    const expected = await ok(...args)
    expect(await run(args)).toEqual({ stdout: expected, stderr: '' })
    expect(expected).not.toBe('')
  }
  const at = join(home, 'images')
  await run(['pack', installed, `${at}:v1`, '--label', 'a=b'])
  expect((await run(['ls', `${at}:v1`])).stdout).toContain('main.js\n')
  await run(['unpack', `${at}:v1`, join(home, 'tree')])
  expect(readFileSync(join(home, 'tree/main.js'))).toEqual(readFileSync(join(installed, 'main.js')))
})

test('imports nothing but modules of Node', () => {
  const outside = Object.values(metafile.outputs)
    .flatMap(({ imports }) => imports)
    .flatMap(({ path, external }) => (external ? [path] : []))
  expect(outside.filter((path) => !path.startsWith('node:'))).toEqual([])
  expect(outside).toContain('node:process')
})

describe('what is not needed is not loaded', () => {
  test('the start: the parser of the command line, and nothing that reads images', () => {
    expect(loadedWith('src/cli/main.ts')).toEqual([
      'commander',
      'required-builtin',
      'src/cli',
      'src/errors.ts',
    ])
  })

  test.each(['inspect', 'verify', 'ls', 'cat', 'gc', 'attach'])(
    '%s: nothing of disks, trees and patterns',
    (name) => {
      const loaded = loadedWith(`src/cli/commands/${name}.ts`)
      expect(loaded).toContain('zod')
      for (const unneeded of ['src/filesystem', 'src/runtime-spec', 'src/explore', 'picomatch']) {
        expect(loaded).not.toContain(unneeded)
      }
    },
  )
})

test('stacks name the sources where they are asked for, and functions in any case', async () => {
  const { stderr } = await run(['inspect', 'no/such'], { OCI_TS_DEBUG: '1' })
  expect(stderr).toMatch(/at openStore \(.*src\/store\/open-store\.ts:\d+:\d+\)/)
  expect(readFileSync(join(installed, 'main.js'), 'utf8')).toContain('function createProgram(')
})

test('the licence of each package that is in it is shipped with it', () => {
  const licences = readFileSync(join(installed, 'THIRD-PARTY-LICENSES.txt'), 'utf8')
  for (const name of ['@noble/hashes', 'commander', 'pako', 'picomatch', 'zod']) {
    expect(licences).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(.+\\)\\n\\n.*MIT`, 'm'))
  }
  expect(licences.match(/Permission is hereby granted/g)).toHaveLength(5)
})
