import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { main } from '../../src/cli/command-line.ts'
import { createContext } from '../../src/cli/context.ts'
import { Interruption } from '../../src/cli/interruption.ts'
import { version } from '../../src/cli/version.ts'
import { oci, ok } from './captured.ts'
import { emptyDirectory, fixtures, myImage } from './images.ts'

const commands = (await ok('--help')).match(/^ {2}([a-z]+)(?= (?:\[|<))/gm)?.map((line) => line.trim()) ?? []

describe('help', () => {
  test('lists every command, how images are named, and the exit codes', async () => {
    const help = await ok('--help')
    expect(commands).toEqual(expect.arrayContaining(['inspect', 'verify', 'ls', 'cat', 'unpack', 'bundle']))
    expect(commands).toEqual(expect.arrayContaining(['pack', 'edit', 'flatten', 'rebase', 'copy', 'gc']))
    expect(help).toContain('docker-archive:FILE')
    for (const code of ['0', '1', '2', '130', '141']) expect(help).toMatch(new RegExp(`^  ${code} +`, 'm'))
  })

  test.each(commands.filter((name) => name !== 'help'))('%s has an example of itself', async (name) => {
    const help = await ok(name, '--help')
    expect(help).toMatch(new RegExp(`Examples?:\\n  oci-ts ${name} `))
    expect(await ok('help', name)).toBe(help)
  })

  test('no line is wider than 120 columns', async () => {
    for (const args of [[], ...commands.map((name) => [name])]) {
      const help = await ok(...args, '--help')
      expect(help.split('\n').filter((line) => line.length > 120)).toEqual([])
    }
  })
})

test("the version is the package's", async () => {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  expect(version).toBe(manifest.version)
  expect(await ok('--version')).toBe(`${version}\n`)
})

describe('wrong usage exits with 2, prints nothing to stdout, and says what to do', () => {
  test.each([
    [[], /Usage: oci-ts/],
    [['inspcet', 'x'], /unknown command 'inspcet'\n.*inspect/],
    [['inspect'], /missing required argument 'image'\n\(add --help/],
    [['inspect', 'a', 'b'], /too many arguments/],
    [['inspect', 'x', '--jsno'], /unknown option '--jsno'\n.*--json/],
    [['inspect', 'oci:'], /has no path/],
    [['inspect', 'image:'], /no name behind it/],
    [['inspect', `${fixtures}my-image`, '--platform', 'no/such/plat/form/x'], /platform/i],
    [['ls', `${fixtures}my-image`, '--layer', '9'], /There is no layer 9: the image has 1 to 4/],
    [['edit', `${fixtures}my-image`], /Say what is to change.*--help/],
    [['edit', `${fixtures}my-image`, '--author', 'me', '--chown', '1:1'], /--copy/],
    [['edit', 'x', '--copy', 'dist', '--chown', '1'], /SOURCE:DESTINATION/],
    [['edit', 'x', '--copy', 'a:/b', '--chown', '1', '--chown', '2'], /give it once/],
    [['edit', 'x', '--squash', '0'], /1 is the lowest/],
    [['edit', 'x', '--recompress', 'xz'], /gzip, zstd or none/],
    [['edit', 'x', '--clamp-times'], /or set SOURCE_DATE_EPOCH/],
    [['edit', 'x', '--clamp-times', 'soon'], /seconds since 1970/],
    [['edit', 'x', '--label', 'a=b', '--as', 'v2', '--to', 'y:v2'], /--as.*--to|--to.*--as/],
    [['rebase', 'x', '--old-base', 'y'], /--new-base/],
    [['pack', '.', 'images'], /Say what the image is to be called, as in images:NAME/],
    [['pack', '.', 'x:y', '--chown', '1', '--since', 'z'], /leave one away/],
    [['copy', `${fixtures}my-image`, 'new.tar:v1'], /oci-archive:new.tar or docker-archive:new.tar/],
    [['copy', `${fixtures}my-image:1.0`, 'x', '--all'], /every image keeps its name/],
    [['gc', `${fixtures}my-image:1.0`], /Give the layout alone/],
    [['unpack', `${fixtures}my-image`, 'x', '--owner', 'me'], /Allowed choices are preserve, current/],
  ] as [string[], RegExp][])('%j', async (args, message) => {
    const { code, stdout, stderr } = await oci(args)
    expect(stderr).toMatch(message)
    expect(stdout).toBe('')
    expect(code).toBe(2)
  })
})

describe('what fails exits with 1 and one line', () => {
  test.each([
    [['inspect', 'no/such/layout'], /^oci-ts: There is no image layout or archive at "no\/such\/layout"/],
    [['inspect', `${fixtures}my-image:2.0`], /^oci-ts: There is no "2.0" .*it has 1\.0/],
    [['inspect', `${fixtures}my-image`, '--platform', 'linux/s390x'], /linux\/s390x.*linux\/amd64/],
    [['cat', `${fixtures}my-image`, '/no/such/file'], /\/no\/such\/file/],
    [['cat', `${fixtures}mysterious-image`, '/etc/passwd'], /sha256:/],
    [['pack', 'no/such/directory', 'x:y'], /There is no directory at "no\/such\/directory"/],
    [['edit', `${fixtures}my-image`, '--add-layer', 'no/such.tar', '--as', 'x'], /no\/such\.tar/],
  ] as [string[], RegExp][])('%j', async (args, message) => {
    const { code, stdout, stderr } = await oci(args)
    expect(stderr).toMatch(message)
    expect(stderr.match(/\n/g)).toHaveLength(1)
    expect(stdout).toBe('')
    expect(code).toBe(1)
  })

  test('an error that is none of the library, with its stack only where OCI_TS_DEBUG asks for it', async () => {
    const args = ['pack', fixtures, `${emptyDirectory()}/made:v1`, '--since', '/no/such/place']
    const plain = await oci(args)
    expect(plain.code).toBe(1)
    expect(plain.stderr).toMatch(/^oci-ts: ENOENT: no such file or directory.*\n$/)
    const debug = await oci(args, { env: { OCI_TS_DEBUG: '1' } })
    expect(debug.stderr).toMatch(/^oci-ts: ENOENT.*\nError: ENOENT/)
    expect(debug.stderr).toContain('\n    at ')
  })
})

test('where a snapshot cannot go is said before anything is unpacked', async () => {
  const directory = emptyDirectory()
  const rootfs = `${directory}/rootfs`
  for (const [place, message, exit] of [
    [`${rootfs}/snapshot`, /must not be in the tree that it is of/, 2],
    [`${directory}/none/snapshot`, /cannot be written, for its directory: it is not there/, 1],
    [directory, /no regular file/, 1],
  ] as const) {
    const { code, stderr } = await oci(['unpack', `${fixtures}my-image`, rootfs, '--snapshot', place])
    expect(stderr).toMatch(message)
    expect(code).toBe(exit)
    expect(readdirSync(directory)).toEqual([])
  }
})

describe('being stopped', () => {
  test.each([
    ['Ctrl-C', new Interruption('stopped by SIGINT', 130), 130, 'oci-ts: stopped by SIGINT\n'],
    ['a closed pipe', new Interruption('nobody reads', 141, true), 141, ''],
    ['a full disk behind stdout', new Error('Cannot write to standard output: ENOSPC'), 1, /ENOSPC/],
  ] as const)('%s', async (_, reason, code, stderr) => {
    const image = myImage()
    const directory = `${emptyDirectory()}/rootfs`
    const commandLines = [
      ['verify', image],
      ['ls', image],
      ['cat', image, '/app/hello.txt'],
      ['inspect', image, '--json'],
      ['unpack', image, directory],
      ['edit', image, '--label', 'a=b'],
    ]
    for (const args of commandLines) {
      const run = await oci(args, { signal: AbortSignal.abort(reason) })
      expect([args[0], run.code]).toEqual([args[0], code])
      if (typeof stderr === 'string') expect(run.stderr).toBe(stderr)
      else expect(run.stderr).toMatch(stderr)
    }
    expect(await ok('inspect', image, '--raw')).toBe(await ok('inspect', `${fixtures}my-image`, '--raw'))
  })
})

test('a pipe that closes at the last line still counts', async () => {
  const stop = new AbortController()
  const write = () => {
    stop.abort(new Interruption('nobody reads', 141, true))
    return true
  }
  const stream = { write, once: () => undefined }
  const context = createContext({ stdout: stream, stderr: stream, env: {}, signal: stop.signal })
  expect(await main(['gc', myImage(), '--dry-run'], context)).toBe(141)
})

describe('colours', () => {
  const args = ['verify', `${fixtures}mysterious-image`]
  const coloured = expect.stringContaining('\u001b[31m')
  test.each([
    ['on a terminal', { terminal: true }, true],
    ['not off it', {}, false],
    ['not where NO_COLOR is set', { terminal: true, env: { NO_COLOR: '1' } }, false],
    ['nor on a dumb terminal', { terminal: true, env: { TERM: 'dumb' } }, false],
    ['off it where FORCE_COLOR is set', { env: { FORCE_COLOR: '1' } }, true],
    ['not where both are', { env: { FORCE_COLOR: '1', NO_COLOR: '1' } }, false],
  ] as const)('%s', async (_, surroundings, expected) => {
    const { stdout } = await oci(args, surroundings)
    if (expected) expect(stdout).toEqual(coloured)
    else expect(stdout).not.toContain('\u001b[')
  })
})
