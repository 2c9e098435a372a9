/**
 * The guides and the page on the command tell the truth: what they show is what comes out. Each page's `console`
 * blocks are run one after another in a directory of their own, with the images of `spec-fixtures/` in it; its `ts`
 * blocks make one program, and the `text` block behind one is what it prints.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { oci } from './cli/captured.ts'

const project = fileURLToPath(new URL('..', import.meta.url))
const guides = readdirSync(`${project}docs/guides`).map((name) => `docs/guides/${name}`)
const pages = ['docs/command.md', ...guides.filter((name) => name.endsWith('.md'))]

/** What makes every run the same: no file is younger, whoever runs it and when. */
const epoch = '1704067200'

const home = process.cwd()
const mask = process.umask()
const made: string[] = []

/** Goes into a new directory with the images in it. */
function enter(): string {
  const directory = mkdtempSync(join(tmpdir(), 'oci-ts-docs-'))
  made.push(directory)
  for (const image of ['my-image', 'mysterious-image']) {
    cpSync(`${project}spec-fixtures/${image}`, join(directory, image), { recursive: true })
  }
  process.umask(0o022)
  process.chdir(directory)
  return directory
}

afterEach(() => {
  process.chdir(home)
  process.umask(mask)
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true })
})

/** The words of a command line: quotes, and nothing else of a shell. */
function words(line: string): string[] {
  return [...line.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)].map(([word]) =>
    word.replaceAll(/'([^']*)'|"([^"]*)"/g, (_, single?: string, double?: string) => single ?? double ?? ''),
  )
}

/** Runs one line as a reader would, and gives all that it prints. */
async function runLine(line: string): Promise<string> {
  if (!line.startsWith('oci-ts ')) {
    return execFileSync('sh', ['-c', line], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } })
  }
  const { code, stdout, stderr } = await oci(words(line).slice(1), { env: { SOURCE_DATE_EPOCH: epoch } })
  return stdout + stderr + (code === 0 ? '' : `(exits with ${code})\n`)
}

async function refreshConsole(page: string): Promise<string> {
  let text = page
  enter()
  for (const [block, body = ''] of page.matchAll(/^```console\n(.*?)^```/gms)) {
    let fresh = ''
    for (const [, line = ''] of body.matchAll(/^\$ (.*)$/gm)) fresh += `$ ${line}\n${await runLine(line)}`
    text = text.replace(block, () => `\`\`\`console\n${fresh}\`\`\``)
  }
  return text
}

const between = '----- the next block -----'

function refreshPrograms(page: string): string {
  const blocks = [...page.matchAll(/^```ts\n(.*?)^```/gms)].map((match) => match[1] ?? '')
  if (blocks.length === 0) return page
  const program = join(enter(), 'program.mts')
  writeFileSync(program, blocks.map((block) => `${block}\nconsole.log('${between}')\n`).join(''))
  const ran = spawnSync(process.execPath, ['--import', import.meta.resolve('tsx'), program], {
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1', TZ: 'UTC', TSX_TSCONFIG_PATH: `${project}tsconfig.json` },
  })
  if (ran.status !== 0) throw new Error(ran.stderr)
  const printed = ran.stdout.split(`${between}\n`)
  let number = 0
  return page.replaceAll(/^```ts\n(.*?)^```(\n\n```text\n.*?^```)?/gms, (_, block: string) => {
    const output = printed[number++] ?? ''
    return `\`\`\`ts\n${block}\`\`\`${output === '' ? '' : `\n\n\`\`\`text\n${output}\`\`\``}`
  })
}

describe.each(pages)('%s', (page) => {
  const text = readFileSync(`${project}${page}`, 'utf8')

  // `npx vitest run test/docs.test.ts -u` brings the pages up to date.
  test('shows what comes out', async () => {
    expect(text).toMatch(/^```(console|ts)\n/m)
    const fresh = refreshPrograms(await refreshConsole(text))
    for (const directory of made) expect(fresh).not.toContain(directory)
    await expect(fresh).toMatchFileSnapshot(`${project}${page}`)
  })

  test('links to files that are there', () => {
    const linked = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)].map((match) => match[1] ?? '')
    expect(linked.filter((path) => !existsSync(join(project, dirname(page), path)))).toEqual([])
  })
})

test('docs/command.md shows the help of every command', async () => {
  const text = readFileSync(`${project}docs/command.md`, 'utf8')
  const { stdout } = await oci(['--help'])
  const commands = [...stdout.matchAll(/^ {2}([a-z]+)(?= (?:\[|<))/gm)].map((match) => match[1])
  expect(commands.length).toBeGreaterThan(15)
  const shown = commands.filter((name) => name !== 'help')
  expect(shown.filter((name) => !text.includes(`$ oci-ts ${name} --help\n`))).toEqual([])
})
