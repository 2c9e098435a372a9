/** Every example runs as a user would run it, and prints what stands at its end. */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const project = fileURLToPath(new URL('..', import.meta.url))
const examples = readdirSync(`${project}examples`).filter((name) => name.endsWith('.ts'))

test('there are the examples that the README and the guides speak of', () => {
  expect(examples.length).toBeGreaterThanOrEqual(5)
})

// The README shows that one with its output: test/readme.test.ts.
const others = examples.filter((name) => name !== 'read-an-image.ts')

// `npx vitest run test/examples.test.ts -u` brings what they print up to date.
test.each(others)('%s', async (name) => {
  const source = readFileSync(`${project}examples/${name}`, 'utf8')
  const [program] = source.split(/^\/\/ Prints:\n/m)
  expect(program).not.toBe(source)
  expect(program).toMatch(/from 'oci-ts'/)
  const ran = spawnSync(process.execPath, ['--import', 'tsx', `examples/${name}`], {
    cwd: project,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1', TZ: 'UTC' },
  })
  expect(ran.stderr).toBe('')
  expect(ran.status).toBe(0)
  const printed = ran.stdout
    .trimEnd()
    .replaceAll(/^(?=.)/gm, '// ')
    .replaceAll(/^$/gm, '//')
  await expect(`${program}// Prints:\n${printed}\n`).toMatchFileSnapshot(`${project}examples/${name}`)
})
