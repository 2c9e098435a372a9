/** Where the runtimes are, and how the suite is run on each of them. */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Facts, Report } from './check.ts'

const project: string = fileURLToPath(new URL('../..', import.meta.url))
const cache: string = join(project, '.cache/runtimes')
const layout: string = join(project, 'spec-fixtures/my-image')

/** What the drivers are given. */
export interface Given {
  /** A directory for bundles and trees. */
  readonly scratch: string
  /** The path of the layout as a tar archive. */
  readonly archive: string
}

/** One runtime. */
export interface Runtime {
  readonly name: string
  /** What its report calls it, from the start. */
  readonly calledItself: RegExp
  readonly facts: Facts
  /** Whether the checks that need a disk are run. */
  readonly disk: boolean
  /** Why it cannot be run here, or undefined where it can. */
  readonly missing: string | undefined
  /** Runs the suite. */
  readonly run: (given: Given) => Promise<Report>
  /** What runs a program written in JavaScript, where there is such a command. */
  readonly program?: readonly string[] | undefined
  /** The same for TypeScript. */
  readonly script?: readonly string[] | undefined
}

function installed(path: string): string {
  return join(cache, 'node_modules', path)
}

function missing(path: string, name: string): string | undefined {
  return existsSync(path) ? undefined : `${name} is not installed: run test/runtimes/install.sh`
}

/** Runs a program to its end and gives what it printed. */
export function runProgram(
  [command = '', ...args]: readonly string[],
  options: { readonly cwd?: string | undefined } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      command,
      args,
      { cwd: options.cwd ?? project, maxBuffer: 1 << 26, timeout: 300_000, env: programEnvironment() },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout)
        else reject(new Error(`${[command, ...args].join(' ')}\n${stderr}${stdout}`, { cause: error }))
      },
    )
  })
}

/** Without what vitest sets for its own processes, which other versions of Node may not know. */
function programEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, VITEST: __, ...rest } = process.env
  return { ...rest, NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1' }
}

/** Bundles a driver; for browsers and workers, where a `node:` import that survives is an error. */
async function bundle(driver: 'disk' | 'page' | 'worker', scratch: string): Promise<string> {
  const outfile = join(scratch, `${driver}.mjs`)
  const web = driver !== 'disk'
  const { metafile } = await build({
    entryPoints: [fileURLToPath(new URL(`./child/${driver}.ts`, import.meta.url))],
    bundle: true,
    format: 'esm',
    platform: web ? 'browser' : 'node',
    target: web ? 'es2023' : 'node20',
    external: web ? ['node:*'] : [],
    metafile: true,
    outfile,
    logLevel: 'silent',
  })
  const surviving = Object.values(metafile.outputs).flatMap(({ imports }) => imports)
  if (web && surviving.length > 0) {
    throw new Error(`the bundle for the web imports ${surviving.map(({ path }) => path).join(', ')}`)
  }
  return outfile
}

/** What a worker thread runs, beside the driver's bundle: there the library looks for it. */
async function bundleThread(directory: string): Promise<void> {
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}')
  await build({
    entryPoints: [join(project, 'src/workers/blob-worker-thread.ts')],
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    outfile: join(directory, 'blob-worker-thread.js'),
    logLevel: 'silent',
  })
}

/** The report is the last line that a driver prints. */
function lastLine(output: string): Report {
  return JSON.parse(output.trimEnd().split('\n').at(-1) ?? '') as Report
}

/** Runs the driver with a disk: as it is, or bundled where the runtime does not take our TypeScript. */
async function runOnDisk(command: readonly string[], given: Given, bundled: boolean): Promise<Report> {
  const directory = mkdtempSync(join(given.scratch, 'disk-'))
  mkdirSync(join(directory, 'work'))
  if (bundled) await bundleThread(directory)
  const driver = bundled
    ? await bundle('disk', directory)
    : fileURLToPath(new URL('./child/disk.ts', import.meta.url))
  return lastLine(await runProgram([...command, driver, given.archive, layout, join(directory, 'work')]))
}

const native: Facts = {
  getBuiltinModule: true,
  fileSystem: true,
  nativeGzip: true,
  nativeHash: true,
  zstdEncoder: true,
}
const web: Facts = {
  getBuiltinModule: false,
  fileSystem: false,
  nativeGzip: false,
  nativeHash: false,
  zstdEncoder: false,
}

function node(major: number): Runtime {
  const own = process.versions.node.startsWith(`${major}.`)
  const binary = own ? process.execPath : installed(`node-${major}/bin/node`)
  const name = `Node ${major}`
  return {
    name,
    calledItself: new RegExp(`^Node ${major}\\.`),
    facts: { ...native, zstdEncoder: major >= 22 },
    disk: true,
    missing: missing(binary, name),
    // Node 20 runs no TypeScript; Node 22 does, but knows no `await using`, which the driver has.
    run: (given) => runOnDisk([binary], given, major < 24),
    program: [binary],
    script: major < 22 ? undefined : [binary],
  }
}

const deno: string = installed('deno/deno')
const bun: string = installed('bun/bin/bun')

/** Where Debian, Ubuntu and others put it. */
const chromium: string | undefined = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((path) => existsSync(path))

function workerd(name: string, flags: readonly string[], facts: Facts): Runtime {
  return {
    name,
    calledItself: /^workerd$/,
    facts,
    disk: false,
    missing: missing(installed('miniflare'), 'miniflare'),
    run: (given) => runInWorker(given, flags),
  }
}

/** Every runtime that the library promises to run on: see `docs/runtimes.md`. */
export const runtimes: readonly Runtime[] = [
  node(20),
  node(22),
  node(24),
  node(26),
  {
    name: 'Deno 2',
    calledItself: /^Deno 2\./,
    facts: native,
    disk: true,
    missing: missing(deno, 'Deno'),
    run: (given) => runOnDisk([deno, 'run', '-A'], given, false),
    program: [deno, 'run', '-A'],
    script: [deno, 'run', '-A'],
  },
  {
    name: 'Bun 1.4',
    calledItself: /^Bun 1\.4\./,
    facts: native,
    disk: true,
    missing: missing(bun, 'Bun'),
    run: (given) => runOnDisk([bun], given, false),
    program: [bun],
    script: [bun],
  },
  {
    name: 'Chromium',
    calledItself: /Chrome\/[0-9]+/,
    facts: web,
    disk: false,
    missing:
      chromium === undefined
        ? 'Chromium is not installed: apt-get install chromium'
        : missing(installed('playwright-core'), 'playwright-core'),
    run: runInPage,
  },
  workerd('workerd', [], web),
  workerd('workerd with nodejs_compat', ['nodejs_compat'], native),
]

interface Page {
  goto(address: string): Promise<unknown>
  waitForFunction(expression: string): Promise<unknown>
  evaluate(expression: string): Promise<unknown>
}

interface Browser {
  newPage(): Promise<Page>
  close(): Promise<void>
}

interface Playwright {
  readonly chromium: {
    launch(options: { readonly executablePath: string; readonly args: readonly string[] }): Promise<Browser>
  }
}

/** In a page of a browser, served from this machine. */
async function runInPage({ scratch, archive }: Given): Promise<Report> {
  const files: Readonly<Record<string, readonly [type: string, content: string | Uint8Array]>> = {
    '/': ['text/html', '<!doctype html><script type="module" src="/suite.js"></script>'],
    '/suite.js': ['text/javascript', readFileSync(await bundle('page', scratch))],
    '/archive.tar': ['application/x-tar', readFileSync(archive)],
  }
  const server = createServer((request, response) => {
    const file = files[request.url ?? '']
    if (file === undefined) response.writeHead(404).end()
    else response.writeHead(200, { 'content-type': file[0] }).end(file[1])
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const playwright = createRequire(join(cache, 'package.json'))('playwright-core') as Playwright
  const browser = await playwright.chromium.launch({
    executablePath: chromium ?? '',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
  try {
    const page = await browser.newPage()
    await page.goto(`http://127.0.0.1:${port}/`)
    await page.waitForFunction("'runSuite' in globalThis")
    return (await page.evaluate("globalThis.runSuite('/archive.tar')")) as Report
  } finally {
    await browser.close()
    server.close()
  }
}

interface MiniflareModule {
  readonly Miniflare: new (
    options: object,
  ) => {
    dispatchFetch(address: string, request: object): Promise<Response>
    dispose(): Promise<void>
  }
}

/** In a worker of Cloudflare's runtime. */
async function runInWorker({ scratch, archive }: Given, flags: readonly string[]): Promise<Report> {
  const { Miniflare } = createRequire(join(cache, 'package.json'))('miniflare') as MiniflareModule
  const miniflare = new Miniflare({
    modules: true,
    script: readFileSync(await bundle('worker', scratch), 'utf8'),
    compatibilityDate: '2026-04-01',
    compatibilityFlags: flags,
    // Else it asks Cloudflare what a request there looks like.
    cf: false,
  })
  try {
    const response = await miniflare.dispatchFetch('http://localhost/', {
      method: 'POST',
      body: readFileSync(archive),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(text)
    return JSON.parse(text) as Report
  } finally {
    await miniflare.dispose()
  }
}
