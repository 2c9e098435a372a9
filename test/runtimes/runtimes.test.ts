/**
 * The same suite on every runtime: see `suite.ts` for what it checks, `docs/runtimes.md` for what is promised. A
 * runtime that is not installed is skipped, with the reason in its name; where `CI` is set that fails instead.
 */
import {
  createWriteStream,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs'
import { cp, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import * as tarStream from 'tar-stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bundleCommand } from '../../bundle-command.ts'
import type { Report } from './check.ts'
import { type Runtime, runProgram, runtimes } from './runtimes.ts'
import { diskChecks, portableChecks } from './suite.ts'

const project = fileURLToPath(new URL('../..', import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'oci-ts-runtimes-'))
const archive = join(scratch, 'my-image.tar')

// A machine that is busy takes its time for a whole runtime.
const LONG = 600_000

/** The layout as an archive, by a packer that is not ours. */
async function packLayout(): Promise<void> {
  const layout = join(project, 'spec-fixtures/my-image')
  const pack = tarStream.pack()
  for (const name of readdirSync(layout, { recursive: true }).map(String).sort()) {
    if (statSync(join(layout, name)).isFile()) pack.entry({ name }, readFileSync(join(layout, name)))
  }
  pack.finalize()
  await pipeline(pack, createWriteStream(archive))
}

beforeAll(packLayout)
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

/** A test on a runtime that may be missing: then it is skipped, and fails where `CI` is set. */
function runtimeTest(title: string, missing: string | undefined, body: () => Promise<void>): void {
  if (missing === undefined) test(title, { timeout: LONG }, body)
  else if (process.env.CI) {
    test(title, () => {
      throw new Error(`CI must run this test, but: ${missing}`)
    })
  } else test.skip(`${title} (skipped: ${missing})`, () => {})
}

for (const runtime of runtimes) describe(runtime.name, () => describeRuntime(runtime))

function describeRuntime({ missing, calledItself, facts, disk, run }: Runtime): void {
  const checks = disk ? [...portableChecks, ...diskChecks] : portableChecks
  if (missing !== undefined) {
    runtimeTest('runs the suite', missing, async () => {})
    return
  }

  let report: Report
  beforeAll(async () => {
    report = await run({ scratch, archive })
  }, LONG)

  test('is the runtime that it is meant to be, and has what the documentation says', () => {
    expect(report.runtime).toMatch(calledItself)
    expect(report.facts).toEqual(facts)
    expect(Object.keys(report.results).sort()).toEqual(checks.map(({ name }) => name).sort())
  })

  for (const { name } of checks) {
    test(name, () => {
      expect(report.results[name]).toBe(null)
    })
  }
}

/** How each runtime is told to run a script: `tsx` stands for every Node. */
const commands: readonly { name: string; missing: string | undefined; command: readonly string[] }[] = [
  { name: 'npx tsx', missing: undefined, command: [join(project, 'node_modules/.bin/tsx')] },
  ...runtimes.flatMap(({ name, missing, script }) =>
    script === undefined ? [] : [{ name, missing, command: script }],
  ),
]

describe('the package, as it is installed', () => {
  const home = join(scratch, 'home')

  // As `npm install oci-ts` leaves it, but for the dependencies, which are lent.
  beforeAll(async () => {
    const installed = join(home, 'node_modules/oci-ts')
    mkdirSync(installed, { recursive: true })
    const tsc = join(project, 'node_modules/.bin/tsc')
    const dist = join(installed, 'dist')
    // Types are another check's business, and an emit of declarations takes twice the time.
    await runProgram([
      tsc,
      '-p',
      'tsconfig.build.json',
      '--noCheck',
      '--declaration',
      'false',
      '--declarationMap',
      'false',
      '--isolatedDeclarations',
      'false',
      '--outDir',
      dist,
    ])
    await bundleCommand(join(dist, 'cli'))
    mkdirSync(join(home, 'node_modules/.bin'))
    await symlink('../oci-ts/dist/cli/main.js', join(home, 'node_modules/.bin/oci-ts'))
    await cp(join(project, 'package.json'), join(installed, 'package.json'))
    const { dependencies } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>
    }
    for (const name of Object.keys(dependencies)) {
      const [scope, ...rest] = name.split('/')
      if (rest.length > 0) mkdirSync(join(home, 'node_modules', scope ?? ''), { recursive: true })
      await symlink(join(project, 'node_modules', name), join(home, 'node_modules', name))
    }
    await symlink(join(project, 'spec-fixtures'), join(home, 'spec-fixtures'))
    await writeFile(join(home, 'package.json'), '{ "type": "module", "dependencies": { "oci-ts": "*" } }\n')
    await cp(join(project, 'examples/read-an-image.ts'), join(home, 'script.ts'))
  }, LONG)

  for (const { name, missing, command } of commands) {
    runtimeTest(`a script that a user writes runs under ${name}`, missing, async () => {
      const output = await runProgram([...command, 'script.ts'], { cwd: home })
      expect(output.split('\n').filter((line) => line !== '')).toEqual([
        'layer 0 | ADD base.tar /',
        'no layer | ENV PATH=/usr/bin LANG=C.UTF-8',
        'layer 1 | COPY --chown=1000:1000 app /app',
        'layer 2 | COPY --chown=1000:1000 hello.txt /app/',
        'layer 3 | RUN clean-up',
        'no layer | USER app; WORKDIR /app; EXPOSE 8080/tcp; VOLUME /var/lib/app; STOPSIGNAL SIGTERM',
        'no layer | ENTRYPOINT ["serve"] CMD ["--port", "8080"]',
        'file whiteout of usr/share/doc/base/changelog',
        'opaque whiteout of var/cache/setup',
        'Hello again from the app.',
      ])
    })
  }

  for (const { name, missing, program } of runtimes) {
    if (program === undefined) continue
    runtimeTest(`the command runs under ${name}`, missing, async () => {
      const run = (...args: string[]) =>
        runProgram([...program, 'node_modules/.bin/oci-ts', ...args], { cwd: home })
      const layout = `made under ${name}`
      await run('copy', 'spec-fixtures/my-image:1.0', `${layout}:1`)
      await run('edit', `${layout}:1`, '--copy', 'script.ts:/srv/', '--platform', 'linux/amd64', '--as', '2')
      const archive = `${layout}.tar`
      await run('copy', `${layout}:2`, `oci-archive:${archive}:2`)
      expect(await run('verify', '--deep', archive)).toMatch(/is sound: \d+ blobs verified/)
      expect(await run('cat', archive, '/srv/script.ts')).toBe(readFileSync(join(home, 'script.ts'), 'utf8'))
      await run('unpack', archive, `${layout} unpacked`)
      expect(readFileSync(join(home, `${layout} unpacked/app/hello.txt`), 'utf8')).toBe(
        'Hello again from the app.\n',
      )
    })
  }
})
