/** The program itself, started as a shell starts it: exit codes, streams, signals. */
import { type ChildProcess, spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { createLayout, fromScratch } from '../../src/index.ts'
import { ok } from './captured.ts'
import { emptyDirectory, fixtures } from './images.ts'

const program = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const loader = import.meta.resolve('tsx')

interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

function start(
  args: readonly string[],
  env: Record<string, string> = {},
  stdout: 'pipe' | number = 'pipe',
): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const { NO_COLOR: _, FORCE_COLOR: __, ...outer } = process.env
  const child = spawn(process.execPath, ['--import', loader, program, ...args], {
    env: { ...outer, ...env },
    stdio: ['ignore', stdout, 'pipe'],
  })
  const texts = { stdout: '', stderr: '' }
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    texts.stdout += text
  })
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    texts.stderr += text
  })
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, ...texts }))
  })
  return { child, ended }
}

const run = (...args: string[]): Promise<Ended> => start(args).ended

describe('exit codes', () => {
  test.each([
    [['--version'], 0],
    [['verify', `${fixtures}my-image`], 0],
    [['verify', `${fixtures}mysterious-image`], 1],
    [['inspect', 'no/such'], 1],
    [['inspect'], 2],
    [['no-such-command'], 2],
  ] as [string[], number][])('%j exits with %d', async (args, code) => {
    expect((await run(...args)).code).toBe(code)
  })
})

test('colours are off in a pipe, on where FORCE_COLOR asks for them, and NO_COLOR has the last word', async () => {
  const args = ['verify', `${fixtures}mysterious-image`]
  expect((await start(args).ended).stdout).not.toContain('\u001b[')
  expect((await start(args, { FORCE_COLOR: '1' }).ended).stdout).toContain('\u001b[31m')
  expect((await start(args, { FORCE_COLOR: '1', NO_COLOR: '1' }).ended).stdout).not.toContain('\u001b[')
})

test('bytes come out as they are', async () => {
  const { stdout, stderr } = await run('inspect', `${fixtures}mysterious-image`, '--raw')
  expect(stdout).toBe(await ok('inspect', `${fixtures}mysterious-image`, '--raw'))
  expect(stderr).toBe('')
})

/** A layout with an image of many names, whose listing is longer than any pipe holds. */
async function manyFiles(): Promise<string> {
  const path = join(emptyDirectory(), 'many')
  await using layout = await createLayout(path)
  const entries = Array.from({ length: 20_000 }, (_, number) => ({
    path: `${'name'.repeat(10)}-${number}`,
    type: 'file' as const,
  }))
  await fromScratch({ platform: 'linux/amd64' }).addLayer(entries).commit(layout.store, 'v1')
  return path
}

describe('a reader that goes away', () => {
  test.each([[['ls', '-lr']], [['ls', '--json']], [['ls', '--layer', '1']], [['verify', '--json']]])(
    '%j ends at once, silently, with 141',
    async (args) => {
      const path = args[0] === 'verify' ? `${fixtures}my-image` : await manyFiles()
      const { child, ended } = start([...args, path])
      // Of a short output the pipe is closed before the first byte.
      if (args[0] === 'verify') child.stdout!.destroy()
      else child.stdout!.once('data', () => child.stdout!.destroy())
      const { code, stderr } = await ended
      expect({ code, stderr }).toEqual({ code: 141, stderr: '' })
    },
  )

  test.runIf(existsSync('/dev/full'))('a disk that is full is told of, and is a failure', async () => {
    const { ended } = start(['inspect', `${fixtures}my-image`], {}, openSync('/dev/full', 'w'))
    const { code, stderr } = await ended
    expect(stderr).toMatch(/^oci-ts: Cannot write to standard output: ENOSPC/)
    expect(code).toBe(1)
  })
})

/** Waits for something on disk; gives up when the process ends before. */
async function until(found: () => boolean, ended: Promise<Ended>): Promise<void> {
  let over = false
  void ended.then(() => {
    over = true
  })
  while (!found()) {
    if (over) throw new Error(`It ended first: ${JSON.stringify(await ended)}`)
    await new Promise((resume) => setTimeout(resume, 5))
  }
}

describe('signals', () => {
  /** Begins to pack four gigabytes of zeros, in one way or another; each writes below `watched` when it has begun. */
  const ways = {
    pack: (tree: string, layout: string) => ['pack', tree, `${layout}:v1`],
    edit: (tree: string, layout: string) => ['edit', `${layout}:base`, '--add-layer', tree, '--as', 'v1'],
    copy: (tree: string, layout: string) => ['edit', `${layout}:base`, '--copy', `${tree}:/x`],
    archive: (tree: string, layout: string) => ['pack', tree, `oci-archive:${layout}/v1.tar:v1`],
  }
  test.each([
    ['SIGINT', 130, 'pack'],
    ['SIGTERM', 143, 'edit'],
    ['SIGHUP', 129, 'copy'],
    ['SIGINT', 130, 'archive'],
  ] as const)('%s exits with %d, and %s takes away what it has begun', async (signal, code, way) => {
    const directory = emptyDirectory()
    const layout = join(directory, 'images')
    {
      await using opened = await createLayout(layout)
      await fromScratch({ platform: 'linux/amd64' }).copy({ a: 'a' }, '/').commit(opened.store, 'base')
    }
    const everything = () => readdirSync(layout, { recursive: true }).map(String).sort()
    const before = everything()
    const index = readFileSync(join(layout, 'index.json'), 'utf8')
    mkdirSync(join(directory, 'tree'))
    writeFileSync(join(directory, 'tree/large'), '')
    truncateSync(join(directory, 'tree/large'), 2 ** 32)
    const { child, ended } = start([...ways[way](join(directory, 'tree'), layout), '--reproducible'])
    await until(() => readdirSync(layout).length > 3, ended)
    child.kill(signal)
    expect(await ended).toEqual({ code, signal: null, stdout: '', stderr: `oci-ts: stopped by ${signal}\n` })
    expect(everything()).toEqual(before)
    expect(readFileSync(join(layout, 'index.json'), 'utf8')).toBe(index)
  })

  test('SIGINT in the middle of unpack leaves no half tree', async () => {
    const directory = emptyDirectory()
    const layout = join(directory, 'images')
    const piece = new Uint8Array(1 << 20)
    for (let at = 0; at < piece.length; at++) piece[at] = (at * at) >> 7
    {
      await using opened = await createLayout(layout)
      const content = async function* () {
        for (let number = 0; number < 512; number++) yield piece
      }
      await fromScratch({ platform: 'linux/amd64' })
        .addLayer(
          [
            { path: 'first', type: 'file' },
            { path: 'large', size: piece.length * 512, content: content() },
          ],
          { level: 1 },
        )
        .commit(opened.store, 'v1')
    }
    const rootfs = join(directory, 'rootfs')
    const { child, ended } = start(['unpack', layout, rootfs])
    await until(() => existsSync(join(rootfs, 'large')), ended)
    child.kill('SIGINT')
    const { code, stdout, stderr } = await ended
    expect({ code, stdout, stderr }).toEqual({ code: 130, stdout: '', stderr: 'oci-ts: stopped by SIGINT\n' })
    expect(existsSync(rootfs)).toBe(false)
    expect(readdirSync(directory)).toEqual(['images'])
  })
})
